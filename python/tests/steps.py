"""Steps that the tests share; a module of its own, so that a worker can import it."""

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
    each,
    first_of,
    otherwise,
    pipeline,
    step,
    when,
)


class Fit(NamedTuple):
    score: float
    depth: int


class Embeddings(Artifact):
    schema = "acme.Embeddings"


@step
def load(rows: int, data: Output[Dataset]) -> List[int]:
    data.path.write_text("x" * rows)
    data.metadata["rows"] = rows
    return [1, 2, 3]


@step(retries=2, backoff="1ms")
def train(data: Input[Dataset], depth: int, model: Output[Model]) -> Fit:
    model.path.write_text(f"{depth} on {len(data.path.read_text())}")
    return Fit(depth * 0.25, depth)


@step
def best(scores: List[float], models: Input[List[Model]], chosen: Output[Model]) -> float:
    place = scores.index(max(scores))
    chosen.path.write_text(models[place].path.read_text())
    return scores[place]


@step
def deploy(model: Input[Model], score: float) -> str:
    return f"{model.path.read_text()} at {score}"


@step
def keep(reason: str = "not good enough") -> str:
    return reason


@step
def double(x: int) -> int:
    return 2 * x


@step
def total(xs: List[int]) -> int:
    return sum(xs)


@step
def settings() -> Dict[str, object]:
    return {"depth": 3, "names": ["a", "b"]}


@step
def echo(text: str, times: int = 1, note: Optional[str] = None) -> str:
    return text * times + (note or "")


@step
def measure(of: float, metrics: Output[Metrics]) -> float:
    metrics.log("loss", 1 - of)
    return of


@step
def fail(why: str = "no reason") -> int:
    raise RuntimeError(why)


@step
def tell(status: Status, channel: str, page: Output[Artifact]):
    page.path.write_text(f"{channel}: {status.task} {status.state} {status.message or ''}")


@step
def report_nothing():
    pass


@step
def embed(vectors: Output[Embeddings]):
    vectors.path.mkdir()
    (vectors.path / "a.txt").write_text("a")


@step
def count(vectors: Input[Embeddings]) -> int:
    return len(list(vectors.path.iterdir()))


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
    return {"what": first_of(deployed, kept), "score": winner.output, "model": winner.outputs.chosen}
