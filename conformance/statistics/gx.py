"""`mlwright validate --format gx` against Great Expectations 1.24.1: random suites over random tables, in every result format, written
as version 1 and as 0.18 writes them, over Parquet and CSV.

Run: gx.py BINARY [--rounds N] [--seed N] [--keep FOLDER]
Packages: great_expectations==1.24.1 pandas==2.3.3 numpy==2.4.6 pyarrow
"""

import json
import math
import os
import warnings

warnings.filterwarnings("ignore")
import numpy as np
import pandas as pd
import great_expectations as gx
import great_expectations.expectations as gxe
from great_expectations.core.expectation_suite import ExpectationSuite
from great_expectations.expectations.row_conditions import Column

import _common as common

FORMATS = ["COMPLETE", "COMPLETE", "SUMMARY", "BASIC", "BOOLEAN_ONLY"]
IGNORED = {"unexpected_index_query"}
NAMES = ["ann", "Bob", "céline", "", "de-la Cruz", "Émile", "A-001", "B-17", "c-9", "A-001 ", "10", "7.5", "x\ty", "null"]
PATTERNS = [r"^[A-Z]", r"\d+", r"^[A-Z]-\d{3}$", r"(?i)^b", r"\s", r"^$", r"[^a-z]", r"(?<!-)0", r"(.)\1", r"\bla\b", r"é", r"^\w+$", r"1|7", r"^.{2,4}$", r"\.0$", r"^-?\d+(\.\d+)?$", r"(?=A).*1", r"T"]
FORMS = ["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%b %d, %Y", "%Y"]


def holes(rng, values, share):
    values = pd.Series(values)
    return values.mask(rng.random(len(values)) < share)


def table(rng):
    """Columns by name, and which of them are numbers, texts, times."""
    n = int(rng.choice([1, 2, 3, 5, 8, 13, 20, 40, 80, 150]))
    share = rng.choice([0, .05, .2, .6])
    dates = pd.date_range("2023-03-01 05:30", periods=n, freq=rng.choice(["7h", "D", "33min"]))
    data = {
        "id": rng.permutation(n) + 100,
        "num": holes(rng, np.round(rng.gamma(2, 20, n), 2), share),
        "neg": np.round(rng.normal(0, 3, n), 1),
        "cnt": rng.integers(0, 12, n),
        "few": rng.integers(0, 3, n),
        "nullable": holes(rng, rng.integers(0, 9, n).astype(float), share),
        "name": holes(rng, rng.choice(NAMES, n), share),
        "code": rng.choice(["A-001", "A-002", "B-17", "c-9"], n),
        "flag": rng.random(n) < .3,
        "flagnull": holes(rng, pd.Series(rng.random(n) < .4).astype(object), share),
        "when": dates,
        "whennull": holes(rng, pd.Series(dates), share),
        "day": [d.strftime(rng.choice(FORMS)) for d in dates],
        "iso": [d.strftime("%Y-%m-%d") for d in dates],
        "js": rng.choice(['{"a": 1}', '{"a": "x"}', "[1, 2]", "{nope", "3", "null"], n),
        "up": np.sort(np.round(rng.normal(size=n), 1)),
        "down": np.sort(rng.integers(0, 40, n))[::-1].copy(),
        "const": 7.0,
        "nothing": np.full(n, np.nan),
        "nothingtext": pd.Series([None] * n, dtype=object),
        "infs": np.where(rng.random(n) < .05, np.inf, np.round(rng.normal(size=n), 3)),
        "small": rng.integers(-100, 100, n).astype("int8"),
        "large": rng.integers(-2**60, 2**60, n),
        "unsigned": rng.integers(0, 200, n).astype("uint16"),
        "single": np.round(rng.normal(size=n), 2).astype("float32"),
        "cat": pd.Categorical(rng.choice(["lo", "mid", "hi"], n), categories=["lo", "mid", "hi"]),
        "zoned": dates.tz_localize("Europe/Berlin", nonexistent="shift_forward", ambiguous=True),
        "int64": pd.array(holes(rng, rng.integers(0, 9, n).astype(float), share), dtype="Int64"),
    }
    frame = pd.DataFrame(data)
    frame["sum"] = frame.cnt + frame.few
    frame["same"] = frame.cnt.where(rng.random(n) < .9, frame.cnt + 1)
    frame["late"] = frame.when + pd.to_timedelta(rng.integers(-1, 3, n), "h")
    return frame


