//! What a signature's params take, against what MLflow says of the same (`conformance/vectors/params`).
#![expect(clippy::unwrap_used, reason = "helpers of tests may")]

use std::path::PathBuf;

use mlwright_runtimes::json::{self, Json};
use mlwright_runtimes::{Error, ParamSchema, Params};

/// The schema and the cases.
fn vectors() -> (ParamSchema, Vec<Json>) {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../conformance/vectors/params/cases.json");
    let all = json::parse(&types::io::read(path).unwrap()).unwrap();
    let schema = ParamSchema::parse(all.get("schema").and_then(Json::text).unwrap()).unwrap();
    (schema, all.get("cases").and_then(Json::list).unwrap().to_vec())
}

fn text(value: &Json) -> String {
    let mut text = String::new();
    value.write(&mut text);
    text
}

#[test]
fn params_are_taken_and_refused_as_mlflow_does_in_its_words() {
    let (schema, cases) = vectors();
    let mut wrong = Vec::new();
    for case in &cases {
        let given = case.get("given").unwrap();
        let expected = match (case.get("values"), case.get("error").and_then(Json::text)) {
            (Some(Json::Object(values)), _) => {
                let own = |name: &str| {
                    values.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
                };
                let each = schema.specs().iter().map(|spec| (spec.name.clone(), own(&spec.name).unwrap()));
                text(&Json::Object(each.collect()))
            }
            (_, Some(message)) => message.to_owned(),
            _ => panic!("a case without an outcome"),
        };
        let found = match schema.enforce(Some(given)) {
            Ok(params) => params.text().unwrap(),
            Err(Error::Params(_)) if expected.is_empty() => String::new(),
            Err(Error::Params(message)) => message,
            Err(other) => panic!("{other}"),
        };
        if found != expected {
            wrong.push(format!("{}\n  MLflow: {expected}\n  here:   {found}", text(given)));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert!(cases.len() > 500);
}

#[test]
fn a_signature_without_params_takes_everything_and_tells_nothing() {
    let schema = ParamSchema::parse("null").unwrap();
    assert_eq!(schema.enforce(Some(&Json::Int(7))).unwrap(), Params::default());
    assert_eq!(schema.enforce(None).unwrap().text(), None);
}

#[test]
fn a_schema_and_values_read_back_as_they_were_written() {
    let (schema, _) = vectors();
    let written = serde_json::to_string(&schema).unwrap();
    assert_eq!(serde_json::from_str::<ParamSchema>(&written).unwrap(), schema);
    let params = schema.enforce(None).unwrap();
    assert_eq!(Params::parse(&params.text().unwrap()), Some(params));
    let nan = r#"[{"name":"missing","default":NaN,"shape":null,"type":"double"}]"#;
    assert_eq!(ParamSchema::parse(nan).unwrap().enforce(None).unwrap().text().unwrap(), r#"{"missing":NaN}"#);
}

#[test]
fn schemas_that_mlflow_could_not_read_are_refused() {
    let with = |what: &str| format!(r#"[{{"name":"a",{what}}}]"#);
    for bad in [
        "{}".to_owned(),
        "[1]".into(),
        with(r#""type":"long""#),
        with(r#""default":1"#),
        with(r#""type":"binary","default":"x""#),
        with(r#""type":"vector","default":"x""#),
        with(r#""type":"long","default":[1],"shape":[2]"#),
        with(r#""type":"object","default":{}"#),
        r#"[{"name":"a","type":"long","default":1},{"name":"a","type":"long","default":2}]"#.into(),
    ] {
        assert!(matches!(ParamSchema::parse(&bad), Err(Error::MlModel(_))), "{bad}");
    }
    assert_eq!(ParamSchema::parse(&with(r#""dtype":"long","default":1"#)).unwrap().specs().len(), 1);
}

#[test]
fn models_asked_together_each_hear_what_they_declare() {
    let of = |text: &str| ParamSchema::parse(text).unwrap();
    let both = r#"{"name":"both","type":"long","default":7}"#;
    let one = of(&format!(r#"[{{"name":"a","type":"double","default":1.0}},{both}]"#));
    let two = of(&format!(
        r#"[{{"name":"a","type":"string","default":"x"}},{both},{{"name":"b","type":"long","default":2}}]"#
    ));
    let all = ParamSchema::union([&one, &two].into_iter());
    let names: Vec<&str> = all.specs().iter().map(|spec| spec.name.as_str()).collect();
    assert_eq!(names, ["both", "b"], "`a` is declared differently");
    let told = all.enforce(Some(&json::parse(br#"{"a": 3, "b": 5}"#).unwrap())).unwrap();
    assert_eq!(one.narrowed(&told).unwrap().text().unwrap(), r#"{"a":1.0,"both":7}"#);
    assert_eq!(two.narrowed(&told).unwrap().text().unwrap(), r#"{"a":"x","both":7,"b":5}"#);
}
