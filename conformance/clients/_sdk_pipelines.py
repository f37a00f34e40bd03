"""Pipelines of the Python SDK that pipelines_sdk.py runs. Their steps need nothing but Python."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional

from mlwright import (
    Artifact,
    Dataset,
    Input,
    Metrics,
    Model,
    Output,
    Status,
    approve,
    each,
    first_of,
    on_exit,
    otherwise,
    pipeline,
    step,
    when,
)


class Fit(NamedTuple):
    score: float
    depth: int


@step
def load(rows: int, data: Output[Dataset]) -> List[int]:
    data.path.write_text("x" * rows)
    data.metadata["rows"] = rows
    print(f"{rows} rows")
    return [1, 2, 3]


@step(experiment="sdk")
def train(data: Input[Dataset], depth: int, model: Output[Model], metrics: Output[Metrics]) -> Fit:
    model.path.mkdir()
    (model.path / "weights.txt").write_text(f"{depth} on {len(data.path.read_text())}")
    (model.path / "more").mkdir()
    (model.path / "more" / "empty").write_text("")
    metrics.log("loss", 1 - depth * 0.25)
    return Fit(depth * 0.25, depth)


@step
def best(scores: List[float], models: Input[List[Model]], chosen: Output[Model]) -> float:
    place = scores.index(max(scores))
    chosen.path.write_text((models[place].path / "weights.txt").read_text())
    return scores[place]


@step
def deploy(model: Input[Model], score: float) -> str:
    return f"{model.path.read_text()} at {score}"


@step
def keep(reason: str = "not good enough") -> str:
    return reason


@pipeline
def choose(rows: int = 10, least: float = 0.5):
    data = load(rows)
    with each(data.output, limit=2) as depth:
        fit = train(data.outputs.data, depth)
    winner = best(fit.outputs.score, fit.outputs.model)
    with when(winner.output > least):
        deployed = deploy(winner.outputs.chosen, winner)
    with otherwise():
        kept = keep()
    return {
        "what": first_of(deployed, kept),
        "score": winner.output,
        "model": winner.outputs.chosen,
        "models": fit.outputs.model,
    }


@step
def fail(why: str) -> int:
    print("before")
    raise RuntimeError(why)


@step
def double(x: int) -> int:
    return 2 * x


@step
def total(xs: List[int]) -> int:
    return sum(xs)


@step
def tell(status: Status, page: Output[Artifact]) -> str:
    page.path.write_text(f"{status.task}: {status.message}")
    return status.state


@pipeline
def broken():
    with on_exit(tell):
        double(fail("disk full"))


@step(retries=2, backoff="10ms")
def flaky(place: str) -> int:
    """Fails twice: what it did before lies in a folder of this machine."""
    import pathlib

    tries = pathlib.Path(place)
    count = len(tries.read_text()) + 1 if tries.exists() else 1
    tries.write_text("x" * count)
    if count < 3:
        raise OSError(f"not yet, {count}")
    return count


@pipeline
def again(place: str):
    return flaky(place)


@step
def settings() -> Dict[str, object]:
    return {"depth": 3, "names": ["a", "b"]}


@step
def echo(text: str, times: int = 1, note: Optional[str] = None) -> str:
    return text * times + (note or "")


@pipeline
def parts(times: int = 2):
    found = settings().output
    with each([{"a": 1}, {"a": 2}]) as item:
        with when(item["a"] > 1):
            double(item["a"])
    return {"echo": echo(found["names"][1], times), "double": double(found["depth"])}


@pipeline
def nested(xs: List[int]):
    with each(xs):
        with each([1, 2]) as y:
            twice = double(y)
        sums = total(twice.output)
    return {"sums": sums.output, "all": twice.output}


@pipeline
def outer(xs: List[int] = [1, 2]):
    inner = nested(xs)
    return total(inner.outputs.sums)


@pipeline
def asking():
    double(1).after(approve("Go on?"))


@step
def wait(seconds: float) -> float:
    import time

    time.sleep(seconds)
    return seconds


@pipeline
def slow(seconds: float = 60.0):
    return wait(seconds)


@pipeline
def wide(count: int):
    with each(numbers(count).output) as x:
        y = double(x)
    return total(y.output)


@step(cache=False)
def numbers(count: int) -> List[int]:
    return list(range(count))
