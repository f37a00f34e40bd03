//! The input example that a model was logged with.

use runtimes::{Column, Frame, MlModel, Values};
use serde_json::Value;

const ROWS: usize = 64;

/// The first rows of a saved request body: `dataframe_split`, `dataframe_records`, or a matrix under `inputs` or
/// `instances`, whose columns are named by the signature or `x0`, `x1` …; `None` for other forms.
pub fn example_of(bytes: &[u8], about: &MlModel) -> Option<Frame> {
    let json: Value = serde_json::from_slice(bytes).ok()?;
    if let Some(split) = json.get("dataframe_split") {
        let names: Vec<String> = match split.get("columns") {
            Some(Value::Array(names)) => names.iter().map(name).collect(),
            _ => Vec::new(),
        };
        return of_rows(&names, split.get("data")?.as_array()?);
    }
    if let Some(records) = json.get("dataframe_records").and_then(Value::as_array) {
        let first = records.first()?.as_object()?;
        let names: Vec<String> = first.keys().cloned().collect();
        let rows: Vec<Value> = records
            .iter()
            .take(ROWS)
            .map(|row| names.iter().map(|n| row.get(n).cloned().unwrap_or(Value::Null)).collect())
            .collect();
        return of_rows(&names, &rows);
    }
    let rows = json.get("inputs").or_else(|| json.get("instances"))?.as_array()?;
    let width = rows.first()?.as_array()?.len();
    let names: Vec<String> = match &about.inputs {
        runtimes::InputSchema::Columns(columns) if columns.len() == width => {
            columns.iter().map(|c| c.name.clone()).collect()
        }
        _ => (0..width).map(|i| format!("x{i}")).collect(),
    };
    of_rows(&names, rows)
}

/// Rows as objects, such as records of predictions; columns that only some of them have are missing in the others.
pub fn frame_of(records: &[Value]) -> Option<Frame> {
    let mut names: Vec<&String> = Vec::new();
    for record in records {
        names.extend(record.as_object()?.keys());
        names.sort();
        names.dedup();
    }
    let columns = names.into_iter().map(|name| {
        let cells: Vec<&Value> =
            records.iter().map(|record| record.get(name).unwrap_or(&Value::Null)).collect();
        Some(Column { name: name.as_str().into(), values: values(&cells)? })
    });
    Frame::new(columns.collect::<Option<_>>()?).ok()
}

fn name(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn of_rows(names: &[String], rows: &[Value]) -> Option<Frame> {
    let rows: Vec<&Vec<Value>> = rows.iter().take(ROWS).map(Value::as_array).collect::<Option<_>>()?;
    if rows.is_empty() || rows.iter().any(|row| row.len() != names.len()) {
        return None;
    }
    let mut columns = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        let cells: Vec<&Value> = rows.iter().map(|row| &row[index]).collect();
        columns.push(Column { name: name.as_str().into(), values: values(&cells)? });
    }
    Frame::new(columns).ok()
}

fn values(cells: &[&Value]) -> Option<Values> {
    let all = |is: fn(&Value) -> bool| cells.iter().all(|v| v.is_null() || is(v));
    Some(if all(Value::is_i64) {
        Values::Integer(cells.iter().map(|v| v.as_i64()).collect())
    } else if all(Value::is_number) {
        Values::Float(cells.iter().map(|v| v.as_f64().unwrap_or(f64::NAN)).collect())
    } else if all(Value::is_boolean) {
        Values::Boolean(cells.iter().map(|v| v.as_bool()).collect())
    } else if all(Value::is_string) {
        Values::Text(cells.iter().map(|v| v.as_str().map(str::to_owned)).collect())
    } else {
        return None;
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_table_is_read() {
        let about = MlModel::default();
        for text in [
            r#"{"dataframe_split": {"columns": ["a", "b"], "data": [[1, "x"], [2, null]]}}"#,
            r#"{"dataframe_records": [{"a": 1, "b": "x"}, {"a": 2, "b": null}]}"#,
        ] {
            let frame = example_of(text.as_bytes(), &about).unwrap();
            assert_eq!(frame.column("a").unwrap().values, Values::Integer(vec![Some(1), Some(2)]));
            assert_eq!(frame.column("b").unwrap().values, Values::Text(vec![Some("x".into()), None]));
        }
        let matrix = example_of(br#"{"inputs": [[1.5, 2.0], [0.5, 1.0]]}"#, &about).unwrap();
        assert_eq!(matrix.names().collect::<Vec<_>>(), ["x0", "x1"]);
        for text in
            ["", "[]", r#"{"inputs": "x"}"#, r#"{"dataframe_split": {"columns": ["a"], "data": [[]]}}"#]
        {
            assert_eq!(example_of(text.as_bytes(), &about), None, "{text}");
        }
    }
}
