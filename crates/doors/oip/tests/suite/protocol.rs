use http::StatusCode;
use serde_json::{Value, json};

use crate::house::{COMPONENTS, House};

const INFER: &str = "/v2/models/cancer/infer";

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

    async fn json_and_raw_tensors_give_what_onnxruntime_gives(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let expected = expected();
        let data = expected["inputs"]["X"]["data"].clone();
        let body = json!({ "id": "q", "inputs": [{ "name": "X", "shape": [8, 8], "datatype": "FP32", "data": data }] });
        let answer = house.post(INFER, &[], body.to_string()).await;
        assert_eq!(answer.status, StatusCode::OK);
        let reply = answer.json();
        assert_eq!((&reply["id"], &reply["model_name"], &reply["model_version"]), (&json!("q"), &json!("cancer"), &json!("1")));
        assert_eq!(reply["outputs"][0]["data"], expected["outputs"]["label"]["data"]);
        assert_eq!(reply["outputs"][1]["shape"], json!([8, 2]));
        close(&reply["outputs"][1]["data"], &expected["outputs"]["probabilities"]["data"]);
        assert_eq!(reply["parameters"]["prediction_ids"].as_str().unwrap().split(',').count(), 8);

        let raw: Vec<u8> =
            data.as_array().unwrap().iter().flat_map(|x| (x.as_f64().unwrap() as f32).to_le_bytes()).collect();
        let header = json!({
            "inputs": [{ "name": "X", "shape": [8, 8], "datatype": "FP32", "parameters": { "binary_data_size": raw.len() } }],
            "outputs": [{ "name": "label", "parameters": { "binary_data": true } }],
        })
        .to_string();
        let length = header.len().to_string();
        let mut body = header.into_bytes();
        body.extend(&raw);
        let answer = house.post(INFER, &[("inference-header-content-length", &length)], body).await;
        assert_eq!(answer.status, StatusCode::OK);
        let split: usize = answer.headers["inference-header-content-length"].to_str().unwrap().parse().unwrap();
        let reply: Value = serde_json::from_slice(&answer.body[..split]).unwrap();
        assert_eq!(reply["outputs"][0]["parameters"]["binary_data_size"], 64);
        let labels: Vec<i64> =
            answer.body[split..].chunks(8).map(|c| i64::from_le_bytes(c.try_into().unwrap())).collect();
        assert_eq!(json!(labels), expected["outputs"]["label"]["data"]);

        let answer = house.post(INFER, &[("inference-header-content-length", "0")], raw).await;
        assert_eq!(answer.status, StatusCode::OK, "a raw request");
    }

    async fn metadata_is_what_tritonclient_reads(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let model = house.get("/v2/models/cancer").await.json();
        assert_eq!(model["inputs"], json!([{ "name": "X", "datatype": "FP32", "shape": [-1, 8] }]));
        assert_eq!(model["versions"], json!(["1"]));
        let index = house.post("/v2/repository/index", &[], "").await.json();
        assert_eq!(index, json!([{ "name": "cancer", "version": "1", "state": "READY" }]));
        for (path, status) in [
            ("/v2", 200),
            ("/v2/health/live", 200),
            ("/v2/health/ready", 200),
            ("/v2/models/cancer/ready", 200),
            ("/v2/models/cancer/versions/1/ready", 200),
            ("/v2/models/cancer/versions/2/ready", 404),
            ("/v2/models/cancer/config", 200),
            ("/v2/models/cancer/stats", 200),
            ("/v2/models/stats", 200),
            ("/v2/models/nope", 404),
        ] {
            assert_eq!(house.get(path).await.status, status, "{path}");
        }
        let unknown = house.get("/v2/models/nope").await.json();
        assert_eq!(unknown, json!({ "error": "Request for unknown model: 'nope' is not found" }));
    }

    async fn a_viewer_reads_and_does_not_predict(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let viewer = house.as_viewer();
        assert_eq!(viewer.get("/v2/models/cancer").await.status, StatusCode::OK);
        assert_eq!(viewer.post(INFER, &[], "{}").await.status, StatusCode::FORBIDDEN);
        assert_eq!(viewer.post("/v2/repository/models/cancer/unload", &[], "{}").await.status, StatusCode::FORBIDDEN);
    }
}
