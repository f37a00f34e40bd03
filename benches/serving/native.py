"""Native models against the libraries that made them, side by side in one run: one row (median microseconds) and
batches of 4,096 rows (thousand rows a second), one thread each.

Run: native.py NATIVE_SPEED, the example `native_speed` of the crate `mlwright-runtimes`, built with optimisation
(cargo build --profile bench-fast --package mlwright-runtimes --example native_speed).
Packages: conformance/native/requirements.txt.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import warnings

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"
warnings.filterwarnings("ignore")
import catboost
import lightgbm
import numpy as np
import xgboost
from skops.io import dump
from sklearn.datasets import make_classification
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

WIDTH, ROWS = 20, 4096


def measure(predict, x):
    times = []
    end = time.perf_counter() + 2
    row = 0
    while time.perf_counter() < end and len(times) < 20_000:
        one = x[row % len(x)][None, :]
        start = time.perf_counter()
        predict(one)
        times.append(time.perf_counter() - start)
        row += 1
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < 1:
        predict(x)
        done += len(x)
    return np.median(times) * 1e6, done / (time.perf_counter() - start)


def main():
    x, y = make_classification(10_000, WIDTH, n_informative=12, random_state=1)
    x = x.astype(np.float32)
    test = x[:ROWS]
    sk = lambda m: (m.fit(x, y), "skops", lambda f: dump(m, f), m.predict, None)
    xgb = xgboost.XGBClassifier(n_estimators=200, max_depth=6, n_jobs=1).fit(x, y)
    lgb = lightgbm.LGBMClassifier(n_estimators=200, num_leaves=31, n_jobs=1, verbose=-1).fit(x, y)
    cat = catboost.CatBoostClassifier(iterations=200, depth=6, verbose=0, thread_count=1, allow_writing_files=False).fit(x, y)
    models = {
        "scaler + LogisticRegression": sk(make_pipeline(StandardScaler(), LogisticRegression())),
        "RandomForest 100 × depth 10": sk(RandomForestClassifier(100, max_depth=10, n_jobs=1)),
        "GradientBoosting 100 × depth 4": sk(GradientBoostingClassifier(n_estimators=100, max_depth=4)),
        "HistGradientBoosting 100": sk(HistGradientBoostingClassifier(max_iter=100)),
        "XGBoost 200 × depth 6": (xgb, "xgboost", lambda f: open(f, "wb").write(xgb.get_booster().save_raw("ubj")), xgb.predict, "xgboost.sklearn.XGBClassifier"),
        "LightGBM 200 × 31 leaves": (lgb, "lightgbm", lgb.booster_.save_model, lambda a: lgb.booster_.predict(a, num_threads=1), None),
        "CatBoost 200 × depth 6": (cat, "catboost", cat.save_model, lambda a: cat.predict(a, thread_count=1), "CatBoostClassifier"),
    }
    print("| model | native, one row | library | ratio | native, batch | library | ratio |\n|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        rows = os.path.join(folder, "rows")
        test.astype(np.float64).tofile(rows)
        for name, (_, format, save, predict, wrapper) in models.items():
            file = os.path.join(folder, "model")
            save(file)
            arguments = [sys.argv[1], format, file, rows, str(WIDTH)] + ([wrapper] if wrapper else [])
            ours = json.loads(subprocess.run(arguments, capture_output=True, text=True, check=True).stdout)
            single, rate = measure(predict, test)
            print(
                f"| {name} | {ours['p50_us']:.1f} µs | {single:,.0f} µs | {single / ours['p50_us']:,.0f} × "
                f"| {ours['rows_per_second'] / 1e3:,.0f} k/s | {rate / 1e3:,.0f} k/s | {ours['rows_per_second'] / rate:.1f} × |",
                flush=True,
            )


if __name__ == "__main__":
    main()
