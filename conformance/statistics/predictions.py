"""`mlwright evaluate` against scikit-learn and fairlearn on random predictions: metrics, fairness between groups, slices, calibration, and
how often bootstrap intervals hold the true value; estimates without labels against NannyML where it is installed.

Run: predictions.py BINARY [--rounds N] [--seed N] [--keep FOLDER]
Packages: scikit-learn==1.9.1 fairlearn==0.15.0 pandas pyarrow; or nannyml==0.13.1 pyarrow in an environment of its own
"""

import json
import os
import warnings

warnings.filterwarnings("ignore")
import numpy as np
import pandas as pd
from sklearn import metrics as sk

try:
    import fairlearn.metrics as fair
except ImportError:
    fair = None
# It would tell its makers of its use.
os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"
try:
    import nannyml
except ImportError:
    nannyml = None

import _common as common


def write(frame, folder, name, form):
    path = os.path.join(folder, f"{name}.{form}")
    if form == "parquet":
        frame.to_parquet(path)
    elif form == "csv":
        frame.to_csv(path, index=False)
    else:
        with open(path, "w") as file:
            file.writelines(json.dumps({k: None if v is None or v != v else v for k, v in row.items()}) + "\n" for row in frame.to_dict("records"))
    return path


class Case:
    def __init__(self, options, tally, seed):
        self.options, self.tally, self.seed = options, tally, seed
        self.rng = np.random.default_rng(seed)
        self.form = str(self.rng.choice(["parquet", "csv", "jsonl"]))
        self.n = int(self.rng.choice([2, 5, 10, 31, 80, 200, 700, 2000]))

    def evaluate(self, frame, *flags, name="predictions"):
        path = write(frame, self.options.folder, f"{self.seed}.{name}", self.form)
        answer, _ = common.run(self.options.binary, "evaluate", path, "--json", "--rounds", 20, *flags)
        if "failed" in answer:
            self.tally.note("exit code", False, f"seed {self.seed} {flags}: {answer['failed']}")
            return None
        return answer

    def same(self, what, found, wanted, absolute=1e-9):
        missing = found is None
        agrees = not missing and common.near(found, wanted, absolute, 1e-9)
        self.tally.note(what, agrees, f"{self.form} seed {self.seed} n {self.n}: {found}, wanted {wanted}")

    def compare(self, what, found, wanted):
        """Of each metric that scikit-learn computes; where it warns, the rows do not allow it and there is none here."""
        for name, compute in wanted.items():
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                try:
                    value = compute()
                except ValueError:
                    value = float("nan")
            if said or np.isnan(value):
                self.tally.exception(f"{what} that the rows do not allow")
            else:
                self.same(name, (found.get(name) or {}).get("value") if isinstance(found.get(name), dict) else found.get(name), value)

    def scores(self, truth):
        rng = self.rng
        score = np.clip(rng.beta(2, 2, len(truth)) + .2 * (truth - .5), 0, 1)
        match rng.integers(4):
            case 0: return np.round(score, 1)
            case 1: return np.where(rng.random(len(truth)) < .1, np.round(score), score)
            case 2: return np.round(score, 2)
        return score

    def binary(self):
        rng, n = self.rng, self.n
        truth = (rng.random(n) < rng.choice([.05, .3, .5, .9])).astype(int)
        score, at = self.scores(truth), float(rng.choice([.3, .5, .5, .7]))
        guess = (score >= at).astype(int)
        names = {"int": [0, 1], "float": [0.0, 1.0], "bool": [False, True], "text": ["no", "yes"]}
        kind = str(rng.choice(list(names)))
        named = lambda values: [names[kind][v] for v in values]
        frame = pd.DataFrame({"label": named(truth), "p": score, "guess": named(guess), "group": rng.choice(["a", "b", "c"], n, p=[.6, .3, .1]), "part": rng.integers(0, 3, n)})
        flags = ["--score", "p", "--at", at, "--min-rows", 1, "--slice", "part"]
        flags += ["--positive", "yes"] if kind == "text" else []
        flags += ["--prediction", "guess"] if rng.random() < .5 else []
        grouped = frame.group.nunique() > 1
        answer = self.evaluate(frame, *flags, *(["--group", "group"] if grouped else []))
        if answer is None:
            return
        both = lambda of, **k: lambda: of(truth, guess, **k)
        soft = lambda of, **k: lambda: of(truth, score, **k)
        wanted = {"accuracy": both(sk.accuracy_score), "precision": both(sk.precision_score), "recall": both(sk.recall_score), "f1": both(sk.f1_score),
                  "balanced_accuracy": both(sk.balanced_accuracy_score), "specificity": both(sk.recall_score, pos_label=0),
                  "roc_auc": soft(sk.roc_auc_score), "average_precision": soft(sk.average_precision_score), "brier": soft(sk.brier_score_loss),
                  "log_loss": soft(sk.log_loss, labels=[0, 1]), "positive_rate": lambda: truth.mean(), "predicted_positive_rate": lambda: guess.mean()}
        wanted |= {"mcc": both(sk.matthews_corrcoef), "cohen_kappa": both(sk.cohen_kappa_score)}
        if len(set(truth)) < 2:
            wanted = {k: wanted[k] for k in ("accuracy", "mcc", "brier", "log_loss", "positive_rate", "predicted_positive_rate")}
        self.compare("metrics", answer["metrics"], wanted)
        bins = np.minimum((score * 10).astype(int), 9)
        gaps = [abs(score[bins == b].mean() - truth[bins == b].mean()) * (bins == b).sum() / n for b in set(bins)]
        self.same("calibration_error", answer["calibration"]["expected_error"], sum(gaps))
        for part in answer["slices"]:
            rows = frame.part == int(part["slice"].split(" = ")[1])
            self.same("accuracy of a slice", part["metrics"]["accuracy"], (truth[rows] == guess[rows]).mean())
            self.same("rows of a slice", part["n"], rows.sum())
        if grouped and fair:
            self.fairness(answer["fairness"][0], truth, guess, frame.group)

    def fairness(self, found, truth, guess, group):
        given = dict(sensitive_features=group)
        compute = {name: getattr(fair, name) for name in ("demographic_parity_difference", "demographic_parity_ratio", "equalized_odds_difference", "equalized_odds_ratio", "equal_opportunity_difference", "equal_opportunity_ratio")}
        wanted = {name: lambda of=of: of(truth, guess, **given) for name, of in compute.items()}
        benefit = guess - truth + 1
        if benefit.mean() > 0:
            share = benefit / benefit.mean()
            wanted["generalized_entropy_index"] = lambda: np.mean(share**2 - 1) / 2
            wanted["theil_index"] = lambda: np.mean(np.where(share > 0, share * np.log(np.where(share > 0, share, 1)), 0))
        self.compare("fairness", found["metrics"], wanted)
        for own in found["groups"]:
            rows = (group == own["group"]).to_numpy()
            self.same("selection rate", own["rates"]["selection_rate"], guess[rows].mean())

    def classes(self):
        rng, n = self.rng, self.n
        names = np.array(["ant", "bee", "Émile", "x y", "0"][: rng.integers(3, 6)])
        if rng.random() < .3:
            names = np.arange(len(names))
        truth = rng.choice(names, n)
        guess = np.where(rng.random(n) < .6, truth, rng.choice(names, n))
        answer = self.evaluate(pd.DataFrame({"label": truth, "guess": guess}), "--prediction", "guess", "--task", "multiclass")
        if answer is None:
            return
        both = lambda of, **k: lambda: of(truth, guess, zero_division=0, **k)
        wanted = {"accuracy": lambda: sk.accuracy_score(truth, guess), "macro_f1": both(sk.f1_score, average="macro"), "weighted_f1": both(sk.f1_score, average="weighted"),
                  "macro_precision": both(sk.precision_score, average="macro"), "macro_recall": both(sk.recall_score, average="macro"),
                  "weighted_precision": both(sk.precision_score, average="weighted"), "weighted_recall": both(sk.recall_score, average="weighted"),
                  "mcc": lambda: sk.matthews_corrcoef(truth, guess), "cohen_kappa": lambda: sk.cohen_kappa_score(truth, guess),
                  "balanced_accuracy": lambda: sk.recall_score(truth, guess, average="macro", labels=sorted(set(truth)), zero_division=0)}
        self.compare("metrics", answer["metrics"], wanted)

    def numbers(self):
        rng, n = self.rng, self.n
        truth = rng.normal(3, 10, n) if rng.random() < .7 else rng.integers(1, 50, n).astype(float)
        guess = truth + rng.normal(0, 3, n)
        answer = self.evaluate(pd.DataFrame({"label": truth, "guess": guess}), "--prediction", "guess", "--task", "regression")
        if answer is None:
            return
        both = lambda of: lambda: of(truth, guess)
        self.compare("metrics", answer["metrics"], {"mae": both(sk.mean_absolute_error), "mape": both(sk.mean_absolute_percentage_error), "median_ae": both(sk.median_absolute_error), "r2": both(sk.r2_score), "max_error": both(sk.max_error), "explained_variance": both(sk.explained_variance_score), "rmse": both(sk.root_mean_squared_error)})

    def ranks(self):
        rng, top = self.rng, int(self.rng.choice([1, 3, 10]))
        queries, rows = int(rng.integers(1, 20)), []
        for q in range(queries):
            for _ in range(int(rng.integers(2, 15))):
                relevance = int(rng.choice([0, 0, 0, 1, 2, 3]))
                rows.append({"q": f"q{q}", "label": relevance, "s": rng.normal() + relevance / 2})
        frame = pd.DataFrame(rows)
        answer = self.evaluate(frame, "--query", "q", "--score", "s", "--top", top)
        parts = [g for _, g in frame.groupby("q") if (g.label > 0).any()]
        if answer is None or not parts:
            return
        gain, first, hit = [], [], []
        for g in parts:
            gain.append(sk.ndcg_score([2.0**g.label - 1], [g.s], k=top))
            places = np.flatnonzero((g.sort_values("s", ascending=False).label > 0).to_numpy()[:top])
            first.append(1 / (places[0] + 1) if len(places) else 0)
            hit.append(float(len(places) > 0))
        self.compare("metrics", answer["metrics"], {"ndcg": lambda: np.mean(gain), "mrr": lambda: np.mean(first), "hit_rate": lambda: np.mean(hit)})

    def estimate(self):
        """Performance without labels (CBPE)."""
        rng = self.rng
        make = lambda n, shift: pd.DataFrame({"p": np.clip(rng.beta(2, 2, n) + shift, .001, .999)})
        reference, analysis = make(2000, 0), make(600, float(rng.choice([0, .1])))
        for frame in (reference, analysis):
            frame["label"] = (rng.random(len(frame)) < frame.p ** float(rng.choice([1, 1.4]))).astype(int)
            frame["guess"] = (frame.p >= .5).astype(int)
        self.form = "parquet"
        chunk = 200
        path = write(reference, self.options.folder, f"{self.seed}.reference", "parquet")
        answer = self.evaluate(analysis[["p", "guess"]], "--reference", path, "--score", "p", "--prediction", "guess", "--chunk", chunk)
        if answer is None:
            return
        names = {"roc_auc": "roc_auc", "accuracy": "accuracy", "f1": "f1", "precision": "precision", "recall": "recall", "specificity": "specificity"}
        model = nannyml.CBPE(y_pred_proba="p", y_pred="guess", y_true="label", problem_type="classification_binary", metrics=list(names), chunk_size=chunk)
        model.fit(reference)
        wanted = model.estimate(analysis.drop(columns="label")).filter(period="analysis").to_df()
        for i, part in enumerate(answer["estimated"]):
            for own in part["metrics"]:
                of = wanted[own["metric"]]
                self.same(f"estimated {own['metric']}", own["value"], of["value"].iloc[i], 1e-6)
                self.tally.note("alert", own["alert"] == bool(of["alert"].iloc[i]), f"seed {self.seed} {own}")


def coverage(options, tally):
    """How often intervals of 95 % hold the value that the data were drawn with."""
    sets, held = 40, 0
    for i in range(sets):
        rng = np.random.default_rng([options.seed, i])
        truth = rng.integers(0, 2, 300)
        guess = np.where(rng.random(300) < .8, truth, 1 - truth)
        path = write(pd.DataFrame({"label": truth, "guess": guess}), options.folder, "coverage", "parquet")
        answer, _ = common.run(options.binary, "evaluate", path, "--json", "--prediction", "guess", "--rounds", 200, "--seed", i)
        interval = answer["metrics"]["accuracy"]["interval"]
        held += interval["low"] <= .8 <= interval["high"]
    # Fewer than 33 of 40 would come by chance once in a thousand.
    tally.note("coverage of intervals", held >= 33, f"{held} of {sets}")


def main():
    options = common.arguments(__doc__)
    tally = common.Tally()
    for i in range(options.rounds):
        if nannyml:
            Case(options, tally, options.seed + i).estimate()
            continue
        for kind in ("binary", "classes", "numbers", "ranks"):
            getattr(Case(options, tally, options.seed + i), kind)()
    if not nannyml:
        coverage(options, tally)
    tally.end()


main()
