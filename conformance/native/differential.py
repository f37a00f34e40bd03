"""Native models against the libraries that made them.

Trains models of many families with random settings, saves each in its own format, and compares what the native engine
answers with what the library answers: labels equal, numbers within the stated tolerance. A refusal is counted, and
listed with its reason; a difference fails the run.

Run: differential.py ENGINE [--full] [--rows N] [--models N] [--seed N] [--only FAMILY] [--report FILE]
ENGINE is the example `native` of the crate `mlwright-runtimes`. Packages: scikit-learn, skops, and, where they are
installed, xgboost, lightgbm, catboost.
"""

import argparse
import collections
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings

warnings.filterwarnings("ignore")
import numpy as np
import pandas as pd

import _families as families


class Engine:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the engine ended with {self.process.wait()}")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def column(series):
    """A column of a data frame as the engine reads it."""
    kind = str(series.dtype)
    if kind in ("float32", "float64"):
        data = series.to_numpy(np.float64)
        values = [None if v != v else v for v in data.tolist()]
        return ("float" if kind == "float32" else "double"), values
    if kind in ("int64", "int32"):
        return ("long" if kind == "int64" else "integer"), series.tolist()
    if kind == "bool":
        return "boolean", series.tolist()
    return "string", [None if pd.isna(v) else str(v) for v in series.tolist()]


def difference(expected, got, single):
    """The largest difference, relative to the value (absolute below 1); infinite where labels differ. In single
    precision it is relative to the largest value: sums that cancel out keep the error of their parts."""
    expected = np.asarray(expected)
    if expected.dtype.kind in "OUSb" or got["dtype"] in ("bytes", "bool"):
        data = got["data"]
        if got["dtype"] == "bool":
            data = [bool(v) for v in data]
        ok = [str(e) for e in expected.ravel().tolist()] == [str(d) for d in data]
        return 0.0 if ok else float("inf")
    actual = np.array([float(v) for v in got["data"]])
    flat = expected.astype(np.float64).ravel()
    if flat.shape != actual.shape:
        return float("inf")
    same = (flat == actual) | (np.isnan(flat) & np.isnan(actual))
    with np.errstate(all="ignore"):
        delta = np.where(same, 0.0, np.abs(flat - actual) / np.maximum(np.nanmax(np.abs(flat)) if single and flat.size else np.abs(flat), 1.0))
    delta = np.where(np.isnan(delta), np.inf, delta)
    return float(delta.max()) if delta.size else 0.0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("engine")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--rows", type=int, help="rows a model; 400, with --full 10,000")
    parser.add_argument("--models", type=int, help="models a family; 1, with --full 4")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--only")
    parser.add_argument("--report")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else int(time.time()) % 100_000
    rows = options.rows or (10_000 if options.full else 400)
    repeats = options.models or (4 if options.full else 1)
    print(f"seed {seed}, {rows} rows, {repeats} models a family")
    engine = Engine(options.engine)
    table = collections.OrderedDict()
    refused, failures = collections.Counter(), []
    for repeat in range(repeats):
        for case in families.cases(np.random.default_rng([seed, repeat]), rows, options.only):
            name = case.family
            entry = table.setdefault(name, {"models": 0, "rows": 0, "worst": 0.0, "tolerance": case.tolerance, "exact": 0, "outputs": 0, "refused": 0, "why": ""})
            with tempfile.TemporaryDirectory() as folder:
                file = os.path.join(folder, "model")
                try:
                    case.save(file)
                except Exception as error:
                    print(f"{name}: cannot be saved: {error!r}")
                    continue
                columns = []
                for label in case.frame.columns:
                    kind, values = column(case.frame[label])
                    columns.append({"name": str(label), "type": kind, "values": values})
                answer = engine.ask({"file": file, "format": case.format, "class": case.wrapper, "columns": columns})
            entry["models"] += 1
            entry["rows"] += len(case.frame)
            if "error" in answer:
                if case.refusal and answer["kind"] == "Unsupported":
                    entry["refused"] += 1
                    entry["why"] = answer["error"]
                else:
                    failures.append(f"{name}: {answer['error']} [{answer['kind']}] {case.about}")
                continue
            if case.refusal:
                failures.append(f"{name}: was not refused ({case.about})")
                continue
            for output, expected in case.expected.items():
                if output not in answer["outputs"]:
                    failures.append(f"{name}: no output {output} ({list(answer['outputs'])})")
                    continue
                got = answer["outputs"][output]
                if list(np.shape(expected)) != got["shape"]:
                    failures.append(f"{name} {output}: shape {got['shape']}, not {list(np.shape(expected))} {case.about}")
                    continue
                delta = difference(expected, got, case.tolerance == families.SINGLE)
                entry["outputs"] += 1
                entry["exact"] += delta == 0.0
                limit = 0.0 if output in case.labels else case.tolerance
                entry["worst"] = max(entry["worst"], delta)
                if not delta <= limit:
                    failures.append(f"{name} {output}: differs by {delta:.3g} (allowed {limit:g}) {case.about}")
    engine.close()
    width = max(map(len, table))
    lines = ["| family | models | rows | outputs | bit-equal | largest difference | allowed |", "|---|---|---|---|---|---|---|"]
    for name, e in table.items():
        worst = "refused" if e["refused"] == e["models"] else f"{e['worst']:.1e}"
        lines.append(f"| {name} | {e['models']} | {e['rows']:,} | {e['outputs']} | {e['exact']} | {worst} | {e['tolerance']:.0e} |")
    print("\n".join(lines))
    if options.report:
        with open(options.report, "w") as report:
            report.write("\n".join(lines) + "\n")
    for failure in failures:
        print("FAIL", failure)
    checks = sum(max(e["outputs"], e["models"]) for e in table.values())
    print(f"{sum(e['models'] for e in table.values())} models")
    print(f"{checks - min(len(failures), checks)} of {checks} checks hold")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
