use std::time::Duration;

use mlwright_serving as serving;
use predictions::Window;
use runtimes::json::{Json, parse};
use serving::{Deploy, Error, Input, NewVariant, Request, Select};
use types::{Class, Fault as _};

use crate::house::{COMPONENTS, House, rows};

const DECLARED: &str = r#"[{"name":"temperature","default":0.5,"shape":null,"type":"double"},{"name":"stop","default":["x"],"shape":[-1],"type":"string"}]"#;
/// Knows other params than the one that answers.
const OTHERS: &str = r#"[{"name":"seed","default":7,"shape":null,"type":"long"},{"name":"temperature","default":0.1,"shape":null,"type":"double"}]"#;

async fn told(house: &House, params: Option<&str>) -> Result<serving::Answer, Error> {
    let params: Option<Json> = params.map(|text| parse(text.as_bytes()).unwrap());
    let input = Input::Tensors(vec![rows(1)]);
    let (select, outputs) = (Select::Any, &[][..]);
    let request =
        Request { endpoint: "e", select, routing_key: None, input, params, outputs, deadline: None };
    house.serving.infer(&house.actor, request).await
}

ledger::db_test! {
    components: COMPONENTS;

    async fn what_a_variant_is_told_fits_its_own_signature_and_is_in_its_record(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let one = house.version_with_params("cancer", "cancer_logreg.onnx", DECLARED).await;
        let two = house.version_with_params("cancer", "cancer_logreg_2.onnx", OTHERS).await;
        let shadow = NewVariant { shadow: true, ..NewVariant::new(two, 0.0) };
        let variants = vec![NewVariant::new(one, 1.0), shadow];
        let deploy = Deploy { endpoint: "e".into(), variants, causes: Vec::new() };
        house.serving.deploy(&house.actor, deploy).await.unwrap();
        let answer = told(&house, Some(r#"{"temperature": 1, "seed": 8, "nobody": null}"#)).await.unwrap();
        told(&house, None).await.unwrap();
        let mut found = house.log.window(&house.actor, "e", Window::Last(9)).await.unwrap();
        for _ in 0..200 {
            if found.len() == 4 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
            found = house.log.window(&house.actor, "e", Window::Last(9)).await.unwrap();
        }
        let of = |variant: &str| -> Vec<&str> {
            let rows = found.variants.iter().zip(&found.params).filter(|(name, _)| *name == variant);
            rows.map(|(_, params)| params.as_deref().unwrap()).collect()
        };
        assert_eq!(of("cancer-1"), [r#"{"temperature":1.0,"stop":["x"]}"#, r#"{"temperature":0.5,"stop":["x"]}"#]);
        assert_eq!(of("cancer-2"), [r#"{"seed":8,"temperature":1.0}"#, r#"{"seed":7,"temperature":0.1}"#]);
        let one = house.log.find(&house.actor, answer.ids[0]).await.unwrap().unwrap();
        assert_eq!(one.params, Some(serde_json::json!({ "temperature": 1.0, "stop": ["x"] })));
        // And as read from a segment.
        house.log.seal(&house.actor, "e").await.unwrap().unwrap();
        let sealed = house.log.find(&house.actor, answer.ids[0]).await.unwrap().unwrap();
        assert!(sealed.segment.is_some());
        assert_eq!(sealed.params, one.params);
    }

    async fn what_does_not_fit_is_refused_and_is_no_failure_of_the_model(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let one = house.version_with_params("cancer", "cancer_logreg.onnx", DECLARED).await;
        house.deploy("e", &[(one, 1.0)]).await.unwrap();
        for bad in [r#"{"temperature": "hot"}"#, r#"{"stop": "x"}"#, "[1]"] {
            let error = told(&house, Some(bad)).await.unwrap_err();
            assert!(matches!(&error, Error::Runtime(runtimes::Error::Params(_))), "{error}");
            assert_eq!(error.class(), Class::Invalid);
        }
        assert_eq!(house.serving.traffic(&house.actor, "e").errors, 0);
        let two = house.version("plain", "cancer_logreg.onnx").await;
        house.deploy("e", &[(two, 1.0)]).await.unwrap();
        let answer = told(&house, Some("[1]")).await.unwrap();
        let found = house.log.find(&house.actor, answer.ids[0]).await.unwrap().unwrap();
        assert_eq!(found.params, None, "a signature without params takes everything and tells nothing");
    }
}
