"""Spans of predictions at real receivers: python serving_telemetry.py <server-url>

The server that it is given is not asked: it starts servers of its own (`MLWRIGHT_BIN`). Some send their spans to collectors made of
http.server or grpcio and OpenTelemetry's own messages, another to a server's `/v1/traces`, where the unmodified mlflow client reads them.
"""

import concurrent.futures
import http.server
import shutil
import socket
import sys
import tempfile
import threading
import time


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


PORT = free_port()
sys.argv[1:] = [f"http://127.0.0.1:{PORT}"]

from _checks import check, run_checks  # noqa: E402
from _served import Served  # noqa: E402
from _serving import HOST, URL, deploy  # noqa: E402

import grpc  # noqa: E402
import requests  # noqa: E402
import tritonclient.grpc as triton_grpc  # noqa: E402
import tritonclient.http as triton  # noqa: E402
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse  # noqa: E402

SCRATCH = tempfile.mkdtemp(prefix="mlwright-telemetry-")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"


def served(telemetry, port=PORT, folder="data", env=None):
    """A server with this `[telemetry]`."""
    settings = f'[serving]\nparity = "off"\ntrial = "off"\n[telemetry]\n{telemetry}\n'
    return Served(SCRATCH, port, settings, folder, env)


class Collector(http.server.BaseHTTPRequestHandler):
    taken, slow = [], 0.0

    def do_POST(self):
        time.sleep(self.slow)
        body = self.rfile.read(int(self.headers["content-length"]))
        message = ExportTraceServiceRequest()
        message.ParseFromString(body)
        assert self.path == "/v1/traces" and self.headers["content-type"] == "application/x-protobuf"
        self.taken.append((dict(self.headers), message))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


collector = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
threading.Thread(target=collector.serve_forever, daemon=True).start()
AT = f'otlp_endpoint = "http://127.0.0.1:{collector.server_port}"'


class Exports(grpc.GenericRpcHandler):
    """The collector's one method, `TraceService/Export`; refuses what comes while it is `busy`."""

    busy = 0

    def service(self, details):
        if details.method != "/opentelemetry.proto.collector.trace.v1.TraceService/Export":
            return None
        return grpc.unary_unary_rpc_method_handler(
            self.export,
            request_deserializer=ExportTraceServiceRequest.FromString,
            response_serializer=ExportTraceServiceResponse.SerializeToString,
        )

    def export(self, message, context):
        if self.busy:
            self.busy -= 1
            context.abort(grpc.StatusCode.UNAVAILABLE, "später")
        Collector.taken.append((dict(context.invocation_metadata()), message))
        return ExportTraceServiceResponse()


exports = Exports()
grpc_collector = grpc.server(concurrent.futures.ThreadPoolExecutor(2), handlers=[exports])
GRPC_PORT = grpc_collector.add_insecure_port("127.0.0.1:0")
grpc_collector.start()


def value(any_value):
    return getattr(any_value, any_value.WhichOneof("value"))


def attributes(of):
    return {pair.key: value(pair.value) for pair in of.attributes}


