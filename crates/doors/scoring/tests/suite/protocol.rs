use http::StatusCode;
use serde_json::{Value, json};

use crate::house::{COMPONENTS, House};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

fn expected() -> Value {
    let path = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../conformance/models/cancer_logreg.expected.json");
    serde_json::from_slice(&types::io::read(path).unwrap()).unwrap()
}

fn close(actual: &Value, expected: &Value) {
    let (a, e) = (actual.as_array().unwrap(), expected.as_array().unwrap());
    assert_eq!(a.len(), e.len());
    for (a, e) in a.iter().zip(e) {
        assert!((a.as_f64().unwrap() - e.as_f64().unwrap()).abs() < 1e-6, "{a} is not {e}");
    }
}

ledger::db_test! {
    components: COMPONENTS;

    async fn scoring_takes_split_records_and_csv_and_names_each_prediction(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let expected = expected();
        let data = expected["inputs"]["X"]["data"].as_array().unwrap();
        let rows: Vec<&[Value]> = data.chunks(8).collect();
        let split = json!({ "dataframe_split": { "columns": expected["columns"], "data": rows } });
        let answer = house.post("/invocations", &JSON, split.to_string()).await;
        assert_eq!(answer.status, StatusCode::OK);
        let predictions = answer.json()["predictions"].clone();
        let labels: Vec<&Value> = predictions.as_array().unwrap().iter().map(|p| &p["label"]).collect();
        assert_eq!(json!(labels), expected["outputs"]["label"]["data"]);
        close(&predictions[0]["probabilities"], &json!(expected["outputs"]["probabilities"]["data"].as_array().unwrap()[..2]));
        assert_eq!(answer.headers["x-mlwright-prediction-ids"].to_str().unwrap().split(',').count(), 8);
        let same = house.post("/serving-endpoints/cancer/invocations", &JSON, split.to_string()).await;
        assert_eq!(same.headers["served-model-name"], "cancer-1");
        assert_eq!(same.json()["predictions"], predictions);
    }

    async fn a_viewer_reads_and_does_not_predict(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let viewer = house.as_viewer();
        assert_eq!(viewer.get("/api/2.0/serving-endpoints/cancer").await.status, StatusCode::OK);
        assert_eq!(viewer.post("/invocations", &JSON, "{}").await.status, StatusCode::FORBIDDEN);
        assert_eq!(viewer.post("/serving-endpoints/cancer/invocations", &JSON, "{}").await.status, StatusCode::FORBIDDEN);
    }
}