NUMBERS = "num neg cnt few nullable up down const infs small sum same single int64 unsigned large id".split()
TEXTS = "name code day iso js".split()
TIMES = "when whennull late".split()


class Suite:
    def __init__(self, rng, frame):
        self.rng, self.frame, self.made = rng, frame, []
        tries = 0
        while len(self.made) < 30 and tries < 300:
            tries += 1
            kind, kwargs = rng.choice([getattr(self, f) for f in dir(self) if f.startswith("of_")])()
            if rng.random() < .3 and "mostly" in getattr(gxe, kind).__fields__:
                kwargs["mostly"] = float(rng.choice([0, .1, .5, .8, .9, .95, .99, 1]))
            if rng.random() < .15 and kind not in ("ExpectColumnToExist",):
                kwargs.update(self.condition())
            try:
                self.made.append(getattr(gxe, kind)(**kwargs))
            except Exception:
                pass

    def one(self, *of):
        rng = self.rng
        known = [c for c in of if c in self.frame.columns]
        return str(rng.choice(known if known and rng.random() < .8 else list(self.frame.columns)))

    def chance(self, share=.5):
        return bool(self.rng.random() < share)

    def condition(self):
        rng, c = self.rng, Column
        text = ['cnt > 5', 'name == "ann"', 'code in ["B-17", "c-9"]', 'not flag', 'num > 20 & cnt < 4', 'cnt + few > 6', 'name.isnull()', 'name.notnull()',
                'cnt not in [1, 2]', 'num != num', 'when > "2023-03-03"', '3 < cnt <= 7', 'cnt % 2 == 0', 'flag == True', 'cnt > 1000', 'code.str.startswith("A")']
        if rng.random() < .6:
            return {"row_condition": str(rng.choice(text)), "condition_parser": "pandas"}
        made = [c("cnt") > 4, (c("cnt") > 4) & (c("flag") == True), c("name").is_null() | (c("code") == "B-17"), c("cnt").is_in([1, 2, 3]), c("code").is_not_in(["A-001"]), c("num") <= 10.5, c("name").is_not_null(), (c("cnt") < 3) | (c("cnt") > 8)]
        return {"row_condition": made[rng.integers(len(made))]}

    def values(self, column):
        """Values of the column, and others."""
        rng, series = self.rng, self.frame[column].dropna()
        own = [plain(v) for v in rng.choice(series.unique(), min(len(series.unique()), int(rng.integers(0, 6))), replace=False)] if len(series) else []
        return own + [[], [0, 1], ["ann", "zz"], [True], [3.0, 7], ["2023-03-02"], [99]][rng.integers(7)]

    def bounds(self, column, strict=True):
        rng, series = self.rng, self.frame[column].dropna()
        if column in TIMES and len(series):
            low, high = sorted(str(v) for v in rng.choice(series, 2))
        elif column in TEXTS:
            low, high = sorted(rng.choice(["a", "m", "A", "z", "", "10"], 2).tolist())
        elif column in NUMBERS and len(series):
            low, high = sorted(float(v) for v in rng.choice(series.astype(float), 2))
            if self.chance(.4) and math.isfinite(low) and math.isfinite(high):
                low, high = int(low), int(high)
        else:
            low, high = sorted(rng.choice([-5, 0, 1, 3, 10, 50], 2).tolist())
        kwargs = {"min_value": low, "max_value": high}
        if self.chance(.3):
            kwargs.pop(str(rng.choice(list(kwargs))))
        if strict and self.chance(.3):
            kwargs[str(rng.choice(["strict_min", "strict_max"]))] = True
        return kwargs

    def of_statistic(self):
        which = self.rng.choice(["Min", "Max", "Mean", "Median", "Sum", "Stdev"])
        column = self.one(*NUMBERS, *(TIMES if which in ("Min", "Max") else []))
        return f"ExpectColumn{which}ToBeBetween", {"column": column, **self.bounds(column)}

    def of_count(self):
        which = self.rng.choice(["UniqueValueCount", "ProportionOfUniqueValues", "ProportionOfNonNullValues"])
        low, high = sorted(self.rng.choice([0, 1, 3, 10] if which == "UniqueValueCount" else [0, .1, .5, .9, 1.0], 2).tolist())
        kwargs = {"column": self.one(), "min_value": low, "max_value": high}
        if self.chance(.3):
            kwargs[str(self.rng.choice(["strict_min", "strict_max"]))] = True
        return f"ExpectColumn{which}ToBeBetween", kwargs

    def of_between(self):
        column = self.one(*NUMBERS, *TIMES, *TEXTS)
        return "ExpectColumnValuesToBeBetween", {"column": column, **self.bounds(column)}

    def of_set(self):
        column = self.one()
        kind = self.rng.choice(["ValuesToBeInSet", "ValuesToNotBeInSet", "DistinctValuesToBeInSet", "DistinctValuesToContainSet", "DistinctValuesToEqualSet"])
        return f"ExpectColumn{kind}", {"column": column, "value_set": self.values(column)}

    def of_common(self):
        column = self.one()
        return "ExpectColumnMostCommonValueToBeInSet", {"column": column, "value_set": self.values(column), "ties_okay": [None, True, False][self.rng.integers(3)]}

    def of_null(self):
        return str(self.rng.choice(["ExpectColumnValuesToBeNull", "ExpectColumnValuesToNotBeNull"])), {"column": self.one()}

    def of_unique(self):
        return "ExpectColumnValuesToBeUnique", {"column": self.one()}

    def of_order(self):
        return f"ExpectColumnValuesToBe{self.rng.choice(['Increasing', 'Decreasing'])}", {"column": self.one("up", "down", "id", "cnt", "when", "whennull", "nullable"), "strictly": self.chance()}

    def of_lengths(self):
        low, high = sorted(self.rng.integers(0, 8, 2).tolist())
        column = self.one(*TEXTS, "cnt", "num")
        if self.chance(.3):
            return "ExpectColumnValueLengthsToEqual", {"column": column, "value": low}
        kwargs = {"column": column, "min_value": low, "max_value": high}
        if self.chance(.3):
            kwargs.pop(str(self.rng.choice(["min_value", "max_value"])))
        if self.chance(.2):
            kwargs["strict_min"] = True
        return "ExpectColumnValueLengthsToBeBetween", kwargs

    def of_regex(self):
        kind = self.rng.choice(["Match", "NotMatch"])
        return f"ExpectColumnValuesTo{kind}Regex", {"column": self.one(*TEXTS, "cnt", "num", "when"), "regex": str(self.rng.choice(PATTERNS))}

    def of_regexes(self):
        kind = self.rng.choice(["Match", "NotMatch"])
        kwargs = {"column": self.one(*TEXTS), "regex_list": self.rng.choice(PATTERNS, int(self.rng.integers(1, 4)), replace=False).tolist()}
        if kind == "Match":
            kwargs["match_on"] = str(self.rng.choice(["any", "all"]))
        return f"ExpectColumnValuesTo{kind}RegexList", kwargs

    def of_parsed(self):
        kind = self.rng.choice(["BeJsonParseable", "BeDateutilParseable", "MatchStrftimeFormat", "MatchJsonSchema"])
        kwargs = {"column": self.one(*TEXTS)}
        if kind == "MatchStrftimeFormat":
            kwargs["strftime_format"] = str(self.rng.choice(FORMS))
        if kind == "MatchJsonSchema":
            kwargs["json_schema"] = [{"type": "object", "required": ["a"]}, {"properties": {"a": {"type": "integer"}}}, {"type": ["object", "array", "integer", "null"]}][self.rng.integers(3)]
        return f"ExpectColumnValuesTo{kind}", kwargs

    def of_type(self):
        types = "int64 float64 str object bool datetime64[ns] int float datetime64 Timestamp int32 int8 float32 category string Int64 uint16 bytes dict".split()
        column = self.one()
        match self.rng.integers(3):
            case 0: return "ExpectColumnTypeToBe", {"column": column, "type_": str(self.rng.choice(types))}
            case 1: return "ExpectColumnValuesToBeOfType", {"column": column, "type_": str(self.rng.choice(types))}
        return "ExpectColumnValuesToBeInTypeList", {"column": column, "type_list": self.rng.choice(types, int(self.rng.integers(1, 4)), replace=False).tolist()}

    def of_quantiles(self):
        rng, column = self.rng, self.one(*NUMBERS)
        # It gives the values of one to another of the same column.
        if any("Quantile" in type(e).__name__ and e.column == column for e in self.made):
            return self.of_null()
        quantiles = sorted(set(rng.choice([0, .05, .1, .25, .33, .5, .75, .9, 1.0], int(rng.integers(1, 5))).tolist()))
        ranges = [[None if self.chance(.2) else float(rng.integers(-50, 20)), None if self.chance(.2) else float(rng.integers(20, 100))] for _ in quantiles]
        kwargs = {"column": column, "quantile_ranges": {"quantiles": quantiles, "value_ranges": ranges}}
        if self.chance(.3):
            kwargs["allow_relative_error"] = str(rng.choice(["linear", "lower", "higher", "midpoint", "nearest"]))
        return "ExpectColumnQuantileValuesToBeBetween", kwargs

    def of_scores(self):
        return "ExpectColumnValueZScoresToBeLessThan", {"column": self.one(*NUMBERS), "threshold": float(self.rng.choice([.5, 1, 2, 3])), "double_sided": self.chance()}

    def of_outliers(self):
        return "ExpectColumnValuesToNotBeOutliers", {"column": self.one(*NUMBERS), "method": str(self.rng.choice(["iqr", "std"])), "multiplier": float(self.rng.choice([.5, 1, 1.5, 3]))}

    def of_divergence(self):
        rng = self.rng
        kwargs = {"threshold": float(rng.choice([.05, .2, 1, 5]))}
        if self.chance():
            column = self.one("code", "few", "cnt", "name", "flag")
            values = [plain(v) for v in self.frame[column].dropna().unique()][:12] + ["zz"] * self.chance(.3)
            if not values:
                values = ["a", "b"]
            weights = rng.dirichlet(np.ones(len(values)))
            kwargs["partition_object"] = {"values": values, "weights": [float(w) for w in weights]}
        else:
            column = self.one("num", "cnt", "neg", "up", "nullable", "infs")
            edges = sorted({float(v) for v in rng.integers(-10, 60, int(rng.integers(2, 6)))} | {-20.0, 100.0})
            weights = rng.dirichlet(np.ones(len(edges) - 1)) * (1 if self.chance() else .9)
            kwargs["partition_object"] = {"bins": edges, "weights": [float(w) for w in weights]}
            if abs(sum(weights) - 1) > 1e-9:
                kwargs["partition_object"]["tail_weights"] = [.05, .05]
        if self.chance(.4):
            kwargs["tail_weight_holdout"] = .01
        if self.chance(.3):
            kwargs["internal_weight_holdout"] = .02
        return "ExpectColumnKLDivergenceToBeLessThan", {"column": column, **kwargs}

    def of_pair(self):
        a, b = [("cnt", "same"), ("when", "late"), ("num", "nullable"), ("name", "code"), ("cnt", "few"), ("nullable", "int64"), ("up", "single"), ("flag", "flagnull")][self.rng.integers(8)]
        if self.chance(.2):
            a, b = self.one(), self.one()
        if a == b:
            return self.of_unique()
        kwargs = {"column_A": a, "column_B": b, "ignore_row_if": str(self.rng.choice(["both_values_are_missing", "either_value_is_missing", "neither"]))}
        match self.rng.integers(3):
            case 0: return "ExpectColumnPairValuesToBeEqual", kwargs
            case 1: return "ExpectColumnPairValuesAToBeGreaterThanB", {**kwargs, "or_equal": self.chance()}
        pairs = [(plain(x), plain(y)) for x, y in self.frame[[a, b]].head(4).itertuples(index=False)]
        return "ExpectColumnPairValuesToBeInSet", {**kwargs, "value_pairs_set": pairs + [(1, 2)]}

    def of_several(self):
        rng = self.rng
        columns = [["cnt", "few"], ["cnt", "few", "sum"], ["name", "code"], ["nullable", "num"], ["cnt", "same"], ["nothing", "nothingtext"], ["flag", "flagnull", "few"], ["when", "whennull"], ["up", "neg"]][rng.integers(9)]
        kwargs = {"column_list": columns, "ignore_row_if": str(rng.choice(["all_values_are_missing", "any_value_is_missing", "never"]))}
        kind = rng.choice(["ExpectCompoundColumnsToBeUnique", "ExpectSelectColumnValuesToBeUniqueWithinRecord", "ExpectMulticolumnSumToEqual", "ExpectMulticolumnValuesToBeEqual"])
        if kind == "ExpectMulticolumnSumToEqual":
            kwargs["sum_total"] = float(rng.choice([3, 5, 10]))
        return str(kind), kwargs

    def of_table(self):
        rng, names = self.rng, list(self.frame.columns)
        low, high = sorted(rng.integers(0, 160, 2).tolist())
        match rng.integers(7):
            case 0: return "ExpectTableRowCountToBeBetween", {"min_value": low, "max_value": high, "strict_min": self.chance()}
            case 1: return "ExpectTableRowCountToEqual", {"value": len(self.frame) if self.chance() else low}
            case 2: return "ExpectTableColumnCountToBeBetween", {"min_value": low // 4, "max_value": high}
            case 3: return "ExpectTableColumnCountToEqual", {"value": len(names)}
            case 4: return "ExpectTableColumnsToMatchOrderedList", {"column_list": names if self.chance() else names[::-1]}
            case 5: return "ExpectTableColumnsToMatchSet", {"column_set": names + ["more"] * self.chance(), "exact_match": self.chance()}
        return "ExpectColumnToExist", {"column": self.one() if self.chance(.8) else "nowhere", **({"column_index": int(rng.integers(-2, 8))} if self.chance() else {})}

    def of_missing(self):
        return "ExpectColumnMeanToBeBetween", {"column": "nowhere", "min_value": 1}


def plain(value):
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, pd.Timestamp):
        return str(value)
    return None if value is pd.NaT or value is pd.NA or isinstance(value, float) and math.isnan(value) else value


