//! Tests of dbt: `unique`, `not_null`, `accepted_values`, and those of dbt_utils and dbt_expectations that ask about one
//! table (docs.getdbt.com/reference/resource-properties/data-tests).

use serde_json::{Map, Value, json};

use super::{Expectation, Suite};
use crate::Error;

pub(super) fn suite(value: &Value, table: Option<&str>) -> Result<Suite, Error> {
    let bad = |reason: String| Error::BadSuite { format: "dbt", reason };
    let mut tables: Vec<&Value> = Vec::new();
    for key in ["models", "seeds", "snapshots"] {
        tables.extend(value.get(key).and_then(Value::as_array).into_iter().flatten());
    }
    for source in value.get("sources").and_then(Value::as_array).into_iter().flatten() {
        tables.extend(source.get("tables").and_then(Value::as_array).into_iter().flatten());
    }
    let name = |t: &Value| t["name"].as_str().unwrap_or("model").to_owned();
    let chosen = match (table, tables.as_slice()) {
        (Some(wanted), all) => all.iter().copied().find(|t| name(t) == wanted),
        (None, [only]) => Some(*only),
        (None, _) => None,
    };
    let Some(chosen) = chosen else {
        let names: Vec<String> = tables.iter().map(|t| name(t)).collect();
        return Err(bad(format!("say with --table which of its tables is meant: {}", names.join(", "))));
    };
    let mut suite = Suite { name: name(chosen), ..Suite::default() };
    for test in tests(chosen) {
        add(&mut suite, None, test);
    }
    for column in chosen["columns"].as_array().into_iter().flatten() {
        let column_name = column["name"].as_str().unwrap_or_default();
        for test in tests(column) {
            add(&mut suite, Some(column_name), test);
        }
    }
    Ok(suite)
}

fn tests(of: &Value) -> impl Iterator<Item = &Value> {
    ["tests", "data_tests"].into_iter().filter_map(|k| of.get(k)).filter_map(Value::as_array).flatten()
}

fn add(suite: &mut Suite, column: Option<&str>, test: &Value) {
    let (name, body) = match test {
        Value::String(name) => (name.clone(), Value::Null),
        Value::Object(map) => match map.iter().next() {
            Some((name, body)) => (name.clone(), body.clone()),
            None => return,
        },
        _ => return,
    };
    // Arguments stand beside the settings, or (dbt 1.10) below `arguments`.
    let arguments = body.get("arguments").cloned().unwrap_or_else(|| body.clone());
    let config = |key: &str| body.get("config").and_then(|c| c.get(key)).or_else(|| body.get(key)).cloned();
    let Some((kind, mut kwargs)) = meaning(&name, column, &arguments) else {
        let reason = match name.as_str() {
            "relationships" => "it needs the other table".to_owned(),
            _ => "the test is not known".to_owned(),
        };
        let about = column.map(|c| format!(" of {c}")).unwrap_or_default();
        suite.notes.push(format!("dbt test `{name}`{about} is not evaluated: {reason}"));
        return;
    };
    if let Some(Value::String(condition)) = config("where") {
        kwargs.insert("row_condition".into(), sql_condition(&condition).into());
        kwargs.insert("condition_parser".into(), "pandas".into());
    }
    let mut expectation = Expectation::new(kind, Value::Object(kwargs)).noted(&format!("dbt: {name}"));
    if config("severity").is_some_and(|s| s.as_str().is_some_and(|s| s.eq_ignore_ascii_case("warn"))) {
        expectation.severity = "warning".into();
    }
    suite.expectations.push(expectation);
}

/// `status = 'a' and x <> 1` in the words of conditions.
fn sql_condition(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len() + 8);
    let mut quote = None;
    let mut chars = sql.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(q), c) if q == c => quote = None,
            (None, '<') if chars.peek() == Some(&'>') => {
                chars.next();
                out.push_str("!=");
                continue;
            }
            (None, '=') if !out.ends_with(['<', '>', '!', '=']) && chars.peek() != Some(&'=') => {
                out.push_str("==");
                continue;
            }
            _ => {}
        }
        out.push(c);
    }
    out.replace(" is not null", ".notnull()")
        .replace(" is null", ".isnull()")
        .replace(" AND ", " and ")
        .replace(" OR ", " or ")
}

fn meaning(name: &str, column: Option<&str>, a: &Value) -> Option<(String, Map<String, Value>)> {
    let of = |kind: &str, mut kwargs: Value| {
        if let (Some(column), Some(map)) = (column, kwargs.as_object_mut())
            && !map.contains_key("column_list")
        {
            map.insert("column".into(), column.into());
        }
        kwargs.as_object().map(|m| (kind.to_owned(), m.clone()))
    };
    let bare = name.rsplit('.').next().unwrap_or(name);
    match (bare, column) {
        ("unique", Some(_)) => of("expect_column_values_to_be_unique", json!({})),
        ("not_null", Some(_)) => of("expect_column_values_to_not_be_null", json!({})),
        ("accepted_values", Some(_)) => {
            of("expect_column_values_to_be_in_set", json!({ "value_set": a["values"] }))
        }
        ("not_accepted_values", Some(_)) => {
            of("expect_column_values_to_not_be_in_set", json!({ "value_set": a["values"] }))
        }
        ("accepted_range", Some(_)) => of(
            "expect_column_values_to_be_between",
            json!({ "min_value": a["min_value"], "max_value": a["max_value"],
                "strict_min": a["inclusive"] == false, "strict_max": a["inclusive"] == false }),
        ),
        ("not_null_proportion", Some(_)) => of(
            "expect_column_proportion_of_non_null_values_to_be_between",
            json!({ "min_value": a["at_least"], "max_value": a["at_most"] }),
        ),
        ("not_constant", Some(_)) => {
            of("expect_column_unique_value_count_to_be_between", json!({ "min_value": 2 }))
        }
        ("not_empty_string", Some(_)) => {
            of("expect_column_value_lengths_to_be_between", json!({ "min_value": 1 }))
        }
        ("at_least_one", Some(_)) => of(
            "expect_column_proportion_of_non_null_values_to_be_between",
            json!({ "min_value": 0, "strict_min": true }),
        ),
        ("unique_combination_of_columns", _) => of(
            "expect_compound_columns_to_be_unique",
            json!({ "column_list": a["combination_of_columns"], "ignore_row_if": "never" }),
        ),
        // dbt_expectations has the names of Great Expectations.
        (bare, _) if bare.starts_with("expect_") => {
            let mut kwargs = a.as_object().cloned().unwrap_or_default();
            if let Some(row) = kwargs.remove("row_condition").and_then(|v| v.as_str().map(sql_condition)) {
                kwargs.insert("row_condition".into(), row.into());
                kwargs.insert("condition_parser".into(), "pandas".into());
            }
            if let (Some(column), true) = (column, !kwargs.contains_key("column")) {
                kwargs.insert("column".into(), column.into());
            }
            Some((bare.to_owned(), kwargs))
        }
        _ => None,
    }
}
