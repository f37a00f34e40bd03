"""How much of what is planted `mlwright verify` finds, and how often it accuses clean data.

    python benches/verification/planted.py BINARY [SEEDS]

Prints the tables of docs/verification.md. Needs numpy, pandas and scikit-learn (digits, 1,797 rows of ten classes).
"""

import json
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.neural_network import MLPClassifier

warnings.filterwarnings("ignore")
BINARY = Path(sys.argv[1]).resolve()
SEEDS = int(sys.argv[2]) if len(sys.argv) > 2 else 5
DIGITS = load_digits()


def verify(frame, *flags):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.csv"
        frame.to_csv(path, index=False)
        command = [BINARY, "verify", path, "--json", "--evidence", "100000", *flags]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode == 2:
            raise SystemExit(done.stderr)
        return {finding["check"]: finding for finding in json.loads(done.stdout)["findings"]}


def rows(finding):
    return {e["row"] - 1 for e in finding["evidence"] if e.get("row")}


def score(found, planted):
    right = len(found & planted)
    return right / max(len(found), 1), right / max(len(planted), 1)


def features(x):
    return pd.DataFrame({f"x{i}": x[:, i] for i in range(x.shape[1])})


def label_errors():
    print("| flipped | check | precision | recall | verdicts |\n|---|---|---|---|---|")
    x, y = DIGITS.data, DIGITS.target
    for share in (0.0, 0.02, 0.05, 0.1):
        results = {}
        for seed in range(SEEDS):
            rng = np.random.default_rng(seed)
            planted = set(rng.choice(len(y), int(share * len(y)), replace=False).tolist())
            given = y.copy()
            for row in planted:
                given[row] = (given[row] + rng.integers(1, 10)) % 10
            model = LogisticRegression(max_iter=200)
            p = cross_val_predict(model, x / 16, given, cv=5, method="predict_proba")
            frame = features(x).assign(y=given, **{f"p_{k}": p[:, k] for k in range(10)})
            flags = ["--label", "y", "--checks", "label_errors,neighbour_disagreement"]
            with_model = verify(frame, *flags, "--probabilities", "p_*")
            alone = verify(frame.drop(columns=[f"p_{k}" for k in range(10)]), *flags)
            for name, finding in [
                ("label errors, out-of-fold model", with_model["label_errors"]),
                ("label errors, neighbours", alone["label_errors"]),
                ("neighbour disagreement", alone["neighbour_disagreement"]),
            ]:
                results.setdefault(name, []).append((*score(rows(finding), planted), finding["verdict"]))
        for name, found in results.items():
            precision, recall = np.mean([f[0] for f in found]), np.mean([f[1] for f in found])
            verdicts = ", ".join(f"{sum(f[2] == v for f in found)} {v}" for v in sorted({f[2] for f in found}))
            shown = f"{precision:.2f} | {recall:.2f}" if share else "– | –"
            print(f"| {share:.0%} | {name} | {shown} | {verdicts} |", flush=True)


def hidden(model, x):
    return np.maximum(x @ model.coefs_[0] + model.intercepts_[0], 0)


def backdoors():
    print("\n| planted | check | fails | precision | recall |\n|---|---|---|---|---|")
    for share in (0.0, 0.05, 0.1, 0.2):
        results = {}
        for seed in range(SEEDS):
            rng = np.random.default_rng(seed)
            x, y = DIGITS.data.copy() / 16, DIGITS.target.copy()
            target = seed % 10
            others = np.flatnonzero(y != target)
            count = int(share * (y == target).sum())
            planted = rng.choice(others, count, replace=False)
            # The trigger: a bright square in a corner that digits leave dark.
            for row in planted:
                x[row, [0, 1, 8, 9]] = 1.0
                y[row] = target
            model = MLPClassifier((32,), max_iter=200, random_state=seed).fit(x, y)
            frame = pd.DataFrame({f"a{i}": c for i, c in enumerate(hidden(model, x).T)}).assign(y=y)
            found = verify(frame, "--label", "y", "--checks", "poisoning", "--activations", "a*")
            for name, finding in found.items():
                precision, recall = score(rows(finding), set(planted.tolist()))
                results.setdefault(name, []).append((finding["verdict"] == "fail", precision, recall))
        for name, found in results.items():
            fails = sum(f[0] for f in found)
            shown = f"{np.mean([f[1] for f in found]):.2f} | {np.mean([f[2] for f in found]):.2f}" if share else "– | –"
            print(f"| {share:.0%} | {name} | {fails} of {len(found)} | {shown} |", flush=True)


def false_alarms():
    """Normal classes without poison: how often any of the poisoning checks fails at level 0.01."""
    print("\n| clean data | check | fails |\n|---|---|---|")
    counts = {}
    trials = SEEDS * 10
    for seed in range(trials):
        rng = np.random.default_rng(1000 + seed)
        y = rng.integers(0, 3, 450)
        x = rng.normal(size=(450, 8)) @ rng.normal(size=(8, 8)) + 3 * np.eye(8)[y]
        found = verify(features(x).assign(y=y), "--label", "y", "--checks", "spectral_signatures,activation_clusters")
        for name, finding in found.items():
            counts[name] = counts.get(name, 0) + (finding["verdict"] == "fail")
    for name, count in counts.items():
        print(f"| normal classes | {name} | {count} of {trials} |")


def repeats():
    rng = np.random.default_rng(0)
    x = features(rng.normal(size=(500, 5))).assign(y=rng.integers(0, 2, 500))
    again = pd.concat([x, x.iloc[:25]], ignore_index=True)
    found = verify(again, "--label", "y", "--checks", "duplicates")["duplicates"]
    print("\n| planted | check | precision | recall |\n|---|---|---|---|")
    print("| 25 rows again | duplicates | {:.2f} | {:.2f} |".format(*score(rows(found), set(range(500, 525)))))
    with tempfile.TemporaryDirectory() as folder:
        test = features(rng.normal(size=(100, 5))).assign(y=0)
        test.iloc[:7] = x.iloc[:7].to_numpy()
        path = Path(folder) / "test.csv"
        test.to_csv(path, index=False)
        found = verify(x, "--label", "y", "--test", path, "--checks", "contamination")["contamination"]
    print("| 7 of 100 test rows | contamination | {:.2f} | {:.2f} |".format(*score(rows(found), set(range(7)))))


label_errors()
backdoors()
false_alarms()
repeats()
