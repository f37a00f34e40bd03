//! The first runs of a model, before anybody waits for one.

use std::time::Instant;

use runtimes::{Column, Error, Frame, Model, Tabular, Values, tabular};
use serde_json::Value;

use crate::cost::Cost;

/// Runs the model twice: the first run allocates, the second tells what a call costs.
///
/// With the input example that the model was logged with, a failure is the model's, and an error. Without one the
/// input is zeros and empty texts, which a model may refuse (an encoder that knows its categories does): then it is
/// served all the same, and not warm.
pub(crate) fn warm(
    model: &dyn Model,
    columns: Option<&Tabular>,
    example: Option<&Frame>,
) -> Result<Cost, Error> {
    if let (Some(columns), Some(example)) = (columns, example) {
        let inputs = columns.inputs(example)?;
        model.run(&inputs, &[])?;
        let start = Instant::now();
        model.run(&inputs, &[])?;
        return Ok(Cost::first(start.elapsed() / u32::try_from(example.rows).unwrap_or(1).max(1)));
    }
    match tabular::warm_up(model) {
        Ok(()) => {}
        Err(Error::Run(reason)) => {
            tracing::debug!(reason, "a model refuses made-up input, so it starts cold");
            return Ok(Cost::unknown());
        }
        Err(error) => return Err(error),
    }
    let start = Instant::now();
    tabular::warm_up(model)?;
    Ok(Cost::first(start.elapsed()))
}

/// The first rows of an example that MLflow saved as `{"dataframe_split": {"columns", "data"}}`; `None` for other
/// forms.
pub(crate) fn example(bytes: &[u8]) -> Option<Frame> {
    const ROWS: usize = 16;
    let json: Value = serde_json::from_slice(bytes).ok()?;
    let split = json.get("dataframe_split")?;
    let rows: Vec<&Vec<Value>> =
        split.get("data")?.as_array()?.iter().take(ROWS).map(Value::as_array).collect::<Option<_>>()?;
    let names = split.get("columns")?.as_array()?;
    if rows.is_empty() {
        return None;
    }
    let mut columns = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        let cells: Vec<&Value> = rows.iter().map(|row| row.get(index)).collect::<Option<_>>()?;
        columns.push(Column { name: name.as_str()?.into(), values: values(&cells)? });
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
    fn an_example_of_mlflow_is_read() {
        let text =
            r#"{"dataframe_split": {"columns": ["a", "b", "c"], "data": [[1, 0.5, "x"], [2, null, "y"]]}}"#;
        let frame = example(text.as_bytes()).unwrap();
        assert_eq!(frame.rows, 2);
        assert_eq!(frame.column("a").unwrap().values, Values::Integer(vec![Some(1), Some(2)]));
        assert_eq!(frame.column("c").unwrap().values, Values::Text(vec![Some("x".into()), Some("y".into())]));
        assert!(frame.column("b").unwrap().values.number(1).unwrap().is_nan());
    }

    #[test]
    fn other_forms_are_no_example() {
        for text in
            ["", "[]", "{\"inputs\": [1]}", "{\"dataframe_split\": {\"columns\": [\"a\"], \"data\": [[]]}}"]
        {
            assert_eq!(example(text.as_bytes()), None, "{text}");
        }
    }
}
