use std::sync::Arc;

use mlwright_serving::{Batching, CacheSettings, Error, Rate, Settings};
use runtimes::{Tensor, TensorData};

use crate::house::{COMPONENTS, House};

fn row(value: f32) -> Tensor {
    Tensor::new("X", [1, 8], TensorData::F32(vec![value; 8]))
}

/// A row about which the models of these tests differ.
fn tumour() -> Tensor {
    let values = vec![17.99, 10.38, 122.8, 1001.0, 0.1184, 0.2776, 0.3001, 0.1471];
    Tensor::new("X", [1, 8], TensorData::F32(values))
}

ledger::db_test! {
    components: COMPONENTS;

    async fn requests_that_run_together_get_their_own_answers(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let one = house.version("cancer", "cancer_logreg.onnx").await;
        house.deploy("e", &[(one, 1.0)]).await.unwrap();
        let mut alone = Vec::new();
        for value in 0..16 {
            alone.push(house.ask_with("e", None, None, row(value as f32)).await.unwrap().outputs);
        }
        let batching = Some(Batching { most_rows: 8, longest_wait_ms: 5 });
        let settings = Settings { batching, ..Settings::default() };
        house.serving.change_settings(&house.actor, "e", settings).await.unwrap();
        let house = Arc::new(house);
        let mut asking = tokio::task::JoinSet::new();
        for round in 0..64 {
            let house = Arc::clone(&house);
            asking.spawn(async move {
                let value = round % 16;
                (value, house.ask_with("e", None, None, row(value as f32)).await.unwrap().outputs)
            });
        }
        while let Some(answer) = asking.join_next().await {
            let (value, outputs) = answer.unwrap();
            for (together, alone) in outputs.iter().zip(&alone[value]) {
                let (a, b) = (together.data.to_f64().unwrap(), alone.data.to_f64().unwrap());
                assert_eq!(together.shape, alone.shape);
                assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-6), "{value}: {a:?} is not {b:?}");
            }
        }
        // One wrong request fails alone.
        let wrong = Tensor::new("X", [1, 7], TensorData::F32(vec![0.0; 7]));
        let (wrong, right) =
            tokio::join!(house.ask_with("e", None, None, wrong), house.ask_with("e", None, None, row(1.0)));
        assert!(wrong.is_err() && right.is_ok(), "{wrong:?} {right:?}");
    }

    async fn limits_callers_and_caches_outlive_revisions(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let one = house.version("cancer", "cancer_logreg.onnx").await;
        let two = house.version("cancer", "cancer_logreg_2.onnx").await;
        house.deploy("e", &[(one, 1.0)]).await.unwrap();
        let settings = Settings {
            rate_per_caller: Some(Rate { per_second: 0.01, burst: 3.0 }),
            cache: Some(CacheSettings { seconds: 60, entries: 10 }),
            ..Settings::default()
        };
        house.serving.change_settings(&house.actor, "e", settings.clone()).await.unwrap();
        let first = house.ask_with("e", None, None, tumour()).await.unwrap();
        let again = house.ask_with("e", None, None, tumour()).await.unwrap();
        assert_eq!(first.outputs, again.outputs);
        assert_ne!(first.ids, again.ids, "a remembered answer is a prediction of its own");
        house.deploy("e", &[(two, 1.0)]).await.unwrap();
        let other = house.ask_with("e", None, None, tumour()).await.unwrap();
        assert_ne!(other.outputs, first.outputs, "another model's answer");
        assert!(matches!(house.ask("e").await, Err(Error::Limited { .. })), "the fourth request");
        let strangers = Settings { callers: vec!["user:ann".into()], ..Settings::default() };
        house.serving.change_settings(&house.actor, "e", strangers).await.unwrap();
        assert!(matches!(house.ask("e").await, Err(Error::NotForYou { .. })));
        // Who is refused is not the model's failure.
        assert_eq!(house.serving.variant_traffic(&house.actor, "e").unwrap()[0].traffic.errors, 0);
        let none = Settings { rate: Some(Rate { per_second: 0.0, burst: 1.0 }), ..Settings::default() };
        assert!(house.serving.change_settings(&house.actor, "e", none).await.is_err());
        let again = crate::house::start(&house.ledger, &house.blobs, &house.log).await;
        assert_eq!(again.settings(house.actor.workspace, "e").callers, ["user:ann"]);
        assert!(house.serving.target(&house.actor, "e", mlwright_serving::Select::Any).is_ok());
    }
}
