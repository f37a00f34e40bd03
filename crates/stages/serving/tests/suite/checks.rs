use std::sync::Arc;

use async_trait::async_trait;
use columns::{Table, column};
use mlwright_serving::{Action, Baselines, Checks, Error, LearnedFrom, Serving, ServingConfig, Settings};
use parking_lot::Mutex;
use predictions::Window;
use runtimes::{Runtime, RuntimeConfig, Tensor, TensorData};
use types::{Actor, Class, Digest, Fault as _, Uid};

use crate::house::{COMPONENTS, House};

/// Answers with whatever it was told last.
#[derive(Debug, Default)]
struct Told(Mutex<Option<Digest>>);

#[async_trait]
impl Baselines for Told {
    async fn of(&self, _: &Actor, _: &str, _: Uid) -> Result<Option<LearnedFrom>, String> {
        Ok(self.0.lock().map(LearnedFrom::Rows))
    }
}

fn rows(values: &[f32]) -> Tensor {
    let all = values.iter().flat_map(|v| std::iter::repeat_n(*v, 8)).collect();
    Tensor::new("X", [values.len() as i64, 8], TensorData::F32(all))
}

/// Eight columns from 0 to 1, and a label that is no input.
fn training() -> Vec<u8> {
    let column = |c: usize| {
        column::floats((0..500).map(move |i| Some(f64::from((i * (2 * c as i32 + 3)) % 100) / 100.0)))
    };
    let mut columns: Vec<_> = (0..8).map(|c| (format!("x{c}"), column(c))).collect();
    columns.push(("label".into(), column(9)));
    Table::new(columns).unwrap().to_parquet().unwrap()
}

async fn with(house: &House, told: &Arc<Told>) -> Serving {
    let config = ServingConfig { baselines: Some(Arc::<Told>::clone(told)), ..ServingConfig::default() };
    let runtime = Runtime::new(RuntimeConfig { sessions: 2, ..RuntimeConfig::default() });
    Serving::start(config, &house.ledger, &house.blobs, runtime, house.log.clone()).await.unwrap()
}

ledger::db_test! {
    components: COMPONENTS;

    async fn every_prediction_is_checked_against_what_its_model_learned_from(ledger: ledger::Ledger) {
        let Some(mut house) = House::new(ledger).await else { return };
        let told = Arc::<Told>::default();
        house.serving = with(&house, &told).await;
        let version = house.version("cancer", "cancer_logreg.onnx").await;
        house.deploy("e", &[(version, 1.0)]).await.unwrap();
        let asked = house.ask_with("e", None, None, rows(&[0.5, 40.0])).await.unwrap();
        assert_eq!(asked.flagged, 0, "nobody knows the training data yet");
        let digest = house.blobs.put_bytes(training()).await.unwrap();
        *told.0.lock() = Some(digest);
        house.serving.learn_again().await;
        let checked = house.serving.checked(&house.actor, "e").unwrap().remove(0);
        assert_eq!((checked.baseline_rows, checked.columns.len()), (Some(500), 8), "the label is no input");
        assert!(checked.novelty_above.is_some_and(f64::is_finite), "{checked:?}");
        let asked = house.ask_with("e", None, None, rows(&[0.5, 40.0])).await.unwrap();
        assert_eq!(asked.flagged, 1);
        let logged = house.log.window(&house.actor, "e", Window::Last(2)).await.unwrap();
        assert!(logged.flags[0].is_empty(), "{:?}", logged.flags);
        assert!(logged.flags[1].contains(&"range:x0".to_owned()) && logged.flags[1].contains(&"novelty".to_owned()));
        assert_eq!(logged.principals[1], house.actor.to_string());
        // Another server knows it from the start.
        let again = with(&house, &told).await;
        assert_eq!(again.checked(&house.actor, "e").unwrap()[0].baseline_rows, Some(500));
    }

    async fn rows_that_the_policy_refuses_are_the_callers_mistake_and_no_prediction(ledger: ledger::Ledger) {
        let Some(mut house) = House::new(ledger).await else { return };
        let digest = house.blobs.put_bytes(training()).await.unwrap();
        house.serving = with(&house, &Arc::new(Told(Mutex::new(Some(digest))))).await;
        let version = house.version("cancer", "cancer_logreg.onnx").await;
        // Before it is deployed, as a project file is applied.
        let checks = Checks { range: Action::Refuse, novelty: Action::Review, ..Checks::default() };
        house.serving.declare_checks(&house.actor, "e", checks.clone()).await.unwrap();
        house.deploy("e", &[(version, 1.0)]).await.unwrap();
        let refused = house.ask_with("e", None, None, rows(&[0.5, 40.0])).await.unwrap_err();
        assert!(matches!(refused, Error::Refused { .. }), "{refused}");
        assert_eq!(refused.class(), Class::Invalid);
        assert!(refused.hint().unwrap().contains("checks.range"));
        assert_eq!(house.log.total(&house.actor, "e").await.unwrap(), 0);
        assert_eq!(house.serving.traffic(&house.actor, "e").errors, 0, "the model did not fail");
        house.ask_with("e", None, None, rows(&[0.5])).await.unwrap();
        let bad = Settings { checks: Checks { novelty_rate: 0.0, ..checks }, ..Settings::default() };
        assert!(house.serving.change_settings(&house.actor, "e", bad).await.is_err());
    }
}
