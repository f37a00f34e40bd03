"""The unmodified tritonclient (gRPC, and what its HTTP client asks beside inference): python serving_oip.py <url>"""

import sys

from _checks import check, run_checks
from _serving import HOST, URL, close, deploy

import numpy as np
import requests
import tritonclient.grpc as triton
import tritonclient.http as over_http
from tritonclient.utils import InferenceServerException

made = deploy("oip", versions=2)
client = triton.InferenceServerClient(HOST)
http = over_http.InferenceServerClient(HOST)


def matrix(rows, datatype="FP32", name="X"):
    value = triton.InferInput(name, list(rows.shape), datatype)
    value.set_data_from_numpy(rows)
    return value


def refused(status, text, function):
    try:
        function()
    except InferenceServerException as error:
        assert str(status) in str(error.status()), f"{error.status()}: {error.message()}"
        assert text in error.message(), f"{text!r} is not in {error.message()!r}"
        return
    raise AssertionError(f"not refused: expected {status}")


@check
def health_and_metadata_over_grpc():
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("oip") and client.is_model_ready("oip", "1")
    assert not client.is_model_ready("nope")
    server = client.get_server_metadata()
    assert server.name == "mlwright" and "statistics" in server.extensions, server
    model = client.get_model_metadata("oip", as_json=True)
    assert model["inputs"] == [{"name": "X", "datatype": "FP32", "shape": ["-1", "8"]}], model
    assert model["versions"] == ["1"] and model["platform"] == "onnxruntime_onnx", model


@check
def inference_over_grpc_is_onnxruntimes():
    answer = client.infer("oip", [matrix(made.rows)], request_id="q1")
    assert answer.get_response().id == "q1" and answer.get_response().model_version == "1"
    np.testing.assert_array_equal(answer.as_numpy("label"), made.label)
    close(answer.as_numpy("probabilities"), made.probabilities)
    wanted = [triton.InferRequestedOutput("probabilities")]
    answer = client.infer("oip", [matrix(made.rows[:3])], outputs=wanted, model_version="1")
    assert [o.name for o in answer.get_response().outputs] == ["probabilities"]
    zipped = client.infer("oip", [matrix(made.rows)], compression_algorithm="gzip")
    np.testing.assert_array_equal(zipped.as_numpy("label"), made.label)


@check
def typed_contents_and_classes_over_grpc():
    from tritonclient.grpc import service_pb2 as pb
    from tritonclient.grpc import service_pb2_grpc as stubs
    import grpc

    stub = stubs.GRPCInferenceServiceStub(grpc.insecure_channel(HOST))
    request = pb.ModelInferRequest(model_name="oip")
    tensor = request.inputs.add(name="X", datatype="FP32", shape=[2, 8])
    tensor.contents.fp32_contents.extend(made.rows[:2].reshape(-1).tolist())
    request.outputs.add(name="probabilities").parameters["classification"].int64_param = 1
    answer = stub.ModelInfer(request)
    assert answer.outputs[0].datatype == "BYTES" and list(answer.outputs[0].shape) == [2, 1], answer
    first = triton.InferResult(answer).as_numpy("probabilities")[0][0].decode()
    score, index = first.split(":")
    best = int(np.argmax(made.probabilities[0]))
    assert int(index) == best and abs(float(score) - made.probabilities[0][best]) < 1e-5, first


@check
def a_stream_answers_each_message_and_survives_errors():
    import queue

    answers = queue.Queue()
    client.start_stream(callback=lambda result, error: answers.put((result, error)))
    for index in range(5):
        client.async_stream_infer("oip", [matrix(made.rows[index : index + 1])], request_id=str(index))
    client.async_stream_infer("oip", [matrix(made.rows[:1].astype(np.float64), "FP64")])
    client.async_stream_infer("oip", [matrix(made.rows[:1])])
    got = [answers.get(timeout=20) for _ in range(7)]
    client.stop_stream()
    assert [r.as_numpy("label")[0] for r, e in got[:5]] == made.label[:5].tolist()
    assert got[5][1] is not None and "float64" in got[5][1].message(), got[5]
    assert got[6][0].as_numpy("label")[0] == made.label[0]


