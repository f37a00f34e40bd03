use std::collections::BTreeMap;

use http::StatusCode;
use models::CreateVersion;
use serde_json::{Value, json};
use tracking::artifacts::{self, ArtifactPath};
use tracking::{CreateRun, ExperimentRef, Run};
use types::{Actor, Role};

use crate::{COMPONENTS, Client, error, with_role};

async fn run(client: &Client) -> Run {
    let request = CreateRun::in_experiment(ExperimentRef::Number(0));
    tracking::create_run(&client.ledger, &Actor::local(), request).await.unwrap()
}

async fn file(client: &Client, path: String, content: impl Into<bytes::Bytes>) {
    let content = content.into();
    let bytes = content.len() as i64;
    let digest = client.blobs.put_bytes(content).await.unwrap();
    let path = ArtifactPath::parse(&path).unwrap();
    artifacts::put(&client.ledger, &Actor::local(), path, digest, bytes).await.unwrap();
}

ledger::db_test! {
    components: COMPONENTS;

    async fn a_file_is_shown_as_what_it_is(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let run = run(&client).await;
        let at = |name: &str| format!("{}/{name}", run.folder());
        let table = columns::Table::new(vec![("n".into(), columns::column::integers((0..300).map(Some)))]).unwrap();
        file(&client, at("t.parquet"), table.to_parquet().unwrap()).await;
        file(&client, at("bad.parquet"), "no").await;
        file(&client, at("log.txt"), "x".repeat(300_000)).await;
        file(&client, at("w.bin"), vec![0_u8, 1, 2]).await;
        file(&client, at("p.PNG"), vec![0_u8]).await;
        file(&client, at("empty"), "").await;
        let shown = async |name: &str| client.get(&format!("runs/{}/preview?path={name}", run.uid.hex())).await;
        let table = shown("t.parquet").await;
        assert_eq!((&table["kind"], &table["total"]), (&json!("table"), &json!(300)));
        assert_eq!(table["rows"].as_array().unwrap().len(), 100);
        assert_eq!(table["columns"][0], json!({ "name": "n", "type": "Int64" }));
        assert_eq!(shown("bad.parquet").await["kind"], "binary");
        let text = shown("log.txt").await;
        assert_eq!((&text["kind"], &text["truncated"], &text["size"]), (&json!("text"), &json!(true), &json!(300_000)));
        assert_eq!(text["text"].as_str().unwrap().len(), 256 << 10);
        assert_eq!(shown("w.bin").await["kind"], "binary");
        assert_eq!(shown("p.PNG").await["kind"], "image");
        assert_eq!(shown("empty").await["text"], "");
        let (status, body) = client.call("GET", &format!("runs/{}/preview?path=none", run.uid), Value::Null).await;
        assert_eq!((status, error(&body).0), (StatusCode::NOT_FOUND, "not_found"));
    }

    async fn a_run_is_renamed_and_annotated(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let run = run(&client).await;
        let path = format!("runs/{}", run.uid);
        let change = json!({ "name": "better", "tags": { "mlflow.note.content": "# why" } });
        let (status, body) = client.call("PATCH", &path, change.clone()).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let found = client.get(&path).await;
        assert_eq!((&found["name"], &found["tags"]["mlflow.runName"]), (&json!("better"), &json!("better")));
        assert_eq!(found["tags"]["mlflow.note.content"], "# why");
        for _ in 0..2 {
            let gone = json!({ "tags": { "mlflow.note.content": null } });
            assert_eq!(client.call("PATCH", &path, gone).await.0, StatusCode::OK);
        }
        assert_eq!(client.get(&path).await["tags"]["mlflow.note.content"], Value::Null);
        let (status, _) = client.call_as(with_role(Role::Viewer), "PATCH", &path, change).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
    }

    async fn a_version_has_signature_files_stage_and_aliases(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let (ledger, actor) = (&client.ledger, Actor::local());
        let run = run(&client).await;
        let folder = format!("{}/model", run.folder());
        let mlmodel = "flavors:\n  sklearn: {}\nmodel_size_bytes: 7\nsignature:\n  inputs: '[{\"type\": \"double\", \"name\": \"age\", \"required\": true}]'\n  outputs: null\n";
        file(&client, format!("{folder}/MLmodel"), mlmodel).await;
        models::create_model(ledger, &actor, "visits".into(), None, BTreeMap::new()).await.unwrap();
        let request = CreateVersion {
            model: "visits".into(),
            source: "runs:/x".into(),
            location: "runs:/x".into(),
            folder: Some(ArtifactPath::parse(&folder).unwrap()),
            run: Some(run.uid.hex()),
            ..CreateVersion::default()
        };
        models::create_version(ledger, &actor, request).await.unwrap();
        let change = json!({ "stage": "production", "description": "good" });
        let (status, body) = client.call("PATCH", "models/visits/versions/1", change).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let (status, _) = client.call("PATCH", "models/visits/versions/1", json!({ "stage": "best" })).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        let found = client.get("models/visits/versions/1").await;
        assert_eq!((&found["stage"], &found["description"]), (&json!("Production"), &json!("good")));
        assert_eq!(found["signature"]["inputs"][0]["name"], "age");
        assert_eq!((&found["flavors"], &found["bytes"]), (&json!(["sklearn"]), &json!(7)));
        assert_eq!((&found["files"][0]["path"], &found["run"]["id"]), (&json!("MLmodel"), &json!(run.uid)));
        let alias = "models/visits/aliases/champion";
        assert_eq!(client.call("PUT", alias, json!({ "version": 1 })).await.0, StatusCode::OK);
        assert_eq!(client.get("models").await["models"][0]["aliases"], json!({ "champion": 1 }));
        assert_eq!(client.call("DELETE", alias, Value::Null).await.0, StatusCode::OK);
        let listed = client.get("models").await;
        assert_eq!((&listed["models"][0]["aliases"], &listed["models"][0]["versions"]), (&json!({}), &json!(1)));
        let (status, _) = client.call("GET", "models/visits/versions/9", Value::Null).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        let viewer = with_role(Role::Viewer);
        assert_eq!(client.call_as(viewer, "DELETE", alias, Value::Null).await.0, StatusCode::FORBIDDEN);
    }
}
