"""Drift, checks and profiles, side by side: mlwright, Evidently, Great Expectations and whylogs from PyPI, in one run.

    python3 benches/monitoring/run.py --mlwright target/bench-fast/mlwright --evidently <venv>/bin/python \\
        [--gx <venv>/bin/python] [--whylogs <venv>/bin/python] [--rows 1000000] [--grow 10000000] [--windows 200]

Every peer runs in its own process on the same Parquet files, 16 columns of numbers and 4 of categories, a reference and a
current one; processor seconds, wall time and peak memory are those of the whole process, imports apart (they are measured by a
run on 2,000 rows of the same columns, and shown beside). Evidently needs pandas 2, NumPy 2 and SciPy (`evidently==0.7.23
pandas==2.3.3`), whylogs NumPy 1 (`"numpy<2" "pandas<2.3"`), Great Expectations pandas 2; all of them pyarrow. With `--windows`
windows without drift are compared and the false alarms counted, at 50 to 1,000 rows: fixed thresholds beside the calibrated mode. Files are made with pyarrow by `--evidently`'s Python.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MAKE = """
import sys, numpy as np, pyarrow as pa, pyarrow.parquet as pq
folder, rows, name, seed = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
rng = np.random.default_rng(seed)
schema, writer, left = None, None, rows
while left > 0:
    n = min(left, 1_000_000); left -= n
    columns = {f'f{i}': rng.normal(0, 1 + i / 8, n) if i % 2 else rng.lognormal(0, 0.5, n) for i in range(16)}
    for i, levels in enumerate((2, 5, 20, 200)):
        columns[f'c{i}'] = np.array([f'v{k}' for k in range(levels)])[rng.zipf(1.7, n) % levels]
    table = pa.table(columns)
    writer = writer or pq.ParquetWriter(f'{folder}/{name}.parquet', table.schema)
    writer.write_table(table)
writer.close()
"""

DRIFT = """
import sys, pandas as pd
from evidently import Report, Dataset, DataDefinition
from evidently.presets import DataDriftPreset
reference, current = (pd.read_parquet(f) for f in sys.argv[1:3])
report = Report([DataDriftPreset()]).run(current, reference)
print(report.dict()['metrics'][0]['value'])
"""

CHECKS = """
import sys, pandas as pd, great_expectations as gx
frame = pd.read_parquet(sys.argv[1])
context = gx.get_context(mode='ephemeral')
batch = (context.data_sources.add_pandas('p').add_dataframe_asset('a').add_batch_definition_whole_dataframe('b')
         .get_batch({'dataframe': frame}))
suite = gx.ExpectationSuite(name='s')
for name in frame.columns:
    if name.startswith('f'):
        suite.add_expectation(gx.expectations.ExpectColumnValuesToNotBeNull(column=name))
        suite.add_expectation(gx.expectations.ExpectColumnValuesToBeBetween(column=name, min_value=-100, max_value=100))
        suite.add_expectation(gx.expectations.ExpectColumnMeanToBeBetween(column=name, min_value=-5, max_value=5))
    else:
        suite.add_expectation(gx.expectations.ExpectColumnValuesToNotBeNull(column=name))
        suite.add_expectation(gx.expectations.ExpectColumnValuesToMatchRegex(column=name, regex='^v[0-9]+$'))
        suite.add_expectation(gx.expectations.ExpectColumnUniqueValueCountToBeBetween(column=name, min_value=1, max_value=500))
