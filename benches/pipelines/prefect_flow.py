"""The same for Prefect, whose tasks run in the flow's own process. Prints seconds as JSON."""

import json
import sys
import time

from prefect import flow, task


@task
def noop(i):
    return i + 1


@flow(log_prints=False)
def chain():
    last = 0
    for _ in range(40):
        last = noop(last)
    return last


@flow(log_prints=False)
def fan(count):
    return [future.result() for future in noop.map(list(range(count)))]


def timed(what, *arguments):
    began = time.time()
    what(*arguments)
    return time.time() - began


timed(chain)
print(json.dumps({"chain": timed(chain), "fan": timed(fan, int(sys.argv[1]))}))
