"""Pods of several containers for the emulated Kubernetes of `_clusters.py`: processes that share folders, with a log of stamped lines
for each (standard library only).

A folder that a pod mounts is a folder of this machine: its path takes the place of the mount's in what containers start with.
"""

import datetime
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
import uuid
from pathlib import Path

PATH = "/usr/local/bin:/usr/bin:/bin"


def now(fraction=False):
    at = datetime.datetime.now(datetime.timezone.utc)
    # Go's RFC3339Nano leaves zeros at the end out.
    digits = f".{at.microsecond:06d}123".rstrip("0").rstrip(".") if fraction else ""
    return at.strftime("%Y-%m-%dT%H:%M:%S") + digits + "Z"


def expanded(text, env):
    """`$(NAME)` is a variable where there is one, and `$$` a dollar (`third_party/forked/golang/expansion`)."""

    def one(found):
        if found[0] == "$$":
            return "$"
        return env.get(found[1], found[0]) if found[1] is not None else found[0]

    return re.sub(r"\$\$|\$\(([^)]*)\)", one, text)


class Container:
    """One process. `image`: what its image brings, by `path` and `entrypoint`."""

    def __init__(self, given, image):
        self.given, self.image = given, image
        self.name, self.lines, self.state = given["name"], [], {"waiting": {"reason": "PodInitializing"}}
        self.process = None
        self.lock = threading.Lock()

    @property
    def code(self):
        return self.state["terminated"]["exitCode"] if "terminated" in self.state else None

    def start(self, env, folder, moved):
        env = {name: expanded(value, env) for name, value in env.items()}
        words = [*(self.given.get("command") or self.image.get("entrypoint", [])), *self.given.get("args", [])]
        words = [moved(expanded(word, env)) for word in words]
        env = {"PATH": self.image.get("path", PATH), "HOME": str(folder), "TMPDIR": str(folder), **env}
        env = {name: moved(value) for name, value in env.items()}
        started = now()
        try:
            if "/" not in words[0] and not any(Path(part, words[0]).exists() for part in env["PATH"].split(":")):
                raise OSError(f'exec: "{words[0]}": executable file not found in $PATH')
            self.process = subprocess.Popen(
                words,
                env=env,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            state = {"exitCode": 128, "reason": "StartError", "message": f"failed to create containerd task: {error}"}
            self.state = {"terminated": {**state, "startedAt": started, "finishedAt": now()}}
            return
        self.state = {"running": {"startedAt": started}}

        def read():
            while True:
                line = self.process.stdout.readline()
                if not line:
                    break
                with self.lock:
                    self.lines.append((now(True), line))
            code = self.process.wait()
            killed = code == -signal.SIGKILL
            code = code if code >= 0 else 128 - code
            # What takes more than it may is killed.
            reason = "OOMKilled" if killed else "Completed" if code == 0 else "Error"
            self.state = {
                "terminated": {"exitCode": code, "reason": reason, "startedAt": started, "finishedAt": now()}
            }

        threading.Thread(target=read, daemon=True).start()

    def signal(self, number):
        try:
            if self.process is not None:
                os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def log(self, asked):
        """As the API gives it; `sinceTime` counts whole seconds."""
        since, stamped = asked.get("sinceTime", ""), asked.get("timestamps") == "true"
        if since and not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", since):
            return None
        with self.lock:
            lines = [(at, line) for at, line in self.lines if at[:19] >= since[:19]]
        if "tailLines" in asked:
            lines = lines[-int(asked["tailLines"]) :]
        text = b"".join((at.encode() + b" " if stamped else b"") + line for at, line in lines)
        return text[: int(asked.get("limitBytes", len(text)))].decode(errors="replace")

    def status(self):
        return {"name": self.name, "image": self.given["image"], "state": self.state}


class Pod:
    """A job with one such pod. `secrets()`: those of the namespace; `images`: what is known of images."""

    def __init__(self, name, body, folder, secrets, images):
        self.name, self.given, self.created, self.stopped = name, body, time.time(), False
        self.uid = str(uuid.uuid4())
        self.folder = Path(tempfile.mkdtemp(prefix="pod-", dir=folder))
        self.secrets = secrets
        self.spec = body["spec"]["template"]["spec"]
        self.first = [Container(given, images.get(given["image"], {})) for given in self.spec["initContainers"]]
        self.then = [Container(given, images.get(given["image"], {})) for given in self.spec["containers"]]
        self.mounts = {}
        for given in [*self.spec["initContainers"], *self.spec["containers"]]:
            for mount in given.get("volumeMounts", []):
                place = self.folder / mount["name"]
                place.mkdir(exist_ok=True)
                place.chmod(0o777)
                self.mounts[mount["mountPath"]] = str(place)
        threading.Thread(target=self.run, daemon=True).start()

    def moved(self, text):
        for path, place in sorted(self.mounts.items(), key=lambda pair: -len(pair[0])):
            text = text.replace(path, place)
        return text

    def env(self, container):
        """`None` while a secret is not there."""
        found = {}
        for item in container.given.get("env", []):
            source = item.get("valueFrom", {})
            if "value" in item:
                found[item["name"]] = item["value"]
            elif source.get("fieldRef", {}).get("fieldPath") == "metadata.uid":
                found[item["name"]] = self.uid
            elif source.get("secretKeyRef", {}).get("name") == self.name:
                secret = self.secrets().get(self.name)
                if secret is None:
                    return None
                found[item["name"]] = secret["stringData"][source["secretKeyRef"]["key"]]
        return found

    def run(self):
        for container in self.first:
            container.start(self.env(container), self.folder, self.moved)
            while container.code is None:
                time.sleep(0.05)
            if container.code != 0:
                for other in self.then:
                    other.state = {"terminated": {"exitCode": 0, "reason": "NeverStarted"}}
                return
        for container in self.then:
            if container.given["image"] == "no/such image":
                container.state = {"waiting": {"reason": "InvalidImageName", "message": "bad name"}}
                continue
            env = self.env(container)
            while env is None and not self.stopped:
                container.state = {"waiting": {"reason": "ContainerCreating"}}
                time.sleep(0.1)
                env = self.env(container)
            if not self.stopped:
                container.start(env, self.folder, self.moved)

    @property
    def code(self):
        failed = [container.code for container in self.first if container.code]
        if failed:
            return failed[0]
        codes = [container.code for container in self.then]
        return None if None in codes else next((code for code in codes if code), 0)

    def stop(self, grace=5):
        self.stopped = True

        def end():
            all_of_them = [*self.first, *self.then]
            for number in (signal.SIGTERM, signal.SIGKILL):
                for container in all_of_them:
                    if container.code is None:
                        container.signal(number)
                until = time.monotonic() + grace
                while time.monotonic() < until and any("running" in container.state for container in all_of_them):
                    time.sleep(0.05)

        threading.Thread(target=end, daemon=True).start()

    def find(self, name):
        return next((container for container in [*self.first, *self.then] if container.name == name), None)

    def status(self):
        phase = "Pending" if any(container.code is None for container in self.first) else "Running"
        if self.code is not None:
            phase = "Succeeded" if self.code == 0 else "Failed"
        return {
            "phase": phase,
            "initContainerStatuses": [container.status() for container in self.first],
            "containerStatuses": [container.status() for container in self.then],
        }
