"""Pipelines that pipelines_operate.py runs again and again."""

import os
from pathlib import Path
from typing import Optional

from mlwright import pipeline, step


@step(cache=False)
def total(folder: str, day: str) -> int:
    if (Path(folder) / f"bad-{day[:10]}").exists():
        raise ValueError(f"no data for {day}")
    with open(Path(folder) / "days", "a") as days:
        days.write(f"{os.environ.get('MLWRIGHT_SCHEDULED_AT', '')} {os.environ.get('MLWRIGHT_INTERVAL_END', '')}\n")
    return int(day[8:10])


@pipeline
def daily(folder: str, day: Optional[str] = "2026-01-01T00:00:00Z"):
    return {"total": total(folder, day).output}


@step(secrets={"API_KEY": "vendor/key"}, retries=1, cache=False)
def call(folder: str) -> int:
    print(f"attempt {os.environ['MLWRIGHT_ATTEMPT']} with <{os.environ['API_KEY']}>")
    if not (Path(folder) / "called").exists():
        (Path(folder) / "called").write_text("x")
        raise ValueError(f"refused {os.environ['API_KEY']}")
    return len(os.environ["API_KEY"])


@pipeline
def outside(folder: str):
    return {"length": call(folder).output}
