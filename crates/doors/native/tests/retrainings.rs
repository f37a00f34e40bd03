use http::StatusCode;
use serde_json::{Value, json};
use types::Role;

use crate::{COMPONENTS, Client, error, with_role};

ledger::db_test! {
    components: COMPONENTS;

    async fn without_policies_the_lists_are_empty(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        assert_eq!(client.get("retrainings").await, json!({ "retrainings": [], "policies": [] }));
    }

    async fn what_is_unknown_is_not_found_and_says_what_to_do(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        for id in ["none", "0190a0b0-0000-7000-8000-000000000000"] {
            let (status, body) = client.call("GET", &format!("retrainings/{id}"), Value::Null).await;
            assert_eq!((status, error(&body)), (StatusCode::NOT_FOUND, ("not_found", true)), "{body}");
        }
        let (status, body) = client.call("POST", "retrainings", json!({ "policy": "none" })).await;
        assert_eq!((status, error(&body)), (StatusCode::NOT_FOUND, ("not_found", true)), "{body}");
    }

    async fn a_decision_is_for_those_who_may_deploy_and_needs_a_reason(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let path = "retrainings/0190a0b0-0000-7000-8000-000000000000";
        let reason = json!({ "reason": "looked at it" });
        let (status, body) =
            client.call_as(with_role(Role::Editor), "POST", &format!("{path}/approve"), reason.clone()).await;
        assert_eq!((status, error(&body)), (StatusCode::FORBIDDEN, ("forbidden", true)), "{body}");
        let (status, body) = client.call("POST", &format!("{path}/approve"), reason.clone()).await;
        assert_eq!((status, error(&body)), (StatusCode::NOT_FOUND, ("not_found", true)), "{body}");
        for (word, said) in [("approve", json!({ "reason": " " })), ("bless", reason)] {
            let (status, body) = client.call("POST", &format!("{path}/{word}"), said).await;
            assert!(status.is_client_error() && status != StatusCode::NOT_FOUND, "{status} {body}");
        }
    }

    async fn whoever_may_deploy_ends_one_without_having_to_say_why(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let policy = json!({
            "name": "again", "on": "",
            "triggers": {"data_commit": {"repository": "clinic", "branch": "main", "settle": 60}},
            "labels": null, "cooldown": null, "budget": null,
            "recipe": {
                "pipeline": "train", "code": {"digest": types::Digest::of(b"code")}, "model": "m", "dataset": "d",
                "expectations": null, "label": null, "gate": null, "alias": "champion", "endpoint": "e",
            },
        });
        let policy: automation::Policy = serde_json::from_value(policy).unwrap();
        automation::define(&client.ledger, &types::Actor::local(), policy).await.unwrap();
        let (status, made) = client.call("POST", "retrainings", json!({ "policy": "again" })).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        let path = format!("retrainings/{}", made["id"].as_str().unwrap());
        let cancel = format!("{path}/cancel");
        let (status, body) = client.call_as(with_role(Role::Editor), "POST", &cancel, json!({})).await;
        assert_eq!((status, error(&body)), (StatusCode::FORBIDDEN, ("forbidden", true)), "{body}");
        let (status, body) = client.call("POST", &cancel, json!({})).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        assert_eq!(body["cancel"]["by"], types::Actor::local().to_string());
        let found = client.get(&path).await;
        assert_eq!((&found["cancel"]["reason"], &found["state"], &found["times"]), (&Value::Null, &json!("triggered"), &json!(1)));
        let listed = client.get("retrainings").await;
        let policy = &listed["policies"][0];
        assert_eq!((&policy["pending"], &policy["triggers"]["data_commit"]["repository"]), (&Value::Null, &json!("clinic")));
    }

    async fn only_who_may_run_code_retrains(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let wish = json!({ "policy": "any" });
        let (status, body) = client.call_as(with_role(Role::Editor), "POST", "retrainings", wish).await;
        assert_eq!((status, error(&body)), (StatusCode::FORBIDDEN, ("forbidden", true)), "{body}");
    }
}
