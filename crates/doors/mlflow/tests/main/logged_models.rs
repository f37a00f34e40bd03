//! Logged models: pages and orders of their search.

use super::*;

ledger::db_test! {
    components: [tracking::COMPONENT, models::COMPONENT];

    async fn a_page_token_continues_its_own_search_only(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        for _ in 0..3 {
            client.post("logged-models", json!({ "experiment_id": "0" })).await;
        }
        let first = client.post("logged-models/search", json!({ "experiment_ids": ["0"], "max_results": 2 })).await;
        let token = first["next_page_token"].as_str().unwrap();
        let next = client.post("logged-models/search", json!({ "experiment_ids": ["0"], "page_token": token })).await;
        assert_eq!((next["models"].as_array().unwrap().len(), next.get("next_page_token")), (1, None));
        for (body, words) in [
            (json!({ "experiment_ids": ["1"] }), "Experiment IDs in the page token do not match"),
            (json!({ "experiment_ids": ["0"], "filter": "name = 'x'" }), "Filter string in the page token does not match"),
            (json!({ "experiment_ids": ["0"], "order_by": [{ "field_name": "name" }] }), "Order by in the page token does not match"),
            (json!({}), "Missing value for required parameter 'experiment_ids'."),
        ] {
            let mut body = body;
            body["page_token"] = json!(token);
            let answer = client.call("POST", "mlflow/logged-models/search", body).await;
            assert!(message(&answer).0 == 400 && message(&answer).2.contains(words), "{answer:?}");
        }
    }

    async fn models_are_ordered_by_a_metric_on_a_dataset_known_by_its_digest(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let run = client.run().await;
        let mut ids = Vec::new();
        for (mine, other) in [(1.0, 9.0), (2.0, 1.0)] {
            let model = client.post("logged-models", json!({ "experiment_id": "0" })).await;
            let id = model["model"]["info"]["model_id"].clone();
            for (value, digest) in [(mine, "d1"), (other, "d2")] {
                client.post("runs/log-metric", json!({
                    "run_id": run, "key": "acc", "value": value, "timestamp": 1, "model_id": id, "dataset_name": "n",
                    "dataset_digest": digest,
                })).await;
            }
            ids.push(id);
        }
        for (digest, order) in [("d1", [1, 0]), ("d2", [0, 1])] {
            let by = json!([{ "field_name": "metrics.acc", "ascending": false, "dataset_digest": digest }]);
            let found = client.post("logged-models/search", json!({ "experiment_ids": ["0"], "order_by": by })).await;
            let found: Vec<_> = found["models"].as_array().unwrap().iter().map(|m| m["info"]["model_id"].clone()).collect();
            assert_eq!(found, order.map(|place: usize| ids[place].clone()), "{digest}");
        }
    }
}