def spans(trace=None):
    found = [
        span
        for _, message in list(Collector.taken)
        for resource in message.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    return [span for span in found if trace is None or span.trace_id.hex() == trace]


def until(wanted, seconds=15):
    end = time.time() + seconds
    while not (found := wanted()):
        assert time.time() < end, [span.name for span in spans()][-30:]
        time.sleep(0.1)
    return found


def whole(trace):
    """The spans of a prediction, once the last of them came."""
    return lambda: spans(trace) if len(spans(trace)) >= 4 else None


def ask(client, module, name, **more):
    given = module.InferInput("X", list(made.rows[:4].shape), "FP32")
    given.set_data_from_numpy(made.rows[:4])
    return client.infer(name, [given], **more)


@check
def a_prediction_is_a_trace_below_its_callers_span():
    global made
    with served(AT + '\notlp_headers = { x-key = "secret" }\nservice_name = "visits"'):
        made = deploy("cancer")
        client = triton.InferenceServerClient(HOST)
        state = "congo=t61rcWkgMzE"
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": state}
        ask(client, triton, "cancer", headers=headers)
        found = until(whole(TRACE))
        by_name = {span.name: span for span in found}
        server = by_name["POST /v2/models/{model}/infer"]
        predict = by_name["predict cancer"]
        assert server.parent_span_id.hex() == PARENT and server.trace_state == state
        assert server.kind == 2 and predict.kind == 1 and server.status.code == 0
        assert predict.parent_span_id == server.span_id
        assert {s.name for s in found if s.parent_span_id == predict.span_id} >= {"compute", "record"}
        about = attributes(server)
        assert about["http.request.method"] == "POST" and about["http.response.status_code"] == 200, about
        assert about["url.path"] == "/v2/models/cancer/infer" and about["client.address"] == "127.0.0.1"
        about = attributes(predict)
        assert about["mlwright.model.name"] == made.model and about["mlwright.model.version"] == 1, about
        assert about["mlwright.rows"] == 4 and about["mlwright.variant"] == f"{made.model}-1"
        assert server.start_time_unix_nano <= predict.start_time_unix_nano < predict.end_time_unix_nano
        assert predict.end_time_unix_nano <= server.end_time_unix_nano
        assert abs(server.start_time_unix_nano / 1e9 - time.time()) < 60
        # The record of the prediction is found by what the span says.
        record = requests.get(f"{URL}/api/v1/predictions/{about['mlwright.prediction.id']}")
        assert record.ok, record.text
        sent, message = Collector.taken[0]
        resource = attributes(message.resource_spans[0].resource)
        assert sent["x-key"] == "secret" and resource["service.name"] == "visits", (sent, resource)
        assert resource["service.instance.id"] and message.resource_spans[0].scope_spans[0].scope.name == "mlwright"


@check
def grpc_calls_and_failures_are_told_as_the_conventions_have_it():
    with served(AT):
        client = triton_grpc.InferenceServerClient(HOST)
        answer = requests.get(f"{URL}/v2/models/nope/ready")
        trace = answer.headers["server-timing"].split('desc="00-')[1][:32]
        server = until(lambda: spans(trace))[0]
        assert attributes(server)["http.response.status_code"] == answer.status_code
        assert server.status.code == 0, "what the caller did wrong is no error of the server's span"
        ask(client, triton_grpc, "cancer", headers={"traceparent": f"00-{'ab' * 16}-{PARENT}-01"})
        found = {span.name: span for span in until(whole("ab" * 16))}
        about = attributes(found["inference.GRPCInferenceService/ModelInfer"])
        assert about["rpc.system"] == "grpc" and about["rpc.method"] == "ModelInfer", about
        wrong = {"traceparent": f"00-{'cd' * 16}-{PARENT}-01"}
        body = {"inputs": [{"name": "X", "shape": [1, 3], "datatype": "FP32", "data": [1, 2, 3]}]}
        assert requests.post(f"{URL}/v2/models/cancer/infer", json=body, headers=wrong).status_code == 400
        failed = until(lambda: [s for s in spans("cd" * 16) if s.name == "predict cancer"])[0]
        assert failed.status.code == 2 and attributes(failed)["error.type"] == "invalid", failed


@check
def a_caller_that_is_not_recorded_is_not_and_a_share_of_others_is():
    with served(AT + "\nsample = 0.5"):
        Collector.taken.clear()
        requests.get(f"{URL}/v2/health/live", headers={"traceparent": f"00-{'ef' * 16}-{PARENT}-00"})
        for _ in range(200):
            requests.get(f"{URL}/v2/health/live")
        until(lambda: len(spans()) > 60)
        time.sleep(1.5)
        assert not spans("ef" * 16)
        assert 60 < len([s for s in spans() if s.name == "GET /v2/health/live"]) < 140, len(spans())


@check
def a_collector_that_hangs_holds_nobody_up():
    with served(AT):
        Collector.slow = 5.0
        client = triton.InferenceServerClient(HOST)
        for _ in range(50):
            began = time.time()
            ask(client, triton, "cancer")
            assert time.time() - began < 2.0
        Collector.slow = 0.0


@check
def the_environment_tells_a_server_too_and_none_is_off():
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}", "OTEL_SERVICE_NAME": "env"}
    with served("", env=env):
        Collector.taken.clear()
        requests.get(f"{URL}/v2/health/live")
        # What the collector took so slowly may still come from the server before.
        named = lambda: [attributes(message.resource_spans[0].resource)["service.name"] for _, message in list(Collector.taken)]
        until(lambda: "env" in named())
    with served(""):
        Collector.taken.clear()
        assert "traceparent" not in requests.get(f"{URL}/v2/health/live").headers["server-timing"]
        time.sleep(1.5)
        assert not Collector.taken


@check
def a_collector_takes_them_by_grpc_after_it_was_busy_too():
    settings = f'otlp_endpoint = "http://127.0.0.1:{GRPC_PORT}"\notlp_protocol = "grpc"\notlp_headers = {{ x-key = "secret" }}'
    with served(settings):
        Collector.taken.clear()
        exports.busy = 1
        ask(triton.InferenceServerClient(HOST), triton, "cancer", headers={"traceparent": f"00-{'34' * 16}-{PARENT}-01"})
        found = {span.name for span in until(whole("34" * 16))}
        assert {"POST /v2/models/{model}/infer", "predict cancer", "compute"} <= found and exports.busy == 0, found
        assert Collector.taken[0][0]["x-key"] == "secret", Collector.taken[0][0]
        figures = requests.get(f"{URL}/metrics").text
        assert "mlwright_spans_exported_total" in figures and 'mlwright_spans_dropped_total{reason="export"}' not in figures
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{GRPC_PORT}", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    with served("", env=env):
        Collector.taken.clear()
        requests.get(f"{URL}/v2/health/live")
        until(spans)


@check
def another_server_takes_the_spans_and_mlflow_reads_them():
    import mlflow

    with served("", port=(far := free_port()), folder="far") as other:
        mlflow.set_tracking_uri(other.url)
        experiment = mlflow.set_experiment("spans of serving").experiment_id
        headers = f'otlp_headers = {{ x-mlflow-experiment-id = "{experiment}" }}'
        with served(f'otlp_endpoint = "http://127.0.0.1:{far}"\n{headers}'):
            client = triton.InferenceServerClient(HOST)
            trace_id = f"tr-{'12' * 16}"
            ask(client, triton, "cancer", headers={"traceparent": f"00-{'12' * 16}-{PARENT}-01"})
        # The server has ended: what was left went with it.
        trace = mlflow.get_trace(trace_id)
        names = {span.name: span for span in trace.data.spans}
        assert {"POST /v2/models/{model}/infer", "predict cancer", "compute", "record"} <= set(names), set(names)
        assert names["predict cancer"].attributes["mlwright.model.version"] == 1
        assert names["predict cancer"].parent_id == names["POST /v2/models/{model}/infer"].span_id


failed = run_checks()
shutil.rmtree(SCRATCH, ignore_errors=True)
sys.exit(failed != 0)
