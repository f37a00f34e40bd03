use std::collections::{BTreeMap, BTreeSet};

use outbound::{Body, Method};
use serde_json::{Value, json};

use super::{facts, get, named, pages, pairs, post, show, text, time};
use crate::api::Api;
use crate::args::Models;
use crate::failure::Failure;
use crate::screen::say;
use crate::table::table;

pub async fn run(api: &Api, command: Models) -> Result<(), Failure> {
    match command {
        Models::List { filter, limit, json } => {
            let found = search(api, "registered-models/search", "registered_models", &filter, limit).await?;
            let row = |m: &Value| {
                let latest = m["latest_versions"].as_array().cloned().unwrap_or_default();
                let newest = latest.iter().filter_map(|v| text(v, "version").parse::<i64>().ok()).max();
                vec![
                    text(m, "name"),
                    newest.map_or_else(|| "-".to_owned(), |n| n.to_string()),
                    aliases(m),
                    time(m, "last_updated_timestamp"),
                ]
            };
            let rows: Vec<_> = found.iter().map(row).collect();
            show(json, &found, "models", &["name", "latest", "aliases", "updated"], &rows);
        }
        Models::Show { model, json } => {
            let found =
                get(api, "registered-models/get", &[("name", &model)]).await?["registered_model"].take();
            let versions = versions(api, &model).await?;
            if json {
                let whole = json!({ "registered_model": found, "versions": versions });
                say(serde_json::to_string_pretty(&whole).unwrap_or_default());
                return Ok(());
            }
            facts(&[
                ("model", text(&found, "name")),
                ("description", text(&found, "description")),
                ("aliases", aliases(&found)),
                ("tags", tags(&found)),
            ]);
            let row = |v: &Value| {
                let named: Vec<&str> =
                    v["aliases"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                vec![
                    text(v, "version"),
                    named.join(", "),
                    text(v, "current_stage"),
                    text(v, "run_id"),
                    time(v, "creation_timestamp"),
                ]
            };
            let rows: Vec<_> = versions.iter().map(row).collect();
            if !rows.is_empty() {
                say(format!("\n{}", table(&["version", "aliases", "stage", "run", "created"], &rows)));
            }
        }
        Models::SetAlias { model, alias, version } => {
            let body = json!({ "name": model, "alias": alias, "version": version.to_string() });
            post(api, "registered-models/alias", body).await?;
            say(format!("{model}@{alias} is version {version}"));
        }
        Models::DeleteAlias { model, alias } => {
            let body = json!({ "name": model, "alias": alias });
            api.mlflow(Method::Delete, "registered-models/alias", Body::Json(body)).await?;
            say(format!("{model}@{alias} is gone"));
        }
        Models::Diff { model, from, to } => diff(api, &model, from, to).await?,
        Models::Delete { model } => {
            let body = Body::Json(named("name", &model));
            api.mlflow(Method::Delete, "registered-models/delete", body).await?;
            say(format!("model `{model}` is deleted"));
        }
    }
    Ok(())
}

async fn search(
    api: &Api,
    path: &str,
    name: &str,
    filter: &str,
    limit: usize,
) -> Result<Vec<Value>, Failure> {
    pages(limit, 1_000, name, |token, most| async move {
        let most = most.to_string();
        let mut query = vec![("max_results", most.as_str()), ("filter", filter)];
        if !token.is_empty() {
            query.push(("page_token", &token));
        }
        get(api, path, &query).await
    })
    .await
}

async fn versions(api: &Api, model: &str) -> Result<Vec<Value>, Failure> {
    let quote = if model.contains('\'') { '"' } else { '\'' };
    let filter = format!("name = {quote}{model}{quote}");
    let mut found = search(api, "model-versions/search", "model_versions", &filter, usize::MAX).await?;
    found.sort_by_key(|v| -text(v, "version").parse::<i64>().unwrap_or_default());
    Ok(found)
}

fn aliases(model: &Value) -> String {
    let items = model["aliases"].as_array().map(Vec::as_slice).unwrap_or_default();
    let one = |a: &Value| format!("{}→{}", text(a, "alias"), text(a, "version"));
    items.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn tags(value: &Value) -> String {
    pairs(&value["tags"])
        .into_iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// What two versions and the runs that made them differ in.
async fn diff(api: &Api, model: &str, from: i64, to: i64) -> Result<(), Failure> {
    let (left, right) = (facts_of(api, model, from).await?, facts_of(api, model, to).await?);
    let keys: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    let cell = |side: &BTreeMap<String, String>, key: &String| {
        side.get(key).cloned().unwrap_or_else(|| "-".to_owned())
    };
    let rows: Vec<Vec<String>> = keys
        .into_iter()
        .filter(|key| left.get(*key) != right.get(*key))
        .map(|key| vec![key.clone(), cell(&left, key), cell(&right, key)])
        .collect();
    if rows.is_empty() {
        say(format!("versions {from} and {to} of `{model}` are alike"));
    } else {
        say(table(&["", &format!("version {from}"), &format!("version {to}")], &rows));
    }
    Ok(())
}

async fn facts_of(api: &Api, model: &str, number: i64) -> Result<BTreeMap<String, String>, Failure> {
    let number = number.to_string();
    let query = [("name", model), ("version", number.as_str())];
    let version = get(api, "model-versions/get", &query).await?["model_version"].take();
    let mut facts = BTreeMap::new();
    for (name, field) in
        [("description", "description"), ("run", "run_id"), ("source", "source"), ("stage", "current_stage")]
    {
        facts.insert(name.to_owned(), text(&version, field));
    }
    for (key, value) in pairs(&version["tags"]) {
        facts.insert(format!("tags.{key}"), value);
    }
    let run = text(&version, "run_id");
    // The run may be elsewhere, or gone.
    if !run.is_empty()
        && let Ok(found) = get(api, "runs/get", &[("run_id", &run)]).await
    {
        let data = &found["run"]["data"];
        for (key, value) in pairs(&data["params"]) {
            facts.insert(format!("params.{key}"), value);
        }
        for (key, value) in pairs(&data["metrics"]) {
            facts.insert(format!("metrics.{key}"), value);
        }
    }
    facts.retain(|_, value| !value.is_empty());
    Ok(facts)
}
