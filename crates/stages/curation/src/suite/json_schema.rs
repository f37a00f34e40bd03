//! JSON Schema of one row: what it says of each property, and `required` (draft 2020-12 and those before).

use serde_json::{Map, Value, json};

use super::{Expectation, Suite};

pub(super) fn suite(value: &Value) -> Suite {
    let name = value.get("title").and_then(Value::as_str).unwrap_or("schema").to_owned();
    let mut suite = Suite { name, ..Suite::default() };
    // The schema of a list of rows is the schema of its members.
    let row = if value["type"] == "array" { &value["items"] } else { value };
    let empty = Map::new();
    let properties = row.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let required: Vec<&str> =
        row["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for column in &required {
        suite.expectations.push(Expectation::new("expect_column_to_exist", json!({ "column": column })));
    }
    for (column, schema) in properties {
        property(&mut suite, column, schema, required.contains(&column.as_str()));
    }
    if row["additionalProperties"] == false {
        let names: Vec<&String> = properties.keys().collect();
        let exact = names.iter().all(|n| required.contains(&n.as_str()));
        if exact {
            let kwargs = json!({ "column_set": names });
            suite.expectations.push(Expectation::new("expect_table_columns_to_match_set", kwargs));
        } else {
            suite.notes.push(
                "additionalProperties: false is not evaluated, since some properties are optional".into(),
            );
        }
    }
    for key in ["allOf", "anyOf", "oneOf", "not", "if", "patternProperties", "dependentRequired"] {
        if row.get(key).is_some() {
            suite.notes.push(format!("`{key}` is not evaluated: it is about a row as a whole"));
        }
    }
    suite
}

fn property(suite: &mut Suite, column: &str, schema: &Value, required: bool) {
    let mut add = |kind: &str, mut kwargs: Value| {
        if let Some(map) = kwargs.as_object_mut() {
            map.insert("column".into(), column.into());
        }
        suite.expectations.push(Expectation::new(kind, kwargs));
    };
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if required && !types.is_empty() && !types.contains(&"null") {
        add("expect_column_values_to_not_be_null", json!({}));
    }
    let named: Vec<&str> = types.iter().filter(|t| **t != "null").flat_map(|t| pandas(t)).copied().collect();
    if !named.is_empty() {
        add("expect_column_values_to_be_in_type_list", json!({ "type_list": named }));
    }
    if let Some(set) = schema.get("enum").and_then(Value::as_array) {
        let set: Vec<&Value> = set.iter().filter(|v| !v.is_null()).collect();
        add("expect_column_values_to_be_in_set", json!({ "value_set": set }));
    }
    if let Some(one) = schema.get("const") {
        add("expect_column_values_to_be_in_set", json!({ "value_set": [one] }));
    }
    let bound = |open: &str, closed: &str| match (&schema[open], &schema[closed]) {
        (Value::Number(n), Value::Bool(true)) => Some((Value::Number(n.clone()), true)),
        (_, Value::Number(n)) => Some((Value::Number(n.clone()), true)),
        (Value::Number(n), _) => Some((Value::Number(n.clone()), false)),
        _ => None,
    };
    let (low, high) = (bound("minimum", "exclusiveMinimum"), bound("maximum", "exclusiveMaximum"));
    if low.is_some() || high.is_some() {
        let (min, strict_min) = low.unwrap_or_default();
        let (max, strict_max) = high.unwrap_or_default();
        add(
            "expect_column_values_to_be_between",
            json!({ "min_value": min, "max_value": max, "strict_min": strict_min, "strict_max": strict_max }),
        );
    }
    if schema.get("minLength").is_some() || schema.get("maxLength").is_some() {
        let kwargs = json!({ "min_value": schema["minLength"], "max_value": schema["maxLength"] });
        add("expect_column_value_lengths_to_be_between", kwargs);
    }
    if let Some(pattern) = schema.get("pattern") {
        add("expect_column_values_to_match_regex", json!({ "regex": pattern }));
    }
    if matches!(schema["format"].as_str(), Some("date" | "date-time")) && types.contains(&"string") {
        add("expect_column_values_to_be_dateutil_parseable", json!({}));
    }
    for key in ["multipleOf", "allOf", "anyOf", "oneOf", "not", "$ref"] {
        if schema.get(key).is_some() {
            suite.notes.push(format!("`{key}` of `{column}` is not evaluated"));
        }
    }
}

/// The types of columns that hold values of a type of JSON.
fn pandas(json: &str) -> &'static [&'static str] {
    match json {
        "integer" => &["int", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"],
        "number" => &[
            "float", "float32", "float64", "int", "int8", "int16", "int32", "int64", "uint8", "uint16",
            "uint32", "uint64",
        ],
        "boolean" => &["bool"],
        "string" => &["str"],
        _ => &[],
    }
}
