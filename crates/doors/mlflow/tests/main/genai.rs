//! Evaluation datasets, scorers, the gateway's resources, issues, review queues and prompt-lab runs.

use axum::body::Body;
use http::StatusCode;
use serde_json::{Value, json};

use super::Client;

impl Client {
    async fn genai(&self, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
        let path = format!("/api/3.0/mlflow/{path}");
        let (status, body) = self.raw(method, &path, Some("application/json"), body.to_string()).await;
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    async fn done(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.genai(method, path, body).await;
        assert_eq!(status, StatusCode::OK, "{method} {path}: {answer}");
        answer
    }

    /// An endpoint with one model; its id.
    async fn endpoint(&self, name: &str) -> String {
        let secret = json!({ "secret_name": name, "secret_value": { "api_key": "sk-0123456789" }, "provider": "openai" });
        let secret = self.done("POST", "gateway/secrets/create", secret).await;
        let model = json!({
            "name": name, "secret_id": secret["secret"]["secret_id"], "provider": "openai", "model_name": "gpt-4",
        });
        let model = self.done("POST", "gateway/model-definitions/create", model).await;
        let config = json!({
            "model_definition_id": model["model_definition"]["model_definition_id"], "linkage_type": "PRIMARY",
        });
        let endpoint = json!({ "name": name, "model_configs": [config] });
        let endpoint = self.done("POST", "gateway/endpoints/create", endpoint).await;
        endpoint["endpoint"]["endpoint_id"].as_str().unwrap().to_owned()
    }
}

fn refused(answer: &(StatusCode, Value), status: u16, words: &str) {
    let text = answer.1["message"].as_str().unwrap_or_default();
    assert!(answer.0.as_u16() == status && text.contains(words), "{} {}", answer.0, answer.1);
}

ledger::db_test! {
    components: [
        tracking::COMPONENT, traces::COMPONENT, models::COMPONENT, evaluation::COMPONENT, review::COMPONENT,
        gateway::COMPONENT
    ];

    async fn a_record_of_the_same_inputs_is_merged_and_records_come_in_pages(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let new = json!({ "name": "qa", "experiment_ids": ["0"], "tags": r#"{"team": "ml"}"# });
        let made = client.done("POST", "datasets/create", new).await["dataset"].clone();
        let id = made["dataset_id"].as_str().unwrap();
        assert_eq!((&made["experiment_ids"], &made["tags"]), (&json!(["0"]), &json!(r#"{"team": "ml"}"#)));
        assert!(id.starts_with("d-") && made["digest"].as_str().unwrap().len() == 8);

        let records = |items: Value| json!({ "records": items.to_string() });
        let path = format!("datasets/{id}/records");
        let first = json!([
            { "inputs": { "q": 1 }, "expectations": { "a": "x" }, "tags": { "k": "1" } },
            { "inputs": { "q": 2 }, "source": { "source_type": "trace", "source_data": { "trace_id": "tr-1" } } },
        ]);
        let counts = client.done("POST", &path, records(first)).await;
        assert_eq!(counts, json!({ "inserted_count": 2, "updated_count": 0 }));
        let again = json!([{ "inputs": { "q": 1 }, "expectations": { "b": [] }, "outputs": "text" }]);
        let counts = client.done("POST", &path, records(again)).await;
        assert_eq!(counts, json!({ "inserted_count": 0, "updated_count": 1 }));

        let page = client.done("GET", &format!("{path}?max_results=1"), Value::Null).await;
        let found: Value = serde_json::from_str(page["records"].as_str().unwrap()).unwrap();
        assert_eq!(found[0]["expectations"], json!({ "a": "x", "b": [] }));
        assert_eq!((&found[0]["outputs"], &found[0]["tags"]), (&json!("text"), &json!({ "k": "1" })));
        let token = page["next_page_token"].as_str().unwrap();
        let page = client.done("GET", &format!("{path}?max_results=1&page_token={token}"), Value::Null).await;
        let found: Value = serde_json::from_str(page["records"].as_str().unwrap()).unwrap();
        assert_eq!((&found[0]["source_type"], &found[0]["source_id"]), (&json!("TRACE"), &json!("tr-1")));
        assert!(page.get("next_page_token").is_none());

        let got = client.done("GET", &format!("datasets/{id}"), Value::Null).await["dataset"].clone();
        assert_eq!(got["profile"], json!(r#"{"num_records": 2}"#));
        assert!(got["schema"].as_str().unwrap().contains(r#""q": "integer""#));
        let found = client.done("GET", "datasets/search?filter_string=tags.team%20%3D%20'ml'", Value::Null).await;
        assert_eq!(found["datasets"].as_array().unwrap().len(), 1);
        let answer = client.genai("POST", "datasets/search", json!({ "filter_string": "foo = 'x'" })).await;
        refused(&answer, 400, "Invalid attribute key 'foo'");

        client.done("DELETE", &format!("datasets/{id}"), json!({})).await;
        refused(&client.genai("POST", &path, records(json!([]))).await, 404, "not found");
        let answer = client.genai("POST", &format!("datasets/{id}/add-experiments"), json!({ "experiment_ids": ["0"] })).await;
        refused(&answer, 404, &format!("Dataset '{id}' not found"));
    }

    async fn a_scorer_follows_its_endpoint_and_may_not_carry_code(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let endpoint = client.endpoint("judge").await;
        let scorer = |text: Value| json!({ "experiment_id": "0", "name": "s", "serialized_scorer": text.to_string() });
        let code = scorer(json!({ "call_source": "import os" }));
        refused(&client.genai("POST", "scorers/register", code).await, 400, "Custom scorer registration");
        let judge = scorer(json!({ "instructions_judge_pydantic_data": { "model": "gateway:/judge" } }));
        let made = client.done("POST", "scorers/register", judge.clone()).await;
        assert_eq!((&made["version"], &made["name"]), (&json!(1), &json!("s")));
        assert_eq!(client.done("POST", "scorers/register", judge).await["version"], 2);

        let rename = json!({ "endpoint_id": endpoint, "name": "renamed" });
        client.done("POST", "gateway/endpoints/update", rename).await;
        let listed = client.done("GET", "scorers/list?experiment_id=0", Value::Null).await["scorers"].clone();
        assert_eq!((listed.as_array().unwrap().len(), &listed[0]["scorer_version"]), (1, &json!(2)));
        assert!(listed[0]["serialized_scorer"].as_str().unwrap().contains("gateway:/renamed"));
        let bound = format!("gateway/endpoints/bindings/list?endpoint_id={endpoint}");
        let bindings = client.done("GET", &bound, Value::Null).await["bindings"].clone();
        assert_eq!((bindings.as_array().unwrap().len(), &bindings[0]["resource_id"]), (1, &made["scorer_id"]));

        let online = |rate: f64| json!({ "experiment_id": "0", "name": "s", "sample_rate": rate, "filter_string": null });
        let set = client.done("PUT", "scorers/online-config", online(0.5)).await["config"].clone();
        assert_eq!((&set["sample_rate"], &set["scorer_id"]), (&json!(0.5), &made["scorer_id"]));
        refused(&client.genai("PUT", "scorers/online-config", online(1.5)).await, 400, "between 0.0 and 1.0");
        let id = made["scorer_id"].as_str().unwrap();
        let configs = client.done("GET", &format!("scorers/online-configs?scorer_ids={id}"), Value::Null).await;
        assert_eq!(configs["configs"].as_array().unwrap().len(), 1);

        client.done("DELETE", "scorers/delete", json!({ "experiment_id": "0", "name": "s" })).await;
        assert_eq!(client.done("GET", &bound, Value::Null).await, json!({}));
        let answer = client.genai("GET", "scorers/get?experiment_id=0&name=s", Value::Null).await;
        refused(&answer, 404, "Scorer with name 's' not found for experiment 0.");
    }

    async fn a_secret_is_shown_masked_and_its_models_outlive_it(ledger: ledger::Ledger) {
        let client = Client::new(ledger.clone()).await;
        let endpoint = client.endpoint("chat").await;
        let secrets = client.done("GET", "gateway/secrets/list", Value::Null).await;
        assert_eq!(secrets["secrets"][0]["masked_values"], json!({ "api_key": "sk-...6789" }));
        assert!(!secrets.to_string().contains("0123456789"));
        let id = secrets["secrets"][0]["secret_id"].as_str().unwrap().to_owned();
        let taken = json!({ "secret_name": "chat", "secret_value": { "api_key": "x" } });
        refused(&client.genai("POST", "gateway/secrets/create", taken).await, 400, "already exists");
        let aside = json!({ "secret_name": "other", "secret_value": { "api_base": "http://169.254.169.254" } });
        refused(&client.genai("POST", "gateway/secrets/create", aside).await, 400, "choose where the gateway sends requests");

        let get = format!("gateway/endpoints/get?endpoint_id={endpoint}");
        let found = client.done("GET", &get, Value::Null).await["endpoint"].clone();
        let experiment = found["experiment_id"].as_str().unwrap();
        let (_, named) = client.call("GET", &format!("mlflow/experiments/get?experiment_id={experiment}"), Value::Null).await;
        assert_eq!(named["experiment"]["name"], "gateway/chat");
        let model = found["model_mappings"][0]["model_definition_id"].clone();
        let used = json!({ "model_definition_id": model });
        refused(&client.genai("DELETE", "gateway/model-definitions/delete", used).await, 500, "in use by endpoints");
        client.done("DELETE", "gateway/secrets/delete", json!({ "secret_id": id })).await;
        let found = client.done("GET", &get, Value::Null).await;
        let definition = &found["endpoint"]["model_mappings"][0]["model_definition"];
        assert!(definition.get("secret_id").is_none() && definition["model_name"] == "gpt-4", "{definition}");
        let answer = client.genai("GET", &format!("gateway/secrets/get?secret_id={id}"), Value::Null).await;
        refused(&answer, 404, &format!("GatewaySecret not found (secret_id='{id}')"));
    }

    async fn the_most_severe_issue_comes_first(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        for (name, severity) in [("a", json!("low")), ("b", json!("high")), ("c", Value::Null)] {
            let new = json!({ "experiment_id": "0", "name": name, "description": "d", "severity": severity });
            client.done("POST", "issues", new).await;
        }
        let page = client.done("POST", "issues/search", json!({ "experiment_id": "0", "max_results": 2 })).await;
        let names: Vec<_> = page["issues"].as_array().unwrap().iter().map(|i| i["name"].clone()).collect();
        assert_eq!(names, ["b", "a"]);
        let id = page["issues"][0]["issue_id"].as_str().unwrap();
        let change = json!({ "status": "resolved" });
        assert_eq!(client.done("PATCH", &format!("issues/{id}"), change).await["issue"]["status"], "resolved");
        let search = json!({ "filter_string": "status = 'pending'" });
        let page = client.done("POST", "issues/search", search).await;
        assert_eq!((page["issues"].as_array().unwrap().len(), &page["next_page_token"]), (2, &json!("")));
        let stray = json!({ "experiment_id": "99", "name": "x", "description": "d" });
        refused(&client.genai("POST", "issues", stray).await, 404, "No Experiment with id=99 exists");
    }

    async fn a_queue_with_items_keeps_its_questions(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let listed = client.done("GET", "label-schemas/list?experiment_id=0", Value::Null).await["label_schemas"].clone();
        assert_eq!((&listed[0]["name"], &listed[0]["is_default"]), (&json!("Feedback"), &json!(true)));
        let schema = |name: &str, input: Value| {
            json!({ "experiment_id": "0", "name": name, "type": "FEEDBACK", "input": input })
        };
        let same = json!({ "pass_fail": { "positive_label": "y", "negative_label": "y" } });
        refused(&client.genai("POST", "label-schemas/create", schema("q", same)).await, 400, "must be distinct");
        refused(&client.genai("POST", "label-schemas/create", schema("feedback", json!({ "text": {} }))).await, 400, "reserved");
        let options = json!({ "categorical": { "options": ["a", "b"] } });
        let made = client.done("POST", "label-schemas/create", schema("q", options)).await["label_schema"].clone();
        let change = json!({ "schema_id": made["schema_id"], "input": { "text": {} } });
        refused(&client.genai("PATCH", "label-schemas/update", change).await, 400, "cannot be changed");

        let new = json!({
            "experiment_id": "0", "name": "Team", "queue_type": "CUSTOM", "users": ["Ann"], "schema_ids": [made["schema_id"]],
        });
        let queue = client.done("POST", "review-queues/create", new.clone()).await["review_queue"].clone();
        assert_eq!(queue["users"], json!(["ann"]));
        let twin = json!({ "experiment_id": "0", "name": "TEAM", "queue_type": "CUSTOM" });
        refused(&client.genai("POST", "review-queues/create", twin).await, 400, "already exists");
        let stray = json!({ "queue_id": queue["queue_id"], "item_ids": ["tr-none"] });
        refused(&client.genai("POST", "review-queues/items/add", stray).await, 404, "do not exist in experiment '0'");

        let trace = json!({ "trace": { "trace_info": {
            "trace_id": "tr-1", "state": "OK", "request_time": "2026-01-01T00:00:00Z",
            "trace_location": { "type": "MLFLOW_EXPERIMENT", "mlflow_experiment": { "experiment_id": "0" } },
        } } });
        client.done("POST", "traces", trace).await;
        let add = json!({ "queue_id": queue["queue_id"], "item_ids": ["tr-1", " tr-1 "] });
        let items = client.done("POST", "review-queues/items/add", add).await["items"].clone();
        assert_eq!((items.as_array().unwrap().len(), &items[0]["status"]), (1, &json!("PENDING")));
        let change = json!({ "queue_id": queue["queue_id"], "update_schema_ids": true, "schema_ids": [] });
        refused(&client.genai("POST", "review-queues/update", change).await, 400, "locked once items are assigned");
        let judge = |by: &str| {
            json!({ "queue_id": queue["queue_id"], "item_id": "tr-1", "status": "COMPLETE", "completed_by": by })
        };
        client.done("POST", "review-queues/items/set-status", judge("Ann")).await;
        let item = client.done("POST", "review-queues/items/set-status", judge("bob")).await["item"].clone();
        assert_eq!(item["completed_by"], "ann");
    }

    async fn a_prompt_lab_run_has_its_table_and_its_model(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let path = "/ajax-api/2.0/mlflow/runs/create-promptlab-run";
        let (status, body) = client.raw("POST", path, Some("application/json"), "{}").await;
        let answer = (status, serde_json::from_slice(&body).unwrap());
        refused(&answer, 400, "CreatePromptlabRun request must specify experiment_id.");
        let request = json!({
            "experiment_id": "0", "prompt_template": "Say {{ x }}", "prompt_parameters": [{ "key": "x", "value": 3 }],
            "model_route": "chat", "model_input": "Say 3", "model_output": "3", "mlflow_version": "1.0.0", "start_time": 456,
        });
        let (status, body) = client.raw("POST", path, Some("application/json"), request.to_string()).await;
        assert_eq!(status, StatusCode::OK);
        let run: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((&run["run"]["info"]["status"], &run["run"]["info"]["start_time"]), (&json!("FINISHED"), &json!(456)));
        let id = run["run"]["info"]["run_id"].as_str().unwrap();
        let get = format!("/get-artifact?run_id={id}&path=eval_results_table.json");
        let (_, table) = client.raw("GET", &get, None, Body::empty()).await;
        let table: Value = serde_json::from_slice(&table).unwrap();
        assert_eq!(table, json!({ "columns": ["x", "prompt", "output"], "data": [["3", "Say 3", "3"]] }));
        let list = format!("mlflow/artifacts/list?run_id={id}&path=model");
        let (_, listed) = client.call("GET", &list, Value::Null).await;
        assert_eq!(listed["files"].as_array().unwrap().len(), 5, "{listed}");
    }
}
