"""`mlwright drift` against Evidently 0.7.23 on random data: every method of every column by name, the default ones, the preset's
count, in Parquet, CSV and JSON Lines.

Run: drift.py BINARY [--rounds N] [--seed N] [--keep FOLDER]
Packages: evidently==0.7.23 pandas==2.3.3 numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 pyarrow
"""

import json
import math
import os
import warnings

warnings.filterwarnings("ignore")
import numpy as np
import pandas as pd
from evidently import Report
from evidently.core.datasets import infer_column_type
from evidently.legacy.calculations.data_drift import get_one_column_drift
from evidently.legacy.core import ColumnType
from evidently.legacy.metric_results import DatasetColumns, DatasetUtilityColumns
from evidently.legacy.options.data_drift import DataDriftOptions
from evidently.presets import DataDriftPreset

import _common as common

NUM = "ks wasserstein anderson kl_div jensenshannon hellinger psi ed es t_test mannw cramer_von_mises empirical_mmd".split()
CAT = "chisquare z fisher_exact g_test TVD kl_div jensenshannon hellinger psi".split()
TEXT = ["perc_text_content_drift", "abs_text_content_drift"]
METHODS = {"num": NUM, "cat": CAT, "text": TEXT}
TYPES = {"num": ColumnType.Numerical, "cat": ColumnType.Categorical, "text": ColumnType.Text}
# A thousand permutations in pandas: of a few columns only.
SLOW = ("TVD", "empirical_mmd")
KEYS = {"column", "type", "method", "score", "threshold", "drifted", "mode", "tier"}
# Errors of Evidently's drawing, after the score is there, and of NumPy where the answer is well defined.
OUTSIDE = ("ScatterAggField", "finite-sized bins", "boolean subtract", "real dtype", "ufunc", "NoneType")
SIZES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 19, 20, 21, 25, 30, 37, 50, 64, 100, 128, 200, 300, 500, 999, 1000, 1001, 1500]


def holes(rng, values, share):
    return pd.Series(values).mask(rng.random(len(values)) < share)


def number_column(rng):
    """A maker of a numeric column: called with rows and with 0 for the reference, 1 for the current data."""
    shift, scale = rng.choice([0, 0, 0.2, 1, 5]), rng.choice([1, 1, 1.5, 3])
    where, wide = rng.choice([0, 1, -50, 1e6]), 10.0 ** rng.integers(-6, 7)
    kind = rng.choice(["normal", "t", "lognormal", "uniform", "beta", "exponential", "zeros", "rounded", "few", "ints", "int",
                       "constant", "constants", "sorted", "float32", "narrow", "nan", "infinite", "bare infinite", "bimodal", "bool", "halfnan"])
    few = int(rng.integers(1, 8))
    base = rng.integers(-1000, 1000, few)
    span = int(10 ** rng.integers(0, 9))
    narrow = rng.choice(["int8", "int16", "int32", "uint8", "uint16", "uint32", "uint64"])
    drift = rng.random() < .5

    def make(rng, n, side):
        d, s = shift * side * drift, scale if side and drift else 1
        normal = rng.normal(d, s, n)
        match kind:
            case "normal": return where + wide * normal
            case "t": return wide * (rng.standard_t(1.5, n) + d)
            case "lognormal": return np.exp(normal)
            case "uniform": return where + wide * rng.uniform(d, d + s, n)
            case "beta": return rng.beta(.5, .5 * s, n)
            case "exponential": return wide * rng.exponential(s, n)
            case "zeros": return np.where(rng.random(n) < .7 - .2 * (side * drift), 0.0, normal)
            case "rounded": return np.round(normal, int(few % 4))
            case "few": return rng.choice(base, n) / 8 + 0.0
            case "ints": return rng.integers(-span, span + int(d * span) + 1, n)
            case "int": return rng.choice(base, n)
            case "constant": return np.full(n, where + .5)
            case "constants": return np.full(n, where + side)
            case "sorted": return np.sort(normal)
            case "float32": return (wide * normal).astype("float32")
            case "narrow": return rng.integers(0, 100 + int(20 * d), n).astype(narrow)
            case "nan": return holes(rng, normal, .3)
            case "halfnan": return holes(rng, np.round(normal * 5), .5)
            case "infinite": return holes(rng, np.where(rng.random(n) < .1, np.inf, np.where(rng.random(n) < .1, -np.inf, normal)), .2)
            case "bare infinite": return np.where(rng.random(n) < .05, np.inf, normal)
            case "bimodal": return np.where(rng.random(n) < .5, normal - 10, normal + 10)
            case "bool": return rng.random(n) < .3 + .2 * side * drift
    return kind, make


