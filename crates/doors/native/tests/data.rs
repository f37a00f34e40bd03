use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use tracking::{CreateRun, ExperimentRef};
use types::{Actor, Role, Uid};

use crate::{COMPONENTS, Client, error, with_role};

const REPO: &str = "data/repositories/sales";

async fn sales(client: &Client) {
    let (status, body) = client.call("POST", "data/repositories", json!({ "name": "sales" })).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(body["default_branch"], "main");
}

async fn put(client: &Client, path: &str, content: &str) -> Value {
    let path = format!("{REPO}/branches/main/object?path={path}");
    let body = Body::from(content.to_owned());
    let (status, body) = client.send(Actor::local(), "PUT", &path, "text/csv", body).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

async fn commit(client: &Client, message: &str) -> String {
    let path = format!("{REPO}/branches/main/commits");
    let (status, body) = client.call("POST", &path, json!({ "message": message })).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body["id"].as_str().unwrap().to_owned()
}

async fn run(client: &Client) -> Uid {
    let request = CreateRun::in_experiment(ExperimentRef::Number(0));
    tracking::create_run(&client.ledger, &Actor::local(), request).await.unwrap().uid
}

/// A request of a client that says what it reads for.
async fn read_for(client: &Client, reader: &str, method: &str, path: &str, body: Value) -> Value {
    let request = Request::builder()
        .method(method)
        .uri(format!("/api/v1/{path}"))
        .header("content-type", "application/json")
        .header("x-mlwright-run", reader)
        .extension(Actor::local())
        .body(Body::from(body.to_string()))
        .unwrap();
    let answer = client.router.clone().oneshot(request).await.unwrap();
    let status = answer.status();
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(status, StatusCode::OK, "{path}: {bytes:?}");
    serde_json::from_slice(&bytes).unwrap_or_default()
}

fn frame(body: &mut Vec<u8>, path: &str, content: &[u8]) {
    body.extend_from_slice(&(path.len() as u32).to_be_bytes());
    body.extend_from_slice(path.as_bytes());
    body.extend_from_slice(&(content.len() as u64).to_be_bytes());
    body.extend_from_slice(content);
}

ledger::db_test! {
    components: COMPONENTS;

    async fn objects_are_put_committed_branched_diffed_and_merged(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        sales(&client).await;
        let made = put(&client, "a/t.csv", "id,v\n1,x\n").await;
        assert_eq!((&made["size"], &made["content_type"]), (&json!(9), &json!("text/csv")));
        let staged = client.get(&format!("{REPO}/branches/main/uncommitted")).await;
        assert_eq!(staged["differences"][0]["path"], "a/t.csv");
        let first = commit(&client, "first").await;
        let branch = json!({ "name": "dev", "source": "main" });
        let (status, body) = client.call("POST", &format!("{REPO}/branches"), branch).await;
        assert_eq!((status, &body["commit"]), (StatusCode::OK, &json!(first)));
        put(&client, "a/t.csv", "id,v\n1,y\n2,z\n").await;
        commit(&client, "second").await;
        let diff = client.get(&format!("{REPO}/diff?left=dev&right=main")).await;
        assert_eq!((&diff["differences"][0]["kind"], &diff["next"]), (&json!("changed"), &Value::Null));
        let merge = json!({ "source": "main", "message": "take" });
        let (status, body) = client.call("POST", &format!("{REPO}/branches/dev/merge"), merge).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let log = client.get(&format!("{REPO}/refs/dev/log?limit=1")).await;
        assert_eq!(log["commits"][0]["message"], "take");
        let listed = client.get(&format!("{REPO}/refs/dev/objects?delimiter=/")).await;
        assert_eq!(listed["objects"][0], json!({ "kind": "prefix", "path": "a/" }));
        let rows = client.get(&format!("{REPO}/refs/dev/table/rows?path=a/t.csv&limit=1&offset=1")).await;
        assert_eq!((&rows["rows"], &rows["table"]["rows"]), (&json!([[2, "z"]]), &json!(2)));
        let profile = client.get(&format!("{REPO}/refs/dev/table/profile?path=a/t.csv")).await;
        assert_eq!(profile["profile"]["columns"][0]["max"], 2.0);
        let ask = json!({ "left": format!("sales@{first}:a/t.csv"), "right": "sales@dev:a/t.csv", "key": ["id"] });
        let (status, body) = client.call("POST", "data/row-diff", ask).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        assert_eq!((&body["added"], &body["changed"], &body["changes"][0]["changed"]), (&json!(1), &json!(1), &json!(["v"])));
    }

    async fn many_objects_travel_in_one_body(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        sales(&client).await;
        let large = vec![b'x'; (1 << 20) + 7];
        let mut body = Vec::new();
        for i in 0..500 {
            frame(&mut body, &format!("s/{i:03}.txt"), format!("{i}").repeat(i % 9).as_bytes());
        }
        frame(&mut body, "large.bin", &large);
        frame(&mut body, "z.txt", b"last");
        body.extend_from_slice(&[0; 4]);
        let path = format!("{REPO}/branches/main/upload");
        let (status, answer) = client.send(Actor::local(), "POST", &path, "x/y", Body::from(body.clone())).await;
        assert_eq!((status, &answer["objects"]), (StatusCode::OK, &json!(502)), "{answer}");
        let stat = client.get(&format!("{REPO}/refs/main/stat?path=s/017.txt")).await;
        assert_eq!((&stat["size"], &stat["stored"], &stat["content_type"]), (&json!(16), &json!("slice"), &json!("text/plain")));
        let ask = json!({ "paths": ["s/017.txt", "s/018.txt", "large.bin", "s/019.txt", "z.txt"] });
        let got = client.bytes("POST", &format!("{REPO}/refs/main/download"), ask).await;
        let mut expected = Vec::new();
        frame(&mut expected, "s/017.txt", "17".repeat(8).as_bytes());
        frame(&mut expected, "s/018.txt", b"");
        frame(&mut expected, "large.bin", &large);
        frame(&mut expected, "s/019.txt", b"19");
        frame(&mut expected, "z.txt", b"last");
        expected.extend_from_slice(&[0; 4]);
        assert!(got == expected, "{} of {} bytes", got.len(), expected.len());
        // A body that was cut says so, and what is not whole is not there.
        let cut = Body::from(body[..body.len() - 6].to_vec());
        let (status, answer) = client.send(Actor::local(), "POST", &path, "x/y", cut).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
        let ask = json!({ "paths": ["nothing"] });
        let (status, answer) = client.call("POST", &format!("{REPO}/refs/main/download"), ask).await;
        assert_eq!((status, error(&answer).0), (StatusCode::NOT_FOUND, "not_found"));
    }

    async fn who_may_only_read_changes_nothing_and_what_is_missing_says_so(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        sales(&client).await;
        let viewer = with_role(Role::Viewer);
        for (method, path) in [
            ("POST", "data/repositories".to_owned()),
            ("DELETE", REPO.to_owned()),
            ("POST", format!("{REPO}/branches/main/commits")),
            ("PUT", format!("{REPO}/protections")),
            ("DELETE", format!("{REPO}/branches/main/object?path=x")),
        ] {
            let (status, _) = client.call_as(viewer.clone(), method, &path, json!({ "name": "x1", "message": "", "protections": [] })).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path}");
        }
        for path in ["data/repositories/none", "data/repositories/sales/refs/none", "data/repositories/sales/refs/main/stat?path=x"] {
            let (status, body) = client.call("GET", path, Value::Null).await;
            assert_eq!((status, error(&body).0), (StatusCode::NOT_FOUND, "not_found"), "{path}");
        }
        let rules = json!({ "protections": [{ "pattern": "main", "staging": true }] });
        assert_eq!(client.call("PUT", &format!("{REPO}/protections"), rules).await.0, StatusCode::OK);
        let body = Body::from("x");
        let path = format!("{REPO}/branches/main/object?path=x");
        let (status, body) = client.send(Actor::local(), "PUT", &path, "text/plain", body).await;
        assert!(status.is_client_error() && body["error"]["message"].as_str().unwrap().contains("protected"), "{body}");
    }

    async fn data_leads_to_the_runs_that_read_its_rows_and_to_what_came_of_them(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        sales(&client).await;
        for path in ["orders/1.csv", "people/1.csv"] {
            put(&client, path, "id,v\n1,x\n").await;
        }
        let first = commit(&client, "first").await;
        let refs = format!("{REPO}/refs/main");
        let rows = run(&client).await;
        read_for(&client, &rows.hex(), "GET", &format!("{refs}/table/rows?path=orders"), Value::Null).await;
        let profile = run(&client).await;
        let text = format!("mlwright-run-{profile}");
        read_for(&client, &text, "GET", &format!("{refs}/table/profile?path=people/1.csv"), Value::Null).await;
        let compared = run(&client).await;
        let ask = json!({ "left": "sales@main:orders/1.csv", "right": "sales@main:people/1.csv", "key": ["id"] });
        read_for(&client, &compared.hex(), "POST", "data/row-diff", ask).await;
        // Nobody reads rows by asking for names of columns.
        let schema = run(&client).await;
        read_for(&client, &schema.hex(), "GET", &format!("{refs}/table?path=orders"), Value::Null).await;
        client
            .ledger
            .write(&Actor::local(), move |tx| {
                let model = tx.node("model_version", "m", json!({ "model": "churn", "number": 3 }))?;
                let deployed = tx.node("endpoint_revision", "e", json!({ "endpoint": "score", "number": 2 }))?;
                let run = tx.node("run", &rows.hex(), json!({}))?;
                tx.edge(model, "produced_by", run)?;
                tx.edge(deployed, "deployed", model)?;
                tx.event("test.made", "model:m", json!({}))
            })
            .await
            .unwrap();
        let found = client.get(&format!("{refs}/touched?path=orders")).await;
        assert_eq!((&found["commit"], &found["path"], &found["truncated"]), (&json!(first), &json!("orders/"), &json!(false)));
        let told = found["touched"].as_array().unwrap();
        let ids: Vec<&str> = told.iter().map(|item| item["id"].as_str().unwrap()).collect();
        assert_eq!(ids, [rows.hex().as_str(), compared.hex().as_str(), "m", "e"]);
        let through = json!([{ "kind": "data", "id": found["folders"][0]["digest"], "title": "sales/orders/" }]);
        assert_eq!((&told[0]["direct"], &told[0]["through"]), (&json!(true), &through));
        assert_eq!(told[0]["href"], format!("/runs/{}", rows.hex()));
        assert_eq!((&told[2]["title"], &told[2]["href"]), (&json!("churn version 3"), &json!("/models/churn?v=3")));
        assert_eq!((&told[2]["direct"], &told[2]["through"][0]["id"]), (&json!(false), &json!(rows.hex())));
        assert_eq!((&told[3]["title"], &told[3]["live"]), (&json!("score revision 2"), &json!(false)));
        assert_eq!(told[3]["through"], json!([{ "kind": "model_version", "id": "m", "title": "churn version 3" }]));
        let all = client.get(&format!("{refs}/touched")).await;
        assert_eq!(all["touched"].as_array().unwrap().len(), 5);
        let (status, body) = client.call("GET", &format!("{refs}/touched?path=none"), Value::Null).await;
        assert_eq!((status, error(&body).0), (StatusCode::NOT_FOUND, "not_found"));
    }
}
