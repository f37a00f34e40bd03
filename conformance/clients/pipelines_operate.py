"""Backfills, secrets, attempts and replays of a Python pipeline, by the SDK, the command line and the native API:

    python pipelines_operate.py <server-url>

MLWRIGHT_BIN names the program. Prints `ok <what>` or `not ok <what>: <why>` for each check and exits non-zero if any failed.
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

from _checks import check, run_checks  # noqa: E402

from _operated import daily, outside  # noqa: E402

URL = sys.argv[1].rstrip("/")
BIN = os.environ["MLWRIGHT_BIN"]
FOLDER = Path(tempfile.mkdtemp(prefix="mlwright-operate-"))
os.environ["MLWRIGHT_URL"] = URL
os.chdir(FOLDER)


def get(path):
    with urllib.request.urlopen(f"{URL}/api/v1/{path}") as answer:
        return json.load(answer)


def cli(*arguments, given=None, code=0):
    said = subprocess.run([BIN, *arguments], input=given, capture_output=True, text=True, env=os.environ, timeout=120)
    assert said.returncode == code, f"{arguments}: {said.returncode} {said.stdout} {said.stderr}"
    return said.stdout


RANGE = ["--from", "2026-03-27", "--to", "2026-03-31T12:00:00Z", "--cron", "30 6 * * *", "--time-zone", "Europe/Berlin"]


def of_daily(*more):
    return ["pipelines", "backfill", "create", "daily", *RANGE, "--input", f"folder={FOLDER}", "--moment-input", "day", *more]


def ended(uid):
    for _ in range(200):
        found = get(f"backfills/{uid}")
        if found["state"] in ("finished", "cancelled"):
            return found
        time.sleep(0.1)
    raise AssertionError(f"still {found['state']}: {found['progress']}")


@check
def a_dry_run_lists_the_moments_of_a_range_in_the_clocks_of_its_zone():
    daily.submit(folder=str(FOLDER)).wait(timeout=60)
    said = json.loads(cli(*of_daily("--dry-run", "--json")))
    moments = [at["moment"] for at in said]
    assert [m[:16] for m in moments] == ["2026-03-27T05:30", "2026-03-28T05:30", "2026-03-29T04:30", "2026-03-30T04:30", "2026-03-31T04:30"], moments
    assert get("backfills") == {"backfills": []}


@check
def a_backfill_runs_every_moment_once_and_tells_a_failed_one_by_its_exit_code():
    (FOLDER / "days").unlink()
    (FOLDER / "bad-2026-03-29").write_text("x")
    said = cli(*of_daily("--max-active", "2", "--watch"), code=1)
    uid = said.split()[0]
    found = ended(uid)
    assert [at["state"] for at in found["moments"]] == ["succeeded", "succeeded", "failed", "succeeded", "succeeded"], found
    assert found["progress"]["succeeded"] == 4 and found["progress"]["failed"] == 1
    days = sorted((FOLDER / "days").read_text().splitlines())
    assert len(days) == 4 and days[0][:16] == "2026-03-27T05:30" and " 2026-03-28T05:30" in days[0], days
    run = get(f"pipeline-runs/{found['moments'][4]['run']}")
    assert run["backfill"] == uid and run["trigger"]["kind"] == "backfill", run
    listed = get(f"pipeline-runs?backfill={uid}")["pipeline_runs"]
    assert len(listed) == 5
    assert "4 failed" not in cli("pipelines", "backfill", "list") and uid in cli("pipelines", "backfill", "list")


@check
def moments_that_have_run_are_left_out_or_run_again_where_they_failed():
    first = cli(*of_daily("--watch"))
    found = ended(first.split()[0])
    assert found["progress"]["skipped"] == 5, found["progress"]
    (FOLDER / "bad-2026-03-29").unlink()
    second = cli(*of_daily("--rerun", "failed", "--watch"))
    found = ended(second.split()[0])
    assert [at["state"] for at in found["moments"]] == ["skipped", "skipped", "succeeded", "skipped", "skipped"], found
    assert "a run for it has succeeded" in cli("pipelines", "backfill", "show", found["id"])


@check
def a_backfill_follows_a_schedule_is_paused_goes_on_and_is_cancelled():
    body = {"name": "hourly", "pipeline": "daily", "interval_seconds": 3600, "enabled": False, "inputs": {"folder": str(FOLDER)}}
    request = urllib.request.Request(f"{URL}/api/v1/schedules", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        schedule = json.load(answer)["id"]
    said = cli("pipelines", "backfill", "create", "--schedule", schedule, "--from", "2026-02-01", "--to", "2026-02-02", "--backwards")
    uid = said.strip()
    assert "is paused" in cli("pipelines", "backfill", "pause", uid)
    found = get(f"backfills/{uid}")
    assert found["state"] == "paused" and found["progress"]["total"] == 24 and found["moments"][0]["moment"] > found["moments"][1]["moment"], found
    assert "is running" in cli("pipelines", "backfill", "resume", uid)
    assert "is cancelled" in cli("pipelines", "backfill", "cancel", uid)
    said = subprocess.run([BIN, "pipelines", "backfill", "resume", uid], capture_output=True, text=True, env=os.environ)
    assert said.returncode != 0 and "cancelled, so it cannot be resumed" in said.stderr, said.stderr


@check
def what_is_no_range_is_refused_with_what_to_do():
    said = subprocess.run([BIN, *of_daily()[:4], "--from", "yesterday", "--to", "2026-01-01", "--every", "1d"], capture_output=True, text=True, env=os.environ)
    assert said.returncode != 0 and "`yesterday`, which is no moment" in said.stderr and "2026-03-01" in said.stderr, said.stderr


@check
def a_step_gets_a_secret_by_name_its_log_shows_stars_and_every_attempt_is_kept():
    assert "is kept" in cli("secrets", "set", "vendor/key", given="s3cr3t-value\n")
    assert "vendor/key" in cli("secrets", "list") and "s3cr3t" not in cli("secrets", "list", "--json")
    run = outside.submit(folder=str(FOLDER)).wait(timeout=60)
    assert run.outputs == {"length": len("s3cr3t-value")}, run.outputs
    task = run.steps[0]
    found = next(one for one in get(f"pipeline-runs/{run.id}")["steps"] if one["id"] == task["id"])
    assert found["attempt"] == 2 and [a["attempt"] for a in found["attempts"]] == [1], found["attempts"]
    assert "refused ***" in found["attempts"][0]["message"], found["attempts"]
    for attempt in (1, 2):
        text = get(f"pipeline-runs/{run.id}/log?step={task['id']}&attempt={attempt}")["text"]
        assert f"attempt {attempt} with <***>" in text and "s3cr3t" not in text, text
    assert "is gone" in cli("secrets", "delete", "vendor/key")


@check
def a_run_of_a_python_pipeline_is_replayed_from_the_command_line():
    run = daily.submit(folder=str(FOLDER), day="2026-05-04T00:00:00Z").wait(timeout=60)
    said = cli("replay", run.id)
    assert "bit" in said and "identical" in said, said


if __name__ == "__main__":
    sys.exit(1 if run_checks() else 0)
