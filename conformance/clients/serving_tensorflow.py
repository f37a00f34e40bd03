"""`tensorflow-serving-api` over gRPC, and TensorFlow Serving's REST: python serving_tensorflow.py <url>"""

import base64
import json
import math
import sys

import _tensorflow
from _checks import check, run_checks
from _serving import HOST, URL, close, deploy, put

import grpc
import numpy as np
import requests
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

made = deploy("tf", versions=2)
put("tf", [{"model": made.model, "version": 1, "labels": ["stable"]}, {"model": made.model, "version": 2, "weight": 0, "labels": ["canary"]}])
channel = grpc.insecure_channel(HOST)
service = prediction_service_pb2_grpc.PredictionServiceStub(channel)
models = model_service_pb2_grpc.ModelServiceStub(channel)
Tensor = _tensorflow.tensor_pb2.TensorProto


def packed(rows):
    tensor = Tensor(dtype=1, tensor_content=rows.astype("<f4").tobytes())
    for size in rows.shape:
        tensor.tensor_shape.dim.add(size=size)
    return tensor


def array(tensor):
    shape = [dim.size for dim in tensor.tensor_shape.dim]
    values = {1: tensor.float_val, 9: tensor.int64_val}[tensor.dtype]
    return np.array(values).reshape(shape)


def asked(**choice):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "tf"
    if "version" in choice:
        request.model_spec.version.value = choice["version"]
    if "label" in choice:
        request.model_spec.version_label = choice["label"]
    return request


def refused(code, text, call, request):
    try:
        call(request)
    except grpc.RpcError as error:
        assert error.code() == code and text in error.details(), error
        return
    raise AssertionError(f"not refused: {code}")


def post(path, body, status=200):
    data = body if isinstance(body, str) else json.dumps(body)
    answer = requests.post(f"{URL}/v1/models/{path}", data=data)
    assert answer.status_code == status, (answer.status_code, answer.text)
    return json.loads(answer.text)


def examples(count=3):
    request_input = classification_pb2.ClassificationRequest().input
    for index in range(count):
        example = request_input.example_list.examples.add()
        for name, value in made.frame.iloc[index].items():
            example.features.feature[name].float_list.value.append(value)
    return request_input


@check
def predict_over_grpc_is_onnxruntimes():
    request = asked()
    request.inputs["X"].CopyFrom(packed(made.rows))
    answer = service.Predict(request)
    assert answer.model_spec.version.value == 1 and answer.model_spec.signature_name == "serving_default", answer.model_spec
    np.testing.assert_array_equal(array(answer.outputs["label"]), made.label)
    close(array(answer.outputs["probabilities"]), made.probabilities)
    request.output_filter.append("label")
    assert list(service.Predict(request).outputs) == ["label"]


@check
def typed_values_columns_versions_and_labels_over_grpc():
    request = asked(version=2)
    for name, column in made.frame.iloc[:2].items():
        tensor = Tensor(dtype=2, double_val=column.tolist())
        tensor.tensor_shape.dim.add(size=2)
        request.inputs[name].CopyFrom(tensor)
    assert service.Predict(request).model_spec.version.value == 2
    for label, version in [("stable", 1), ("canary", 2)]:
        request = asked(label=label)
        request.inputs["X"].CopyFrom(packed(made.rows[:1]))
        assert service.Predict(request).model_spec.version.value == version


@check
def classify_regress_and_several_at_once_over_grpc():
    request = classification_pb2.ClassificationRequest(input=examples())
    request.model_spec.name = "tf"
    result = service.Classify(request).result
    for row, wanted in zip(result.classifications, made.probabilities):
        assert [c.label for c in row.classes] == ["0", "1"]
        close([c.score for c in row.classes], wanted, rtol=1e-5)
    regression = regression_pb2.RegressionRequest(input=examples())
    regression.model_spec.name = "tf"
    refused(grpc.StatusCode.INVALID_ARGUMENT, "one number an example", service.Regress, regression)
    several = inference_pb2.MultiInferenceRequest(input=examples())
    task = several.tasks.add(method_name="tensorflow/serving/classify")
    task.model_spec.name = "tf"
    assert len(service.MultiInference(several).results[0].classification_result.classifications) == 3


