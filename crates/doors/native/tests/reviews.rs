use http::StatusCode;
use serde_json::json;
use types::Role;

use crate::labels::predict;
use crate::{COMPONENTS, Client, error, with_role};

ledger::db_test! {
    components: COMPONENTS;

    async fn a_prediction_is_sent_taken_and_answered(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let id = predict(&client).await;
        let (status, empty) = client.call("POST", "reviews/next", json!({})).await;
        assert_eq!((status, empty), (StatusCode::OK, json!({})));
        let (status, sent) =
            client.call("POST", "reviews", json!({ "prediction": id, "reason": "looks odd" })).await;
        assert_eq!((status, &sent["status"]), (StatusCode::OK, &json!("pending")), "{sent}");
        assert_eq!((&sent["reasons"], &sent["record"]["inputs"]), (&json!(["looks odd"]), &json!({ "age": 0.5 })));
        let (_, taken) = client.call("POST", "reviews/next", json!({ "endpoint": "visits" })).await;
        assert_eq!((&taken["prediction"], &taken["taken_by"]), (&json!(id), &json!("local")), "{taken}");
        let (status, missing) = client.call("POST", &format!("reviews/{id}/answer"), json!({})).await;
        assert_eq!((status, error(&missing)), (StatusCode::BAD_REQUEST, ("invalid", true)));
        let (status, done) =
            client.call("POST", &format!("reviews/{id}/answer"), json!({ "label": true, "comment": "sure" })).await;
        assert_eq!((status, &done["verdict"]), (StatusCode::OK, &json!(true)), "{done}");
        assert_eq!(done["record"]["label"]["label"], true);
        let (_, list) = client.call("GET", "reviews?endpoint=visits&status=complete", json!(null)).await;
        assert_eq!((list["items"].as_array().map(Vec::len), &list["queues"][0]["complete"]), (Some(1), &json!(1)));
        let (_, none) = client.call("GET", "reviews?status=pending", json!(null)).await;
        assert_eq!(none["items"], json!([]));
    }

    async fn whoever_may_only_look_judges_nothing(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let id = predict(&client).await;
        client.call("POST", "reviews", json!({ "prediction": id })).await;
        for path in ["reviews/next".to_owned(), format!("reviews/{id}/skip")] {
            let (status, _) = client.call_as(with_role(Role::Viewer), "POST", &path, json!({})).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{path}");
        }
        let (status, _) = client.call_as(with_role(Role::Viewer), "GET", &format!("reviews/{id}"), json!(null)).await;
        assert_eq!(status, StatusCode::OK);
        let (status, body) = client.call("POST", &format!("reviews/{id}/throw"), json!({})).await;
        assert_eq!((status, error(&body)), (StatusCode::BAD_REQUEST, ("invalid", true)));
        let (status, body) = client.call("GET", "reviews/00000000000000000000000000000001", json!(null)).await;
        assert_eq!((status, error(&body).0), (StatusCode::NOT_FOUND, "not_found"), "{body}");
    }
}
