use mlwright_serving as serving;
use predictions::Window;
use runtimes::{Column, Frame, Values};
use serving::{Error, Input, RecordSettings, Request, Select, Settings};

use crate::house::{COMPONENTS, House};

async fn ask(house: &House, times: usize) {
    for at in 0..times {
        let column = |name: &str, values| Column { name: name.into(), values };
        let frame = Frame::new(vec![
            column("size", Values::Text(vec![Some(if at % 2 == 0 { "small" } else { "large" }.into())])),
            column("points", Values::Integer(vec![Some(10)])),
            column("radius", Values::Float(vec![11.5])),
        ])
        .unwrap();
        let input = Input::Columns(frame);
        let request = Request {
            endpoint: "e",
            select: Select::Any,
            routing_key: None,
            input,
            params: None,
            outputs: &[],
            deadline: None,
        };
        let answer = house.serving.infer(&house.actor, request).await.unwrap();
        assert_eq!(answer.ids.len(), 1);
    }
}

fn settings(record: RecordSettings) -> Settings {
    Settings { record, ..Settings::default() }
}

ledger::db_test! {
    components: COMPONENTS;

    async fn columns_that_must_not_be_kept_are_not_in_the_log(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let one = house.version("mixed", "cancer_columns.onnx").await;
        house.deploy("e", &[(one, 1.0)]).await.unwrap();
        let record = RecordSettings {
            durable: Some(true),
            leave_out: vec!["points".into()],
            mask: vec!["size".into()],
            ..RecordSettings::default()
        };
        house.serving.change_settings(&house.actor, "e", settings(record)).await.unwrap();
        ask(&house, 2).await;
        let rows = house.log.window(&house.actor, "e", Window::Last(5)).await.unwrap();
        assert_eq!(rows.ids.len(), 2);
        assert_eq!(rows.inputs.schema().names().collect::<Vec<_>>(), ["size", "radius"]);
        assert_eq!(rows.inputs.texts("size").unwrap(), [Some("<masked>".into()), Some("<masked>".into())]);
        assert_eq!(rows.inputs.numbers("radius").unwrap(), [Some(11.5), Some(11.5)]);
    }

    async fn a_sample_is_recorded_and_every_answer_has_an_id(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let one = house.version("mixed", "cancer_columns.onnx").await;
        house.deploy("e", &[(one, 1.0)]).await.unwrap();
        let sampled = |share| settings(RecordSettings { sample: Some(share), ..RecordSettings::default() });
        house.serving.change_settings(&house.actor, "e", sampled(0.0)).await.unwrap();
        ask(&house, 20).await;
        house.log.flush().await.unwrap();
        assert_eq!(house.log.total(&house.actor, "e").await.unwrap(), 0);
        house.serving.change_settings(&house.actor, "e", sampled(0.5)).await.unwrap();
        ask(&house, 400).await;
        house.log.flush().await.unwrap();
        let kept = house.log.total(&house.actor, "e").await.unwrap();
        assert!((120..280).contains(&kept), "{kept} of 400");
        let wrong = house.serving.change_settings(&house.actor, "e", sampled(2.0)).await.unwrap_err();
        assert!(matches!(wrong, Error::BadSettings { .. }), "{wrong}");
    }
}
