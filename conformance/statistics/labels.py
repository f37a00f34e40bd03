"""`mlwright verify` against cleanlab, krippendorff, crowd-kit, SciPy and pandas on random data: wrong labels from given probabilities,
agreement and consensus of annotators, coverage of a population, rows that come again.

Run: labels.py BINARY [--rounds N] [--seed N] [--keep FOLDER]
Packages: cleanlab==2.9.0 krippendorff==0.9.0 crowd-kit==1.4.2 scipy scikit-learn pandas pyarrow
"""

import os
import warnings

warnings.filterwarnings("ignore")
import krippendorff
import numpy as np
import pandas as pd
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from crowdkit.aggregation import DawidSkene
from scipy import stats

import _common as common


class Case:
    def __init__(self, options, tally, seed):
        self.options, self.tally, self.seed = options, tally, seed
        self.rng = np.random.default_rng(seed)

    def verify(self, frame, check, *flags):
        form = str(self.rng.choice(["parquet", "csv"]))
        path = os.path.join(self.options.folder, f"{self.seed}.{check}.{form}")
        frame.to_parquet(path) if form == "parquet" else frame.to_csv(path, index=False)
        answer, code = common.run(self.options.binary, "verify", path, "--json", "--checks", check, "--evidence", 100_000, *flags)
        if "failed" in answer:
            self.note("exit code", False, answer["failed"])
            return None
        self.note("exit code", code == int(answer["verdict"] == "fail"), f"{code} {answer['verdict']}")
        return answer["findings"][0]

    def note(self, what, agrees, said):
        self.tally.note(what, agrees, f"seed {self.seed}: {said}")

    def label_errors(self):
        rng = self.rng
        n, k = int(rng.choice([12, 40, 60, 150, 500])), int(rng.integers(2, 7))
        true = rng.integers(0, k, n)
        given = np.where(rng.random(n) < .12, rng.integers(0, k, n), true)
        heat = rng.choice([.5, 1.5, 4])
        p = np.exp(heat * (np.eye(k)[true] + rng.normal(0, .6, (n, k))))
        p /= p.sum(axis=1, keepdims=True)
        names = rng.permutation([f"c{i:02}" for i in range(k)]) if rng.random() < .5 else np.arange(k)
        frame = pd.DataFrame({f"p_{names[j]}": p[:, j] for j in range(k)} | {"y": names[given]})
        found = self.verify(frame, "label_errors", "--label", "y", "--probabilities", "p_*")
        if found is None:
            return
        if len(set(given)) < 2:
            return self.note("one class", True, "")
        wanted = find_label_issues(given, p)
        own = {e["row"] - 1 for e in found["evidence"]}
        theirs = set(np.flatnonzero(wanted))
        said = f"n {n} k {k}: {found['text']}, {len(own)} rows, wanted {len(theirs)}; only here {sorted(own - theirs)}, only there {sorted(theirs - own)}"
        self.note("label errors", own == theirs, said)
        scores = get_label_quality_scores(given, p)
        self.note("label quality", all(common.near(e["value"]["quality"], scores[e["row"] - 1]) for e in found["evidence"]), found["text"])

    def agreement(self):
        rng = self.rng
        n, people, k = int(rng.integers(5, 120)), int(rng.integers(2, 7)), int(rng.integers(2, 5))
        true, skill = rng.integers(0, k, n), rng.uniform(.4, 1, people)
        ratings = np.where(rng.random((n, people)) < skill, true[:, None], rng.integers(0, k, (n, people))).astype(float)
        ratings[rng.random((n, people)) < rng.choice([0, .2, .5])] = np.nan
        names = [f"w{j}" for j in range(people)]
        frame = pd.DataFrame(ratings, columns=names)
        found = self.verify(frame, "agreement", "--annotators", "w*")
        if found is None:
            return
        try:
            alpha = krippendorff.alpha(reliability_data=ratings.T, level_of_measurement="nominal")
        except ValueError as error:
            return self.note("alpha of one value", found["statistic"] is None, f"{found} {error}")
        if found["statistic"] is None or np.isnan(alpha):
            return self.note("alpha", found["statistic"] is None and np.isnan(alpha), f"{found['text']}, wanted {alpha}")
        self.note("alpha", common.near(found["statistic"]["value"], alpha), f"{found['statistic']}, wanted {alpha}")
        long = frame.rename_axis("task").reset_index().melt("task", var_name="worker", value_name="label").dropna()
        model = DawidSkene(n_iter=100, tol=1e-5).fit(long)
        shares = {e["column"]: e["value"]["agreement_with_consensus"] for e in found["evidence"] if e.get("column")}
        sure = model.probas_.max(axis=1)
        ties = (np.sort(model.probas_.to_numpy(), axis=1)[:, -1] - np.sort(model.probas_.to_numpy(), axis=1)[:, -2] < 1e-3).any() if k > 1 and model.probas_.shape[1] > 1 else False
        for name in names:
            own = long[long.worker == name]
            if len(own) and not ties:
                wanted = (model.labels_.loc[own.task].to_numpy() == own.label.to_numpy()).mean()
                self.note("agreement with the consensus", common.near(shares[name], wanted, 1e-6), f"{shares[name]}, wanted {wanted}")
        for e in found["evidence"]:
            if e.get("row"):
                self.note("probability of the consensus", common.near(e["value"]["probability"], sure.loc[e["row"] - 1], 1e-3, 1e-3), f"{e}, wanted {sure.loc[e['row'] - 1]}")

    def coverage(self):
        rng = self.rng
        k, n = int(rng.integers(2, 6)), int(rng.choice([30, 200, 1000]))
        shares, own = rng.dirichlet(np.ones(k) * 5), rng.dirichlet(np.ones(k) * 5)
        names = [f"g{i}" for i in range(k)]
        frame = pd.DataFrame({"group": rng.choice(names, n, p=own), "x": rng.normal(size=n)})
        file = os.path.join(self.options.folder, f"{self.seed}.population.csv")
        pd.DataFrame({"column": "group", "value": names, "share": shares}).to_csv(file, index=False)
        found = self.verify(frame, "coverage", "--population", file)
        if found is None:
            return
        counts = frame.group.value_counts().reindex(names).fillna(0).to_numpy()
        fit = stats.chisquare(counts, shares * n)
        wanted = np.sqrt(fit.statistic / n / (k - 1))
        self.note("effect", common.near(found["statistic"]["value"], wanted), f"{found['statistic']}, wanted {wanted}")
        for e in found["evidence"]:
            if "population" in e["value"]:
                at = names.index(e["value"]["value"])
                interval = stats.binomtest(int(counts[at]), n).proportion_ci(.95, "wilson")
                self.note("outside of Wilson's interval", not interval.low <= shares[at] <= interval.high, e)

    def duplicates(self):
        rng, n = self.rng, int(self.rng.choice([5, 50, 400]))
        frame = pd.DataFrame({"a": rng.integers(0, 6, n), "b": rng.choice(["x", "y", "", None], n), "c": np.round(rng.random(n), 1), "y": rng.integers(0, 2, n)})
        found = self.verify(frame, "duplicates", "--label", "y")
        if found is None:
            return
        filled = frame.drop(columns="y").fillna({"b": ""}) if found["n"] and self.options else frame
        wanted = set(np.flatnonzero(frame.drop(columns="y").duplicated()))
        merged = set(np.flatnonzero(filled.duplicated()))
        own = {e["row"] - 1 for e in found["evidence"]}
        # In CSV an empty text is a missing value.
        self.note("duplicates", own in (wanted, merged), f"{len(own)}, wanted {len(wanted)}")


def main():
    options = common.arguments(__doc__)
    tally = common.Tally()
    for i in range(options.rounds):
        for kind in ("label_errors", "agreement", "coverage", "duplicates"):
            getattr(Case(options, tally, options.seed + i), kind)()
    tally.end()


main()
