//! What the tracking server and the registry hold, at the command line. Searches speak MLflow's filters.

pub mod artifacts;
pub mod experiments;
pub mod models;
pub mod runs;

use outbound::{Body, Method};
use serde_json::{Value, json};

use crate::api::{Api, segment};
use crate::failure::Failure;
use crate::screen::say;
use crate::table::table;

pub(crate) async fn get(api: &Api, path: &str, query: &[(&str, &str)]) -> Result<Value, Failure> {
    let pairs: Vec<String> = query.iter().map(|(key, value)| format!("{key}={}", segment(value))).collect();
    api.mlflow(Method::Get, &format!("{path}?{}", pairs.join("&")), Body::Empty).await
}

pub(crate) async fn post(api: &Api, path: &str, body: Value) -> Result<Value, Failure> {
    api.mlflow(Method::Post, path, Body::Json(body)).await
}

/// Up to `limit` items of a search, page by page. `ask` gets the page token and how many to ask for.
pub(crate) async fn pages<F, Fut>(
    limit: usize,
    largest: usize,
    name: &str,
    mut ask: F,
) -> Result<Vec<Value>, Failure>
where
    F: FnMut(String, usize) -> Fut,
    Fut: Future<Output = Result<Value, Failure>>,
{
    let (mut items, mut token) = (Vec::new(), String::new());
    while items.len() < limit {
        let mut answer = ask(token, largest.min(limit - items.len())).await?;
        if let Value::Array(found) = answer[name].take() {
            items.extend(found);
        }
        token = answer["next_page_token"].as_str().unwrap_or_default().to_owned();
        if token.is_empty() {
            break;
        }
    }
    items.truncate(limit);
    Ok(items)
}

/// The number of an experiment that is given by name or number.
pub(crate) async fn experiment_id(api: &Api, given: &str) -> Result<String, Failure> {
    if given.parse::<i64>().is_ok() {
        return Ok(given.to_owned());
    }
    let answer = get(api, "experiments/get-by-name", &[("experiment_name", given)]).await?;
    Ok(text(&answer["experiment"], "experiment_id"))
}

pub(crate) fn text(value: &Value, name: &str) -> String {
    match &value[name] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A time in milliseconds since 1970, to the second.
pub(crate) fn time(value: &Value, name: &str) -> String {
    let millis = value[name].as_i64().filter(|at| *at > 0);
    let whole = millis.map(|at| types::Timestamp::from_millis(at - at.rem_euclid(1_000)).rfc3339());
    whole.unwrap_or_else(|| "-".to_owned())
}

/// A list of `{key, value}`.
pub(crate) fn pairs(value: &Value) -> Vec<(String, String)> {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().map(|item| (text(item, "key"), text(item, "value"))).collect()
}

/// A table, or the items as JSON.
pub(crate) fn show(json: bool, items: &[Value], what: &str, headings: &[&str], rows: &[Vec<String>]) {
    if json {
        say(serde_json::to_string_pretty(items).unwrap_or_default());
    } else if rows.is_empty() {
        say(format!("no {what}"));
    } else {
        say(table(headings, rows));
    }
}

/// Headed lines of a thing's own facts.
pub(crate) fn facts(lines: &[(&str, String)]) {
    let width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, value) in lines.iter().filter(|(_, value)| !value.is_empty()) {
        say(format!("{name:width$}  {value}"));
    }
}

/// `{}` where nothing is to be sent.
pub(crate) fn named(key: &str, value: &str) -> Value {
    json!({ key: value })
}
