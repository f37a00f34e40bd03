"""The unmodified kserve client, over REST and gRPC: python serving_kserve.py <url>

A process of its own: its messages have the names of tritonclient's, which protobuf does not allow in one.
"""

import asyncio
import sys

from _checks import check, run_checks
from _serving import HOST, URL, deploy

import numpy as np

made = deploy("oip")


@check
def kserve_asks_over_rest():
    from kserve import InferInput, InferenceRESTClient, InferRequest
    from kserve.inference_client import RESTConfig

    async def ask():
        ks = InferenceRESTClient(RESTConfig(protocol="v2", timeout=20))
        assert await ks.is_server_ready(URL) and await ks.is_server_live(URL) and await ks.is_model_ready(URL, "oip")
        answers = []
        for binary in (False, True):
            value = InferInput("X", [3, 8], "FP32")
            value.set_data_from_numpy(made.rows[:3], binary_data=binary)
            answers.append(await ks.infer(URL, InferRequest("oip", [value]), model_name="oip"))
        await ks.close()
        return answers

    for answer in asyncio.run(ask()):
        outputs = {o.name: o.as_numpy() for o in answer.outputs}
        np.testing.assert_array_equal(outputs["label"], made.label[:3])


@check
def kserve_asks_over_grpc():
    from kserve import InferenceGRPCClient, InferInput, InferRequest

    async def ask():
        ks = InferenceGRPCClient(HOST)
        value = InferInput("X", [3, 8], "FP32")
        value.set_data_from_numpy(made.rows[:3])
        ready = await ks.is_model_ready("oip")
        answer = await ks.infer(InferRequest("oip", [value]))
        await ks.close()
        return ready, answer

    ready, answer = asyncio.run(ask())
    assert ready
    outputs = {o.name: o.as_numpy() for o in answer.outputs}
    np.testing.assert_array_equal(outputs["label"], made.label[:3])


if __name__ == "__main__":
    sys.exit(1 if run_checks() else 0)
