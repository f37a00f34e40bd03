use http::StatusCode;
use predictions::Batch;
use runtimes::{Column, Frame, Values};
use serde_json::json;
use types::{Actor, Role, Uid};

use crate::{COMPONENTS, Client, error, with_role};

pub async fn predict(client: &Client) -> Uid {
    let at = client.ledger.clock().now();
    let id = types::new_id(at);
    let frame = |name: &str| {
        Frame::new(vec![Column { name: name.into(), values: Values::Float(vec![0.5]) }]).unwrap()
    };
    let batch = Batch {
        workspace: Actor::local().workspace,
        endpoint: "visits".into(),
        revision: types::new_id(at),
        variant: "visits-1".into(),
        model: "visits".into(),
        version: 1,
        model_version: types::new_id(at),
        model_digest: None,
        at,
        latency_us: 90,
        ids: vec![id],
        principal: "user:ann".into(),
        flags: Vec::new(),
        params: runtimes::Params::default(),
        inputs: frame("age"),
        outputs: frame("probability"),
    };
    assert!(client.log.record(batch));
    client.log.flush().await.unwrap();
    id
}

ledger::db_test! {
    components: COMPONENTS;

    async fn labels_are_taken_once_and_unknown_ids_come_back(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let id = predict(&client).await;
        let told = json!({ "labels": [
            { "prediction_id": id, "label": 1, "at": "2026-03-01T12:00:00Z" },
            { "prediction_id": "not an id", "label": 1 },
        ]});
        let (status, body) = client.call_as(with_role(Role::Client), "POST", "labels", told.clone()).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let wanted = json!({ "accepted": 1, "unchanged": 0, "replaced": 0, "unknown": ["not an id"] });
        assert_eq!(body, wanted);
        let (_, again) = client.call("POST", "labels", told).await;
        assert_eq!((&again["accepted"], &again["unchanged"]), (&json!(0), &json!(1)));
        let found = client.log.find(&Actor::local(), id).await.unwrap().unwrap();
        let label = found.label.unwrap();
        assert_eq!((label.label, label.at.rfc3339().as_str()), (json!(1), "2026-03-01T12:00:00Z"));
    }

    async fn a_time_that_is_none_is_named(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let told = json!({ "labels": [{ "prediction_id": "x", "label": 1, "at": "yesterday" }] });
        let (status, body) = client.call("POST", "labels", told).await;
        assert_eq!((status, error(&body)), (StatusCode::BAD_REQUEST, ("invalid", true)));
        assert_eq!(body["error"]["message"], "labels[0].at: `yesterday` is not a time");
    }

    async fn a_viewer_tells_no_labels(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let (status, _) = client.call_as(with_role(Role::Viewer), "POST", "labels", json!({ "labels": [] })).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
    }
}
