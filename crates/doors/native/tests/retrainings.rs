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

    async fn only_who_may_run_code_retrains(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let wish = json!({ "policy": "any" });
        let (status, body) = client.call_as(with_role(Role::Editor), "POST", "retrainings", wish).await;
        assert_eq!((status, error(&body)), (StatusCode::FORBIDDEN, ("forbidden", true)), "{body}");
    }
}
