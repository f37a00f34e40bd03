//! What clients see on the wire: the door in front of a real ledger and blob store.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

// Under the name that the rest of the house knows it by.
extern crate mlwright_door_mlflow as door_mlflow;

mod access;
mod artifacts;
mod experiments;
mod genai;
mod graphql;
mod logged_models;
mod registry;
mod traces;
mod webhooks;

use axum::Router;
use axum::body::Body;
use blobs::{BlobConfig, Blobs};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use repositories::Repositories;
use serde_json::{Value, json};
use tower::ServiceExt;
use types::{Actor, Role};

struct Client {
    router: Router,
    repositories: Repositories,
    actor: Actor,
    /// Named by the header, if any.
    workspace: Option<String>,
    _home: tempfile::TempDir,
}

impl Client {
    async fn new(ledger: ledger::Ledger) -> Self {
        Self::rooted(ledger, None).await
    }

    async fn rooted(ledger: ledger::Ledger, artifact_root: Option<String>) -> Self {
        let home = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&BlobConfig::Local(home.path().into())).await.unwrap();
        let vault = vault::Vault::open(home.path(), None).unwrap();
        let repositories = Repositories::open(ledger.clone(), blobs.clone(), Default::default());
        let router = door_mlflow::routes(door_mlflow::State {
            webhooks: hooks(&ledger, &vault),
            plain_webhooks: true,
            repositories: repositories.clone(),
            ledger,
            blobs,
            vault,
            artifact_root,
            workspaces: true,
        })
        .router;
        Self { router, repositories, actor: Actor::local(), workspace: None, _home: home }
    }

    async fn raw(
        &self,
        method: &str,
        path: &str,
        kind: Option<&str>,
        body: impl Into<Body>,
    ) -> (StatusCode, Vec<u8>) {
        let mut request = Request::builder().method(method).uri(path).extension(self.actor.clone());
        if let Some(kind) = kind {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        if let Some(workspace) = &self.workspace {
            request = request.header("x-mlflow-workspace", workspace);
        }
        let answer = self.router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        (answer.status(), answer.into_body().collect().await.unwrap().to_bytes().to_vec())
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
        let path = format!("/api/2.0/{path}");
        let (status, body) = self.raw(method, &path, Some("application/json"), body.to_string()).await;
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.call("POST", &format!("mlflow/{path}"), body).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        answer
    }

    async fn run(&self) -> String {
        let answer = self.post("runs/create", json!({ "experiment_id": "0", "start_time": 7 })).await;
        answer["run"]["info"]["run_id"].as_str().unwrap().to_owned()
    }
}

fn hooks(ledger: &ledger::Ledger, vault: &vault::Vault) -> ::webhooks::Webhooks {
    let client = outbound::Client::new(outbound::Policy::local()).unwrap();
    let composer = std::sync::Arc::new(door_mlflow::Composer::new(ledger));
    ::webhooks::Webhooks::new(ledger, vault, client, door_mlflow::STYLE, composer)
}

fn message(answer: &(StatusCode, Value)) -> (u16, &str, &str) {
    (
        answer.0.as_u16(),
        answer.1["error_code"].as_str().unwrap_or(""),
        answer.1["message"].as_str().unwrap_or(""),
    )
}

