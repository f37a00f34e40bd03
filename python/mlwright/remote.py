"""Runs and schedules on a server."""

from __future__ import annotations

import shutil
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Dict, List, Optional

from mlwright.artifacts import Artifact, from_json
from mlwright.client import Client, quoted
from mlwright.code import attach, digest_of
from mlwright.errors import DefinitionError, PipelineError, RunFailed
from mlwright.options import milliseconds

if TYPE_CHECKING:
    from mlwright.pipelines import Pipeline

_FINAL = ("succeeded", "failed", "cancelled")


class Run:
    """A run on a server."""

    def __init__(self, client: Client, id: str):
        self.client, self.id = client, id
        self._data: Dict[str, Any] = {}

    @property
    def url(self) -> str:
        """Its page in the web app."""
        return f"{self.client.url}/pipeline-runs/{self.id}"

    def refresh(self) -> Dict[str, Any]:
        """What the server says of it now, as JSON."""
        self._data = self.client.get(f"pipeline-runs/{quoted(self.id)}")
        return self._data

    @property
    def state(self) -> str:
        """``queued``, ``running``, ``succeeded``, ``failed`` or ``cancelled``, as of now."""
        return str(self.refresh()["state"])

    @property
    def message(self) -> Optional[str]:
        """Why it did not succeed."""
        return self._data.get("message")

    @property
    def steps(self) -> List[Dict[str, Any]]:
        """Its tasks as of now; ``name`` is unique in it: ``each-1/0/train``."""
        return list(self.refresh()["steps"])

    @property
    def outputs(self) -> Dict[str, Any]:
        """What the pipeline returned: values, and artifacts with a ``download(folder)``."""
        data = self._data if self._data.get("state") in _FINAL else self.refresh()
        return {name: self._datum(datum) for name, datum in (data.get("outputs") or {}).items()}

    def wait(self, timeout: Optional[float] = None, show: bool = False, check: bool = True) -> "Run":
        """Until it has ended.

        Raises ``RunFailed`` if it did not succeed, unless ``check`` is false, and ``TimeoutError``.
        """
        until = None if timeout is None else time.monotonic() + timeout
        shown: Dict[str, str] = {}
        pause = 0.05
        if show:
            print(f"run {self.id} of {self.refresh()['pipeline']}: {self.url}", flush=True)
        while True:
            data = self.refresh()
            if show:
                _show(data, shown)
            if data["state"] in _FINAL:
                break
            if until is not None and time.monotonic() >= until:
                raise TimeoutError(f"run {self.id} has not ended within {timeout} s; it is {data['state']}")
            time.sleep(pause)
            pause = min(pause * 1.3, 1.0)
        if check and data["state"] != "succeeded":
            hint = f"`mlwright pipelines logs {self.id}` shows what its steps printed"
            raise RunFailed(f"run {self.id} {data['state']}: {data.get('message')}", hint, run=self)
        return self

    def log(self, step: str) -> str:
        """What a step printed so far; ``step`` is its name in the run."""
        uid = self._step(step)["id"]
        parts: List[str] = []
        offset = 0
        while True:
            part = self.client.get(f"pipeline-runs/{quoted(self.id)}/log", step=uid, offset=offset)
            parts.append(part["text"])
            if part["eof"] or part["next_offset"] == offset:
                return "".join(parts)
            offset = part["next_offset"]

    def cancel(self) -> None:
        """Ends it, with everything that its steps started."""
        self.client.post(f"pipeline-runs/{quoted(self.id)}/cancel", {})

    def retry(self, start: Optional[List[str]] = None) -> "Run":
        """Starts again what failed or was skipped; with ``start`` these tasks and everything after them."""
        self.client.post(f"pipeline-runs/{quoted(self.id)}/retry", {"from": start} if start else {})
        self._data = {}
        return self

    def approve(self, step: str, yes: bool = True) -> None:
        """Answers what ``approve`` asks."""
        body = {"step": self._step(step)["id"], "approved": yes}
        self.client.post(f"pipeline-runs/{quoted(self.id)}/answer", body)

    def _step(self, name: str) -> Dict[str, Any]:
        steps = self.steps
        found = next((step for step in steps if step["name"] == name), None)
        if found is None:
            raise PipelineError(f"run {self.id} has no step `{name}`; it has {', '.join(s['name'] for s in steps)}")
        return found

    def _datum(self, datum: Dict[str, Any]) -> Any:
        if "value" in datum:
            return datum["value"]
        if "artifact" in datum:
            return RemoteArtifact.of(self.client, datum["artifact"])
        return [RemoteArtifact.of(self.client, artifact) for artifact in datum["artifacts"]]

    def __repr__(self) -> str:
        return f"<run {self.id} on {self.client.url}>"


