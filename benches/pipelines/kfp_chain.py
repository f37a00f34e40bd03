"""The same for `kfp.local`, without an environment a task. Prints seconds as JSON."""

import json
import time

from kfp import dsl, local

local.init(runner=local.SubprocessRunner(use_venv=False))


@dsl.component
def noop(i: int) -> int:
    return i + 1


@dsl.pipeline
def chain() -> int:
    last = noop(i=0)
    for _ in range(39):
        last = noop(i=last.output)
    return last.output


began = time.time()
chain()
print(json.dumps({"chain": time.time() - began}))