print(batch.validate(suite, result_format='SUMMARY').statistics)
"""

PROFILE = """
import sys, pandas as pd, whylogs as why
frame = pd.read_parquet(sys.argv[1])
print(len(why.log(frame).view().to_pandas()))
"""


def suite(columns):
    """The same 60 expectations, for `mlwright validate`."""
    expectations = []
    for name in columns:
        about = lambda type, **kwargs: expectations.append({"type": type, "kwargs": {"column": name, **kwargs}})
        about("expect_column_values_to_not_be_null")
        if name.startswith("f"):
            about("expect_column_values_to_be_between", min_value=-100, max_value=100)
            about("expect_column_mean_to_be_between", min_value=-5, max_value=5)
        else:
            about("expect_column_values_to_match_regex", regex="^v[0-9]+$")
            about("expect_column_unique_value_count_to_be_between", min_value=1, max_value=500)
    return {"name": "s", "expectations": expectations}


def measured(command, label):
    """(processor seconds, wall seconds, peak MB, exit code, output) of a process."""
    start = time.time()
    # Compiled modules are kept, as they are for users.
    env = {**os.environ, "DO_NOT_TRACK": "1", "GX_ANALYTICS_ENABLED": "false", "PYTHONDONTWRITEBYTECODE": ""}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=out, stderr=errors, env=env)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.time() - start
        peak = usage.ru_maxrss / 1000
        out.seek(0)
        text = out.read().decode(errors="replace")
        errors.seek(0)
        said = errors.read().decode(errors="replace")
    cpu = usage.ru_utime + usage.ru_stime
    print(f"  {label}: {cpu:.2f} CPU s, {wall:.2f} s, {peak:.0f} MB, exit {process.returncode}", file=sys.stderr)
    if process.returncode:
        print((text + said)[-500:], file=sys.stderr)
    return cpu, wall, peak, process.returncode, text


# More than the thousand up to which Evidently takes other methods.
FEW = 2_000


def peer(python, program, files, label):
    """`None` where the peer is left out."""
    if not python:
        return None
    if label.endswith("few rows"):
        measured([python, "-c", program, *files], f"{label}, first time")
    return measured([python, "-c", program, *files], label)


def compare(name, ours, theirs, tiny):
    cpu, wall, peak, _, _ = ours
    if theirs is None or theirs[3] != 0 or tiny is None:
        return f"| {name} | {cpu:.2f} | {wall:.2f} | {peak:.0f} | - | - | - | - | - |"
    bare = theirs[0] - tiny[0]
    return (f"| {name} | {cpu:.2f} | {wall:.2f} | {peak:.0f} | {theirs[0]:.2f} | {tiny[0]:.2f} | {theirs[1]:.2f} "
            f"| {theirs[2]:.0f} | **{max(bare, 0.0) / max(cpu, 1e-3):.0f}×** |")


WINDOWS = """
import sys, numpy as np, pyarrow as pa, pyarrow.parquet as pq
folder, rows, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rng = np.random.default_rng(rows)
for k in range(count):
    for side in (0, 1):
        columns = {f'f{i}': rng.normal(0, 1 + i / 8, rows) if i % 2 else rng.lognormal(0, 0.5 + i / 8, rows) for i in range(8)}
        columns['few'] = rng.binomial(4, 0.4, rows)
        for i, levels in enumerate((2, 5, 20, 200)):
            columns[f'c{i}'] = np.array([f'v{l}' for l in range(levels)])[rng.zipf(1.7, rows) % levels]
        pq.write_table(pa.table(columns), f'{folder}/w{k}_{side}.parquet')
