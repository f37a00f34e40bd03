//! Schemas of Pandera, as `DataFrameSchema.to_yaml` and `to_json` write them (pandera 0.2x: `io/pandas_io.py`).

use serde_json::{Map, Value, json};

use super::{Expectation, Suite};
use crate::Error;

pub(super) fn suite(value: &Value) -> Result<Suite, Error> {
    let columns = value.get("columns").and_then(Value::as_object);
    let columns = columns
        .ok_or_else(|| Error::BadSuite { format: "Pandera", reason: "there are no `columns`".into() })?;
    let name = value.get("name").and_then(Value::as_str).unwrap_or("schema").to_owned();
    let mut suite = Suite { name, ..Suite::default() };
    for (name, column) in columns {
        let required = column.get("required").and_then(Value::as_bool).unwrap_or(true);
        let mut add = |kind: &str, mut kwargs: Map<String, Value>| {
            kwargs.insert("column".into(), name.clone().into());
            suite.expectations.push(Expectation::new(kind, Value::Object(kwargs)));
        };
        if required {
            add("expect_column_to_exist", Map::new());
        }
        if let Some(dtype) = column.get("dtype").and_then(Value::as_str) {
            add("expect_column_type_to_be", map(json!({ "type_": dtype })));
        }
        if column.get("nullable").and_then(Value::as_bool) != Some(true) {
            add("expect_column_values_to_not_be_null", Map::new());
        }
        if column.get("unique").and_then(Value::as_bool) == Some(true) {
            add("expect_column_values_to_be_unique", Map::new());
        }
        let mut notes = Vec::new();
        for (check, argument) in checks(column.get("checks")) {
            match meaning(&check, &argument) {
                Some((kind, kwargs)) => add(kind, map(kwargs)),
                None => notes
                    .push(format!("Pandera check `{check}` of `{name}` is not evaluated: it is not known")),
            }
        }
        suite.notes.extend(notes);
    }
    if value.get("strict").and_then(Value::as_bool) == Some(true) {
        let names: Vec<&String> = columns.keys().collect();
        suite
            .expectations
            .push(Expectation::new("expect_table_columns_to_match_set", json!({ "column_set": names })));
    }
    if value.get("ordered").and_then(Value::as_bool) == Some(true) {
        let names: Vec<&String> = columns.keys().collect();
        let kwargs = json!({ "column_list": names });
        suite.expectations.push(Expectation::new("expect_table_columns_to_match_ordered_list", kwargs));
    }
    if let Some(unique) = value.get("unique").and_then(Value::as_array).filter(|u| u.len() > 1) {
        let kwargs = json!({ "column_list": unique, "ignore_row_if": "never" });
        suite.expectations.push(Expectation::new("expect_compound_columns_to_be_unique", kwargs));
    }
    Ok(suite)
}

fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// Checks as an object by name, or as a list whose members carry their name in `options.check_name`.
fn checks(value: Option<&Value>) -> Vec<(String, Value)> {
    match value {
        Some(Value::Object(map)) => map.iter().map(|(k, v)| (k.clone(), argument(v))).collect(),
        Some(Value::Array(list)) => list
            .iter()
            .filter_map(|c| Some((c["options"]["check_name"].as_str()?.to_owned(), argument(c))))
            .collect(),
        _ => Vec::new(),
    }
}

fn argument(check: &Value) -> Value {
    let Some(map) = check.as_object() else { return check.clone() };
    if let Some(value) = map.get("value") {
        return value.clone();
    }
    Value::Object(map.iter().filter(|(k, _)| *k != "options").map(|(k, v)| (k.clone(), v.clone())).collect())
}

fn meaning(check: &str, v: &Value) -> Option<(&'static str, Value)> {
    let between = |min: &Value, max: &Value, strict_min: bool, strict_max: bool| {
        let kwargs =
            json!({ "min_value": min, "max_value": max, "strict_min": strict_min, "strict_max": strict_max });
        Some(("expect_column_values_to_be_between", kwargs))
    };
    let none = Value::Null;
    let of = |keys: &[&str]| {
        keys.iter()
            .find_map(|k| v.get(*k))
            .cloned()
            .unwrap_or_else(|| if v.is_object() { Value::Null } else { v.clone() })
    };
    let set = |key: &str| of(&[key, "allowed_values", "forbidden_values"]);
    let flag = |key: &str| v.get(key).and_then(Value::as_bool).unwrap_or(true);
    match check {
        "greater_than" | "gt" => between(&of(&["min_value"]), &none, true, false),
        "greater_than_or_equal_to" | "ge" => between(&of(&["min_value"]), &none, false, false),
        "less_than" | "lt" => between(&none, &of(&["max_value"]), false, true),
        "less_than_or_equal_to" | "le" => between(&none, &of(&["max_value"]), false, false),
        "in_range" | "between" => {
            between(&v["min_value"], &v["max_value"], !flag("include_min"), !flag("include_max"))
        }
        "equal_to" | "eq" => {
            Some(("expect_column_values_to_be_in_set", json!({ "value_set": [of(&["value"])] })))
        }
        "not_equal_to" | "ne" => {
            Some(("expect_column_values_to_not_be_in_set", json!({ "value_set": [of(&["value"])] })))
        }
        "isin" => Some(("expect_column_values_to_be_in_set", json!({ "value_set": set("allowed_values") }))),
        "notin" => {
            Some(("expect_column_values_to_not_be_in_set", json!({ "value_set": set("forbidden_values") })))
        }
        // Pandera matches from the start.
        "str_matches" => {
            let pattern = of(&["pattern"]);
            Some((
                "expect_column_values_to_match_regex",
                json!({ "regex": format!("^(?:{})", pattern.as_str()?) }),
            ))
        }
        "str_contains" => Some(("expect_column_values_to_match_regex", json!({ "regex": of(&["pattern"]) }))),
        "str_startswith" => {
            let text = of(&["string"]);
            Some((
                "expect_column_values_to_match_regex",
                json!({ "regex": format!("^{}", regex::escape(text.as_str()?)) }),
            ))
        }
        "str_endswith" => {
            let text = of(&["string"]);
            let regex = format!("{}\\Z", regex::escape(text.as_str()?));
            Some(("expect_column_values_to_match_regex", json!({ "regex": regex })))
        }
        "str_length" => Some((
            "expect_column_value_lengths_to_be_between",
            json!({ "min_value": v["min_value"], "max_value": v["max_value"] }),
        )),
        "unique_values_eq" => {
            Some(("expect_column_distinct_values_to_equal_set", json!({ "value_set": of(&["values"]) })))
        }
        _ => None,
    }
}
