"""Traces of the unmodified mlflow client, and plain OTLP, against a server: python mlflow_traces.py <server-url>

Prints `ok <what>` or `not ok <what>: <why>` for each check and exits non-zero if any failed. Expects a fresh server.
"""

import gzip
import json
import logging
import os
import sys
import time
import warnings
import zlib

warnings.filterwarnings("ignore")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
os.environ.setdefault("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "false")

import mlflow  # noqa: E402
import requests  # noqa: E402
from mlflow import MlflowClient  # noqa: E402
from mlflow.entities import (  # noqa: E402
    AssessmentSource,
    Document,
    Expectation,
    Feedback,
    SpanEvent,
    SpanType,
)
from mlflow.entities.trace_metrics import AggregationType, MetricAggregation, MetricViewType  # noqa: E402
from mlflow.tracing.client import TracingClient  # noqa: E402
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # noqa: E402
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from _checks import check, refused, run_checks  # noqa: E402

logging.getLogger("mlflow").setLevel(logging.ERROR)

URL = sys.argv[1].rstrip("/")


mlflow.set_tracking_uri(URL)
experiment = mlflow.set_experiment("traces").experiment_id
client = MlflowClient()
tracing = TracingClient()
state = {}


def search(filter_string=None, **more):
    found = mlflow.search_traces(
        locations=[experiment], filter_string=filter_string, return_type="list", **more
    )
    return [t.info.trace_id for t in found]


@check
def nested_spans_come_back_as_they_were():
    @mlflow.trace(span_type=SpanType.RETRIEVER)
    def retrieve(question):
        return [Document(page_content="Paris is the capital.", metadata={"doc_uri": "a"})]

    @mlflow.trace(name="answer", span_type=SpanType.AGENT, attributes={"k": {"deep": [1, 2.5, None, "é\n"]}})
    def answer(question, *, temperature=0.5):
        documents = retrieve(question)
        with mlflow.start_span("call", span_type=SpanType.CHAT_MODEL) as span:
            span.set_inputs({"messages": [{"role": "user", "content": question}]})
            span.set_attribute("mlflow.chat.tokenUsage", {"input_tokens": 9, "output_tokens": 3, "total_tokens": 12})
            span.set_attributes({"mlflow.llm.model": "gpt-4o-mini", "mlflow.llm.provider": "openai"})
            span.add_event(SpanEvent("thought", attributes={"n": 1, "who": "me"}))
            span.set_outputs({"choices": [{"message": {"role": "assistant", "content": "Paris"}}]})
        mlflow.update_current_trace(
            tags={"env": "prod"}, metadata={"mlflow.trace.session": "s-1", "mlflow.trace.user": "ann"}
        )
        return f"Paris, from {len(documents)}"

    assert answer("What is the capital of France?") == "Paris, from 1"
    state["answer"] = trace_id = mlflow.get_last_active_trace_id()
    trace = mlflow.get_trace(trace_id)
    assert trace.info.state == "OK" and trace.info.experiment_id == experiment
    assert trace.info.tags["env"] == "prod" and trace.info.tags["mlflow.traceName"] == "answer", trace.info.tags
    assert trace.info.trace_metadata["mlflow.trace.session"] == "s-1"
    assert "capital of France" in trace.info.request_preview and trace.info.response_preview == '"Paris, from 1"'
    assert trace.info.token_usage == {"input_tokens": 9, "output_tokens": 3, "total_tokens": 12}
    spans = {s.name: s for s in trace.data.spans}
    assert set(spans) == {"answer", "retrieve", "call"} and trace.data.spans[0].name == "answer"
    root, call = spans["answer"], spans["call"]
    assert root.parent_id is None and call.parent_id == root.span_id
    assert root.inputs == {"question": "What is the capital of France?", "temperature": 0.5}, root.inputs
    assert root.attributes["k"] == {"deep": [1, 2.5, None, "é\n"]}, root.attributes["k"]
    assert call.events[0].name == "thought" and call.events[0].attributes == {"n": 1, "who": "me"}
    assert spans["retrieve"].span_type == "RETRIEVER" and spans["retrieve"].outputs[0]["page_content"]
    assert root.start_time_ns <= call.start_time_ns <= call.end_time_ns <= root.end_time_ns


@check
def a_failed_call_is_an_error():
    @mlflow.trace
    def broken():
        raise ValueError("no luck")

    try:
        broken()
    except ValueError:
        pass
    state["broken"] = mlflow.get_last_active_trace_id()
    trace = mlflow.get_trace(state["broken"])
    assert trace.info.state == "ERROR"
    span = trace.data.spans[0]
    assert span.status.status_code == "ERROR" and "no luck" in span.status.description
    assert span.events[0].name == "exception" and span.events[0].attributes["exception.type"] == "ValueError"


@check
def runs_hold_their_traces():
    with mlflow.start_run() as run:
        with mlflow.start_span("in run") as span:
            span.set_inputs("x")
        state["in_run"] = mlflow.get_last_active_trace_id()
    assert search(f"run_id = '{run.info.run_id}'") == [state["in_run"]]
    tracing.store.link_traces_to_run([state["answer"]], run.info.run_id)
    assert set(search(f"run_id = '{run.info.run_id}'")) == {state["in_run"], state["answer"]}


@check
def searches_find_by_every_kind_of_condition():
    answer, broken = state["answer"], state["broken"]
    assert search("tag.env = 'prod'") == [answer]
    assert search("trace.status = 'ERROR'") == [broken]
    assert search("name = 'answer'") == [answer] and search("name LIKE 'ans%'") == [answer]
    assert search("metadata.`mlflow.trace.session` = 's-1'") == [answer]
    assert search("span.type = 'CHAT_MODEL' AND span.name = 'call'") == [answer]
    assert search("span.attributes.mlflow.llm.model LIKE '%4o%'") == [answer]
    assert search("span.attributes.mlflow.llm.model = 'gpt-4o-mini'") == [answer]
    assert search("span.attributes.mlflow.llm.model RLIKE '^gpt-.*mini$'") == [answer]
    assert search("trace.text LIKE '%capital of France%'") == [answer]
    assert search("tag.env RLIKE 'pr.d'") == [answer] and search("tag.env IS NULL AND status = 'ERROR'") == [broken]
    everything = search()
    assert search(order_by=["timestamp_ms ASC"]) == everything[::-1] and len(everything) == 3
    pages = [client.search_traces(locations=[experiment], max_results=2)]
    pages.append(client.search_traces(locations=[experiment], max_results=2, page_token=pages[0].token))
    assert [len(p) for p in pages] == [2, 1] and pages[1].token is None
    assert search(f"timestamp_ms > {int(time.time() * 1000) + 60_000}") == []
    refused("INVALID_PARAMETER_VALUE", "Invalid attribute key", search, "nonsense = 'x'")
    refused("INVALID_PARAMETER_VALUE", "regular expression", search, "tag.env RLIKE '('")


@check
def people_and_judges_assess():
    trace_id = state["answer"]
    human = AssessmentSource(source_type="HUMAN", source_id="ann")
    good = mlflow.log_feedback(trace_id=trace_id, name="good", value=True, source=human, rationale="right")
    score = mlflow.log_feedback(trace_id=trace_id, name="score", value=0.5, metadata={"m": "1"})
    failed = mlflow.log_feedback(trace_id=trace_id, name="failed", error=ValueError("judge is down"))
    wanted = mlflow.log_expectation(trace_id=trace_id, name="wanted", value={"city": ["Paris"]}, source=human)
    assert good.value is True and score.assessment_id.startswith("a-")
    trace = mlflow.get_trace(trace_id)
    by_name = {a.name: a for a in trace.info.assessments}
    assert set(by_name) == {"good", "score", "failed", "wanted"}
    assert by_name["wanted"].value == {"city": ["Paris"]} and by_name["good"].rationale == "right"
    assert by_name["failed"].error.error_message == "judge is down" and by_name["score"].metadata == {"m": "1"}
    mlflow.update_assessment(
        trace_id, score.assessment_id, Feedback(name="score", value=0.75, rationale="better", metadata={"n": "2"})
    )
    changed = mlflow.get_assessment(trace_id, score.assessment_id)
    assert (changed.value, changed.rationale, changed.metadata) == (0.75, "better", {"m": "1", "n": "2"})
    refused(
        "INVALID_PARAMETER_VALUE", "Cannot update expectation value on a Feedback",
        mlflow.update_assessment, trace_id, score.assessment_id, Expectation(name="score", value=1),
    )
    over = mlflow.override_feedback(trace_id=trace_id, assessment_id=good.assessment_id, value=False)
    assert over.overrides == good.assessment_id
    assert mlflow.get_assessment(trace_id, good.assessment_id).valid is False
    mlflow.delete_assessment(trace_id, over.assessment_id)
    assert mlflow.get_assessment(trace_id, good.assessment_id).valid is True
    mlflow.delete_assessment(trace_id, failed.assessment_id)
    refused("RESOURCE_DOES_NOT_EXIST", "not found", mlflow.get_assessment, trace_id, failed.assessment_id)
    refused("RESOURCE_DOES_NOT_EXIST", "not found", mlflow.log_feedback, trace_id="tr-none", name="x", value=1)
    assert search("feedback.good = 'true'") == [trace_id] and search("feedback.score > 0.7") == [trace_id]
    assert search("expectation.wanted IS NOT NULL") == [trace_id] and search("feedback.score > 0.8") == []


@check
def tags_change_and_go():
    trace_id = state["answer"]
    mlflow.set_trace_tag(trace_id, "a b", "1")
    client.set_trace_tag(trace_id, "long", "x" * 9_000)
    tags = mlflow.get_trace(trace_id).info.tags
    assert tags["a b"] == "1" and len(tags["long"]) == 4_096
    mlflow.delete_trace_tag(trace_id, "a b")
    assert "a b" not in mlflow.get_trace(trace_id).info.tags
    refused("RESOURCE_DOES_NOT_EXIST", "No trace tag with key 'a b'", client.delete_trace_tag, trace_id, "a b")
    kept = {"key": "mlflow.trace.spansLocation", "value": "x"}
    answer = requests.patch(f"{URL}/api/3.0/mlflow/traces/{trace_id}/tags", json=kept)
    assert answer.status_code == 400 and "immutable" in answer.text, answer.text


@check
def prompts_are_linked():
    prompt = mlflow.genai.register_prompt("ask", "answer {{question}}")
    tracing.link_prompt_versions_to_trace(state["answer"], [prompt])
    assert search("prompt = 'ask/1'") == [state["answer"]] and search("prompt = 'ask/2'") == []


@check
def metrics_count_and_rank():
    def ask(view, name, kind, **more):
        percentile = more.pop("percentile", None)
        return tracing.store.query_trace_metrics(
            [experiment], view, name, [MetricAggregation(kind, percentile)], **more
        )

    counts = ask(MetricViewType.TRACES, "trace_count", AggregationType.COUNT, dimensions=["trace_status"])
    assert {p.dimensions["trace_status"]: p.values["COUNT"] for p in counts} == {"OK": 2.0, "ERROR": 1.0}
    tokens = ask(MetricViewType.TRACES, "total_tokens", AggregationType.SUM)
    assert tokens[0].values == {"SUM": 12.0}
    latency = ask(MetricViewType.SPANS, "latency", AggregationType.PERCENTILE, percentile=50.0)
    assert list(latency[0].values) == ["P50.0"]
    now = int(time.time() * 1000)
    buckets = ask(
        MetricViewType.SPANS, "span_count", AggregationType.COUNT, dimensions=["span_type"],
        filters=["span.type = 'AGENT'"], time_interval_seconds=3600, start_time_ms=now - 3_600_000, end_time_ms=now,
    )
    assert sum(p.values["COUNT"] for p in buckets) == 1 and "time_bucket" in buckets[0].dimensions
    scores = ask(MetricViewType.ASSESSMENTS, "assessment_value", AggregationType.AVG, dimensions=["assessment_name"])
    assert {p.dimensions["assessment_name"]: p.values["AVG"] for p in scores} == {"good": 1.0, "score": 0.75}
    refused("INVALID_PARAMETER_VALUE", "metric_name must be one of", ask, MetricViewType.SPANS, "x", AggregationType.SUM)


@check
def filters_correlate():
    found = tracing.store.calculate_trace_filter_correlation([experiment], "status = 'OK'", "tag.env = 'prod'")
    assert (found.filter1_count, found.filter2_count, found.joint_count, found.total_count) == (2, 1, 1, 3)
    assert -1 <= found.npmi <= 1
    nothing = tracing.store.calculate_trace_filter_correlation([experiment], "status = 'OK'", "tag.env = 'x'")
    assert nothing.npmi != nothing.npmi


@check
def traces_can_be_made_by_hand():
    root = client.start_trace("by hand", inputs={"a": 1}, tags={"t": "1"}, experiment_id=experiment)
    child = client.start_span("child", root.trace_id, root.span_id, inputs="in")
    client.end_span(root.trace_id, child.span_id, outputs="out")
    client.end_trace(root.trace_id, outputs={"b": 2})
    trace = client.get_trace(root.trace_id)
    assert [s.name for s in trace.data.spans] == ["by hand", "child"] and trace.info.tags["t"] == "1"
    refused("RESOURCE_DOES_NOT_EXIST", "not found", client.get_trace, "tr-none")


@check
def many_traces_at_once_are_all_kept():
    os.environ["MLFLOW_ENABLE_ASYNC_TRACE_LOGGING"] = "true"

    @mlflow.trace(name="burst")
    def burst(n):
        with mlflow.start_span("inner"):
            return n

    for n in range(60):
        burst(n)
    mlflow.flush_trace_async_logging(terminate=True)
    os.environ["MLFLOW_ENABLE_ASYNC_TRACE_LOGGING"] = "false"
    found = mlflow.search_traces(
        locations=[experiment], filter_string="name = 'burst'", max_results=200, return_type="list"
    )
    assert len(found) == 60 and all(len(t.data.spans) == 2 for t in found), len(found)
    state["burst"] = [t.info.trace_id for t in found]


def otlp(trace=b"\x01" * 16, **root):
    message = ExportTraceServiceRequest()
    group = message.resource_spans.add()
    service = group.resource.attributes.add(key="service.name")
    service.value.string_value = "shop"
    scope = group.scope_spans.add()
    for place, name in enumerate(["chat", "tool"]):
        span = scope.spans.add(trace_id=trace, span_id=bytes([place + 1]) * 8, name=name)
        span.start_time_unix_nano, span.end_time_unix_nano = 10**18 + place, 10**18 + 5_000_000
        if place:
            span.parent_span_id = b"\x01" * 8
    chat = scope.spans[0]
    for key, value in {
        "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 5, "session.id": "s-2", "input.value": '{"q": "hi"}', **root,
    }.items():
        added = chat.attributes.add(key=key)
        if isinstance(value, int):
            added.value.int_value = value
        else:
            added.value.string_value = value
    return message


def post(body, **headers):
    headers = {"Content_Type": "application/x-protobuf", "x_mlflow_experiment_id": experiment} | headers
    headers = {k.replace("_", "-"): v for k, v in headers.items() if v is not None}
    return requests.post(f"{URL}/v1/traces", data=body, headers=headers)


@check
def other_instrumentations_are_understood():
    body = otlp().SerializeToString()
    for number, (encoding, pack) in enumerate(
        [(None, bytes), ("gzip", gzip.compress), ("deflate", zlib.compress)], start=1
    ):
        trace = bytes([number]) * 16
        packed = pack(otlp(trace).SerializeToString())
        answer = post(packed, Content_Encoding=encoding)
        assert answer.status_code == 200, answer.text
        ExportTraceServiceResponse().ParseFromString(answer.content)
        found = mlflow.get_trace(f"tr-{trace.hex()}")
        assert found.info.state == "OK" and found.info.token_usage["total_tokens"] == 12, found.info
        assert found.info.tags["service.name"] == "shop" and found.info.request_preview == '{"q": "hi"}'
        root = found.data.spans[0]
        assert root.span_type == "CHAT_MODEL" and root.inputs == {"q": "hi"}
        assert root.attributes["mlflow.llm.model"] == "gpt-4o" and len(found.data.spans) == 2
    assert search("metadata.`mlflow.trace.session` = 's-2'").__len__() == 3
    as_json = {
        "resourceSpans": [{"scopeSpans": [{"spans": [{
            "traceId": "ab" * 16, "spanId": "cd" * 8, "name": "json", "startTimeUnixNano": "1000000000000000000",
            "endTimeUnixNano": "1000000000001000000", "status": {"code": 2, "message": "bad"},
            "attributes": [{"key": "n", "value": {"intValue": "9007199254740993"}}],
        }]}]}]
    }
    assert post(json.dumps(as_json), Content_Type="application/json").status_code == 200
    span = mlflow.get_trace("tr-" + "ab" * 16).data.spans[0]
    assert span.attributes["n"] == 9007199254740993 and span.status.description == "bad"
    for body, headers, status, text in [
        (body, {"x_mlflow_experiment_id": None}, 422, "Field required"),
        (body, {"Content_Type": "text/plain"}, 400, "Invalid Content-Type"),
        (b"\xff\xff", {}, 400, "Invalid OpenTelemetry format"),
        (b"", {}, 400, "no spans found"),
        (otlp(b"").SerializeToString(), {}, 422, "Cannot convert"),
        (b"nonsense", {"Content_Encoding": "gzip"}, 400, "Failed to decompress gzip"),
        (gzip.compress(b"\0" * (200 << 20)), {"Content_Encoding": "gzip"}, 413, "too large"),
        (body, {"x_mlflow_experiment_id": "4711"}, 404, "No Experiment with id=4711 exists"),
    ]:
        answer = post(body, **headers)
        assert answer.status_code == status and text in answer.text, (status, text, answer.status_code, answer.text)


@check
def the_web_page_finds_the_spans():
    answer = requests.get(f"{URL}/ajax-api/2.0/mlflow/get-trace-artifact", params={"request_id": state["answer"]})
    assert {s["name"] for s in answer.json()["spans"]} == {"answer", "retrieve", "call"}
    body = {"locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}]}
    answer = requests.post(f"{URL}/ajax-api/3.0/mlflow/traces/search", json=body)
    assert answer.status_code == 200 and answer.json()["traces"], answer.text


@check
def clients_before_version_three_are_served():
    api = f"{URL}/api/2.0/mlflow/traces"
    body = {"experiment_id": experiment, "timestamp_ms": 1000, "tags": [{"key": "mlflow.traceName", "value": "old"}]}
    started = requests.post(api, json=body).json()["trace_info"]
    assert started["status"] == "IN_PROGRESS" and started["timestamp_ms"] == 1000
    uid = started["request_id"]
    body = {"timestamp_ms": 1500, "status": "OK", "request_metadata": [{"key": "m", "value": "1"}]}
    ended = requests.patch(f"{api}/{uid}", json=body).json()["trace_info"]
    assert ended["execution_time_ms"] == 500 and {"key": "m", "value": "1"} in ended["request_metadata"]
    query = {"experiment_ids": [experiment], "filter": "name = 'old'"}
    found = requests.get(api, params=query).json()["traces"]
    assert [t["request_id"] for t in found] == [uid]
    assert requests.get(f"{api}/{uid}/info").json()["trace_info"]["status"] == "OK"


@check
def deleted_traces_are_gone():
    burst = state["burst"]
    assert client.delete_traces(experiment, trace_ids=burst[:10]) == 10
    refused("RESOURCE_DOES_NOT_EXIST", "not found", client.get_trace, burst[0])
    assert client.delete_traces(experiment, max_timestamp_millis=int(time.time() * 1000), max_traces=5) == 5
    remaining = len(search(max_results=500))
    assert client.delete_traces(experiment, max_timestamp_millis=int(time.time() * 1000) + 1000) == remaining
    assert search() == []


failed = run_checks()
sys.exit(1 if failed else 0)
