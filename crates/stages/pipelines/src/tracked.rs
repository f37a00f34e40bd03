//! What the tracking run of a Python step says: its plain inputs as params, the numbers that it made as metrics. Both are
//! written in the transactions that begin and end the attempt, so that the step asks for nothing.

use std::collections::BTreeMap;

use ledger::Tx;
use serde_json::Value;
use tracking::{LogBatch, MetricPoint};
use types::Uid;

use crate::attempt::Attempt;
use crate::python::PYTHON;
use crate::{Datum, Error};

/// Bytes that MLflow takes for a param's value.
const LONGEST_PARAM: usize = 6_000;
/// The port of a function's only output. `python/mlwright/kinds.py` names it.
const RESULT: &str = "output";
/// The schema of artifacts whose metadata are metrics.
const METRICS: &str = "system.Metrics";

/// Params of an attempt's tracking run. Work of other kinds logs for itself.
pub(crate) fn params(attempt: &Attempt) -> Vec<(String, String)> {
    if attempt.work.kind != PYTHON {
        return Vec::new();
    }
    let plain = attempt.inputs.iter().filter_map(|(name, datum)| match datum {
        Datum::Value(value) => Some((name.clone(), text(value)?)),
        _ => None,
    });
    plain.collect()
}

/// Metrics of an attempt that ended: by port, or by the step where it has one result only.
pub(crate) fn metrics(attempt: &Attempt) -> BTreeMap<String, f64> {
    let mut found = BTreeMap::new();
    if attempt.work.kind != PYTHON {
        return found;
    }
    for (port, datum) in &attempt.step.results {
        match datum {
            Datum::Value(Value::Number(number)) => {
                let key = if port == RESULT { step_name(attempt) } else { port };
                found.extend(number.as_f64().map(|number| (key.to_owned(), number)));
            }
            Datum::Artifact(artifact) if artifact.schema.starts_with(METRICS) => {
                let numbers = artifact.metadata.iter().filter_map(|(k, v)| Some((k.clone(), v.as_f64()?)));
                found.extend(numbers);
            }
            _ => {}
        }
    }
    found
}

/// As its decorator names it, not as the graph does, which numbers those of one name.
fn step_name(attempt: &Attempt) -> &str {
    let spec = &attempt.work.spec;
    let function = || Some(spec["function"].as_str()?.rsplit('.').next().unwrap_or_default());
    spec["step"].as_str().or_else(function).unwrap_or(&attempt.step.task)
}

/// Logs to a run that a person may have deleted by now.
pub(crate) fn log(tx: &mut Tx<'_>, run: Uid, metrics: &BTreeMap<String, f64>) -> Result<(), Error> {
    if metrics.is_empty() {
        return Ok(());
    }
    let now = tx.now();
    let points = metrics.iter().map(|(key, value)| MetricPoint::new(key, *value, 0, now)).collect();
    match tracking::log_in(tx, &run, &LogBatch { metrics: points, ..LogBatch::default() }) {
        Ok(_) | Err(tracking::Error::RunNotFound(_) | tracking::Error::RunDeleted { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The value as Python's `str` writes it, which is what MLflow's client would log; nothing for what is no plain value.
fn text(value: &Value) -> Option<String> {
    let mut text = match value {
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => float(number.as_f64()?),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    let end = text.char_indices().nth(LONGEST_PARAM).map_or(text.len(), |(at, _)| at);
    text.truncate(end);
    Some(text)
}

/// The shortest digits that are this number, with an exponent below 1e-4 and from 1e16 on.
fn float(number: f64) -> String {
    let short = format!("{number:e}");
    let (digits, exponent) = short.split_once('e').unwrap_or((&short, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..16).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
        _ => format!("{number:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_written_as_python_writes_them() {
        let cases = [
            (json!(1), "1"),
            (json!(-7), "-7"),
            (json!(1.0), "1.0"),
            (json!(0.1), "0.1"),
            (json!(1e-5), "1e-05"),
            (json!(1.5e-7), "1.5e-07"),
            (json!(0.0001), "0.0001"),
            (json!(1e15), "1000000000000000.0"),
            (json!(1e16), "1e+16"),
            (json!(-2.5e300), "-2.5e+300"),
            (json!(123456.789), "123456.789"),
            (json!(true), "True"),
            (json!("ü"), "ü"),
        ];
        for (value, expected) in cases {
            assert_eq!(text(&value).as_deref(), Some(expected));
        }
        assert_eq!(text(&json!([1])), None);
        assert_eq!(text(&json!("é".repeat(7_000))).map(|text| text.chars().count()), Some(LONGEST_PARAM));
    }
}
