"""The pipelines that the benchmark runs on mlwright, as anybody would write them."""

from mlwright import each, pipeline, step


@step(cache=False)
def noop(i: int) -> int:
    return i + 1


@pipeline
def one() -> int:
    return noop(0).output


@pipeline
def chain() -> int:
    last = noop(0)
    for _ in range(39):
        last = noop(last.output)
    return last.output


@pipeline
def fan(items: list = [1]):
    with each(items) as i:
        noop(i)
