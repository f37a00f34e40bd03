use std::fmt::Write as _;

use axum::body::Body;
use http::StatusCode;
use serde_json::json;
use types::{Actor, Role};

use crate::{COMPONENTS, Client, error, with_role};

/// 400 rows in two heaps; the label of every 37th row, from the fifth on, is the other heap's.
async fn import(client: &Client) {
    let mut text = String::from("x,y,kind\n");
    for row in 1..=400 {
        let heap = row % 2;
        let kind = if (heap == 1) == (row % 37 != 5) { "cat" } else { "dog" };
        let (x, y) = (f64::from(heap * 50) + f64::from(row * 13 % 40) / 4.0, f64::from(row * 7 % 30) / 10.0);
        writeln!(text, "{x:.3},{y:.3},{kind}").unwrap();
    }
    let form = format!(
        "--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n{text}\r\n--cut--\r\n"
    );
    let (status, body) = client
        .send(
            Actor::local(),
            "POST",
            "datasets/pets/versions",
            "multipart/form-data; boundary=cut",
            Body::from(form),
        )
        .await;
    assert_eq!(status, StatusCode::OK, "{body}");
}

ledger::db_test! {
    components: COMPONENTS;

    async fn a_label_that_looks_wrong_is_found_corrected_and_committed(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        import(&client).await;
        let labels = "datasets/pets/versions/1/labels";
        let nobody_looked = client.get(labels).await;
        assert_eq!((&nobody_looked["review"], &nobody_looked["items"]), (&json!(null), &json!([])));
        let (status, body) = client.call("POST", labels, json!({})).await;
        assert_eq!((status, error(&body)), (StatusCode::BAD_REQUEST, ("invalid", true)), "{body}");
        let (status, found) = client.call("POST", labels, json!({ "label": "kind" })).await;
        assert_eq!((status, &found["pending"]), (StatusCode::OK, &json!(11)), "{found}");
        let page = client.get(&format!("{labels}?status=pending")).await;
        let item = page["items"].as_array().unwrap().iter().find(|item| item["row"] == 5).unwrap();
        assert_eq!((&item["given"], &item["likely"], &item["values"]["x"]), (&json!("dog"), &json!("cat"), &json!(56.25)));
        let (status, body) = client.call("POST", &format!("{labels}/5"), json!({ "verdict": "correct" })).await;
        assert_eq!((status, error(&body)), (StatusCode::BAD_REQUEST, ("invalid", true)));
        let said = json!({ "verdict": "correct", "label": "cat", "comment": "whiskers" });
        let (status, done) = client.call("POST", &format!("{labels}/5"), said).await;
        assert_eq!((status, &done["verdict"]), (StatusCode::OK, &json!("cat")), "{done}");
        let reviews = client.get("label-reviews").await;
        assert_eq!((&reviews["reviews"][0]["dataset"], &reviews["reviews"][0]["corrected"]), (&json!("pets"), &json!(1)));
        let (status, made) = client.call("POST", "datasets/pets/versions/1/corrected", json!({})).await;
        assert_eq!((status, &made["number"]), (StatusCode::OK, &json!(2)), "{made}");
        assert_eq!(made["origin"]["kind"], "label_review");
    }

    async fn whoever_may_only_look_judges_no_label(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        import(&client).await;
        client.call("POST", "datasets/pets/versions/1/labels", json!({ "label": "kind" })).await;
        for (path, body) in [
            ("labels", json!({ "label": "kind" })),
            ("labels/5", json!({ "verdict": "keep" })),
            ("corrected", json!({})),
        ] {
            let path = format!("datasets/pets/versions/1/{path}");
            let (status, _) = client.call_as(with_role(Role::Viewer), "POST", &path, body).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{path}");
        }
        let (status, body) = client.call("POST", "datasets/pets/versions/1/labels/6", json!({ "verdict": "keep" })).await;
        assert_eq!((status, error(&body).0), (StatusCode::NOT_FOUND, "not_found"), "{body}");
    }
}
