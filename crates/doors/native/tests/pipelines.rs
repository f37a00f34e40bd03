use http::StatusCode;
use serde_json::{Value, json};
use types::Role;

use crate::{COMPONENTS, Client, error, with_role};

/// Two questions, the second in a loop; no process has to run.
fn plan() -> Value {
    json!({
        "name": "asking",
        "root": {
            "inputs": { "items": { "of": "list", "default": [1, 2] } },
            "tasks": [
                { "name": "first", "component": "ask", "display_name": "First of all" },
                {
                    "name": "each-1", "component": "body", "needs": ["first"],
                    "each": { "items": { "from": { "input": "items" } }, "item": "item" },
                },
            ],
        },
        "components": {
            "ask": { "approval": { "question": "Go on?" } },
            "body": { "graph": {
                "inputs": { "item": { "of": "integer" } },
                "tasks": [{ "name": "again", "component": "ask" }],
            } },
        },
    })
}

async fn submitted(client: &Client, inputs: Value) -> String {
    let (status, body) = client
        .call("POST", "pipeline-runs", json!({ "plan": plan(), "inputs": inputs, "name": "a run" }))
        .await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body["id"].as_str().unwrap().to_owned()
}

async fn run(client: &Client, id: &str) -> Value {
    let (status, body) = client.call("GET", &format!("pipeline-runs/{id}"), Value::Null).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

fn step<'a>(run: &'a Value, name: &str) -> &'a Value {
    run["steps"].as_array().unwrap().iter().find(|step| step["name"] == name).unwrap()
}

async fn answer(client: &Client, id: &str, name: &str, approved: bool) {
    let asked = step(&run(client, id).await, name)["id"].clone();
    let body = json!({ "step": asked, "approved": approved });
    let (status, said) = client.call("POST", &format!("pipeline-runs/{id}/answer"), body).await;
    assert_eq!(status, StatusCode::OK, "{said}");
}

