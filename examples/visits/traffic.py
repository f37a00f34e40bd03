"""The outside world of the demo: callers, and the ground truth that arrives later.

    python traffic.py http://127.0.0.1:5000 result.json

It uses public interfaces only: the Open Inference Protocol through `tritonclient` to predict, and the REST API to send
labels and to watch. It never starts a training: what happens after the drift alarm is the platform's own doing. It ends
with an error as soon as something did not happen, and writes what it saw to result.json.
"""

import csv
import json
import subprocess
import sys
import time
from pathlib import Path

import requests
from sklearn.metrics import log_loss, roc_auc_score

from callers import MODEL, Callers

MONITOR = "visits-drift"
WINDOW = 1000
DRIFTED = 3000  # rows of the drifted batch that are sent, and labelled, before the retraining
UNDER_LOAD = 10_000  # requests that the hot swap must survive, at least
AFTER_SWAP = 3_000  # of which after it
SHADOWED = 500  # live requests that the candidate saw before it answered any
LABEL = "any_visit"


def say(text: str):
    print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


def check(happened: bool, what: str):
    if not happened:
        sys.exit(f"did not happen: {what}")


class Platform:
    """The REST API, as far as this needs it."""

    def __init__(self, url: str):
        self.url = url.rstrip("/")
        self.session = requests.Session()

    def get(self, path: str):
        answer = self.session.get(f"{self.url}/api/v1/{path}", timeout=30)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, body: dict):
        answer = self.session.post(f"{self.url}/api/v1/{path}", json=body, timeout=30)
        check(answer.status_code < 300, f"POST {path}: {answer.status_code} {answer.text[:500]}")
        return answer.json() if answer.content else None

    def ready(self) -> bool:
        return self.session.get(f"{self.url}/v2/models/{MODEL}/ready", timeout=30).status_code == 200

    def retrainings(self) -> list:
        return sorted(self.get("retrainings")["retrainings"], key=lambda r: r["created_at"])

    def under_way(self) -> list:
        """Those that do something: an alarm that comes while one runs is kept as `skipped`, with its reason."""
        return [retraining for retraining in self.retrainings() if retraining["state"] != "skipped"]

    def windows(self) -> list:
        return sorted(self.get(f"monitors/{MONITOR}")["windows"], key=lambda w: w["to"])

    def label(self, answers: list):
        for start in range(0, len(answers), 500):
            labels = [
                {"prediction_id": a.prediction_id, "label": int(a.row[LABEL])} for a in answers[start : start + 500]
            ]
            answer = self.session.post(f"{self.url}/api/v1/labels", json={"labels": labels}, timeout=60)
            check(answer.status_code == 200, f"labels are accepted: {answer.status_code} {answer.text[:500]}")

    def follow(self, what: str, done, seconds: float):
        """Wait until `done()`; meanwhile print every step that a retraining takes."""
        deadline, shown = time.monotonic() + seconds, None
        while not (value := done()):
            for retraining in self.under_way()[-1:]:
                trigger = retraining["trigger"]
                trigger = trigger["kind"] if isinstance(trigger, dict) else trigger
                state = (retraining["id"], retraining["state"], retraining.get("reason"))
                if state != shown:
                    shown = state
                    say(f"  retraining ({trigger}): {state[1]}" + (f", {state[2]}" if state[2] else ""))
                check(retraining["state"] not in ("failed", "refused"), f"{what}: {retraining}")
            check(time.monotonic() < deadline, f"{what} within {seconds:.0f} s")
            time.sleep(0.5)
        return value


def rows(name: str) -> list:
    with open(Path(__file__).parent / "data" / name, newline="") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def quality(answers: list) -> str:
    expected, predicted = [a.row[LABEL] for a in answers], [a.probability for a in answers]
    return f"AUC {roc_auc_score(expected, predicted):.3f}, log loss {log_loss(expected, predicted):.3f}"


def first_training(platform: Platform):
    say("waiting for the first model: training, gate, deployment")
    platform.follow("the first model is served", platform.ready, 900)
    say("the model is served")


def control_batch(platform: Platform, callers: Callers, control: list):
    trainings = len(platform.under_way())
    say(f"control batch: {len(control)} further person-years of the families that the model knows")
    answers = callers.send(control)
    say(f"  {quality(answers)}")
    count = len(control) // WINDOW
    platform.follow(f"{count} windows are evaluated", lambda: len(platform.windows()) >= count, 120)
    for window in platform.windows():
        worst = max(window["features"], key=lambda feature: feature["score"])
        say(f"  window of {window['rows']}: worst feature {worst['name']} {worst['score']:.3f}, drift: {window['drifted']}")
        check(not window["drifted"], f"no drift in the control batch: {window}")
    say("  the labels of the control batch arrive")
    platform.label(answers)
    time.sleep(5)  # room for a wrong alarm
    check(len(platform.under_way()) == trainings, "no retraining after the control batch")


