use axum::body::Body;
use http::StatusCode;
use pipelines::CodeSnapshot;
use serde_json::{Value, json};
use types::{Actor, Digest, Role};

use crate::{COMPONENTS, Client, error, with_role};

const CSV: &str = "age,visits\n30,1\n41,0\n";

/// A form of parts: (name, file name, content).
fn form(parts: &[(&str, Option<&str>, &str)]) -> Body {
    let mut text = String::new();
    for (name, file, content) in parts {
        let file = file.map(|f| format!("; filename=\"{f}\"")).unwrap_or_default();
        text +=
            &format!("--cut\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{content}\r\n");
    }
    Body::from(text + "--cut--\r\n")
}

async fn post(client: &Client, actor: Actor, parts: &[(&str, Option<&str>, &str)]) -> (StatusCode, Value) {
    client
        .send(actor, "POST", "datasets/visits/versions", "multipart/form-data; boundary=cut", form(parts))
        .await
}

/// Declares `visits` with the expectation that ages are at most 40.
async fn declare(client: &Client) {
    let code = CodeSnapshot { digest: Digest::of("code"), git_commit: None, git_diff_digest: None };
    let spec = json!({ "expectations": { "columns": { "age": { "between": [0, 40] } } } });
    let declaration =
        automation::Declaration { kind: "dataset".into(), name: "visits".into(), project: "p".into(), spec };
    let apply = automation::NewApply {
        project: "p".into(),
        text: String::new(),
        dir: String::new(),
        code,
        declarations: vec![declaration],
    };
    automation::record_apply(&client.ledger, &Actor::local(), apply).await.unwrap();
}

ledger::db_test! {
    components: COMPONENTS;

    async fn a_form_brings_files_and_the_same_files_are_the_same_version(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let digest = Digest::of(CSV).to_string();
        let parts = [("sha256", None, digest.as_str()), ("file", Some("a.csv"), CSV)];
        let (status, first) = post(&client, Actor::local(), &parts).await;
        assert_eq!((status, &first["rows"]), (StatusCode::OK, &json!(2)), "{first}");
        let (_, again) = post(&client, Actor::local(), &parts).await;
        assert_eq!(first["uid"], again["uid"]);
        let found = client.get("datasets/visits/versions/1").await;
        assert_eq!(found["schema"]["columns"][0]["name"], "age");
        assert_eq!(found["profile"]["columns"][0]["max"], 41.0);
        assert_eq!(client.get("datasets").await["datasets"][0]["versions"], 1);
    }

    async fn a_file_with_another_digest_leaves_no_version(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let other = Digest::of("other").to_string();
        let parts = [("sha256", None, other.as_str()), ("file", Some("a.csv"), CSV)];
        let (status, body) = post(&client, Actor::local(), &parts).await;
        assert_eq!((status, error(&body)), (StatusCode::BAD_REQUEST, ("invalid", true)));
        let (status, body) = post(&client, Actor::local(), &parts[..1]).await;
        assert_eq!((status, error(&body)), (StatusCode::BAD_REQUEST, ("invalid", true)));
        assert_eq!(client.get("datasets").await["datasets"], json!([]));
    }

    async fn a_declared_dataset_keeps_its_gate_when_files_come_by_hand(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        declare(&client).await;
        let (status, body) = post(&client, Actor::local(), &[("file", Some("a.csv"), CSV)]).await;
        assert_eq!((status, error(&body).0), (StatusCode::UNPROCESSABLE_ENTITY, "rejected"), "{body}");
        let young = "age,visits\n30,1\n40,0\n";
        let (status, body) = post(&client, Actor::local(), &[("file", Some("a.csv"), young)]).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let gates = client.get("datasets/visits").await["gates"].clone();
        let mut verdicts: Vec<bool> =
            gates.as_array().unwrap().iter().map(|g| g["passed"].as_bool().unwrap()).collect();
        verdicts.sort_unstable();
        assert_eq!(verdicts, [false, true]);
    }

    async fn a_viewer_may_not_import(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let (status, body) = post(&client, with_role(Role::Viewer), &[("file", Some("a.csv"), CSV)]).await;
        assert_eq!((status, error(&body).0), (StatusCode::FORBIDDEN, "forbidden"));
    }

    async fn what_fits_no_handler_is_refused_in_the_envelope(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        for (method, path) in
            [("GET", "why/zzz"), ("GET", "pipeline-runs/zzz"), ("GET", "runs?limit=x"), ("PATCH", "runs")]
        {
            let (status, body) = client.call(method, path, Value::Null).await;
            assert!(status.is_client_error(), "{path}: {status}");
            assert_eq!(error(&body), ("invalid", true), "{path}: {body}");
        }
    }
}