@check
def metadata_and_status_over_grpc():
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = "tf"
    answer = service.GetModelMetadata(request)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert answer.metadata["signature_def"].Unpack(signatures)
    x = signatures.signature_def["serving_default"].inputs["X"]
    assert x.dtype == 1 and [d.size for d in x.tensor_shape.dim] == [-1, 8], x
    status = get_model_status_pb2.GetModelStatusRequest()
    status.model_spec.name = "tf"
    versions = models.GetModelStatus(status).model_version_status
    assert [(v.version, v.state) for v in versions] == [(2, 30), (1, 30)], versions
    reload = models.HandleReloadConfigRequest(model_management_pb2.ReloadConfigRequest())
    assert reload.status.error_code == 12, reload


@check
def errors_over_grpc():
    request = asked()
    request.model_spec.name = "nope"
    refused(grpc.StatusCode.NOT_FOUND, "Servable not found for request: Latest(nope)", service.Predict, request)
    request = asked(version=7)
    refused(grpc.StatusCode.NOT_FOUND, "Specific(tf, 7)", service.Predict, request)
    request = asked()
    refused(grpc.StatusCode.INVALID_ARGUMENT, "missing", service.Predict, request)
    request.inputs["X"].CopyFrom(packed(made.rows))
    request.inputs["X"].tensor_shape.dim[0].size = 1 << 50
    refused(grpc.StatusCode.INVALID_ARGUMENT, "is not one of values", service.Predict, request)
    refused(grpc.StatusCode.INVALID_ARGUMENT, "Missing ModelSpec", service.Predict, predict_pb2.PredictRequest())


@check
def rows_and_columns_over_rest():
    rows = made.rows[:3].tolist()
    for body in [{"instances": rows}, {"instances": [{"X": row} for row in rows]}]:
        got = post("tf:predict", body)["predictions"]
        assert [p["label"] for p in got] == made.label[:3].tolist(), got
        close([p["probabilities"] for p in got], made.probabilities[:3])
    for body in [{"inputs": rows}, {"inputs": {"X": rows}}]:
        got = post("tf/versions/1:predict", body)["outputs"]
        assert got["label"] == made.label[:3].tolist()
        close(got["probabilities"], made.probabilities[:3])
    by_name = {"signature_name": "serving_default", "instances": made.frame.iloc[:3].to_dict(orient="records")}
    assert [p["label"] for p in post("tf/labels/stable:predict", by_name)["predictions"]] == made.label[:3].tolist()


@check
def nan_tokens_are_json_here():
    rows = made.rows[:1].tolist()
    rows[0][0] = float("nan")
    got = post("tf:predict", json.dumps({"instances": rows}))["predictions"]
    assert math.isnan(got[0]["probabilities"][0]), got


@check
def classify_with_context_over_rest():
    first = made.frame.iloc[0].to_dict()
    shared = {name: first.pop(name) for name in list(first)[:4]}
    got = post("tf:classify", {"context": shared, "examples": [first]})["results"]
    assert [label for label, _ in got[0]] == ["0", "1"]
    close([score for _, score in got[0]], made.probabilities[0], rtol=1e-5)


@check
def status_and_metadata_over_rest():
    status = requests.get(f"{URL}/v1/models/tf").json()["model_version_status"]
    assert [(v["version"], v["state"], v["status"]["error_code"]) for v in status] == [("2", "AVAILABLE", "OK"), ("1", "AVAILABLE", "OK")]
    assert len(requests.get(f"{URL}/v1/models/tf/versions/1").json()["model_version_status"]) == 1
    metadata = requests.get(f"{URL}/v1/models/tf/metadata").json()
    signature = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert signature["inputs"]["X"]["dtype"] == "DT_FLOAT" and metadata["model_spec"]["name"] == "tf", metadata


@check
def errors_over_rest():
    rows = made.rows[:1].tolist()
    assert "Latest(nope)" in post("nope:predict", {"instances": rows}, 404)["error"]
    assert "Specific(tf, 9)" in post("tf/versions/9:predict", {"instances": rows}, 404)["error"]
    assert "Malformed request" in post("tf", {"instances": rows}, 400)["error"]
    assert "JSON Parse error" in post("tf:predict", "{", 400)["error"]
    assert "Missing 'inputs' or 'instances'" in post("tf:predict", {}, 400)["error"]
    assert "not both" in post("tf:predict", {"instances": rows, "inputs": rows}, 400)["error"]
    assert "differ in length" in post("tf:predict", {"instances": [rows[0], rows[0][:3]]}, 400)["error"]
    text = base64.b64encode(b"x").decode()
    assert "no FP32" in post("tf:predict", {"instances": [[text] * 8]}, 400)["error"]
    assert requests.get(f"{URL}/v1/models/nope").status_code == 404


if __name__ == "__main__":
    sys.exit(1 if run_checks() else 0)
