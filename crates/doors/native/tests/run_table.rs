use door_native::{Failure, RunGrammar};
use http::StatusCode;
use serde_json::{Value, json};
use tracking::search::{Clause, Comparison, Order, RunField, Test};
use tracking::{CreateRun, ExperimentRef, LogBatch, MetricPoint, RunQuery};
use types::{Actor, Role, Uid};

use crate::{COMPONENTS, Client, error, with_role};

/// Knows `low` as a filter and metric names as orderings.
pub struct Grammar;

impl RunGrammar for Grammar {
    fn run_query(&self, filter: &str, order_by: &[String]) -> Result<RunQuery, Failure> {
        let clause =
            Clause { field: RunField::Metric("loss".into()), test: Test::Number(Comparison::Less, 0.15) };
        let filter = match filter {
            "" => Vec::new(),
            "low" => vec![clause],
            other => {
                return Err(Failure::invalid(format!("Invalid clause(s) in filter string: '{other}'"), "x"));
            }
        };
        let order = |key: &String| Order { field: RunField::Metric(key.clone()), descending: false };
        Ok(RunQuery { filter, order: order_by.iter().map(order).collect(), ..RunQuery::default() })
    }
}

async fn run(client: &Client, loss: f64, depth: &str) -> Uid {
    let (ledger, actor) = (&client.ledger, Actor::local());
    let made = tracking::create_run(ledger, &actor, CreateRun::in_experiment(ExperimentRef::Number(0)))
        .await
        .unwrap();
    let at = ledger.clock().now();
    let batch = LogBatch {
        metrics: vec![MetricPoint::new("loss", loss, 1, at), MetricPoint::new("acc", 0.5, 1, at)],
        params: vec![("depth".into(), depth.into()), ("lr".into(), "0.1".into())],
        ..LogBatch::default()
    };
    tracking::log_batch(ledger, &actor, made.uid, batch).await.unwrap();
    made.uid
}

ledger::db_test! {
    components: COMPONENTS;

    async fn a_query_lists_ids_in_order_with_their_groups(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let a = run(&client, 0.2, "3").await;
        let b = run(&client, 0.1, "3").await;
        let c = run(&client, 0.3, "5").await;
        let asked = json!({ "order_by": ["loss"], "group": "params.depth" });
        let (status, body) = client.call("POST", "runs/query", asked).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        assert_eq!(body["ids"], format!("{}{}{}", b.hex(), a.hex(), c.hex()));
        assert_eq!(body["groups"], json!({ "values": ["3", "5"], "of": [0, 0, 1] }));
        assert_eq!((&body["total"], &body["more"]), (&json!(3), &json!(false)));
        let (_, body) = client.call("POST", "runs/query", json!({ "filter": "low", "experiment": "Default" })).await;
        assert_eq!((&body["ids"], &body["groups"]), (&json!(b.hex()), &Value::Null));
        tracking::finish_run(&client.ledger, &Actor::local(), c, tracking::RunStatus::Finished).await.unwrap();
        let (_, body) = client.call("POST", "runs/query", json!({ "order_by": ["duration DESC", "loss"] })).await;
        assert_eq!(body["ids"], format!("{}{}{}", c.hex(), b.hex(), a.hex()), "one that still runs has no duration");
        let (status, _) = client.call("POST", "runs/query", json!({ "order_by": ["experiment DESC"] })).await;
        assert_eq!(status, StatusCode::OK);
        let (_, body) = client.call("POST", "runs/query", json!({ "group": "tags.none" })).await;
        assert_eq!(body["groups"]["of"], json!([-1, -1, -1]));
    }

    async fn what_is_wrong_with_a_filter_is_said(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        for asked in [json!({ "filter": "loss <" }), json!({ "group": "metrics.loss" }), json!({ "filter": 3 })] {
            let (status, body) = client.call("POST", "runs/query", asked).await;
            assert_eq!((status, error(&body)), (StatusCode::BAD_REQUEST, ("invalid", true)), "{body}");
        }
        let (status, _) = client.call("POST", "runs/query", json!({ "experiment": "none" })).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    }

    async fn a_view_is_saved_replaced_and_deleted(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        for address in ["q=a", "q=b&group=parent"] {
            let (status, body) =
                client.call("PUT", "run-views/night%20runs", json!({ "address": address })).await;
            assert_eq!(status, StatusCode::OK, "{body}");
        }
        let found = client.get("run-views").await;
        assert_eq!(found["views"].as_array().unwrap().len(), 1);
        assert_eq!((&found["views"][0]["name"], &found["views"][0]["address"]), (&json!("night runs"), &json!("q=b&group=parent")));
        // Events are sealed a moment after they are written.
        let mut events = 0;
        for _ in 0..100 {
            events = client.get("events?kind=run_view.&limit=9").await["events"].as_array().unwrap().len();
            if events == 2 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert_eq!(events, 2);
        for status in [StatusCode::OK, StatusCode::NOT_FOUND] {
            assert_eq!(client.call("DELETE", "run-views/night%20runs", Value::Null).await.0, status);
        }
        let (status, _) = client.call("PUT", "run-views/%20", json!({ "address": "" })).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        let viewer = with_role(Role::Viewer);
        let (status, _) = client.call_as(viewer, "PUT", "run-views/x", json!({ "address": "" })).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
    }

    async fn rows_come_in_the_order_asked_with_the_columns_asked(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let a = run(&client, 0.2, "3").await;
        let b = run(&client, 0.1, "5").await;
        let none = "0190a0b0000070008000000000000000";
        let asked = json!({ "ids": [b, none, a], "columns": ["metrics.loss", "params.depth"] });
        let (status, body) = client.call("POST", "runs/rows", asked).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let rows = body["runs"].as_array().unwrap();
        assert_eq!(rows.iter().map(|r| &r["id"]).collect::<Vec<_>>(), [&json!(b), &json!(a)]);
        assert_eq!((&rows[0]["metrics"], &rows[0]["params"]), (&json!({ "loss": 0.1 }), &json!({ "depth": "5" })));
        let keys = client.get("runs/keys?experiment=0").await;
        assert_eq!(keys["metrics"], json!(["acc", "loss"]));
        assert_eq!(keys["params"], json!(["depth", "lr"]));
        let (_, body) = client.call("POST", "runs/series", json!({ "ids": [a, b], "keys": ["loss"] })).await;
        assert_eq!(body["runs"][a.hex()]["loss"][0][2], 0.2);
        assert_eq!(body["runs"][b.hex()].as_object().unwrap().len(), 1);
        let many = vec![none; 1_001];
        let (status, _) = client.call("POST", "runs/rows", json!({ "ids": many })).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
    }
}