"""


def windows(binary, python, folder, count):
    """False alarms of windows without drift (any column said to have drifted): fixed thresholds, and the calibrated mode."""
    modes = {
        "psi, fixed": ["--method", "psi"],
        "psi, calibrated": ["--method", "psi", "--mode", "calibrated"],
        "default, fixed": [],
        "default, calibrated": ["--mode", "calibrated"],
    }
    print(f"\nWindows without drift in which a column is said to have drifted, of {count} (seeded, 13 columns)\n")
    print(f"| rows a window | {' | '.join(modes)} |\n|---|{'---|' * len(modes)}")
    for size in (50, 100, 300, 1000):
        subprocess.run([python, "-c", WINDOWS, folder, str(size), str(count)], check=True)
        alarms = dict.fromkeys(modes, 0)
        for k in range(count):
            pair = ["--reference", f"{folder}/w{k}_0.parquet", "--current", f"{folder}/w{k}_1.parquet", "--json"]
            for label, more in modes.items():
                out = subprocess.run([binary, "drift", *pair, *more], capture_output=True, text=True).stdout
                alarms[label] += any(c.get("drifted") for c in json.loads(out)["columns"])
        print(f"| {size} | {' | '.join(f'{100 * alarms[l] / count:.1f} %' for l in modes)} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mlwright", required=True)
    parser.add_argument("--evidently", required=True, help="a Python that has evidently, pandas and pyarrow")
    parser.add_argument("--gx", help="a Python that has great_expectations")
    parser.add_argument("--whylogs", help="a Python that has whylogs")
    parser.add_argument("--rows", type=int, default=1_000_000, help="0 to leave the comparison out")
    parser.add_argument("--grow", type=int, default=0, help="measure mlwright at this many rows too")
    parser.add_argument("--windows", type=int, default=0, help="count false alarms over so many windows of each size")
    given = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        def make(rows, name, seed):
            subprocess.run([given.evidently, "-c", MAKE, folder, str(rows), name, str(seed)], check=True)
            return f"{folder}/{name}.parquet"

        if given.windows:
            windows(given.mlwright, given.evidently, folder, given.windows)
        if not given.rows:
            return
        reference, current = make(given.rows, "reference", 1), make(given.rows, "current", 2)
        tiny = [make(FEW, "tiny0", 3), make(FEW, "tiny1", 4)]
        Path(folder, "suite.json").write_text(json.dumps(suite([f"f{i}" for i in range(16)] + [f"c{i}" for i in range(4)])))
        pair = ["--reference", reference, "--current", current, "--json"]
        lines = []
        ours = measured([given.mlwright, "drift", *pair], "mlwright drift")
        bare = peer(given.evidently, DRIFT, tiny, "evidently, few rows")
        lines.append(compare("default drift", ours, peer(given.evidently, DRIFT, [reference, current], "evidently"), bare))
        calibrated = measured([given.mlwright, "drift", *pair, "--mode", "calibrated"], "mlwright drift, calibrated")
        lines.append(compare("drift, calibrated", calibrated, None, None))
        checks = [given.mlwright, "validate", reference, "--suite", f"{folder}/suite.json", "--format", "gx"]
        ours = measured(checks, "mlwright validate")
        bare = peer(given.gx, CHECKS, tiny[:1], "great expectations, few rows")
        lines.append(compare("60 expectations", ours, peer(given.gx, CHECKS, [reference], "great expectations"), bare))
        streaming = [given.mlwright, "profile", reference, "--streaming", "--json"]
        ours = measured(streaming, "mlwright profile")
        bare = peer(given.whylogs, PROFILE, tiny[:1], "whylogs, few rows")
        lines.append(compare("streaming profile", ours, peer(given.whylogs, PROFILE, [reference], "whylogs"), bare))
        values = given.rows * 20 / max(ours[0], 1e-3) / 1e6
        print(f"\n{given.rows:,} × 20, reference and current\n")
        print("| | mlwright CPU s | wall s | peak MB | peer CPU s | of it imports | wall s | peak MB | CPU, imports apart |")
        print("|---|---|---|---|---|---|---|---|---|")
        print("\n".join(lines))
        print(f"\nstreaming profile: {values:.1f} M values/s/core, reading included")
        if given.grow:
            for name in ("reference", "current"):
                make(given.grow, name, 5 + len(name))
            print(f"\n{given.grow:,} × 20, mlwright alone\n\n| | CPU s | wall s | peak MB |\n|---|---|---|---|")
            for label, command in (("default drift", [given.mlwright, "drift", *pair]), ("streaming profile", streaming)):
                cpu, wall, peak, *_ = measured(command, f"{label} at {given.grow:,}")
                print(f"| {label} | {cpu:.2f} | {wall:.2f} | {peak:.0f} |")


if __name__ == "__main__":
    main()
