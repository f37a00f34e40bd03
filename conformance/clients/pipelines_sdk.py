"""The Python SDK of this repository against a server: python pipelines_sdk.py <server-url>

The same pipelines run in this process and on the server, with the same outputs. Prints `ok <what>` or
`not ok <what>: <why>` for each check and exits non-zero if any failed.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parents[1] / "python"))

import _sdk_pipelines as p  # noqa: E402
from _checks import check, run_checks  # noqa: E402

from mlwright import PipelineError, RunFailed, ServerError, pipeline, step  # noqa: E402

URL = sys.argv[1].rstrip("/")
FOLDER = Path(tempfile.mkdtemp(prefix="mlwright-sdk-"))
FACTOR = 3
os.environ["MLWRIGHT_URL"] = URL
os.chdir(FOLDER)


def plain(value):
    """Outputs without what differs from run to run."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if hasattr(value, "schema"):
        return (value.schema, value.metadata)
    return value


def both(of, **inputs):
    """Runs it here and there; the run there. Both gave the same."""
    here = of.local(**inputs)
    there = of.submit(**inputs).wait(timeout=120)
    assert plain(here.outputs) == plain(there.outputs), f"here {here.outputs}, there {there.outputs}"
    return there


def states(run):
    return {task["name"]: task["state"] for task in run.steps}


def get(path):
    with urllib.request.urlopen(f"{URL}/api/{path}") as answer:
        return json.load(answer)


def scaled(x):
    return x * FACTOR


@check
def loops_conditions_and_artifacts_give_the_same_here_and_there():
    run = both(p.choose, rows=4)
    assert run.outputs["what"] == "3 on 4 at 0.75", run.outputs
    both(p.choose, rows=4, least=0.9)
    found = states(run)
    assert found["each-1/2/train"] == "succeeded" and found["branch-1/otherwise-1"] == "skipped", found


@check
def a_step_logs_its_inputs_and_numbers_to_a_tracking_run():
    run = p.choose.submit(rows=5).wait(timeout=120)
    task = next(task for task in run.steps if task["name"] == "each-1/1/train")
    data = get(f"2.0/mlflow/runs/get?run_id={task['run_id'].replace('-', '')}")["run"]
    params = {item["key"]: item["value"] for item in data["data"]["params"]}
    metrics = {item["key"]: item["value"] for item in data["data"]["metrics"]}
    assert params == {"depth": "2"}, params
    assert metrics == {"score": 0.5, "depth": 2.0, "loss": 0.5}, metrics
    assert data["info"]["status"] == "FINISHED", data["info"]


@check
def an_equal_task_is_taken_from_the_cache_and_not_if_told_so():
    run = p.choose.submit(rows=4).wait(timeout=120)
    cached = {task["name"]: task["cached"] for task in run.steps if task["shape"] != "graph"}
    assert cached["load"] and cached["best"], cached
    run = p.choose.submit(rows=4, use_cache=False).wait(timeout=120)
    assert not any(task["cached"] for task in run.steps), run.steps


@check
def files_and_folders_come_back():
    run = p.choose.submit(rows=4).wait(timeout=120)
    assert run.outputs["model"].download("got").read_text() == "3 on 4"
    folder = run.outputs["models"][2].download("got")
    assert (folder / "weights.txt").read_text() == "3 on 4" and (folder / "more" / "empty").exists(), folder
    task = next(task for task in run.steps if task["name"] == "each-1/2/train")
    query = f"step={task['id']}&port=model"
    listed = get(f"v1/pipeline-runs/{run.id}/files?{query}")["artifacts"]
    assert [(file["path"], file["size"]) for file in listed] == [("more/empty", 0), ("weights.txt", 6)], listed
    with urllib.request.urlopen(f"{URL}/api/v1/pipeline-runs/{run.id}/artifact?{query}&path=weights.txt") as file:
        assert file.read() == b"3 on 4"
    shown = get(f"v1/pipeline-runs/{run.id}/preview?{query}&path=weights.txt")
    assert shown["kind"] == "text" and shown["text"] == "3 on 4", shown


@check
def a_failure_skips_what_needs_it_and_the_exit_handler_hears_of_it():
    run = p.broken.submit().wait(timeout=120, check=False)
    assert run.state == "failed", run.refresh()
    found = states(run)
    assert found["guarded-1/fail"] == "failed" and found["guarded-1/double"] == "skipped", found
    assert found["tell"] == "succeeded", found
    task = next(task for task in run.steps if task["name"] == "guarded-1/fail")
    assert task["message"] == "RuntimeError: disk full", task
    log = run.log("guarded-1/fail")
    assert "before" in log and "RuntimeError: disk full" in log and "_worker" not in log, log
    told = next(task for task in run.steps if task["name"] == "tell")
    assert told["outputs"]["output"] == {"value": "failed"}, told
    try:
        run.wait()
        raise AssertionError("a failed run was waited for as if it had succeeded")
    except RunFailed as error:
        assert "disk full" in str(error), error


@check
def a_step_is_tried_again_after_its_pause():
    run = p.again.submit(place=str(FOLDER / "tries")).wait(timeout=120)
    assert run.outputs["output"] == 3, run.outputs
    assert run.steps[0]["attempt"] == 3, run.steps


@check
def parts_of_values_and_loops_in_loops_and_pipelines_in_pipelines():
    both(p.parts, times=3)
    assert both(p.nested, xs=[1, 2]).outputs == {"sums": [6, 6], "all": [[2, 4], [2, 4]]}
    both(p.nested, xs=[])
    assert both(p.outer).outputs["output"] == 12