def drifted_batch(platform: Platform, callers: Callers, drifted: list):
    seen = len(platform.windows())
    say(f"drifted batch: {len(drifted)} person-years of families that pay a share of each bill")
    answers = callers.send(drifted)
    say(f"  {quality(answers)}")

    def alarmed():
        return [window for window in platform.windows()[seen:] if window["drifted"]]

    window = platform.follow("the drift is noticed", alarmed, 120)[0]
    features = [f"{f['name']} {f['score']:.2f}" for f in window["features"] if f["drifted"]]
    say(f"  drift alarm: {', '.join(features)}")
    return answers


def swap_under_load(platform: Platform, callers: Callers, load: list, labels: list, trainings: int):
    """Label the drifted predictions while callers keep calling; return (answers after the swap, requests under load)."""
    before = platform.get(f"endpoints/{MODEL}")
    known = {v["version"] for v in before["variants"]}
    old = str(before["variants"][0]["version"])
    start, answers = callers.sent, callers.start(load)
    say(f"callers keep calling; the labels of the drifted batch arrive ({len(labels)})")
    platform.label(labels)
    platform.follow("automation starts a retraining", lambda: len(platform.under_way()) > trainings, 120)

    def swapped():
        """One version answers everything, and it is another: shadow and canary are over."""
        variants = platform.get(f"endpoints/{MODEL}")["variants"]
        return len(variants) == 1 and variants[0]["version"] not in known and variants

    new = str(platform.follow("the new model is swapped in", swapped, 900)[0]["version"])
    moment = time.monotonic()
    say(f"hot swap: version {old} -> {new} at request {callers.sent - start} of the load")

    def enough():
        late = sum(a.started > moment for a in answers)
        return late >= AFTER_SWAP and callers.sent - start >= UNDER_LOAD

    platform.follow("the load goes on after the swap", enough, 600)
    callers.stop()
    count = callers.sent - start
    late = [a for a in answers if a.started > moment]
    stale = [a for a in late if a.version != new]
    say(f"  {count} requests under load, {len(callers.failures)} failed; {len(late)} after the swap, {len(stale)} stale")
    check(not callers.failures, f"no request fails: {callers.failures[:3]}")
    check(old != new, "the new version differs from the old")
    check({a.version for a in answers} == {old, new}, "the load was answered by the old and the new version alone")
    check(not stale, f"only version {new} answers after the swap")
    return late, count


def reviews(platform: Platform, answers: list):
    """A person looks at some of the drifted predictions, and says what is true of the first."""
    for answer in answers:
        body = {"prediction": answer.prediction_id, "reason": "this family pays a share of each bill"}
        platform.post("reviews", body)
    first = answers[0]
    platform.post(f"reviews/{first.prediction_id}/take", {})
    platform.post(f"reviews/{first.prediction_id}/answer", {"label": int(first.row[LABEL]), "comment": "seen the bill"})
    queue = next(q for q in platform.get(f"reviews?endpoint={MODEL}")["queues"] if q["endpoint"] == MODEL)
    check(queue["complete"] >= 1 and queue["pending"] >= len(answers) - 1, f"the queue has them: {queue}")
    say(f"people: {queue['pending']} predictions wait to be looked at, {queue['complete']} answered")


def main():
    url, result = sys.argv[1], Path(sys.argv[2])
    platform = Platform(url)
    control, drifted = rows("control.csv"), rows("drifted.csv")
    features = [name for name in control[0] if name != LABEL]
    callers = Callers(platform.url.split("://")[1], features)

    first_training(platform)
    control_batch(platform, callers, control)
    trainings = len(platform.under_way())
    answers = drifted_batch(platform, callers, drifted[:DRIFTED])
    # From now on the callers are what the population has become: two of three have free care, one pays.
    unseen = drifted[DRIFTED:]
    load = [row for three in zip(control[::2], control[1::2], unseen) for row in three]
    late, under_load = swap_under_load(platform, callers, load, answers, trainings)
    retraining = platform.under_way()[-1]
    platform.follow("the retraining is done", lambda: platform.under_way()[-1]["state"] == "done", 120)

    passed = platform.get(f"retrainings/{retraining['id']}")
    shadow, path = passed["shadow"], [step["state"] for step in passed["history"]]
    check(shadow and shadow["requests"] >= SHADOWED and shadow["errors"] == 0, f"the shadow saw live requests: {shadow}")
    check("canary" in path and passed["rollout"], f"the new version was a canary first: {path}")
    say(f"  as a shadow: {shadow['requests']} live requests, {shadow['errors']} failed, "
        f"{shadow['disagreement']:.1%} other answers than the old version's")
    say(f"cost-sharing families, before: {quality(answers)}")
    say(f"cost-sharing families, after:  {quality([a for a in late if a.row['lncoins'] > 0])}   (rows not trained on)")
    reviews(platform, answers[:4])
    check(len(platform.under_way()) == trainings + 1, "one alarm, one retraining")
    check(not callers.failures, f"no request fails: {callers.failures[:3]}")

    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    result.write_text(
        json.dumps({
            "requests": str(callers.sent),
            "failed": str(len(callers.failures)),
            "under_load": str(under_load),
            "by_version": dict(callers.by_version),
            "retraining": retraining["id"],
            "prediction_after_swap": late[-1].prediction_id,
            "model_version_after_swap": str(late[-1].version),
            "git_commit": commit,
        })
    )


if __name__ == "__main__":
    main()
