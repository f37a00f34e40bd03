use http::StatusCode;
use serde_json::{Value, json};
use types::{Actor, Digest};

use crate::{COMPONENTS, Client, error};

/// Defines a monitor of 10 rows a window.
pub async fn watch(client: &Client) {
    let spec = json!({
        "name": "visits-drift",
        "endpoint": "visits",
        "baseline": { "digest": Digest::of(b"baseline") },
        "window": { "rows": 10 },
        "threshold": 0.2,
    });
    let spec = serde_json::from_value(spec).unwrap();
    monitoring::define(&client.ledger, &Actor::local(), spec).await.unwrap();
}

ledger::db_test! {
    components: COMPONENTS;

    async fn a_monitor_without_traffic_has_no_windows(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        watch(&client).await;
        let listed = client.get("monitors").await;
        assert_eq!(listed["monitors"][0]["name"], "visits-drift");
        assert_eq!(listed["monitors"][0]["windows"], 0);
        let found = client.get("monitors/visits-drift").await;
        assert_eq!((&found["method"], &found["window_rows"]), (&json!("psi"), &json!(10)));
        assert_eq!((&found["windows"], &found["latest"]), (&json!([]), &Value::Null));
        assert_eq!(found["pending_rows"], 0);
    }

    async fn an_unknown_monitor_is_not_found_and_says_what_to_do(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let (status, body) = client.call("GET", "monitors/none", Value::Null).await;
        assert_eq!((status, error(&body)), (StatusCode::NOT_FOUND, ("not_found", true)), "{body}");
    }
}
