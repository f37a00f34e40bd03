//! Traces on the wire: OTLP in, upstream's messages out.

use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::{Client, message};

impl Client {
    /// OTLP as JSON, into the default experiment.
    async fn export(&self, spans: Value) -> (StatusCode, Vec<u8>) {
        let body = json!({ "resourceSpans": [{
            "resource": { "attributes": [
                { "key": "service.name", "value": { "stringValue": "shop" } },
                { "key": "telemetry.sdk.name", "value": { "stringValue": "x" } },
                { "key": "replicas", "value": { "arrayValue": { "values": [{ "intValue": "1" }, { "boolValue": true }] } } },
            ] },
            "scopeSpans": [{ "spans": spans }],
        }] });
        self.otlp("application/json", Some("0"), body.to_string()).await
    }

    async fn otlp(
        &self,
        kind: &str,
        experiment: Option<&str>,
        body: impl Into<Body>,
    ) -> (StatusCode, Vec<u8>) {
        let mut request = Request::builder().method("POST").uri("/v1/traces").extension(self.actor.clone());
        request = request.header("content-type", kind);
        if let Some(experiment) = experiment {
            request = request.header("x-mlflow-experiment-id", experiment);
        }
        let answer = self.router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        (answer.status(), answer.into_body().collect().await.unwrap().to_bytes().to_vec())
    }

    async fn v3(&self, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
        let path = format!("/ajax-api/3.0/mlflow/traces{path}");
        let (status, body) = self.raw(method, &path, Some("application/json"), body.to_string()).await;
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }
}

