"""Holds `mlwright drift` against a set of Evidently's results, this one or another that make.py made.

    python check.py BINARY [FOLDER]

Compares method, score, threshold, decision, inferred type, form of the JSON and exit code, for the default method of every column
and for every method by name. Prints what differs, but for the exceptions of docs/conformance/statistics.md, and ends with 1 then.
"""

import json
import math
import subprocess
import sys
from pathlib import Path

BINARY = sys.argv[1]
FOLDER = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent
KEYS = {"column", "type", "method", "score", "threshold", "drifted", "mode", "tier"}
# Errors of Evidently's drawing, after the score is there, and of NumPy where the answer is well defined.
OUTSIDE = ("ScatterAggField", "finite-sized bins", "boolean subtract", "real dtype", "ufunc")
tally = {"met": 0, "by chance": 0}
missed = []


def number(value):
    return float(value.replace("Infinity", "inf")) if isinstance(value, str) else float(value)


def report(group, *flags):
    command = [BINARY, "drift", "--reference", FOLDER / group["ref"], "--current", FOLDER / group["cur"], "--json", *flags]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 2:
        raise SystemExit(f"{command}: {done.stderr}")
    found = json.loads(done.stdout)
    assert set(found) == {"columns", "share", "drifted"} and done.returncode == int(found["drifted"]), done
    columns = {c["column"]: c for c in found["columns"]}
    assert all(set(c) == KEYS or set(c) == {"column", "not_computable"} for c in columns.values()), done.stdout
    return columns


def few(group, column):
    return any(word in column for word in ("int2", "int3", "float2", "two", "three", "five", "ints_few"))


def check(where, found, wanted):
    if "error" in wanted:
        same = "not_computable" in found or any(word in wanted["message"] for word in OUTSIDE)
    elif "not_computable" in found:
        same = False
    else:
        method, a, b = found["method"], number(found["score"]), number(wanted["score"])
        absolute = 1e-6 if method == "cramer_von_mises" or "text" in method else 1e-9
        relative = 1e-4 if "f32" in where[1] else 1e-7
        same = a == b or math.isnan(a) and math.isnan(b) or abs(a - b) <= absolute + relative * abs(b)
        same = same and found["drifted"] == wanted["drifted"] and found["threshold"] == wanted["threshold"]
        # Seeds, ties and hash orders: see the page.
        if not same and (method in ("TVD", "empirical_mmd", "fisher_exact") or method == "es" and few(*where[:2])):
            tally["by chance"] += 1
            return
    tally["met"] += same
    if not same:
        missed.append(f"{where}: {found}, wanted {wanted}")


for name in json.loads((FOLDER / "manifest.json").read_text())["groups"]:
    if name == "embeddings":
        continue
    group = json.loads((FOLDER / f"{name}.json").read_text())
    kinds = [flag for column, kind in group["types"].items() for flag in ("--type", f"{column}={kind}")]
    plain = report(group) if "inferred" in group else {}
    for column, kind in group.get("inferred", {}).items():
        found = plain[column]
        known = kind in ("num", "cat", "text")
        if "not_computable" not in found and found["type"] != (kind if known else None):
            missed.append(f"{name} {column}: inferred {found}, wanted {kind}")
    for method in [None, *sorted({m for c in group["columns"].values() for m in c["methods"]})]:
        columns = report(group, *kinds, *(["--method", method] if method else []))
        for column, wanted in group["columns"].items():
            if method is None:
                check((name, column, "default"), columns[column], wanted["default"])
            elif method in wanted["methods"]:
                check((name, column, method), columns[column], wanted["methods"][method])
            elif not (method == "TVD" and wanted["type"] == "cat") and "not_computable" not in columns[column]:
                missed.append(f"{name} {column}: {method} does not fit, but {columns[column]}")
print(tally, len(missed), "missed")
print("\n".join(missed[:50]))
sys.exit(bool(missed))