class RemoteArtifact(Artifact):
    """An artifact of a run on a server."""

    _client: Client
    #: Of the content, if the server keeps it.
    digest: Optional[str] = None
    #: The content is a folder.
    is_dir = False

    @classmethod
    def of(cls, client: Client, data: Dict[str, Any]) -> "RemoteArtifact":
        plain = from_json(data)
        made = cls(plain.name, plain.uri, plain.metadata)
        made.schema, made._client = plain.schema, client
        made.digest, made.is_dir = data.get("digest"), bool(data.get("is_dir"))
        return made

    def download(self, folder: Any = ".") -> Path:
        """Writes the file, or the folder with everything in it, below ``folder``; returns where it is."""
        if self.digest is None:
            raise PipelineError(
                f"artifact `{self.name}` is at {self.uri}, not on the server",
                "only what a step wrote to its path is kept there",
            )
        target = Path(folder) / self.name
        target.parent.mkdir(parents=True, exist_ok=True)
        if self.is_dir:
            with tempfile.TemporaryFile() as file:
                file.writelines(self._client.chunks(f"blobs/{self.digest}"))
                file.seek(0)
                _unpack(file, target)
        else:
            with open(target, "wb") as out:
                out.writelines(self._client.chunks(f"blobs/{self.digest}"))
        return target


def _unpack(file: IO[bytes], target: Path) -> None:
    """Files and folders only, and none that lies outside of ``target``."""
    with tarfile.open(fileobj=file) as tar:
        for member in tar.getmembers():
            path = (target / member.name).resolve()
            if not path.is_relative_to(target.resolve()):
                raise PipelineError(f"`{member.name}` does not lie in the folder that it should be written to")
            content = tar.extractfile(member) if member.isfile() else None
            if content is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                with open(path, "wb") as out:
                    shutil.copyfileobj(content, out)
            elif member.isdir():
                path.mkdir(parents=True, exist_ok=True)


class Schedule:
    """A schedule on a server."""

    def __init__(self, client: Client, data: Dict[str, Any]):
        self.client, self.data = client, data
        self.id: str = data["id"]

    @property
    def next_at(self) -> Optional[str]:
        at: Optional[str] = self.client.get(f"schedules/{quoted(self.id)}").get("next_at")
        return at

    def enable(self, enabled: bool = True) -> None:
        self.client.json("PATCH", f"schedules/{quoted(self.id)}", {"enabled": enabled})

    def delete(self) -> None:
        self.client.json("DELETE", f"schedules/{quoted(self.id)}")

    def __repr__(self) -> str:
        return f"<schedule {self.data.get('name')} {self.id}>"


def prepare(pipeline: "Pipeline", client: Client, experiment: Optional[str] = None) -> Dict[str, Any]:
    """The plan with the code of its steps, which the server has then."""
    plan = pipeline.plan()
    experiment = experiment or pipeline.experiment
    works = plan.works()
    for _, spec in works:
        if experiment:
            spec.setdefault("experiment", experiment)
    snapshots = attach(works)
    for taken in snapshots:
        client.put_blob(taken.digest, taken.content)
        if taken.git_diff:
            client.put_blob(digest_of(taken.git_diff), taken.git_diff)
    return {"plan": plan.document, "code": snapshots[0].to_json() if snapshots else None}


def submit(
    pipeline: "Pipeline",
    inputs: Dict[str, Any],
    *,
    name: Optional[str],
    experiment: Optional[str],
    use_cache: bool,
    executor: Optional[str],
    server: Any,
) -> Run:
    client = Client(server)
    body = {**prepare(pipeline, client, experiment), "inputs": inputs, "use_cache": use_cache}
    if name:
        body["name"] = name
    if executor:
        body["executor"] = executor
    return Run(client, client.post("pipeline-runs", body)["id"])


def schedule(
    pipeline: "Pipeline",
    inputs: Dict[str, Any],
    *,
    cron: Optional[str],
    every: Any,
    time_zone: str,
    name: Optional[str],
    catch_up: bool,
    max_concurrency: int,
    server: Any,
) -> Schedule:
    if (cron is None) == (every is None):
        raise DefinitionError(
            "a schedule has either `cron` or `every`", "schedule(cron='0 6 * * *', time_zone='Europe/Berlin')"
        )
    client = Client(server)
    body = {
        **prepare(pipeline, client),
        "name": name or pipeline.name,
        "inputs": inputs,
        "time_zone": time_zone,
        "catch_up": catch_up,
        "max_concurrency": max_concurrency,
        "enabled": True,
    }
    if cron is not None:
        body["cron"] = cron
    else:
        body["interval_seconds"] = milliseconds(every, "`every`") // 1_000
    return Schedule(client, client.post("schedules", body))


def _show(data: Dict[str, Any], shown: Dict[str, str]) -> None:
    """One line for each change."""
    for step in data["steps"]:
        state = step["state"]
        if state in ("waiting", "ready") or shown.get(step["id"]) == state:
            continue
        shown[step["id"]] = state
        told = f": {step['message']}" if step.get("message") and state != "succeeded" else ""
        print(f"  {step['name']:40} {state}{' (cached)' if step.get('cached') else ''}{told}", flush=True)
    if data["state"] in _FINAL:
        print(f"{data['state']}{': ' + data['message'] if data.get('message') else ''}", flush=True)
    sys.stdout.flush()