ledger::db_test! {
    components: COMPONENTS;

    async fn a_plan_runs_and_its_tasks_come_as_a_tree(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let id = submitted(&client, json!({ "items": [5, 6.0, 7] })).await;
        let found = run(&client, &id).await;
        assert_eq!((&found["name"], &found["pipeline"]), (&json!("a run"), &json!("asking")));
        assert_eq!(found["inputs"], json!({ "items": [5, 6.0, 7] }));
        let first = step(&found, "first");
        assert_eq!(
            (&first["shape"], &first["question"], &first["display_name"], &first["parent"]),
            (&json!("approval"), &json!("Go on?"), &json!("First of all"), &Value::Null)
        );
        answer(&client, &id, "first", true).await;
        let found = run(&client, &id).await;
        let looped = step(&found, "each-1");
        assert_eq!((&looped["shape"], &looped["children"]["total"]), (&json!("loop"), &json!(3)));
        let iteration = step(&found, "each-1/1");
        assert_eq!((&iteration["shape"], &iteration["iteration"]), (&json!("iteration"), &json!(1)));
        assert_eq!(iteration["inputs"]["item"], json!({ "value": 6 }));
        assert_eq!(step(&found, "each-1/1/again")["parent"], iteration["id"]);

        let held = format!("pipeline-runs/{id}/steps?parent={}&limit=2", looped["id"].as_str().unwrap());
        let (_, page) = client.call("GET", &held, Value::Null).await;
        let iterations: Vec<&Value> = page["steps"].as_array().unwrap().iter().map(|s| &s["iteration"]).collect();
        assert_eq!(iterations, [&json!(0), &json!(1)]);
        let after = page["next"].as_str().unwrap();
        let (_, page) = client.call("GET", &format!("{held}&after={after}"), Value::Null).await;
        assert_eq!((&page["steps"][0]["iteration"], &page["next"]), (&json!(2), &Value::Null));

        for item in 0..3 {
            answer(&client, &id, &format!("each-1/{item}/again"), true).await;
        }
        assert_eq!(run(&client, &id).await["state"], "succeeded");
    }

    async fn lists_pick_by_state_and_leave_archived_runs_out(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let (one, two) = (submitted(&client, json!({})).await, submitted(&client, json!({})).await);
        answer(&client, &one, "first", false).await;
        let ids = |body: &Value| -> Vec<String> {
            let runs = body["pipeline_runs"].as_array().unwrap();
            runs.iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect()
        };
        let (_, all) = client.call("GET", "pipeline-runs?steps=top", Value::Null).await;
        assert_eq!(ids(&all), [two.clone(), one.clone()]);
        assert_eq!(all["pipeline_runs"][0]["steps"].as_array().unwrap().len(), 2);
        let (_, failed) = client.call("GET", "pipeline-runs?state=failed,cancelled", Value::Null).await;
        assert_eq!(ids(&failed), std::slice::from_ref(&one));
        let (status, body) = client.call("GET", "pipeline-runs?state=lost", Value::Null).await;
        assert_eq!((status, error(&body)), (StatusCode::BAD_REQUEST, ("invalid", true)));
        client.call("POST", &format!("pipeline-runs/{one}/archive"), json!({ "archived": true })).await;
        let (_, rest) = client.call("GET", "pipeline-runs", Value::Null).await;
        assert_eq!(ids(&rest), std::slice::from_ref(&two));
        client.call("POST", &format!("pipeline-runs/{two}/cancel"), json!({})).await;
        assert_eq!(run(&client, &two).await["state"], "cancelled");
    }

    async fn a_failed_run_goes_on_and_only_from_what_failed(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let id = submitted(&client, json!({})).await;
        answer(&client, &id, "first", false).await;
        assert_eq!(run(&client, &id).await["state"], "failed");
        let path = format!("pipeline-runs/{id}/retry");
        let (status, body) = client.call("POST", &path, Value::Null).await;
        assert_eq!((status, &body["id"]), (StatusCode::OK, &json!(id)), "{body}");
        answer(&client, &id, "first", true).await;
        assert_eq!(step(&run(&client, &id).await, "first")["state"], "succeeded");
        for item in 0..2 {
            answer(&client, &id, &format!("each-1/{item}/again"), true).await;
        }
        let (status, body) = client.call("POST", &path, json!({ "from": ["lost"] })).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{body}");
        let (status, body) = client.call("POST", &path, json!({ "from": ["each-1/1/again"] })).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        assert_eq!(step(&run(&client, &id).await, "each-1/0/again")["state"], "succeeded");
        answer(&client, &id, "each-1/1/again", true).await;
        assert_eq!(run(&client, &id).await["state"], "succeeded");
    }

    async fn what_cannot_run_is_refused_with_its_reason(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let refused = async |body: Value, word: &str| {
            let (status, said) = client.call("POST", "pipeline-runs", body).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{said}");
            assert!(said["error"]["message"].as_str().unwrap().contains(word), "{said}");
        };
        refused(json!({ "plan": { "name": "x", "root": { "tasks": [{ "name": "a" }] } } }), "component").await;
        refused(json!({ "plan": plan(), "inputs": { "rows": 1 } }), "rows").await;
        refused(json!({ "plan": plan(), "inputs": { "items": 1 } }), "items").await;
        let mut broken = plan();
        broken["root"]["tasks"][0]["needs"] = json!(["each-1"]);
        refused(json!({ "plan": broken }), "first").await;
        let mut missing = plan();
        let digest = types::Digest::of("not here").to_string();
        missing["components"]["ask"] = json!({ "work": { "kind": "python", "spec": { "code": { "digest": digest } } } });
        let (status, said) = client.call("POST", "pipeline-runs", json!({ "plan": missing })).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{said}");
        let (status, _) =
            client.call_as(with_role(Role::Viewer), "POST", "pipeline-runs", json!({ "plan": plan() })).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
    }

    async fn a_pipeline_that_only_ran_is_listed_drawn_and_started_again(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        submitted(&client, json!({})).await;
        let (_, all) = client.call("GET", "pipelines", Value::Null).await;
        let found = &all["pipelines"][0];
        assert_eq!((&found["name"], &found["declared"]), (&json!("asking"), &json!(false)));
        let (_, one) = client.call("GET", "pipelines/asking", Value::Null).await;
        assert_eq!(one["plan"]["root"]["inputs"]["items"]["of"], "list");
        let (status, body) =
            client.call("POST", "pipelines/asking/runs", json!({ "inputs": { "items": [9] } })).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        assert_eq!(run(&client, body["id"].as_str().unwrap()).await["inputs"]["items"], json!([9]));
        let (status, _) = client.call("POST", "pipelines/other/runs", json!({})).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    }

    async fn a_schedule_is_made_changed_and_deleted(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let body = json!({
            "name": "each morning", "cron": "0 6 * * *", "time_zone": "Europe/Berlin", "plan": plan(),
            "inputs": { "items": [1] },
        });
        let (status, made) = client.call("POST", "schedules", body).await;
        assert_eq!(status, StatusCode::OK, "{made}");
        assert_eq!((&made["cron"], &made["pipeline"]), (&json!("0 6 * * *"), &json!("asking")));
        assert!(made["next_at"].is_string() && made["enabled"] == json!(true), "{made}");
        assert_eq!((made["upcoming"].as_array().unwrap().len(), &made["upcoming"][0]), (5, &made["next_at"]));
        let (_, ahead) = client.call("POST", "schedules/preview", json!({ "interval_seconds": 60 })).await;
        assert_eq!(ahead["upcoming"].as_array().unwrap().len(), 5);
        let id = made["id"].as_str().unwrap();
        let (_, off) = client.call("PATCH", &format!("schedules/{id}"), json!({ "enabled": false })).await;
        assert_eq!(off["enabled"], json!(false));
        let (_, listed) = client.call("GET", "schedules?pipeline=asking", Value::Null).await;
        assert_eq!(listed["schedules"][0]["inputs"], json!({ "items": [1] }));
        client.call("DELETE", &format!("schedules/{id}"), Value::Null).await;
        let (_, listed) = client.call("GET", "schedules", Value::Null).await;
        assert_eq!(listed["schedules"], json!([]));
        for wrong in [
            json!({ "name": "n", "plan": plan() }),
            json!({ "name": "n", "cron": "soon", "plan": plan() }),
            json!({ "name": "n", "cron": "0 6 * * *", "time_zone": "Berlin", "plan": plan() }),
            json!({ "name": "n", "interval_seconds": 5 }),
            json!({ "name": "n", "interval_seconds": 5, "pipeline": "asking" }),
        ] {
            let (status, said) = client.call("POST", "schedules", wrong.clone()).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{wrong}: {said}");
        }
    }
}