fn span(trace: &str, id: &str, parent: &str, attributes: Value) -> Value {
    json!({
        "traceId": trace.repeat(16), "spanId": id.repeat(8), "parentSpanId": parent.repeat(8), "name": format!("s{id}"),
        "startTimeUnixNano": "1700000000123456789", "endTimeUnixNano": 1_700_000_001_000_000_000_u64,
        "attributes": attributes, "status": { "code": 1 },
        "events": [{ "name": "e", "timeUnixNano": "5", "attributes": [{ "key": "n", "value": { "doubleValue": 0.5 } }] }],
        "links": [{ "traceId": "ef".repeat(16), "spanId": "01".repeat(8) }],
    })
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn search(filter: &str) -> Value {
    let here = json!({ "type": "MLFLOW_EXPERIMENT", "mlflow_experiment": { "experiment_id": "0" } });
    json!({ "locations": [here], "filter": filter })
}

ledger::db_test! {
    components: [tracking::COMPONENT, traces::COMPONENT, models::COMPONENT];

    async fn otlp_spans_become_a_trace_in_upstreams_shape(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let attributes = json!([
            text("input.value", r#"{"messages": [{"role": "user", "content": "hi"}]}"#), text("output.value", "bye"),
            text("openinference.span.kind", "LLM"), text("session.id", "s"), text("user.id", "ann"),
            { "key": "llm.token_count.prompt", "value": { "intValue": "3" } },
            { "key": "llm.token_count.completion", "value": { "intValue": 4 } },
            text("mlflow.traceTag.mlflow.traceName", "called"), text("mlflow.traceTag.own", "1"),
        ]);
        let (status, body) = client.export(json!([span("ab", "01", "", attributes), span("ab", "02", "01", json!([]))])).await;
        assert_eq!((status, body.len()), (StatusCode::OK, 0));
        let uid = format!("tr-{}", "ab".repeat(16));
        let (_, answer) = client.v3("GET", &format!("/{uid}"), Value::Null).await;
        assert_eq!(answer["trace"]["trace_info"], json!({
            "trace_id": uid,
            "trace_location": { "type": "MLFLOW_EXPERIMENT", "mlflow_experiment": { "experiment_id": "0" } },
            "request_preview": "hi", "response_preview": "\"bye\"",
            "request_time": "2023-11-14T22:13:20.123Z", "execution_duration": "0.877s", "state": "OK",
            "trace_metadata": {
                "mlflow.trace.session": "s", "mlflow.trace.user": "ann",
                "mlflow.trace.tokenUsage": "{\"input_tokens\": 3, \"output_tokens\": 4, \"total_tokens\": 7}",
            },
            "tags": {
                "service.name": "shop", "replicas": "[1, true]", "own": "1", "mlflow.traceName": "called",
                "mlflow.artifactLocation": format!("mlflow-artifacts:/0/traces/{uid}/artifacts"),
                "mlflow.trace.spansLocation": "TRACKING_STORE",
            },
        }));
        let (_, answer) = client.v3("GET", &format!("/get?trace_id={uid}"), Value::Null).await;
        let spans = answer["trace"]["spans"].as_array().unwrap();
        assert_eq!((spans.len(), &spans[1]["parent_span_id"]), (2, &json!("AQEBAQEBAQE=")));
        assert_eq!(spans[0]["start_time_unix_nano"], 1_700_000_000_123_456_789_u64);
        assert_eq!(spans[0]["events"], json!([{
            "time_unix_nano": 5, "name": "e", "attributes": [{ "key": "n", "value": { "double_value": 0.5 } }],
        }]));
        assert_eq!(spans[0]["links"][0]["span_id"], "AQEBAQEBAQE=");
        let kind = json!({ "key": "mlflow.spanType", "value": { "string_value": "LLM" } });
        assert!(spans[0]["attributes"].as_array().unwrap().contains(&kind), "{}", spans[0]);
        let path = format!("/ajax-api/2.0/mlflow/get-trace-artifact?request_id={uid}");
        let (_, body) = client.raw("GET", &path, None, "").await;
        let file: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(file["spans"][0]["attributes"]["mlflow.spanOutputs"], "\"bye\"");
    }

    async fn what_cannot_be_read_is_refused_as_upstream_does(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let protobuf = "application/x-protobuf";
        let one = json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [span("ab", "01", "", json!([]))] }] }] });
        for (kind, experiment, body, status, said) in [
            (protobuf, None, String::new(), 422, "Field required"),
            ("text/plain", Some("0"), String::new(), 400, "Invalid Content-Type: text/plain"),
            (protobuf, Some("0"), "\u{7f}".into(), 400, "Invalid OpenTelemetry format"),
            (protobuf, Some("0"), String::new(), 400, "no spans found"),
            ("application/json", Some("0"), "{".into(), 400, "Invalid OpenTelemetry format"),
            ("application/json", Some("0"), one.to_string().replace("0101", "01x1"), 400, "Invalid OpenTelemetry format"),
            ("application/json; charset=utf-8", Some("9"), one.to_string(), 404, "No Experiment with id=9 exists"),
            ("application/json", Some("x"), one.to_string(), 400, "Invalid experiment ID 'x'"),
        ] {
            let (found, answer) = client.otlp(kind, experiment, body).await;
            let answer = String::from_utf8(answer).unwrap();
            assert!(found.as_u16() == status && answer.contains(said), "{kind} {said}: {found} {answer}");
        }
        let nul = span("cd", "01", "", json!([text("session.id", "a\0b"), text("input.value", "\0"), text("k", "\0")]));
        assert_eq!(client.export(json!([nul])).await.0, StatusCode::OK);
        let no_id = span("", "01", "", json!([]));
        let long = span("abab", "01", "", json!([]));
        for bad in [no_id, long] {
            let (status, answer) = client.export(json!([bad])).await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{}", String::from_utf8_lossy(&answer));
        }
    }

    async fn a_declared_trace_comes_back_and_is_found(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let source = json!({ "source_type": "HUMAN", "source_id": "ann" });
        let info = json!({
            "trace_id": "tr-1", "client_request_id": "c-1", "request_time": "2025-01-02T03:04:05.678901Z",
            "trace_location": { "type": "MLFLOW_EXPERIMENT", "mlflow_experiment": { "experiment_id": "0" } },
            "execution_duration": "1.5s", "state": "ERROR", "request_preview": "in",
            "trace_metadata": { "mlflow.trace.cost": "{\"total_cost\": 0.25}", "k": "v" }, "tags": { "t": "1" },
            "assessments": [{ "assessment_name": "good", "source": source, "feedback": { "value": 1 } }],
        });
        let (status, answer) = client.v3("POST", "", json!({ "trace": { "trace_info": info } })).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let info = &answer["trace"]["trace_info"];
        assert_eq!((&info["request_time"], &info["execution_duration"]), (&json!("2025-01-02T03:04:05.678Z"), &json!("1.500s")));
        assert_eq!(info["trace_metadata"], json!({
            "k": "v", "mlflow.trace.cost": "{\"total_cost\": 0.25}", "mlflow.trace.infoFinalized": "true",
        }));
        let made = &info["assessments"][0];
        assert_eq!((&made["feedback"], &made["valid"]), (&json!({ "value": 1.0 }), &json!(true)));
        for filter in [
            "status = 'ERROR' AND execution_time_ms = 1500", "tags.t = '1'", "metadata.k LIKE 'v%'", "feedback.good = '1.0'",
            "client_request_id IN ('c-1', 'c-2')", "metadata.mlflow.trace.cost = '{\"total_cost\": 0.25}'",
            "timestamp_ms >= 1735787045678 AND end_time < 1735787047179", "attributes.request_id RLIKE '^tr-[0-9]$'",
        ] {
            let (_, answer) = client.v3("POST", "/search", search(filter)).await;
            assert_eq!(answer["traces"][0]["trace_id"], "tr-1", "{filter}: {answer}");
        }
        for filter in [
            "metadata.mlflow.trace.cost != '{\"total_cost\": 0.25}'", "feedback.good > 1", "span.name = 'x'", "prompt = 'a/1'",
            "metadata.mlflow.trace.tokenUsage IS NOT NULL", "issue.id = 'i'", "run_id = 'r'", "tags.t RLIKE '2'",
        ] {
            let answer = client.v3("POST", "/search", search(filter)).await;
            assert_eq!(answer, (StatusCode::OK, json!({})), "{filter}");
        }
        for (filter, said) in [
            ("unheard = 'x'", "Invalid attribute key"), ("tags.t RLIKE '('", "is not a regular expression"),
            ("span.content = 'x'", "comparator '=' not one of"), ("tags.t = 'a' OR tags.t = 'b'", "Invalid clause(s)"),
        ] {
            let answer = client.v3("POST", "/search", search(filter)).await;
            let (status, code, text) = message(&answer);
            assert!((status, code) == (400, "INVALID_PARAMETER_VALUE") && text.contains(said), "{filter}: {text}");
        }
        let answer = client.v3("GET", "/tr-9", Value::Null).await;
        assert_eq!(message(&answer), (404, "RESOURCE_DOES_NOT_EXIST", "Trace with ID 'tr-9' not found."));
    }

    async fn pages_of_traces_end_where_upstreams_do(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let spans: Vec<_> = (10..15).map(|i| span(&i.to_string(), "01", "", json!([]))).collect();
        assert_eq!(client.export(json!(spans)).await.0, StatusCode::OK);
        let mut request = search("");
        request["max_results"] = json!(2);
        let mut sizes = Vec::new();
        loop {
            let (_, page) = client.v3("POST", "/search", request.clone()).await;
            sizes.push(page["traces"].as_array().map_or(0, Vec::len));
            match page["next_page_token"].as_str() {
                Some(token) => request["page_token"] = json!(token),
                None => break,
            }
        }
        assert_eq!(sizes, [2, 2, 1]);
        request["max_results"] = json!(501);
        assert_eq!(message(&client.v3("POST", "/search", request).await).0, 400);
        let deletion = json!({ "experiment_id": "0", "max_timestamp_millis": 1_800_000_000_000_i64, "max_traces": 0 });
        let answer = client.v3("POST", "/delete-traces", deletion).await;
        assert_eq!(message(&answer).2, "`max_traces` must be a positive integer, received 0.");
    }
}