@check
def asynchronous_inference_and_deadlines_over_grpc():
    import queue

    answers = queue.Queue()
    for index in range(50):
        client.async_infer("oip", [matrix(made.rows[index : index + 1])], callback=lambda result, error: answers.put((result, error)))
    got = [answers.get(timeout=20) for _ in range(50)]
    assert all(error is None for _, error in got)
    assert client.infer("oip", [matrix(made.rows[:1])], client_timeout=5).as_numpy("label")[0] == made.label[0]


@check
def errors_over_grpc_have_codes_and_words():
    refused("NOT_FOUND", "Request for unknown model: 'nope' is not found", lambda: client.infer("nope", [matrix(made.rows)]))
    refused("NOT_FOUND", "version 9", lambda: client.get_model_metadata("oip", "9"))
    refused("INVALID_ARGUMENT", "has type float64", lambda: client.infer("oip", [matrix(made.rows.astype(np.float64), "FP64")]))
    refused("INVALID_ARGUMENT", "unknown input `Y`", lambda: client.infer("oip", [matrix(made.rows, name="Y")]))
    many = np.zeros((100_001, 8), np.float32)
    refused("RESOURCE_EXHAUSTED", "100001 rows", lambda: client.infer("oip", [matrix(many)]))


@check
def configuration_statistics_and_settings_are_told_both_ways():
    config = client.get_model_config("oip", as_json=True)["config"]
    assert config["input"][0]["data_type"] == "TYPE_FP32" and config["backend"] == "onnxruntime", config
    assert http.get_model_config("oip")["input"][0]["data_type"] == "TYPE_FP32"
    stats = client.get_inference_statistics("oip", as_json=True)["model_stats"][0]
    assert int(stats["inference_stats"]["success"]["count"]) > 0, stats
    assert http.get_inference_statistics()["model_stats"][0]["inference_stats"]["success"]["count"] > 0
    assert client.get_trace_settings("oip", as_json=True)["settings"]["trace_level"]["value"] == ["OFF"]
    assert http.get_trace_settings()["trace_level"] == ["OFF"]
    assert http.update_trace_settings(settings={})["trace_rate"] == "1000"
    refused("INVALID_ARGUMENT", "OpenTelemetry", lambda: client.update_trace_settings(settings={"trace_rate": "1"}))
    assert http.get_log_settings()["log_info"] is True
    assert client.get_log_settings(as_json=True)["settings"]["log_info"]["bool_param"] is True
    assert http.get_system_shared_memory_status() == [] and http.get_cuda_shared_memory_status() == []
    assert len(client.get_system_shared_memory_status().regions) == 0
    http.unregister_system_shared_memory()


@check
def a_registered_model_is_loaded_and_unloaded_by_name():
    index = {m["name"]: m for m in http.get_model_repository_index()}
    assert index["oip"]["state"] == "READY" and made.model not in index, index
    http.load_model(made.model)
    assert http.is_model_ready(made.model, "2"), "the newest version"
    names = [m.name for m in client.get_model_repository_index().models]
    assert made.model in names, names
    client.unload_model(made.model)
    assert not http.is_model_ready(made.model)
    refused(400, "failed to load 'nope'", lambda: http.load_model("nope"))


@check
def generate_takes_and_gives_plain_json():
    body = {"X": made.rows[0].tolist(), "id": "g"}
    answer = requests.post(f"{URL}/v2/models/oip/generate", json=body)
    assert answer.ok, answer.text
    assert answer.json()["label"] == made.label[0] and answer.json()["id"] == "g", answer.json()
    stream = requests.post(f"{URL}/v2/models/oip/generate_stream", json=body)
    assert stream.headers["content-type"] == "text/event-stream" and stream.text.startswith("data: {"), stream.text


if __name__ == "__main__":
    sys.exit(1 if run_checks() else 0)
