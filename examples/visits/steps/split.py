"""Split the dataset version into training and holdout rows.

Rows are person-years: a person's rows share their covariates. So a row's side is decided by a digest of its
covariates, and nobody is on both sides. The digest does not depend on the row's position: a row keeps its side
in every later version of the dataset.
"""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd

from columns import FEATURES, LABEL

HOLDOUT = 0.2


def dataset() -> pd.DataFrame:
    folder = Path(os.environ["MLWRIGHT_DATASET"])
    parts = [pd.read_parquet(path) for path in sorted(folder.rglob("*.parquet"))]
    rows = pd.concat(parts, ignore_index=True)[[*FEATURES, LABEL]]
    # float32 is what the model takes and what its callers send, so the drift baseline holds the same values.
    return rows.astype({**dict.fromkeys(FEATURES, "float32"), LABEL: "int64"})


def is_holdout(rows: pd.DataFrame, seed: int) -> np.ndarray:
    salt = str(seed).encode()
    covariates = np.ascontiguousarray(rows[list(FEATURES)].to_numpy(dtype="<f4"))
    digests = (hashlib.sha256(salt + row.tobytes()).digest() for row in covariates)
    return np.array([int.from_bytes(digest[:4], "big") / 2**32 < HOLDOUT for digest in digests])


def main():
    params = json.loads(Path(os.environ["MLWRIGHT_PARAMS"]).read_text())
    outputs = Path(os.environ["MLWRIGHT_OUTPUTS"])
    rows = dataset()
    holdout = is_holdout(rows, params["seed"])
    for name, part in [("train.parquet", rows[~holdout]), ("holdout.parquet", rows[holdout])]:
        part.reset_index(drop=True).to_parquet(outputs / name, index=False)
        print(f"{name}: {len(part)} rows, {part[LABEL].mean():.1%} positive", flush=True)


if __name__ == "__main__":
    main()
