use datasets::{Import, Source, SourceFile};
use ledger::Component;
use mlwright_serving as serving;
use predictions::Window;
use runtimes::{Column, Frame, Tensor, TensorData, Values};
use serde_json::json;
use serving::{Answer, Error, FeatureSettings, Input, MissingKey, Request, Select, Settings};
use types::{Class, Fault as _};

use crate::house::{House, start};

const COMPONENTS: [Component; 5] =
    [datasets::COMPONENT, tracking::COMPONENT, models::COMPONENT, predictions::COMPONENT, serving::COMPONENT];

fn column(name: &str, values: Values) -> Column {
    Column { name: name.into(), values }
}

fn whole() -> Vec<Column> {
    vec![
        column("size", Values::Text(vec![Some("large".into()), Some("small".into())])),
        column("radius", Values::Float(vec![20.25, 11.5])),
        column("points", Values::Integer(vec![Some(20), Some(10)])),
    ]
}

async fn ask(house: &House, input: Input) -> Result<Answer, Error> {
    let request = Request {
        endpoint: "e",
        select: Select::Any,
        routing_key: None,
        input,
        params: None,
        outputs: &[],
        deadline: None,
    };
    house.serving.infer(&house.actor, request).await
}

async fn ask_columns(house: &House, columns: Vec<Column>) -> Result<Answer, Error> {
    ask(house, Input::Columns(Frame::new(columns).unwrap())).await
}

async fn import(house: &House, text: &str) -> i64 {
    let file = SourceFile::new("patients.csv", Source::Bytes(text.as_bytes().to_vec().into()));
    let import = Import::new("patients", vec![file]);
    datasets::import(&house.ledger, &house.blobs, &house.actor, import).await.unwrap().number
}

const PATIENTS: &str = "patient,size,points,town\n7,small,10,Bonn\n3,large,20,Rome\n5,small,1,Bonn\n";

async fn fed(house: &House, features: FeatureSettings) -> Result<(), Error> {
    let settings = Settings { features: Some(features), ..Settings::default() };
    house.serving.change_settings(&house.actor, "e", settings).await
}

fn by_patient() -> FeatureSettings {
    serde_json::from_value(json!({ "key": "patient", "dataset": "patients" })).unwrap()
}

fn patients(keys: [Option<i64>; 2]) -> Vec<Column> {
    vec![
        column("radius", Values::Float(vec![20.25, 11.5])),
        column("patient", Values::Integer(keys.to_vec())),
    ]
}

