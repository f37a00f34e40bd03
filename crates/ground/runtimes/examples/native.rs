//! Runs native models for `conformance/native/differential.py`: one JSON request a line on standard input, one JSON
//! answer a line on standard output.
//!
//! Request: `{"file", "format": "skops|xgboost|lightgbm|catboost", "class"?, "method"?, "columns": [{"name", "type",
//! "values"}]}`; types as in MLflow's signatures, missing values are null. Answer: `{"outputs": {name: {"dtype",
//! "shape", "data"}}}`, or `{"error", "kind"}`.
#![expect(clippy::unwrap_used, reason = "a helper of a test")]

use std::io::{BufRead, Write};
use std::path::Path;

use mlwright_runtimes::native::{Format, Source, load};
use mlwright_runtimes::{Column, ColumnSpec, Error, Frame, InputSchema, Tabular, TensorData, Values};
use serde_json::{Value, json};

fn main() {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let answer = match answer(&request) {
            Ok(answer) => answer,
            Err(error) => {
                let kind = format!("{error:?}");
                let kind = kind.split(['(', ' ', '{']).next().unwrap_or_default();
                json!({"error": error.to_string(), "kind": kind})
            }
        };
        writeln!(out, "{answer}").unwrap();
        out.flush().unwrap();
    }
}

fn answer(request: &Value) -> Result<Value, Error> {
    let text = |key: &str| request[key].as_str().map(str::to_owned);
    let source = Source {
        format: match request["format"].as_str().unwrap_or_default() {
            "skops" => Format::Skops,
            "xgboost" => Format::XgBoost,
            "lightgbm" => Format::LightGbm,
            _ => Format::CatBoost,
        },
        path: String::new(),
        class: text("class"),
        method: text("method").unwrap_or_else(|| "predict".into()),
    };
    let bytes = types::io::read(Path::new(request["file"].as_str().unwrap())).unwrap();
    let mut specs = Vec::new();
    let mut columns = Vec::new();
    for column in request["columns"].as_array().unwrap() {
        let name = column["name"].as_str().unwrap().to_owned();
        specs.push(ColumnSpec {
            name: name.clone(),
            column_type: serde_json::from_value(column["type"].clone()).unwrap(),
            required: true,
        });
        columns.push(Column {
            name: name.into(),
            values: values(&column["type"], column["values"].as_array().unwrap()),
        });
    }
    let frame = Frame::new(columns)?;
    let (model, schema) = load(&source, &bytes, &InputSchema::Columns(specs))?;
    let tabular = Tabular::new(model, &schema)?;
    let inputs = tabular.inputs(&frame)?;
    let mut outputs = serde_json::Map::new();
    for output in tabular.model().run(&inputs, &[])? {
        let dtype = output.element().name();
        let data = match &output.data {
            TensorData::Bytes(texts) => texts.iter().map(|t| json!(String::from_utf8_lossy(t))).collect(),
            data => data.to_f64().unwrap().into_iter().map(number).collect::<Vec<_>>(),
        };
        outputs.insert(output.name, json!({"dtype": dtype, "shape": output.shape, "data": data}));
    }
    Ok(json!({"outputs": outputs}))
}

fn number(x: f64) -> Value {
    if x.is_finite() { json!(x) } else { json!(x.to_string()) }
}

fn values(kind: &Value, values: &[Value]) -> Values {
    match kind.as_str().unwrap() {
        "string" => Values::Text(values.iter().map(|v| v.as_str().map(str::to_owned)).collect()),
        "long" | "integer" => Values::Integer(values.iter().map(Value::as_i64).collect()),
        "boolean" => Values::Boolean(values.iter().map(Value::as_bool).collect()),
        _ => Values::Float(values.iter().map(|v| v.as_f64().unwrap_or(f64::NAN)).collect()),
    }
}
