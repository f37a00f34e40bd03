//! Results of Great Expectations over the same data, expectation by expectation and in every format.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mlwright_curation::{Frame, Level, Reading, ResultFormat, read_suite, validate};
use serde_json::Value;

/// What is known to differ, and why, is in docs/conformance/statistics.md.
fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../conformance/vectors/gx")
}

fn frame(folder: &Path) -> Arc<Frame> {
    let bytes = types::io::read(folder.join("data.parquet")).unwrap();
    let file: Arc<dyn columns::File> = Arc::new(columns::InMemory::new("data.parquet", bytes));
    let source = futures::executor::block_on(columns::Source::open(file)).unwrap();
    let batches = futures::executor::block_on(futures::TryStreamExt::try_collect::<Vec<_>>(
        source.batches(&columns::Scan::default()),
    ))
    .unwrap();
    Arc::new(Frame::new(&source.parts[0].1.schema, &batches, Reading::Pandas).unwrap())
}

fn raised(result: &Value) -> bool {
    let info = &result["exception_info"];
    match info.get("raised_exception") {
        Some(flag) => flag == true,
        None => info.as_object().is_some_and(|m| m.values().any(|v| v["raised_exception"] == true)),
    }
}

fn same(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            a == b || (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|w| same(v, w)))
        }
        (Value::Bool(a), Value::Number(b)) | (Value::Number(b), Value::Bool(a)) => {
            b.as_f64() == Some(f64::from(u8::from(*a)))
        }
        (a, b) => a == b,
    }
}

/// Sets have no order in Python.
fn sorted(value: &Value) -> Value {
    let mut list = value.as_array().cloned().unwrap_or_default();
    list.sort_by_key(Value::to_string);
    Value::Array(list)
}

fn compare(folder: &Path, tolerated: &dyn Fn(&Value) -> bool) -> (usize, Vec<String>) {
    let text = types::io::read_to_string(folder.join("suite.json")).unwrap();
    let suite = read_suite(&text, None, None).unwrap();
    let validation = validate(frame(folder), suite).unwrap();
    let (mut compared, mut differing) = (0, Vec::new());
    let formats = [
        ("BOOLEAN_ONLY", Level::BooleanOnly, ""),
        ("BASIC", Level::Basic, ""),
        ("SUMMARY", Level::Summary, ""),
        ("COMPLETE", Level::Complete, ""),
        ("COMPLETE_index", Level::Complete, "index"),
    ];
    for (name, level, index) in formats {
        let text = types::io::read_to_string(folder.join(format!("results_{name}.json"))).unwrap();
        let theirs: Value = serde_json::from_str(
            &text.replace("-Infinity", "\"-Infinity\"").replace(" Infinity", " \"Infinity\""),
        )
        .unwrap();
        let key = if text.contains("\"key\"") { "key" } else { "id" };
        let index_columns = if index.is_empty() { Vec::new() } else { vec![key.to_owned()] };
        let ours = validation.gx(&ResultFormat { level, index_columns, ..ResultFormat::default() }).unwrap();
        let theirs = theirs["results"].as_array().unwrap();
        let mut left: Vec<&Value> = theirs.iter().collect();
        for result in ours["results"].as_array().unwrap() {
            let config = &result["expectation_config"];
            let place = left.iter().position(|t| {
                let other = &t["expectation_config"];
                let mut kwargs = other["kwargs"].clone();
                kwargs.as_object_mut().unwrap().remove("batch_id");
                other["type"] == config["type"] && same(&config["kwargs"], &kwargs)
            });
            let Some(place) = place else {
                differing.push(format!("{name}: no result for {config}"));
                continue;
            };
            let wanted = left.remove(place);
            if tolerated(wanted) {
                continue;
            }
            compared += 1;
            if result["success"] != wanted["success"] || raised(result) != raised(wanted) {
                differing.push(format!(
                    "{name}: {} {}\n   ours   {} {}\n   theirs {} raised {} {:.200}",
                    config["type"],
                    config["kwargs"],
                    result["success"],
                    result["exception_info"]["exception_message"],
                    wanted["success"],
                    raised(wanted),
                    wanted["exception_info"].to_string()
                ));
                continue;
            }
            let (a, b) = (result["result"].as_object().unwrap(), wanted["result"].as_object().unwrap());
            for key in a.keys().chain(b.keys().filter(|k| !a.contains_key(*k))) {
                let (x, y) = (a.get(key), b.get(key));
                let equal = match (x, y) {
                    (Some(x), Some(y)) if key == "partial_missing_list" => same(&sorted(x), &sorted(y)),
                    (Some(x), Some(y)) => same(x, y),
                    _ => false,
                };
                if !equal {
                    differing.push(format!(
                        "{name}: {} {} `{key}`\n   ours   {:.300}\n   theirs {:.300}",
                        config["type"],
                        config["kwargs"],
                        x.map_or("absent".into(), Value::to_string),
                        y.map_or("absent".into(), Value::to_string)
                    ));
                    break;
                }
            }
        }
    }
    (compared, differing)
}

#[test]
fn every_expectation_agrees_in_every_format() {
    let (compared, differing) = compare(&vectors(), &|_| false);
    assert!(differing.is_empty(), "{} of {compared} differ:\n{}", differing.len(), differing.join("\n"));
    assert_eq!(compared, 39 * 5);
}

/// Another set, made by `conformance/vectors/gx/make.py`: `MLWRIGHT_GX_VECTORS=folder`.
#[test]
fn another_set_agrees_where_one_is_given() {
    let Some(folder) = std::env::var_os("MLWRIGHT_GX_VECTORS") else { return };
    let (compared, differing) = compare(Path::new(&folder), &|_| false);
    assert!(differing.is_empty(), "{} of {compared} differ:\n{}", differing.len(), differing.join("\n"));
}

/// NumPy's times are equal to no text of a suite, and those of a zone are shown in UTC (`column.mode().values`).
#[test]
fn the_most_common_time_is_that_of_numpy() {
    let at = types::Timestamp::parse_rfc3339("2023-03-01T04:30:00Z");
    let table = columns::Table::new(vec![("t".into(), columns::column::timestamps([at, at, None]))]).unwrap();
    let frame = Arc::new(Frame::of_table(&table, Reading::Pandas).unwrap());
    let suite = r#"{"name": "s", "expectations": [{"type": "expect_column_most_common_value_to_be_in_set",
        "kwargs": {"column": "t", "value_set": ["2023-03-01T04:30:00"], "ties_okay": true}}]}"#;
    let validation = validate(frame, read_suite(suite, None, None).unwrap()).unwrap();
    let result = validation.gx(&ResultFormat::default()).unwrap();
    assert_eq!(result["results"][0]["result"]["observed_value"][0], "2023-03-01T04:30:00.000000");
    assert_eq!(result["results"][0]["success"], false);
}