def raised(info):
    return bool(info.get("raised_exception")) or any(isinstance(v, dict) and v.get("raised_exception") for v in info.values())


def alike(a, b, key=""):
    if isinstance(a, bool) or isinstance(b, bool):
        return a == b
    if isinstance(a, (int, float)) and isinstance(b, (int, float, str)) or isinstance(b, (int, float)) and isinstance(a, (int, float, str)):
        try:
            return common.near(a, b, 1e-9, 1e-9)
        except ValueError:
            return False
    if isinstance(a, list) and isinstance(b, list):
        if key == "partial_missing_list":
            a, b = sorted(a, key=str), sorted(b, key=str)
        return len(a) == len(b) and all(alike(x, y) for x, y in zip(a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        keys = set(a) | set(b)
        return all(k in a and k in b and alike(a[k], b[k], k) for k in keys - IGNORED)
    return a == b


def encoded(value):
    """As `json` of Python writes it, with the words for numbers that JSON lacks as texts."""
    text = json.dumps(value, default=lambda o: o.item() if hasattr(o, "item") else str(o))
    return json.loads(text, parse_constant=str)


def old(suite):
    """The suite as 0.18 writes it."""
    listed = [{"expectation_type": e["type"], "kwargs": e["kwargs"], "meta": e.get("meta") or {}} for e in suite["expectations"]]
    return {"expectation_suite_name": suite["name"], "ge_cloud_id": None, "data_asset_type": None, "expectations": listed, "meta": {"great_expectations_version": "0.18.19"}}


def known(result, ours):
    """Why a difference is one that docs/conformance/statistics.md lists."""
    kind, kwargs = result["expectation_config"]["type"], result["expectation_config"]["kwargs"]
    columns = {v for k, v in kwargs.items() if k.startswith("column") and isinstance(v, str)} | set(kwargs.get("column_list") or [])
    if "single" in columns:
        return "floats of 32 bits"
    if "unsigned" in columns and ("increasing" in kind or "decreasing" in kind):
        return "unsigned integers that rise"
    failing = raised(result["exception_info"])
    if "int64" in columns and failing and any(word in kind for word in ("kl_divergence", "quantile", "pair", "outliers", "z_score")):
        return "nullable columns"
    if kind == "expect_column_pair_values_to_be_in_set" and failing and kwargs.get("row_condition"):
        return "pairs in a set under a condition"
    if "zoned" in columns and failing and "_set" in kind:
        return "texts of several offsets"
    if kind == "expect_column_values_to_be_between" and failing and "T" in str(kwargs.get("min_value") or kwargs.get("max_value")):
        return "times as bounds of texts"
    return None


def main():
    options = common.arguments(__doc__)
    tally = common.Tally()
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    for i in range(options.rounds):
        seed = options.seed + i
        rng = np.random.default_rng(seed)
        frame, form = table(rng), str(rng.choice(["parquet", "parquet", "csv"]))
        path = os.path.join(options.folder, f"{seed}.{form}")
        if form == "csv":
            frame.to_csv(path, index=False)
            frame = pd.read_csv(path, float_precision="round_trip")
        else:
            frame.to_parquet(path)
            frame = pd.read_parquet(path)
        made = Suite(rng, frame).made
        source = context.data_sources.add_pandas(f"s{seed}").add_dataframe_asset("a").add_batch_definition_whole_dataframe("b")
        batch = source.get_batch({"dataframe": frame})
        for turn, level in enumerate(FORMATS):
            indexed = turn == 1
            seen, part = set(), ExpectationSuite(f"suite{seed}")
            for e in made:
                key = json.dumps(e.configuration.to_json_dict(), sort_keys=True, default=str)
                if key not in seen:
                    seen.add(key)
                    part.expectations.append(e)
            wanted = {"result_format": level, "unexpected_index_column_names": ["id"]} if indexed else level
            results = encoded(batch.validate(part, result_format=wanted).to_json_dict())
            suite = part.to_json_dict()
            file = os.path.join(options.folder, f"{seed}.suite.json")
            with open(file, "w") as out:
                json.dump(old(suite) if turn % 2 else suite, out, default=str)
            flags = ["--index-column", "id"] if indexed else []
            ours, code = common.run(options.binary, "validate", path, "--suite", file, "--format", "gx", "--result-format", level, *flags)
            if "failed" in ours:
                tally.note("exit code", False, f"seed {seed} {level}: {ours['failed']}")
                continue
            tally.note("exit code", code == int(not ours["success"]), f"seed {seed}: {code}")
            compare(tally, f"{form} seed {seed} rows {len(frame)} {level}{' index' * indexed}", ours, results)
        print(f"{seed}: {form}, {len(frame)} rows, {len(tally.missed)} differ so far", flush=True)
    tally.end()


def compare(tally, where, ours, theirs):
    left = list(ours["results"])
    differing = 0
    for result in theirs["results"]:
        config = result["expectation_config"]
        kwargs = {k: v for k, v in config["kwargs"].items() if k != "batch_id"}
        place = next((i for i, o in enumerate(left) if o["expectation_config"]["type"] == config["type"] and alike(o["expectation_config"]["kwargs"], kwargs)), None)
        if place is None:
            tally.note(config["type"], False, f"{where}: no result for {kwargs}")
            continue
        own = left.pop(place)
        same = own["success"] == result["success"] and raised(own["exception_info"]) == raised(result["exception_info"])
        same = same and (raised(result["exception_info"]) or alike(own["result"], result["result"]))
        if not same and (why := known(result, own)):
            differing += 1
            tally.exception(why)
            continue
        show = lambda r: json.dumps({"success": r["success"], "raised": raised(r["exception_info"]), "result": r["result"]}, ensure_ascii=False)[:700]
        message = str(result["exception_info"])[:300] if raised(result["exception_info"]) else ""
        differing += not same
        tally.note(config["type"], same, f"{where} {kwargs}\n   ours   {show(own)} {own['exception_info'].get('exception_message')}\n   theirs {show(result)} {message}")
    if not differing:
        tally.note("statistics", alike(ours["statistics"], theirs["statistics"]) and ours["success"] == theirs["success"], f"{where}: {ours['statistics']}, wanted {theirs['statistics']}")


main()
