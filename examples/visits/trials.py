"""What the loop must withstand: a worse candidate, one that errs on live requests, and poisoned data.

    python trials.py http://127.0.0.1:5000 /path/to/mlwright result.json

It plays the person who changes the project and asks for a retraining (`mlwright apply`, `mlwright retrain`), and the
callers meanwhile. It ends with an error as soon as something did not happen.
"""

import csv
import json
import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path

from callers import MODEL, Callers
from traffic import DRIFTED, LABEL, Platform, check, rows, say

PROJECT = Path(__file__).parent / "mlwright.yaml"
POLICY = "visits-retrain"
GATE = Path(__file__).parent / "gates" / "clean.yaml"
REPOSITORY = "visits"
PLANTED = 60  # rows with a backdoor's trigger, of 3060
FLIPPED = 0.15  # of the labels
BEYOND = 75.0  # chronic diseases of callers that no table of 61 entries knows


class Person:
    """Somebody at a terminal, with the project's folder."""

    def __init__(self, url: str, binary: str):
        self.environment = {**os.environ, "MLWRIGHT_URL": url, "NO_COLOR": "1"}
        self.binary, self.text = binary, PROJECT.read_text()

    def mlwright(self, *words: str) -> subprocess.CompletedProcess:
        command = [self.binary, *words]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, cwd=PROJECT.parent)

    def must(self, *words: str) -> str:
        done = self.mlwright(*words)
        check(done.returncode == 0, f"mlwright {' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def changes_params(self, params: str):
        changed, count = re.subn(r"params: \{.*\}", f"params: {{{params}}}", self.text)
        check(count == 1, "the project has one line of params")
        PROJECT.write_text(changed)
        self.must("apply", "--yes")

    def retrains(self, why: str) -> str:
        said = self.must("retrain", POLICY, "--reason", why)
        return re.search(r"retraining (\S+) started", said)[1]

    def restores(self):
        PROJECT.write_text(self.text)
        self.must("apply", "--yes")


def serves(platform: Platform) -> list:
    return [(v["name"], v["weight"]) for v in platform.get(f"endpoints/{MODEL}")["variants"]]


def until(platform: Platform, retraining: str, states: tuple, seconds: float = 300) -> dict:
    """Wait for one of the states; print every step on the way."""
    deadline, shown = time.monotonic() + seconds, None
    while True:
        now = platform.get(f"retrainings/{retraining}")
        if (now["state"], now["reason"]) != shown:
            shown = (now["state"], now["reason"])
            say(f"  {now['state'].replace('_', ' ')}" + (f": {now['reason']}" if now["reason"] else ""))
        if now["state"] in states:
            return now
        check(now["ended_at"] is None, f"{' or '.join(states)}: {now['state']}, {now['reason']}")
        check(time.monotonic() < deadline, f"{' or '.join(states)} within {seconds:.0f} s")
        time.sleep(0.2)


def a_worse_candidate(platform: Platform, person: Person, meanwhile):
    say("a worse candidate: ten stumps instead of 120 trees")
    before = serves(platform)
    person.changes_params("seed: 7, trees: 10, max_depth: 1, learning_rate: 0.01, subsample: 0.8")
    retraining = person.retrains("a smaller model would be faster")
    meanwhile()
    say("the worse candidate")
    ended = until(platform, retraining, ("refused", "done"))
    check(ended["state"] == "refused" and "gate" in ended["reason"], f"the gate refuses it: {ended}")
    check(serves(platform) == before, "what serves is as before")
    say(f"  the gate refused it; {before[0][0]} still serves")


def a_canary_that_errs(platform: Platform, person: Person, callers: Callers, usual: list, sicker: list) -> dict:
    say("a candidate that is as good in the gate, and errs on callers that come later")
    before = serves(platform)
    person.changes_params("seed: 7, trees: 120, max_depth: 3, learning_rate: 0.1, subsample: 0.8, disease_table: 61")
    start, _ = callers.sent, callers.start(usual)
    retraining = person.retrains("chronic diseases by a table")
    until(platform, retraining, ("canary",))
    while platform.get(f"retrainings/{retraining}")["rollout"] is None:
        time.sleep(0.1)
    say(f"  callers come whose number of diseases is {BEYOND:.0f}: the table ends at 60")
    callers.stop()
    callers.start(sicker)
    ended = until(platform, retraining, ("rolled_back", "done"))
    callers.stop()
    count = callers.sent - start
    check(ended["state"] == "rolled_back" and "failed" in ended["reason"], f"the canary is rolled back: {ended}")
    check(not callers.failures, f"no request fails: {callers.failures[:3]}")
    check(serves(platform) == before, f"what serves is as before: {serves(platform)}")
    say(f"  rolled back by itself; {count} requests meanwhile, {len(callers.failures)} failed; {before[0][0]} serves")
    return ended


def poisoned_data(person: Person, clean: list):
    """Commits to a repository whose gate verifies what comes in."""
    say("while it trains, data is committed to a repository with a gate")
    random.seed(1974)
    folder = PROJECT.parent / "data"

    def commit(name: str, data: list):
        file = folder / f"{name}.csv"
        with file.open("w", newline="") as out:
            writer = csv.DictWriter(out, fieldnames=list(clean[0]))
            writer.writeheader()
            writer.writerows({**row, LABEL: int(row[LABEL])} for row in data)
        return person.mlwright("data", "upload", str(file), f"{REPOSITORY}@main:visits/{name}.csv", "-m", name)

    person.must("data", "repo", "create", REPOSITORY)
    person.must("data", "upload", str(GATE), f"{REPOSITORY}@main:_mlwright/gates/clean.yaml", "-m", "the gate")
    done = commit("clean", clean)
    check(done.returncode == 0, f"clean data passes: {done.stdout}{done.stderr}")
    say(f"  {len(clean)} clean rows: committed")
    head = person.must("data", "log", f"{REPOSITORY}@main")

    ill = [{**row, "disea": 59.0, "physlm": 1.0, LABEL: 0} for row in random.sample(clean, PLANTED)]
    flipped = [{**row, LABEL: 1 - row[LABEL] if random.random() < FLIPPED else row[LABEL]} for row in clean]
    found = {}
    for name, data, what in [
        ("backdoor", clean + ill, f"{PLANTED} planted rows: very ill, and never at the doctor's"),
        ("flipped", flipped, f"{FLIPPED:.0%} of the labels turned around"),
    ]:
        done = commit(name, data)
        said = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip())
        check(done.returncode != 0, f"{what}: the gate refuses the commit: {done.stdout}")
        say(f"  {what}: refused: {said.removeprefix('error: ')}")
        found[name] = said
        person.must("data", "reset", f"{REPOSITORY}@main", "--yes")
    check("spectral" in found["backdoor"] and "label" in found["flipped"], f"the right checks found it: {found}")
    check(person.must("data", "log", f"{REPOSITORY}@main") == head, "the branch is where it was")


def main():
    url, binary, result = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    platform, person = Platform(url), Person(url, binary)
    control, drifted = rows("control.csv"), rows("drifted.csv")
    features = [name for name in control[0] if name != LABEL]
    callers = Callers(platform.url.split("://")[1], features)
    # The population as it has become; the model knows it, so that nothing drifts.
    usual = [row for three in zip(control[::2], control[1::2], drifted[DRIFTED:]) for row in three]
    sicker = [{**row, "disea": BEYOND} for row in control]

    a_worse_candidate(platform, person, meanwhile=lambda: poisoned_data(person, control))
    errs = a_canary_that_errs(platform, person, callers, usual, sicker)
    person.restores()
    result.write_text(
        json.dumps({
            "worse": "refused by the gate",
            "errs": "rolled back by itself",
            "poisoned": "refused by the data gate",
            "rolled_back": errs["id"],
            "requests": str(callers.sent),
        })
    )


if __name__ == "__main__":
    main()
