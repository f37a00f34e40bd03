//! Webhooks over the wire, and what the registry's events say to receivers.

use ::webhooks::Compose as _;
use http::StatusCode;
use ledger::Ledger;
use serde_json::{Value, json};

use crate::{Client, message};

/// Everything that is said so far, as `topic` and `data`.
async fn said(ledger: &Ledger) -> Vec<(String, Value)> {
    let composer = door_mlflow::Composer::new(ledger);
    let mut said = Vec::new();
    for event in ledger::testing::events(ledger).await {
        for notice in composer.notices(&event).await.unwrap() {
            assert!(notice.body["timestamp"].as_str().unwrap().contains('T'), "{}", notice.body);
            assert_eq!(
                notice.topic,
                format!(
                    "{}.{}",
                    notice.body["entity"].as_str().unwrap(),
                    notice.body["action"].as_str().unwrap()
                )
            );
            said.push((notice.topic, notice.body["data"].clone()));
        }
    }
    said
}

ledger::db_test! {
    components: [tracking::COMPONENT, models::COMPONENT, ::webhooks::COMPONENT];

    async fn the_registry_tells_what_upstream_tells(ledger: ledger::Ledger) {
        let client = Client::new(ledger.clone()).await;
        client.post("registered-models/create", json!({ "name": "m", "tags": [{ "key": "a", "value": "1" }] })).await;
        client.post("registered-models/set-tag", json!({ "name": "m", "key": "t", "value": "v" })).await;
        client.post("model-versions/create", json!({ "name": "m", "source": "s3://b/m", "description": "d" })).await;
        client.post("model-versions/set-tag", json!({ "name": "m", "version": "1", "key": "k", "value": "v" })).await;
        client.post("registered-models/alias", json!({ "name": "m", "alias": "best", "version": "1" })).await;
        let gone = client.call("DELETE", "mlflow/registered-models/alias", json!({ "name": "m", "alias": "best" })).await;
        assert_eq!(gone.0, StatusCode::OK);
        let is_prompt = json!({ "key": "mlflow.prompt.is_prompt", "value": "true" });
        client.post("registered-models/create", json!({ "name": "p", "tags": [is_prompt] })).await;
        let tags = json!([is_prompt, { "key": "mlflow.prompt.text", "value": "Hello {{x}}" }, { "key": "k", "value": "v" }]);
        client.post("model-versions/create", json!({ "name": "p", "source": "prompt-template", "tags": tags })).await;
        client.post("registered-models/set-tag", json!({ "name": "p", "key": "t", "value": "v" })).await;
        let expected = [
            ("registered_model.created", json!({ "name": "m", "tags": { "a": "1", "t": "v" }, "description": "" })),
            ("model_version.created", json!({ "name": "m", "version": "1", "source": "s3://b/m", "run_id": null, "tags": { "k": "v" }, "description": "d" })),
            ("model_version_tag.set", json!({ "name": "m", "version": "1", "key": "k", "value": "v" })),
            ("model_version_alias.created", json!({ "name": "m", "alias": "best", "version": "1" })),
            ("model_version_alias.deleted", json!({ "name": "m", "alias": "best" })),
            ("prompt.created", json!({ "name": "p", "tags": { "t": "v" }, "description": "" })),
            ("prompt_version.created", json!({ "name": "p", "version": "1", "template": "Hello {{x}}", "tags": { "k": "v" }, "description": null })),
            ("prompt_tag.set", json!({ "name": "p", "key": "t", "value": "v" })),
        ];
        let said = said(&ledger).await;
        assert_eq!(said, expected.map(|(topic, data)| (topic.to_owned(), data)));
    }

    async fn webhooks_are_made_changed_and_deleted(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let events = json!([{ "entity": "REGISTERED_MODEL", "action": "CREATED" }]);
        let body = |url: &str| json!({ "name": "w", "url": url, "events": events, "secret": "s" });
        let made = client.post("webhooks", body("https://1.1.1.1/hook")).await;
        let id = made["webhook"]["webhook_id"].as_str().unwrap().to_owned();
        assert_eq!((&made["webhook"]["events"], &made["webhook"]["status"]), (&events, &json!("ACTIVE")));
        assert!(made["webhook"].get("secret").is_none());
        let path = format!("mlflow/webhooks/{id}");
        let (_, changed) = client.call("PATCH", &path, json!({ "status": "DISABLED", "description": "d" })).await;
        assert_eq!((&changed["webhook"]["status"], &changed["webhook"]["description"]), (&json!("DISABLED"), &json!("d")));
        let (_, listed) = client.call("GET", "mlflow/webhooks", Value::Null).await;
        assert_eq!(listed["webhooks"], json!([changed["webhook"]]));
        for (body, words) in [
            (json!({ "name": "w", "url": "https://1.1.1.1/" }), "Missing value for required parameter 'events'"),
            (json!({ "name": "W!", "url": "https://1.1.1.1/", "events": events }), "Webhook name 'W!' is invalid"),
            (body("ftp://1.1.1.1/"), "Invalid webhook URL scheme: 'ftp'"),
            (json!({ "name": "w", "url": "https://1.1.1.1/", "events": [{ "entity": "MODEL_VERSION", "action": "SET" }] }), "Invalid action 'set' for entity 'model_version'"),
        ] {
            let answer = client.call("POST", "mlflow/webhooks", body).await;
            assert!(message(&answer).2.contains(words) && answer.0 == StatusCode::BAD_REQUEST, "{answer:?}");
        }
        assert_eq!(client.call("DELETE", &path, Value::Null).await.0, StatusCode::OK);
        let answer = client.call("GET", &path, Value::Null).await;
        assert_eq!(message(&answer), (404, "RESOURCE_DOES_NOT_EXIST", format!("Webhook with ID {id} not found.").as_str()));
    }
}
