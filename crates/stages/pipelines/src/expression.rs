//! Conditions and selections: the Common Expression Language, with `parseJson` as Kubeflow has it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use cel::{Context, ExecutionError, Program, Value as Cel};
use serde_json::{Map, Value};

use crate::Datum;

/// Characters of an expression.
const LONGEST: usize = 20_000;

/// Whether the text is an expression at all; the error says why not.
pub(crate) fn check(text: &str) -> Result<(), String> {
    compile(text).map(drop)
}

fn compile(text: &str) -> Result<Program, String> {
    if text.len() > LONGEST {
        return Err(format!("an expression of {} characters; {LONGEST} are the most", text.len()));
    }
    Program::compile(text).map_err(|error| format!("`{text}` is no expression: {error}"))
}

/// Whether a task may run, by an expression over `inputs.parameter_values`. Errors name the expression.
pub(crate) fn condition(text: &str, inputs: &BTreeMap<String, Datum>) -> Result<bool, String> {
    let values = inputs.iter().filter_map(|(name, datum)| match datum {
        Datum::Value(value) => Some((name.clone(), value.clone())),
        _ => None,
    });
    let values = Value::Object(values.collect());
    let inputs = Value::Object(Map::from_iter([("parameter_values".to_owned(), values)]));
    match evaluate(text, &[("inputs", &inputs)])? {
        Cel::Bool(holds) => Ok(holds),
        other => Err(format!("condition `{text}` is neither true nor false, but {other:?}")),
    }
}

/// Picks a part of a value, by an expression over `string_value`: the value itself if it is text, else as JSON. Values
/// of other types have a name of their own as well: `int_value`, `double_value`, `bool_value`, `list_value`,
/// `struct_value`.
pub(crate) fn select(text: &str, value: &Value) -> Result<Value, String> {
    let string = Value::String(as_text(value));
    let mut variables = vec![("string_value", &string)];
    match value {
        Value::Number(number) => {
            variables.push((if number.is_i64() { "int_value" } else { "double_value" }, value));
        }
        Value::Bool(_) => variables.push(("bool_value", value)),
        Value::Array(_) => variables.push(("list_value", value)),
        Value::Object(_) => variables.push(("struct_value", value)),
        Value::Null | Value::String(_) => {}
    }
    let found = evaluate(text, &variables)?;
    found.json().map_err(|error| format!("`{text}` gives no value: {error}"))
}

/// Text as it is, anything else as JSON.
pub(crate) fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn evaluate(text: &str, variables: &[(&str, &Value)]) -> Result<Cel, String> {
    let program = compile(text)?;
    let mut context = Context::default();
    for (name, value) in variables {
        context.add_variable_from_value(*name, to_cel(value));
    }
    let told = |error: &dyn std::fmt::Display| format!("expression `{text}` cannot be evaluated: {error}");
    context.add_function("parseJson", parse_json).map_err(|error| told(&error))?;
    program.execute(&context).map_err(|error| told(&error))
}

fn parse_json(text: Arc<String>) -> Result<Cel, ExecutionError> {
    match serde_json::from_str(&text) {
        Ok(value) => Ok(to_cel(&value)),
        Err(error) => Err(ExecutionError::function_error("parseJson", error)),
    }
}

fn to_cel(value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(value) => Cel::Bool(*value),
        Value::Number(number) => match number.as_i64() {
            Some(value) => Cel::Int(value),
            None => Cel::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Cel::String(Arc::new(text.clone())),
        Value::Array(items) => Cel::List(Arc::new(items.iter().map(to_cel).collect())),
        Value::Object(entries) => {
            let entries: HashMap<String, Cel> =
                entries.iter().map(|(key, value)| (key.clone(), to_cel(value))).collect();
            entries.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn inputs(value: Value) -> BTreeMap<String, Datum> {
        let Value::Object(entries) = value else { return BTreeMap::new() };
        entries.into_iter().map(|(name, value)| (name, Datum::Value(value))).collect()
    }

    #[test]
    fn conditions_read_inputs_and_compare_numbers_of_either_kind() {
        let given =
            inputs(json!({ "x": "heads", "n": 5, "f": 5.0, "yes": true, "list": [1, 2], "text": "[3]" }));
        for (text, holds) in [
            ("inputs.parameter_values['x'] == 'heads'", true),
            ("!(inputs.parameter_values['x'] == 'heads') && inputs.parameter_values['x'] == 'tails'", false),
            ("int(inputs.parameter_values['n']) > 4", true),
            ("inputs.parameter_values['f'] == 5", true),
            ("inputs.parameter_values['n'] == 5.0", true),
            ("inputs.parameter_values['yes'] == true", true),
            ("2 in inputs.parameter_values['list']", true),
            ("parseJson(inputs.parameter_values['text'])[0] == 3", true),
        ] {
            assert_eq!(condition(text, &given), Ok(holds), "{text}");
        }
        let error = condition("inputs.parameter_values['gone'] == 1", &given).unwrap_err();
        assert!(error.contains("inputs.parameter_values['gone'] == 1") && error.contains("gone"), "{error}");
        assert!(condition("1 + 1", &given).unwrap_err().contains("neither true nor false"));
        assert!(check("1 +").unwrap_err().contains("no expression"));
    }

    #[test]
    fn a_selection_reads_json_in_text_and_values() {
        assert_eq!(
            select(r#"parseJson(string_value)["b"]"#, &json!(r#"{"b": [1, 2.5]}"#)),
            Ok(json!([1, 2.5]))
        );
        assert_eq!(select(r#"parseJson(string_value)["b"]"#, &json!({ "b": "x" })), Ok(json!("x")));
        assert_eq!(select("struct_value.a", &json!({ "a": null })), Ok(Value::Null));
        assert!(select(r#"parseJson(string_value)["c"]"#, &json!("{}")).is_err());
    }
}
