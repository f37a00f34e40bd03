//! `replay`: run it again from what was recorded, and compare.

use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

use crate::api::{Api, segment};
use crate::failure::Failure;
use crate::screen::{note, say};
use crate::table::cell;

pub async fn replay(api: &Api, run: &str) -> Result<ExitCode, Failure> {
    let run = pipeline_run(api, run).await?;
    let started = api.post(&format!("pipeline-runs/{}/replay", segment(&run)), json!({})).await?;
    let id = cell(&started, "replay_id");
    note(format!("replaying pipeline run {run} as {id}"));
    let replay = loop {
        let replay = api.get(&format!("replays/{}", segment(&id))).await?;
        if replay["state"] != "running" {
            break replay;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    };
    if replay["state"] != "finished" {
        let message = format!("the replay did not end well: {}", cell(&replay, "message"));
        return Err(Failure::new(message).hint(format!("`mlwright logs {id}` shows what its steps printed")));
    }
    let verdict = cell(&replay, "verdict");
    say(match verdict.as_str() {
        "bit_identical" => "bit-identical: every output has the same digest".to_owned(),
        "metric_equal" => "metric-equal: outputs differ, the metrics do not".to_owned(),
        _ => verdict.clone(),
    });
    if !replay["first"].is_null() {
        let first = &replay["first"];
        say(format!("first difference: step {}, output {}", cell(first, "step"), cell(first, "output")));
        say(format!("    recorded  {}\n    now       {}", cell(first, "expected"), cell(first, "actual")));
    }
    Ok(if verdict == "diverged" { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// A tracking run stands for the pipeline run whose step made it.
async fn pipeline_run(api: &Api, id: &str) -> Result<String, Failure> {
    if api.find(&format!("pipeline-runs/{}", segment(id))).await?.is_some() {
        return Ok(id.to_owned());
    }
    let run = api.find(&format!("runs/{}", segment(id))).await?;
    match run.as_ref().map(|run| &run["pipeline_run"]["id"]) {
        Some(Value::String(pipeline_run)) => Ok(pipeline_run.clone()),
        Some(_) => Err(Failure::new(format!("run {id} was logged by hand, not by a pipeline step"))
            .hint("only runs of pipelines can be replayed: their code, data and environment are recorded")),
        None => {
            Err(Failure::new(format!("there is no run {id}"))
                .hint("`mlwright list pipeline-runs` shows them"))
        }
    }
}
