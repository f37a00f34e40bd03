//! The door in front of real stages, by requests without a client. Nothing runs here: the engine is not started.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use axum::Router;
use axum::body::Body;
use blobs::{BlobConfig, Blobs};
use http::{Method, Request, header};
use http_body_util::BodyExt as _;
use mlwright_door_kfp::{State, routes};
use pipelines::{Config, Engine};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use types::{Actor, Role};

const BASE: &str = "/apis/v2beta1";
const SAMPLE: &str = include_str!("data/sample_all_features.yaml");

struct House {
    router: Router,
    _home: tempfile::TempDir,
}

fn root() -> Option<Actor> {
    Some(Actor::system("root"))
}

impl House {
    async fn new(ledger: ledger::Ledger) -> Self {
        let home = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&BlobConfig::Local(home.path().join("blobs"))).await.unwrap();
        let config = Config::new(home.path().to_owned(), vec!["true".into()], "http://127.0.0.1:1".into());
        let engine = Engine::new(ledger.clone(), blobs.clone(), config).unwrap();
        Self { router: routes(State { ledger, blobs, engine }).router, _home: home }
    }

    async fn send(&self, actor: Option<Actor>, mut request: Request<Body>) -> (u16, Value) {
        if let Some(actor) = actor {
            request.extensions_mut().insert(actor);
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = Request::builder().method(method).uri(format!("{BASE}{path}")).body(Body::from(body));
        self.send(root(), request.unwrap()).await
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.call(Method::GET, path, Value::Null).await
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.call(Method::POST, path, body).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    async fn upload(&self, query: &str, content: &str) -> (u16, Value) {
        let form = format!(
            "--b\r\nContent-Disposition: form-data; name=\"uploadfile\"; filename=\"p.yaml\"\r\n\r\n{content}\r\n--b--\r\n"
        );
        let request = Request::post(format!("{BASE}{query}"))
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=b")
            .body(Body::from(form));
        self.send(root(), request.unwrap()).await
    }

    async fn pipeline(&self) -> String {
        let (status, made) = self.upload("/pipelines/upload?name=pl1&description=d", SAMPLE).await;
        assert_eq!(status, 200, "{made}");
        made["pipeline_id"].as_str().unwrap().to_owned()
    }
}

ledger::db_test! {
    components: [
        datasets::COMPONENT,
        tracking::COMPONENT,
        models::COMPONENT,
        pipelines::COMPONENT,
    ];

    async fn health_is_told_to_anybody_and_the_rest_to_nobody(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        let ask = |path: &str| Request::get(format!("{path}/healthz")).body(Body::empty()).unwrap();
        for base in [BASE, "/kfp/apis/v2beta1"] {
            let (status, answer) = house.send(None, ask(base)).await;
            assert_eq!((status, &answer["multi_user"]), (200, &json!(false)));
        }
        let (status, answer) = house.send(None, Request::get(format!("{BASE}/runs")).body(Body::empty()).unwrap()).await;
        assert_eq!((status, &answer["code"]), (401, &json!(16)));
        let viewer = Actor { role: Role::Viewer, ..Actor::system("viewer") };
        let new = Request::post(format!("{BASE}/runs")).body(Body::from("{}")).unwrap();
        let (status, answer) = house.send(Some(viewer), new).await;
        assert_eq!((status, &answer["code"]), (403, &json!(7)));
        assert_eq!(answer["message"], answer["details"][0]["message"]);
    }

    async fn experiments_have_a_life(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        let made = house.post("/experiments", json!({ "display_name": "e", "description": "d", "namespace": "" })).await;
        assert_eq!((&made["display_name"], &made["description"], &made["storage_state"]), (&json!("e"), &json!("d"), &json!("AVAILABLE")));
        let id = made["experiment_id"].as_str().unwrap().to_owned();
        let (status, again) = house.call(Method::POST, "/experiments", json!({ "display_name": "e" })).await;
        assert_eq!((status, &again["code"]), (409, &json!(6)));
        let filter = "%7B%22predicates%22%3A%5B%7B%22operation%22%3A1%2C%22key%22%3A%22display_name%22%2C%22stringValue%22%3A%22e%22%7D%5D%7D";
        let (_, found) = house.get(&format!("/experiments?filter={filter}")).await;
        assert_eq!((&found["total_size"], &found["experiments"][0]["experiment_id"]), (&json!(1), &json!(id)));
        house.post(&format!("/experiments/{id}:archive"), Value::Null).await;
        assert_eq!(house.get(&format!("/experiments/{id}")).await.1["storage_state"], "ARCHIVED");
        house.post(&format!("/experiments/{id}:unarchive"), Value::Null).await;
        assert_eq!(house.call(Method::DELETE, &format!("/experiments/{id}"), Value::Null).await.0, 200);
        assert_eq!(house.get(&format!("/experiments/{id}")).await.0, 404);
        let back = house.post("/experiments", json!({ "display_name": "e" })).await;
        assert_eq!((&back["experiment_id"], &back["storage_state"]), (&json!(id), &json!("AVAILABLE")));
        assert_eq!(house.get("/experiments/none").await.0, 404);
        let (_, all) = house.get("/experiments").await;
        assert_eq!(all["total_size"], 2, "{all}");
    }

    async fn pipelines_have_versions(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        let id = house.pipeline().await;
        assert_eq!(house.get(&format!("/pipelines/{id}")).await.1["description"], "d");
        assert_eq!(house.get("/pipelines/names/pl1").await.1["pipeline_id"], json!(id));
        assert_eq!(house.upload("/pipelines/upload?name=pl1", SAMPLE).await.0, 409);
        let (_, second) = house.upload(&format!("/pipelines/upload_version?name=v2&pipelineid={id}"), SAMPLE).await;
        assert_eq!(second["pipeline_spec"]["pipelineInfo"]["name"], "all-features", "{second}");
        let version = second["pipeline_version_id"].as_str().unwrap();
        let (_, versions) = house.get(&format!("/pipelines/{id}/versions?sort_by=created_at%20desc")).await;
        let names: Vec<&Value> = versions["pipeline_versions"].as_array().unwrap().iter().map(|v| &v["name"]).collect();
        assert_eq!(names, ["v2", "pl1"]);
        let changed = json!({ "display_name": "shown", "tags": { "a": "b" } });
        let (_, shown) = house.call(Method::PATCH, &format!("/pipelines/{id}"), changed).await;
        assert_eq!((&shown["display_name"], &shown["name"], &shown["tags"]["a"]), (&json!("shown"), &json!("pl1"), &json!("b")));
        let (status, kept) = house.call(Method::DELETE, &format!("/pipelines/{id}"), Value::Null).await;
        assert_eq!(status, 400, "{kept}");
        assert_eq!(house.call(Method::DELETE, &format!("/pipelines/{id}/versions/{version}"), Value::Null).await.0, 200);
        assert_eq!(house.get(&format!("/pipelines/{id}/versions/{version}")).await.0, 404);
        assert_eq!(house.call(Method::DELETE, &format!("/pipelines/{id}?cascade=true"), Value::Null).await.0, 200);
        assert_eq!(house.get(&format!("/pipelines/{id}")).await.0, 404);
    }

    async fn what_is_no_pipeline_is_not_kept(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        let odd = SAMPLE.replacen("iteratorPolicy:", "iteratorPolicies:", 1);
        let (status, refused) = house.upload("/pipelines/upload?name=odd", &odd).await;
        assert_eq!(status, 400);
        assert!(refused["message"].as_str().unwrap().contains("iteratorPolicies"), "{refused}");
        assert_eq!(house.upload("/pipelines/upload", "").await.0, 400);
        let body = json!({ "pipeline": { "name": "u" }, "pipeline_version": { "package_url": { "pipeline_url": "http://x" } } });
        let (status, answer) = house.call(Method::POST, "/pipelines/create", body).await;
        assert_eq!((status, &answer["code"]), (501, &json!(12)));
        assert_eq!(house.get("/pipelines").await.1, json!({ "pipelines": [] }));
    }

    async fn a_run_is_put_in_line_and_comes_back_as_it_was_asked_for(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        let id = house.pipeline().await;
        let body = json!({
            "display_name": "job1", "pipeline_version_reference": { "pipeline_id": id }, "service_account": "sa",
            "runtime_config": { "parameters": { "n": 7, "lrs": [0.5] }, "pipeline_root": "r/x" },
        });
        let run = house.post("/runs", body).await;
        assert_eq!((&run["state"], &run["experiment_id"], &run["display_name"]), (&json!("PENDING"), &json!("0"), &json!("job1")));
        assert_eq!(run["runtime_config"], json!({ "parameters": { "n": 7, "lrs": [0.5] }, "pipeline_root": "r/x" }));
        assert_eq!(run["pipeline_version_reference"]["pipeline_id"], json!(id));
        let run_id = run["run_id"].as_str().unwrap();
        let (_, found) = house.get(&format!("/runs/{run_id}")).await;
        assert_eq!(found["run_details"]["task_details"][0]["display_name"], "root");
        assert_eq!(house.get("/runs?experiment_id=0").await.1["total_size"], 1);
        assert!(house.get("/runs?experiment_id=7").await.1["runs"].as_array().unwrap().is_empty());
        house.post(&format!("/runs/{run_id}:archive"), Value::Null).await;
        assert_eq!(house.get(&format!("/runs/{run_id}")).await.1["storage_state"], "ARCHIVED");
        assert_eq!(house.call(Method::POST, &format!("/runs/{run_id}:dance"), Value::Null).await.0, 404);
        for (parameters, what) in [(json!({ "n": "many" }), "n"), (json!({ "odd": 1 }), "odd")] {
            let body = json!({ "display_name": "x", "pipeline_version_reference": { "pipeline_id": id }, "runtime_config": { "parameters": parameters } });
            let (status, refused) = house.call(Method::POST, "/runs", body).await;
            assert_eq!(status, 400, "{refused}");
            assert!(refused["message"].as_str().unwrap().contains(what), "{refused}");
        }
    }

    async fn recurring_runs_are_schedules(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        let id = house.pipeline().await;
        let body = json!({
            "display_name": "nightly", "pipeline_version_reference": { "pipeline_id": id }, "max_concurrency": "2",
            "trigger": { "cron_schedule": { "cron": "0 0 2 * * *" } }, "mode": "ENABLE", "no_catchup": true,
        });
        let made = house.post("/recurringruns", body).await;
        assert_eq!((&made["status"], &made["max_concurrency"], &made["no_catchup"]), (&json!("ENABLED"), &json!("2"), &json!(true)));
        let recurring = made["recurring_run_id"].as_str().unwrap();
        house.post(&format!("/recurringruns/{recurring}:disable"), Value::Null).await;
        let (_, all) = house.get("/recurringruns").await;
        assert_eq!((&all["recurringRuns"][0]["status"], &all["recurringRuns"][0]["mode"]), (&json!("DISABLED"), &json!("DISABLE")));
        let bad = json!({
            "display_name": "bad", "pipeline_version_reference": { "pipeline_id": id },
            "trigger": { "cron_schedule": { "cron": "61 * * * * *" } },
        });
        assert_eq!(house.call(Method::POST, "/recurringruns", bad).await.0, 400);
        assert_eq!(house.call(Method::DELETE, &format!("/recurringruns/{recurring}"), Value::Null).await.0, 200);
        assert_eq!(house.get(&format!("/recurringruns/{recurring}")).await.0, 404);
    }
}
