"""Write this project's data files from the RAND Health Insurance Experiment, as statsmodels ships it.

    data/train.csv     person-years of families with free care: what the first model learns from
    data/control.csv   further person-years of the same free-care families: later traffic that has not changed
    data/drifted.csv   person-years of families on plans with a coinsurance rate above zero: real drift

Nothing is invented, resampled or perturbed: every row of the source stands in exactly one of the three
files. The rows are only shuffled (seed below), because the source is sorted by plan and family.

    uv run --with statsmodels python prepare.py
"""

from pathlib import Path

import numpy as np
from statsmodels.datasets import randhie

FEATURES = ["lncoins", "idp", "lpi", "fmde", "physlm", "disea", "hlthg", "hlthf", "hlthp"]
LABEL = "any_visit"
CONTROL_ROWS = 3000
SEED = 1974  # the year in which the experiment began


def main():
    data = randhie.load_pandas().data
    rows = data[FEATURES].astype(float)
    rows[LABEL] = (data["mdvis"] > 0).astype(int)

    order = np.random.RandomState(SEED).permutation(len(rows))
    rows = rows.iloc[order]
    free_care = rows[rows["lncoins"] == 0.0]
    cost_sharing = rows[rows["lncoins"] > 0.0]

    folder = Path(__file__).parent / "data"
    folder.mkdir(exist_ok=True)
    for name, part in [
        ("control.csv", free_care.iloc[:CONTROL_ROWS]),
        ("train.csv", free_care.iloc[CONTROL_ROWS:]),
        ("drifted.csv", cost_sharing),
    ]:
        part.to_csv(folder / name, index=False, lineterminator="\n")
        print(f"data/{name}: {len(part)} rows, {part[LABEL].mean():.1%} with a visit")


if __name__ == "__main__":
    main()