WORDS = ["a", "b", "Émile", "日本", "x y", " lead", "trail ", "A", "10", "2", "z\"q", "c,d", "🙂", "true", "o'k", "-", "tab\tbed", "new\nline"]


def category_column(rng):
    kind = rng.choice(["plain", "plain", "two", "many", "zipf", "unseen", "gone", "apart", "one", "moves", "none", "category", "unused",
                       "ordered", "bool", "integers", "floats", "digits", "words", "boolnull", "intnull", "rare", "string"])
    levels = int(rng.integers(2, 12))
    p = rng.dirichlet(np.ones(levels) * rng.choice([.5, 2, 20]))
    q = rng.dirichlet(np.ones(levels) * 5) if rng.random() < .5 else p
    names = list(rng.choice([f"k{i}" for i in range(100)], levels, replace=False))

    def make(rng, n, side):
        plain = rng.choice(names, n, p=q if side else p)
        match kind:
            case "two": return rng.choice(["no", "yes"], n, p=[.6 - .1 * side, .4 + .1 * side])
            case "many": return [f"v{i}" for i in rng.integers(0, max(2, n // 3), n)]
            case "zipf": return [f"z{min(i, 60)}" for i in rng.zipf(1.7, n)]
            case "unseen": return np.where((rng.random(n) < .1) & (side == 1), "new", plain)
            case "gone": return np.where((rng.random(n) < .2) & (side == 0), "old", plain)
            case "apart": return [f"{side}{v}" for v in plain]
            case "one": return np.full(n, "same")
            case "moves": return np.full(n, "after" if side else "before")
            case "none": return pd.Series(plain, dtype=object).mask(rng.random(n) < .25)
            case "category": return pd.Categorical(plain, categories=names)
            case "unused": return pd.Categorical(plain, categories=names + ["never", "nowhere"])
            case "ordered": return pd.Categorical(plain, categories=names, ordered=True)
            case "bool": return rng.random(n) < .4 + .1 * side
            case "integers": return rng.integers(-3, 6, n)
            case "floats": return rng.choice([.1, .25, 3.0, -7.5], n)
            case "digits": return [str(i) for i in rng.integers(0, 12, n)]
            case "words": return rng.choice(WORDS, n)
            case "boolnull": return holes(rng, pd.Series(rng.random(n) < .5).astype(object), .2)
            case "intnull": return holes(rng, rng.integers(0, 4, n).astype(float), .2)
            case "rare": return np.where(rng.random(n) < 1.5 / n, "rare", rng.choice(["p", "q"], n))
            case "string": return pd.array(plain, dtype="string")
        return plain
    return kind, make


TOPICS = ["the payment failed card bank refund please order invoice charge".split(), "screen battery phone charger broken cracked slow update crash app".split(),
          "hôtel délicieux très mauvais café über schön straße größe".split()]


def text_column(rng):
    topic, other, low = TOPICS[rng.integers(3)], TOPICS[rng.integers(3)], int(rng.integers(1, 4))
    share = rng.choice([0, 0, .3, 1])

    def make(rng, n, side):
        words = topic + other[: int(share * side * len(other))]
        said = [" ".join(rng.choice(words, rng.integers(low, low + 7))) for _ in range(n)]
        return pd.Series(said, dtype=object).mask(rng.random(n) < .05)
    return "text", make


def theirs(ref, cur, column, kind, method):
    ref, cur = ref[[column]].copy(), cur[[column]].copy()
    names = {t: [column] if t == kind else [] for t in TYPES}
    columns = DatasetColumns(utility_columns=DatasetUtilityColumns(date=None, id=None, target=None, prediction=None), target_type=None, task=None,
                             num_feature_names=names["num"], cat_feature_names=names["cat"], text_feature_names=names["text"],
                             datetime_feature_names=[], target_names=None)
    try:
        found = get_one_column_drift(current_data=cur, reference_data=ref, column_name=column, options=DataDriftOptions(all_features_stattest=method),
                                     dataset_columns=columns, column_type=TYPES[kind], agg_data=True)
        return {"score": found.drift_score, "threshold": found.stattest_threshold, "drifted": bool(found.drift_detected), "name": found.stattest_name}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"[:200]}


def clean(series):
    return series.replace([-np.inf, np.inf], np.nan).dropna()


def tied(ref, cur):
    """The band of p-values of TVD that the rounding of sums may give: ties left out, ties counted."""
    x, y = list(clean(ref)), list(clean(cur))
    both = x + y
    codes = {v: i for i, v in enumerate(dict.fromkeys(both))}
    total = np.bincount([codes[v] for v in both], minlength=len(codes))
    distance = lambda own: np.abs(own * len(y) - (total - own) * len(x)).sum()
    seen = distance(np.bincount([codes[v] for v in x], minlength=len(codes)))
    np.random.seed(0)
    coded = np.array([codes[v] for v in both])
    # `choice` shuffles places, whatever the values are.
    drawn = [distance(np.bincount(np.random.choice(coded, len(x), replace=False), minlength=len(codes))) for _ in range(1000)]
    return np.mean(np.array(drawn) > seen), np.mean(np.array(drawn) >= seen)


class Round:
    def __init__(self, tally, binary, folder, seed):
        self.tally, self.binary, self.folder, self.seed = tally, binary, folder, seed
        rng = self.rng = np.random.default_rng(seed)
        self.n, self.m = (int(rng.choice(SIZES)) for _ in range(2))
        if rng.random() < .3:
            self.m = self.n
        small = max(self.n, self.m) <= 300
        self.methods = [m for m in NUM + CAT if m not in SLOW or small]
        self.about, sides = {}, [{}, {}]
        makers = [number_column(rng) + ("num",) for _ in range(12)] + [category_column(rng) + ("cat",) for _ in range(8)]
        if self.n >= 8 and self.m >= 8:
            makers += [text_column(rng) + ("text",)]
        for i, (what, make, kind) in enumerate(makers):
            name = f"{kind}{i}_{what}".replace(" ", "_")
            self.about[name] = kind
            for side, rows in enumerate((self.n, self.m)):
                sides[side][name] = make(np.random.default_rng([seed, i, side]), rows, side)
        self.patient = [c for c in self.about if c.startswith(("num0", "num1_", "cat12", "cat13"))]
        self.frames = [pd.DataFrame(s) for s in sides]

    def files(self, form):
        paths, frames = [], []
        for side, frame in zip(("ref", "cur"), self.frames):
            path = os.path.join(self.folder, f"{self.seed}.{side}.{form}")
            if form == "parquet":
                frame.to_parquet(path)
                frames.append(pd.read_parquet(path))
            elif form == "csv":
                frame.to_csv(path, index=False)
                frames.append(pd.read_csv(path, float_precision="round_trip"))
            else:
                rows = json.loads(frame.to_json(orient="records"))
                for row, values in zip(rows, frame.to_dict("records")):
                    row.update({k: v for k, v in values.items() if isinstance(v, float) and math.isinf(v)})
                with open(path, "w") as file:
                    file.writelines(json.dumps(row) + "\n" for row in rows)
                frames.append(pd.DataFrame(rows))
            paths.append(path)
        return paths, frames

    def ours(self, paths, *flags):
        answer, code = common.run(self.binary, "drift", "--reference", paths[0], "--current", paths[1], "--json", *flags)
        if "failed" in answer:
            self.tally.note("exit code", False, f"seed {self.seed} {paths} {flags}: {answer['failed']}")
            return None
        columns = {c["column"]: c for c in answer["columns"]}
        formed = set(answer) == {"columns", "share", "drifted"} and code == int(answer["drifted"])
        formed &= all(set(c) in (KEYS, {"column", "not_computable"}) for c in columns.values())
        self.tally.note("form", formed, f"seed {self.seed} {flags}: {answer}")
        return columns, answer

    def compare(self, form):
        paths, (ref, cur) = self.files(form)
        kinds = {}
        for column, kind in self.about.items():
            # A column of texts is no numbers, whatever Parquet had.
            numeric = all(pd.api.types.is_numeric_dtype(f[column]) for f in (ref, cur))
            kinds[column] = kind if kind != "num" or numeric else None
        flags = [f for c, k in kinds.items() if k for f in ("--type", f"{c}={k}")]
        methods = [None, *self.methods, *(TEXT if "text" in kinds.values() else [])]
        for method in methods if form == "parquet" else [None, "psi", "ks", "z"]:
            found = self.ours(paths, *flags, *(["--method", method] if method else []))
            if found is None:
                continue
            for column, kind in kinds.items():
                if kind is None:
                    continue
                if method in SLOW and column not in self.patient:
                    continue
                where = f"{form} seed {self.seed} n {self.n} m {self.m} {column} {method or 'default'}"
                if method and method not in METHODS[kind]:
                    self.tally.note("does not fit", "not_computable" in found[0][column], f"{where}: {found[0][column]}")
                else:
                    self.judge(where, found[0][column], theirs(ref, cur, column, kind, method), ref[column], cur[column], kind, method)
        self.types(form, paths, ref, cur)

    def judge(self, where, ours, wanted, ref, cur, kind, method):
        note = lambda what, agrees: self.tally.note(what, agrees, f"{where}: {ours}, wanted {wanted}")
        if "error" in wanted:
            if "not_computable" not in ours and any(word in wanted["error"] for word in OUTSIDE):
                return self.tally.exception("drawing fails")
            return note("not computable", "not_computable" in ours)
        if "not_computable" in ours:
            return note("computable", False)
        name = ours["method"]
        a, b = common.number(ours["score"]), common.number(wanted["score"])
        distinct = clean(pd.concat([ref, cur])).nunique()
        single = str(ref.dtype) == "float32"
        if name == "TVD":
            low, high = tied(ref, cur)
            return note(name, low - 1e-9 <= a <= high + 1e-9 and low - 1e-9 <= b <= high + 1e-9)
        if name == "empirical_mmd":
            return note(name, abs(a - b) <= .3)
        if name == "fisher_exact" and distinct > 2:
            return self.tally.exception("fisher_exact of more than two values")
        if name == "es" and (distinct <= 4 or single and min(len(ref), len(cur)) <= 8) and not common.near(a, b):
            return self.tally.exception("es of nearly dependent waves")
        absolute = 1e-6 if name == "cramer_von_mises" else 1e-9
        agrees = common.near(a, b, absolute, 1e-4 if single else 1e-7) or "text" in name
        if not agrees or ours["drifted"] != wanted["drifted"]:
            if str(ref.dtype) == "bool" and name == "hellinger":
                return self.tally.exception("hellinger of truth values")
        note(name, agrees and ours["drifted"] == wanted["drifted"] and ours["threshold"] == wanted["threshold"])

    def types(self, form, paths, ref, cur):
        """What is inferred, and the preset's count over the columns that Evidently can compare."""
        found = self.ours(paths)
        if found is None:
            return
        comparable = []
        for column in self.about:
            inferred = infer_column_type(cur[column]).value
            ours = found[0][column]
            known = inferred in TYPES
            where = f"{form} seed {self.seed} n {self.n} m {self.m} {column}: {ours}, wanted {inferred} {cur[column].dtype}"
            if "not_computable" in ours:
                failing = not known or "error" in theirs(ref, cur, column, inferred, None)
                self.tally.note("inferred", failing, where)
            else:
                self.tally.note("inferred", ours["type"] == inferred, where)
                finite = str(cur[column].dtype)[:5] != "float" or not np.isinf(pd.concat([ref[column], cur[column]])).any()
                if finite and ours["type"] != "text" and "error" not in theirs(ref, cur, column, inferred, None):
                    comparable.append(column)
        if not comparable:
            return
        answer = self.ours(paths, "--only", ",".join(comparable))
        try:
            report = Report([DataDriftPreset(columns=comparable)], include_tests=True).run(cur[comparable], ref[comparable]).dict()
        except Exception as error:
            return self.tally.exception(f"preset fails: {type(error).__name__}")
        wanted = report["metrics"][0]["value"]
        agrees = answer and common.near(answer[1]["share"], wanted["share"]) and answer[1]["drifted"] == (wanted["share"] >= .5)
        self.tally.note("preset", agrees, f"{form} seed {self.seed} {comparable}: {answer and answer[1]}, wanted {wanted}")


def main():
    options = common.arguments(__doc__)
    tally = common.Tally()
    for i in range(options.rounds):
        round_ = Round(tally, options.binary, options.folder, options.seed + i)
        for form in ("parquet", "csv", "jsonl"):
            round_.compare(form)
        print(f"{options.seed + i}: {round_.n} and {round_.m} rows, {len(tally.missed)} differ so far", flush=True)
    tally.end()


main()