ledger::db_test! {
    components: COMPONENTS;

    async fn callers_send_a_key_and_the_record_holds_what_was_looked_up(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        import(&house, PATIENTS).await;
        let one = house.version("mixed", "cancer_columns.onnx").await;
        house.deploy("e", &[(one, 1.0)]).await.unwrap();
        let direct = ask_columns(&house, whole()).await.unwrap();
        fed(&house, by_patient()).await.unwrap();
        let keyed = ask_columns(&house, patients([Some(3), Some(7)])).await.unwrap();
        assert_eq!(keyed.outputs, direct.outputs);
        let tensors = vec![
            Tensor::new("patient", [2], TensorData::I64(vec![3, 7])),
            Tensor::new("radius", [2, 1], TensorData::F32(vec![20.25, 11.5])),
        ];
        assert_eq!(ask(&house, Input::Tensors(tensors)).await.unwrap().outputs, direct.outputs);

        let target = house.serving.target(&house.actor, "e", Select::Any).unwrap();
        let names: Vec<&str> = target.model.model.inputs().iter().map(|input| input.name.as_str()).collect();
        assert_eq!(names, ["patient", "radius"], "the caller's side");
        let (key, looked_up) = target.model.looked_up().unwrap();
        assert_eq!((key, looked_up), ("patient", &["size".to_owned(), "points".to_owned()][..]));

        house.log.flush().await.unwrap();
        let rows = house.log.window(&house.actor, "e", Window::Last(2)).await.unwrap();
        assert_eq!(rows.inputs.schema().names().collect::<Vec<_>>(), ["size", "radius", "points", "patient"]);
        assert_eq!(rows.inputs.texts("size").unwrap(), [Some("large".into()), Some("small".into())]);
        assert_eq!(rows.inputs.numbers("patient").unwrap(), [Some(3.0), Some(7.0)]);

        let revision = house.serving.get(&house.actor, "e").unwrap().revision;
        assert_eq!(revision.number, 2, "another table is another revision");
        let graph = house
            .ledger
            .lineage(house.actor.workspace, "endpoint_revision", &revision.uid.hex(), ledger::Direction::Causes, 3)
            .await
            .unwrap();
        assert!(graph.nodes.iter().any(|node| node.kind == "dataset_version"), "{:?}", graph.nodes);

        let again = start(&house.ledger, &house.blobs, &house.log).await;
        let target = again.target(&house.actor, "e", Select::Any).unwrap();
        assert!(target.model.looked_up().is_some(), "it is back after a restart");
    }

    async fn a_key_that_nobody_knows_is_refused_or_missing_or_usual(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        import(&house, PATIENTS).await;
        let one = house.version("mixed", "cancer_columns.onnx").await;
        house.deploy("e", &[(one, 1.0)]).await.unwrap();
        fed(&house, by_patient()).await.unwrap();
        let error = ask_columns(&house, patients([Some(3), Some(8)])).await.unwrap_err();
        assert_eq!(error.class(), Class::Invalid);
        assert!(error.to_string().contains("patients version 1 has no features for 8"), "{error}");
        let error = ask_columns(&house, patients([None, Some(3)])).await.unwrap_err();
        assert!(error.to_string().contains("the value is missing"), "{error}");

        let defaults = [("size".to_owned(), json!("large")), ("points".to_owned(), json!(20))].into();
        let usual = FeatureSettings { missing: MissingKey::Default, defaults, ..by_patient() };
        fed(&house, usual).await.unwrap();
        let filled = ask_columns(&house, patients([Some(8), Some(7)])).await.unwrap();
        let known = ask_columns(&house, patients([Some(3), Some(7)])).await.unwrap();
        assert_eq!(filled.outputs, known.outputs);

        import(&house, "patient,radius\n3,20.25\n").await;
        let null = FeatureSettings { missing: MissingKey::Null, ..by_patient() };
        fed(&house, null).await.unwrap();
        let sent = |key| {
            let size = column("size", Values::Text(vec![Some("large".into())]));
            let points = column("points", Values::Integer(vec![Some(20)]));
            vec![column("patient", Values::Integer(vec![Some(key)])), size, points]
        };
        ask_columns(&house, sent(3)).await.unwrap();
        ask_columns(&house, sent(4)).await.unwrap();
        house.log.flush().await.unwrap();
        let rows = house.log.window(&house.actor, "e", Window::Last(2)).await.unwrap();
        let radius = rows.inputs.numbers("radius").unwrap();
        assert_eq!(radius[0], Some(20.25));
        assert!(radius[1].is_none_or(f64::is_nan), "{radius:?}");
    }

    async fn a_table_that_does_not_fit_changes_nothing(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        import(&house, PATIENTS).await;
        let one = house.version("mixed", "cancer_columns.onnx").await;
        house.deploy("e", &[(one, 1.0)]).await.unwrap();
        let with = |more: serde_json::Value| {
            let mut settings = json!({ "key": "patient", "dataset": "patients" });
            settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            serde_json::from_value::<FeatureSettings>(settings).unwrap()
        };
        for (wrong, why) in [
            (json!({ "key": "town" }), "`town` `Bonn` stands there twice"),
            (json!({ "dataset": "nobody" }), "no data set `nobody`"),
            (json!({ "version": 9 }), "9"),
            (json!({ "columns": ["town"] }), "takes no column `town`"),
            (json!({ "columns": ["radius"] }), "has no column `radius`"),
            (json!({ "missing": "default", "defaults": { "size": "small" } }), "`points` has no default"),
            (json!({ "missing": "default", "defaults": { "size": 1, "points": 1 } }), "of another type"),
        ] {
            let error = fed(&house, with(wrong)).await.unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        import(&house, "patient,points\n1,many\n").await;
        let error = fed(&house, by_patient()).await.unwrap_err().to_string();
        assert!(error.contains("`points` is string in patients version 2, and mixed 1 takes"), "{error}");
        assert_eq!(house.serving.settings(house.actor.workspace, "e").features, None);
        ask_columns(&house, whole()).await.unwrap();
        // A model that is deployed later must fit, too.
        fed(&house, FeatureSettings { version: Some(1), ..by_patient() }).await.unwrap();
        let other = house.version("cancer", "cancer_logreg.onnx").await;
        let error = house.deploy("e", &[(other, 1.0)]).await.unwrap_err().to_string();
        assert!(error.contains("patients version 1 has no column that cancer 1 takes"), "{error}");
        ask_columns(&house, patients([Some(3), Some(7)])).await.unwrap();
    }
}