ledger::db_test! {
    components: [tracking::COMPONENT, models::COMPONENT];

    async fn a_new_run_answers_as_upstream_does(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let request = json!({
            "experiment_id": "0", "start_time": 1234, "run_name": "n", "tags": [{"key": "a", "value": "1"}], "new": 1,
        });
        let answer = client.post("runs/create", request).await;
        let id = answer["run"]["info"]["run_id"].as_str().unwrap();
        let expected = json!({ "run": {
            "info": {
                "run_id": id, "run_uuid": id, "run_name": "n", "experiment_id": "0", "user_id": "",
                "status": "RUNNING", "start_time": 1234, "artifact_uri": format!("mlflow-artifacts:/0/{id}/artifacts"),
                "lifecycle_stage": "active",
            },
            "data": { "tags": [{"key": "a", "value": "1"}, {"key": "mlflow.runName", "value": "n"}] },
            "inputs": {},
        }});
        assert_eq!(answer, expected);
    }

    async fn not_a_number_travels_as_text(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let id = client.run().await;
        let metric = |key: &str, value: Value| json!({ "key": key, "value": value, "timestamp": "5", "step": 9007199254740993_i64 });
        let metrics = [metric("nan", json!("NaN")), metric("up", json!("Infinity")), metric("text", json!("1.5"))];
        client.post("runs/log-batch", json!({ "run_id": id, "metrics": metrics })).await;
        let (_, answer) = client.call("GET", &format!("mlflow/runs/get?run_id={id}"), Value::Null).await;
        let metrics = &answer["run"]["data"]["metrics"];
        assert_eq!(metrics[0], json!({ "key": "nan", "value": "NaN", "timestamp": 5, "step": 9007199254740993_i64 }));
        assert_eq!((&metrics[1]["value"], &metrics[2]["value"]), (&json!(1.5), &json!(f64::MAX)));
    }

    async fn wrong_requests_get_upstreams_words(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let id = client.run().await;
        let cases = [
            ("experiments/create", json!({}), "Missing value for required parameter 'name'."),
            ("experiments/create", json!({ "name": 3 }), "Invalid value 3 for parameter 'name' supplied:  Hint: Value was of type 'int'."),
            ("experiments/create", json!({ "name": "Default" }), "Experiment(name=Default) already exists."),
            ("runs/log-metric", json!({ "run_id": id, "key": "m", "value": 1 }), "Missing value for required parameter 'timestamp'."),
            ("runs/log-batch", json!({ "run_id": id, "metrics": [{ "key": "m", "value": 1, "timestamp": 1, "step": "foo" }] }), "Invalid value \"foo\" for parameter 'metrics[0].step' supplied"),
            ("runs/log-batch", json!({ "run_id": id, "params": [{ "key": "a" }, { "key": "a" }] }), "Duplicate parameter keys have been submitted: ['a']."),
            ("runs/set-tag", json!({ "run_id": id, "runId": id, "key": "a" }), "Request specifies both 'run_id' and 'runId'; provide only one of them."),
            ("runs/set-tag", json!({ "run_id": id, "key": "/a" }), "This name would resolve to '/a'"),
            ("runs/search", json!({ "experiment_ids": ["0"], "max_results": 0 }), "Invalid value 0 for parameter 'max_results' supplied. It must be a positive integer"),
            ("runs/search", json!({ "experiment_ids": ["0"], "page_token": "abc" }), "Invalid page token, could not base64-decode"),
        ];
        for (path, body, words) in cases {
            let answer = client.call("POST", &format!("mlflow/{path}"), body).await;
            let (status, code, text) = message(&answer);
            assert!(text.contains(words) && status == 400, "{path}: {status} {code} {text}");
        }
        let answer = client.call("GET", "mlflow/runs/get?run_id=nothing", Value::Null).await;
        assert_eq!(message(&answer), (404, "RESOURCE_DOES_NOT_EXIST", "Run with id=nothing not found"));
        let answer = client.call("POST", "mlflow/runs/no-such", json!({})).await;
        assert_eq!((message(&answer).0, message(&answer).1), (404, "ENDPOINT_NOT_FOUND"));
    }

    async fn long_values_are_cut_and_names_in_both_spellings_read(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let id = client.run().await;
        let long = "ü".repeat(6_001);
        client.post("runs/log-parameter", json!({ "runId": id, "key": "p", "value": long })).await;
        let (_, answer) = client.call("GET", &format!("mlflow/runs/get?run_uuid={id}"), Value::Null).await;
        assert_eq!(answer["run"]["data"]["params"][0]["value"].as_str().unwrap().chars().count(), 6_000);
    }

    async fn a_cut_upload_leaves_nothing(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let path = "/api/2.0/mlflow-artifacts/artifacts/0/x/artifacts/a%20b.bin";
        let pieces = futures::stream::iter([Ok(&b"half"[..]), Err(std::io::Error::other("the client went away"))]);
        let (status, _) = client.raw("PUT", path, None, Body::from_stream(pieces)).await;
        assert!(!status.is_success());
        assert_eq!(client.raw("GET", path, None, Body::empty()).await.0, StatusCode::NOT_FOUND);
        assert_eq!(client.raw("PUT", path, None, "whole").await.0, StatusCode::OK);
        assert_eq!(client.raw("GET", path, None, Body::empty()).await, (StatusCode::OK, b"whole".to_vec()));
        let (_, listed) = client.call("GET", "mlflow-artifacts/artifacts?path=0/x/artifacts", Value::Null).await;
        assert_eq!(listed, json!({ "files": [{ "path": "a b.bin", "is_dir": false, "file_size": 5 }] }));
    }

    async fn a_viewer_reads_and_does_not_write(ledger: ledger::Ledger) {
        let mut client = Client::new(ledger).await;
        client.actor.role = Role::Viewer;
        let (status, _) = client.call("GET", "mlflow/experiments/get?experiment_id=0", Value::Null).await;
        assert_eq!(status, StatusCode::OK);
        let answer = client.call("POST", "mlflow/experiments/create", json!({ "name": "x" })).await;
        assert_eq!((message(&answer).0, message(&answer).1), (403, "PERMISSION_DENIED"));
        let (status, _) = client.raw("PUT", "/api/2.0/mlflow-artifacts/artifacts/a", None, "x").await;
        assert_eq!(status, StatusCode::FORBIDDEN);
    }

    async fn a_web_form_cannot_write(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let path = "/api/2.0/mlflow/experiments/create";
        for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded")] {
            let (status, _) = client.raw("POST", path, kind, r#"{"name": "x"}"#).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{kind:?}");
        }
    }
}