@check
def a_function_without_a_module_travels_with_what_it_names():
    offset = 10

    @step
    def shifted(x: int) -> int:
        return scaled(x) + offset

    @pipeline
    def inline(x: int):
        return shifted(x)

    assert both(inline, x=4).outputs["output"] == 22


@check
def a_person_is_asked_and_answers():
    run = p.asking.submit()
    until = time.monotonic() + 60
    while states(run).get("approve") != "running":
        assert time.monotonic() < until, run.steps
        time.sleep(0.1)
    asked = next(task for task in run.steps if task["name"] == "approve")
    assert asked["question"] == "Go on?" and asked["shape"] == "approval", asked
    run.approve("approve")
    run.wait(timeout=60)
    run = p.asking.submit()
    while states(run).get("approve") != "running":
        time.sleep(0.1)
    run.approve("approve", yes=False)
    run.wait(timeout=60, check=False)
    assert states(run)["double"] == "skipped" and run.state == "failed", run.steps


@check
def a_run_is_cancelled_with_its_process_and_goes_on_when_it_is_retried():
    run = p.slow.submit()
    until = time.monotonic() + 60
    while states(run).get("wait") != "running":
        assert time.monotonic() < until, run.steps
        time.sleep(0.1)
    run.cancel()
    run.wait(timeout=60, check=False)
    assert run.state == "cancelled", run.refresh()
    failed = p.broken.submit().wait(timeout=120, check=False)
    failed.retry().wait(timeout=120, check=False)
    assert next(task for task in failed.steps if task["name"] == "guarded-1/fail")["attempt"] == 2, failed.steps


@check
def what_is_wrong_is_refused_with_its_name():
    for inputs, words in (({"cols": 1}, "no input `cols`"), ({"rows": "many"}, "takes an integer")):
        try:
            p.choose.submit(**inputs)
            raise AssertionError("not refused")
        except PipelineError as error:
            assert words in str(error), error
    body = json.dumps({"plan": {"name": "x", "root": {"tasks": [{"name": "a"}]}}}).encode()
    request = urllib.request.Request(f"{URL}/api/v1/pipeline-runs", body, {"content-type": "application/json"})
    try:
        urllib.request.urlopen(request)
        raise AssertionError("not refused")
    except urllib.error.HTTPError as error:
        told = json.load(error)["error"]
        assert error.code == 400 and "component" in told["message"], told
    try:
        p.choose.submit(server="http://127.0.0.1:9")
        raise AssertionError("not refused")
    except ServerError as error:
        assert "no server answers" in str(error), error


@check
def many_iterations_are_expanded_and_collected():
    count = 60
    run = p.wide.submit(count=count).wait(timeout=600)
    assert run.outputs["output"] == count * (count - 1), run.outputs
    loop = next(task for task in run.steps if task["name"] == "each-1")
    assert loop["children"] == {"succeeded": count, "total": count}, loop
    some = get(f"v1/pipeline-runs/{run.id}/steps?parent={loop['id']}&limit=10&at=30")
    assert [task["iteration"] for task in some["steps"]] == list(range(30, 40)) and some["next"], some


@check
def a_schedule_runs_a_pipeline_by_the_clock():
    schedule = p.parts.schedule(every="1s", name="each second")
    until = time.monotonic() + 60
    while True:
        runs = get(f"v1/pipeline-runs?schedule={schedule.id}")["pipeline_runs"]
        if any(run["state"] == "succeeded" for run in runs):
            break
        assert time.monotonic() < until, runs
        time.sleep(0.2)
    assert get(f"v1/schedules/{schedule.id}")["pipeline"] == "parts"
    schedule.enable(False)
    assert get(f"v1/schedules/{schedule.id}")["enabled"] is False
    schedule.delete()
    assert all(found["id"] != schedule.id for found in get("v1/schedules")["schedules"])
    try:
        p.parts.schedule(cron="every day")
        raise AssertionError("not refused")
    except ServerError as error:
        assert "every day" in str(error), error


@check
def the_command_line_runs_a_file_follows_it_and_shows_what_came_of_it():
    binary = os.environ.get("MLWRIGHT_BIN")
    if not binary:
        return

    def cli(*arguments, code=0):
        done = subprocess.run([binary, "pipelines", *arguments], capture_output=True, text=True, timeout=120)
        assert done.returncode == code, f"{done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout

    file = str(HERE / "_sdk_pipelines.py")
    said = cli("run", f"{file}:choose", "-i", "rows=6", "--watch")
    assert "each-1/1/train" in said and said.strip().splitlines()[-1].startswith("succeeded"), said
    run = cli("run", f"{file}:broken").strip()
    cli("watch", run, code=1)
    assert "RuntimeError: disk full" in cli("logs", run, "guarded-1/fail")
    shown = cli("show", run)
    assert "✗ fail" in shown and "✓ tell" in shown, shown
    assert "choose" in cli("list") and run in cli("runs", "--state", "failed", "--pipeline", "broken")
    chosen = json.loads(cli("runs", "--pipeline", "choose", "--json"))[0]["id"]
    path = cli("download", chosen, "-", "model", "--to", str(FOLDER / "cli")).strip()
    assert Path(path).read_text() == "3 on 6", path
    again = cli("run", "choose", "-i", "rows=7").strip()
    cli("watch", again)
    shown = json.loads(cli("show", again, "--json"))
    assert shown["outputs"]["what"] == {"value": "3 on 7 at 0.75"}, shown


if __name__ == "__main__":
    sys.exit(1 if run_checks() else 0)
