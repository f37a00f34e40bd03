//! Pipelines, their runs and schedules at the command line.

mod backfill;
mod download;
mod logs;
mod schedules;
mod start;
mod tree;
mod watch;

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::api::{Api, segment};
use crate::args::{ListPipelineRuns, Pipelines};
use crate::failure::Failure;
use crate::screen::say;
use crate::table::{cell, table};
use crate::tracking::{facts, show};

pub async fn run(api: &Api, command: Pipelines) -> Result<ExitCode, Failure> {
    match command {
        Pipelines::List { json } => list(api, json).await?,
        Pipelines::Run(wanted) => {
            let watch = wanted.watch;
            let id = start::start(api, wanted).await?;
            if watch {
                return watch::watch(api, &id).await;
            }
            say(id);
        }
        Pipelines::Runs(wanted) => runs(api, &wanted).await?,
        Pipelines::Show { run, json } => describe(api, &run, json).await?,
        Pipelines::Watch { run } => return watch::watch(api, &run).await,
        Pipelines::Logs { run, task, follow } => logs::logs(api, &run, task.as_deref(), follow).await?,
        Pipelines::Download { run, task, output, index, to } => {
            download::download(api, &run, &task, &output, index, &to).await?;
        }
        Pipelines::Cancel { run } => {
            api.post(&format!("pipeline-runs/{}/cancel", segment(&run)), json!({})).await?;
            say(format!("run {run} is being ended"));
        }
        Pipelines::Retry { run, from, watch } => {
            api.post(&format!("pipeline-runs/{}/retry", segment(&run)), json!({ "from": from })).await?;
            if watch {
                return watch::watch(api, &run).await;
            }
            say(format!("run {run} goes on"));
        }
        Pipelines::Answer { run, task, answer, comment } => {
            let step = step(&one(api, &run).await?, &task)?;
            let body = json!({ "step": step["id"], "approved": answer == "yes", "comment": comment });
            api.post(&format!("pipeline-runs/{}/answer", segment(&run)), body).await?;
            say(format!("{task} is answered with {answer}"));
        }
        Pipelines::Schedules(command) => schedules::run(api, command).await?,
        Pipelines::Backfill(command) => return backfill::run(api, command).await,
    }
    Ok(ExitCode::SUCCESS)
}

async fn one(api: &Api, run: &str) -> Result<Value, Failure> {
    api.get(&format!("pipeline-runs/{}", segment(run))).await
}

fn steps(run: &Value) -> &[Value] {
    run["steps"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The task with this path. Errors name those that there are.
fn step(run: &Value, path: &str) -> Result<Value, Failure> {
    let found = steps(run).iter().find(|step| step["name"] == path).cloned();
    found.ok_or_else(|| {
        let names: Vec<&str> = steps(run).iter().filter_map(|step| step["name"].as_str()).take(20).collect();
        Failure::new(format!("run {} has no task {path}", cell(run, "id")))
            .hint(format!("it has {}", names.join(", ")))
    })
}

async fn list(api: &Api, json: bool) -> Result<(), Failure> {
    let answer = api.get("pipelines").await?;
    let items = answer["pipelines"].as_array().cloned().unwrap_or_default();
    let row = |p: &Value| {
        let from = if p["declared"] == Value::Bool(true) { "project" } else { "runs" };
        let mut cells = vec![cell(p, "name"), from.to_owned()];
        cells.extend(["dataset", "latest.state", "latest.created_at"].map(|path| cell(p, path)));
        cells
    };
    let rows: Vec<_> = items.iter().map(row).collect();
    show(json, &items, "pipelines", &["name", "known from", "data set", "latest run", "at"], &rows);
    Ok(())
}

async fn runs(api: &Api, wanted: &ListPipelineRuns) -> Result<(), Failure> {
    let mut query = vec![format!("limit={}", wanted.limit)];
    query.extend(wanted.pipeline.as_ref().map(|name| format!("pipeline={}", segment(name))));
    query.extend(wanted.state.as_ref().map(|state| format!("state={}", segment(state))));
    let answer = api.get(&format!("pipeline-runs?{}", query.join("&"))).await?;
    let items = answer["pipeline_runs"].as_array().cloned().unwrap_or_default();
    let row = |run: &Value| {
        let mut cells =
            ["id", "name", "state", "trigger.kind", "created_at"].map(|path| cell(run, path)).to_vec();
        cells.push(tree::took(run));
        cells
    };
    let rows: Vec<_> = items.iter().map(row).collect();
    show(wanted.json, &items, "runs", &["id", "name", "state", "started by", "created", "took"], &rows);
    Ok(())
}

async fn describe(api: &Api, run: &str, json: bool) -> Result<(), Failure> {
    let found = one(api, run).await?;
    if json {
        say(serde_json::to_string_pretty(&found).unwrap_or_default());
        return Ok(());
    }
    let known = |path: &str| Some(cell(&found, path)).filter(|text| text != "-").unwrap_or_default();
    facts(&[
        ("run", known("id")),
        ("name", known("name")),
        ("pipeline", known("pipeline")),
        ("state", known("state")),
        ("message", known("message")),
        ("started by", known("trigger.kind")),
        ("by", known("created_by")),
        ("created", known("created_at")),
        ("took", tree::took(&found)),
        ("replay of", known("replay_of")),
        ("page", format!("{}/pipeline-runs/{run}", api.url)),
    ]);
    let inputs: Vec<_> = found["inputs"].as_object().into_iter().flatten().collect();
    if !inputs.is_empty() {
        let rows: Vec<_> = inputs.into_iter().map(|(name, value)| vec![name.clone(), data(value)]).collect();
        say(format!("\n{}", table(&["input", "value"], &rows)));
    }
    let outputs: Vec<_> = found["outputs"].as_object().into_iter().flatten().collect();
    if !outputs.is_empty() {
        let rows: Vec<_> = outputs.into_iter().map(|(name, value)| vec![name.clone(), data(value)]).collect();
        say(format!("\n{}", table(&["output", "value"], &rows)));
    }
    say(format!("\n{}", tree::lines(&found, usize::MAX, false).join("\n")));
    if found["truncated"] == Value::Bool(true) {
        say("  (the run has many tasks: only the outermost are shown)");
    }
    Ok(())
}

/// A value, or what an artifact is, on one line.
fn data(datum: &Value) -> String {
    let artifact =
        |a: &Value| format!("{} ({}, {} bytes)", cell(a, "name"), cell(a, "schema"), cell(a, "bytes"));
    let text = match datum {
        Value::Object(map) if map.len() == 1 && map.contains_key("value") => map["value"].to_string(),
        Value::Object(map) if map.len() == 1 && map.contains_key("artifact") => artifact(&map["artifact"]),
        Value::Object(map) if map.len() == 1 && map.contains_key("artifacts") => {
            map["artifacts"].as_array().into_iter().flatten().map(artifact).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    };
    let mut line: String = text.chars().take(100).collect();
    if text.chars().count() > 100 {
        line.push('…');
    }
    line
}
