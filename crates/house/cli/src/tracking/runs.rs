use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{experiment_id, facts, get, named, pages, pairs, post, show, text, time};
use crate::api::Api;
use crate::args::{ListRuns, Runs};
use crate::failure::Failure;
use crate::screen::say;
use crate::table::{short, table};

pub async fn run(api: &Api, command: Runs) -> Result<(), Failure> {
    match command {
        Runs::List(query) => list(api, query).await?,
        Runs::Show { run, json } => {
            let found = one(api, &run).await?;
            if json {
                say(serde_json::to_string_pretty(&found).unwrap_or_default());
            } else {
                describe(&found);
            }
        }
        Runs::Compare { runs, all } => compare(api, &runs, all).await?,
        Runs::History { run, metric, json } => history(api, &run, &metric, json).await?,
        Runs::Delete { run } => {
            post(api, "runs/delete", named("run_id", &run)).await?;
            say(format!("run {run} is deleted; `mlwright runs restore {run}` brings it back"));
        }
        Runs::Restore { run } => {
            post(api, "runs/restore", named("run_id", &run)).await?;
            say(format!("run {run} is back"));
        }
    }
    Ok(())
}

async fn one(api: &Api, run: &str) -> Result<Value, Failure> {
    Ok(get(api, "runs/get", &[("run_id", run)]).await?["run"].take())
}

async fn list(api: &Api, query: ListRuns) -> Result<(), Failure> {
    let mut ids = Vec::new();
    for given in &query.experiments {
        ids.push(experiment_id(api, given).await?);
    }
    if ids.is_empty() {
        let all = pages(usize::MAX, 1_000, "experiments", |token, most| async move {
            post(api, "experiments/search", json!({ "max_results": most, "page_token": token })).await
        })
        .await?;
        ids = all.iter().map(|e| text(e, "experiment_id")).collect();
    }
    let view = if query.deleted { "DELETED_ONLY" } else { "ACTIVE_ONLY" };
    let found = pages(query.limit, 1_000, "runs", |token, most| {
        let body = json!({
            "experiment_ids": ids, "filter": query.filter, "order_by": query.order_by, "run_view_type": view,
            "max_results": most, "page_token": token,
        });
        async move { post(api, "runs/search", body).await }
    })
    .await?;
    let columns: Vec<&str> = query.columns.iter().map(String::as_str).collect();
    let mut headings = vec!["id", "name", "experiment", "status", "started"];
    headings.extend(&columns);
    let row = |run: &Value| {
        let info = &run["info"];
        let mut cells = vec![
            text(info, "run_id"),
            text(info, "run_name"),
            text(info, "experiment_id"),
            text(info, "status").to_ascii_lowercase(),
            time(info, "start_time"),
        ];
        let values = values(run);
        cells.extend(columns.iter().map(|c| values.get(*c).cloned().unwrap_or_else(|| "-".to_owned())));
        cells
    };
    let rows: Vec<_> = found.iter().map(row).collect();
    show(query.json, &found, "runs", &headings, &rows);
    Ok(())
}

/// Everything that a run logged, by `metrics.x`, `params.x`, `tags.x`.
fn values(run: &Value) -> BTreeMap<String, String> {
    let data = &run["data"];
    let mut values = BTreeMap::new();
    for (key, value) in pairs(&data["params"]) {
        values.insert(format!("params.{key}"), value);
    }
    for (key, value) in pairs(&data["tags"]) {
        values.insert(format!("tags.{key}"), value);
    }
    for metric in data["metrics"].as_array().map(Vec::as_slice).unwrap_or_default() {
        values.insert(format!("metrics.{}", text(metric, "key")), short(&metric["value"]));
    }
    values
}

fn describe(run: &Value) {
    let info = &run["info"];
    facts(&[
        ("run", text(info, "run_id")),
        ("name", text(info, "run_name")),
        ("experiment", text(info, "experiment_id")),
        ("status", text(info, "status").to_ascii_lowercase()),
        ("user", text(info, "user_id")),
        ("started", time(info, "start_time")),
        ("ended", time(info, "end_time")),
        ("artifacts", text(info, "artifact_uri")),
    ]);
    let values = values(run);
    if !values.is_empty() {
        let rows: Vec<_> = values.into_iter().map(|(key, value)| vec![key, one_line(&value)]).collect();
        say(format!("\n{}", table(&["logged", "value"], &rows)));
    }
    let inputs = run["inputs"]["dataset_inputs"].as_array().cloned().unwrap_or_default();
    if !inputs.is_empty() {
        let row = |i: &Value| vec![text(&i["dataset"], "name"), text(&i["dataset"], "digest")];
        say(format!("\n{}", table(&["data set", "digest"], &inputs.iter().map(row).collect::<Vec<_>>())));
    }
}

fn one_line(value: &str) -> String {
    let mut line: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).take(120).collect();
    if value.chars().count() > 120 {
        line.push('…');
    }
    line
}

/// One line for each value that is not the same in all runs.
async fn compare(api: &Api, runs: &[String], all: bool) -> Result<(), Failure> {
    let mut found = Vec::new();
    for run in runs {
        found.push(values(&one(api, run).await?));
    }
    let keys: BTreeSet<&String> = found.iter().flat_map(BTreeMap::keys).collect();
    let cell = |values: &BTreeMap<String, String>, key: &String| {
        values.get(key).map_or_else(|| "-".to_owned(), |value| one_line(value))
    };
    let rows: Vec<Vec<String>> = keys
        .into_iter()
        .map(|key| [one_line(key)].into_iter().chain(found.iter().map(|v| cell(v, key))).collect())
        .filter(|row: &Vec<String>| all || row[2..].iter().any(|value| *value != row[1]))
        .collect();
    if rows.is_empty() {
        say("the runs logged the same");
        return Ok(());
    }
    let short_ids: Vec<&str> = runs.iter().map(|run| run.get(..8).unwrap_or(run)).collect();
    let headings: Vec<&str> = ["logged"].into_iter().chain(short_ids).collect();
    say(table(&headings, &rows));
    Ok(())
}

async fn history(api: &Api, run: &str, metric: &str, json: bool) -> Result<(), Failure> {
    let points = pages(usize::MAX, 25_000, "metrics", |token, most| async move {
        let most = most.to_string();
        let mut query = vec![("run_id", run), ("metric_key", metric), ("max_results", &most)];
        if !token.is_empty() {
            query.push(("page_token", &token));
        }
        get(api, "metrics/get-history", &query).await
    })
    .await?;
    let row = |point: &Value| vec![text(point, "step"), time(point, "timestamp"), text(point, "value")];
    let rows: Vec<_> = points.iter().map(row).collect();
    show(json, &points, &format!("points of `{metric}`"), &["step", "time", "value"], &rows);
    Ok(())
}
