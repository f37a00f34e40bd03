use http::StatusCode;
use serde_json::json;

use crate::house::{COMPONENTS, House};

ledger::db_test! {
    components: COMPONENTS;

    async fn rows_columns_and_status_have_tensorflow_servings_forms(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let row = json!([1, 2, 3, 4, 5, 6, 7, 8]);
        let rows = house.post("/v1/models/cancer:predict", &[], json!({ "instances": [row, row] }).to_string()).await;
        assert_eq!(rows.status, StatusCode::OK);
        let predictions = rows.json()["predictions"].clone();
        assert_eq!(predictions.as_array().map(Vec::len), Some(2));
        assert!(predictions[0]["label"].is_i64() && predictions[0]["probabilities"].is_array(), "{predictions}");
        assert_eq!(rows.headers["x-mlwright-prediction-ids"].to_str().unwrap().split(',').count(), 2);
        let columns = house.post("/v1/models/cancer/versions/1:predict", &[], json!({ "inputs": [row] }).to_string()).await;
        assert_eq!(columns.json()["outputs"]["label"][0], predictions[0]["label"]);
        let status = house.get("/v1/models/cancer").await.json();
        assert_eq!(status["model_version_status"][0]["state"], "AVAILABLE");
        let metadata = house.get("/v1/models/cancer/metadata").await.json();
        let signature = &metadata["metadata"]["signature_def"]["signature_def"]["serving_default"];
        assert_eq!(signature["inputs"]["X"]["tensor_shape"]["dim"][1]["size"], "8");
    }

    async fn a_viewer_reads_and_does_not_predict(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let viewer = house.as_viewer();
        assert_eq!(viewer.get("/v1/models/cancer").await.status, StatusCode::OK);
        let refused = viewer.post("/v1/models/cancer:predict", &[], "{}").await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        assert!(refused.json()["error"].as_str().unwrap().contains("Predict"));
    }
}
