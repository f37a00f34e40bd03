use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

use super::deploy::graph_of;
use crate::api::{Api, segment};
use crate::args::Rollout;
use crate::failure::Failure;
use crate::screen::say;
use crate::table::{cell, table};

pub async fn run(api: &Api, command: Rollout) -> Result<ExitCode, Failure> {
    match command {
        Rollout::Start { endpoint, model, graph, steps, bake, patience, without_traffic, watch } => {
            let mut wish = json!({
                "steps": steps,
                "bake_seconds": bake,
                "guards": { "patience_seconds": patience, "without_traffic": without_traffic },
            });
            if let Some(model) = model {
                wish["model"] = json!(model.model);
                wish["version"] = json!(model.version);
                wish["alias"] = json!(model.alias);
            }
            if let Some(file) = graph {
                wish["graph"] = graph_of(&file)?;
            }
            let started = api.post(&format!("endpoints/{}/rollout", segment(&endpoint)), wish).await?;
            say(format!(
                "{} takes {} of {endpoint}",
                cell(&started, "candidate"),
                percent(&started["share"])
            ));
            if watch {
                return follow(api, &endpoint).await;
            }
            say(format!("follow it with: mlwright rollout watch {endpoint}"));
        }
        Rollout::Show { endpoint, json } => {
            let found = newest(api, &endpoint).await?;
            if json {
                say(serde_json::to_string_pretty(&found).unwrap_or_default());
            } else {
                say(told(&found));
            }
        }
        Rollout::Watch { endpoint } => return follow(api, &endpoint).await,
        Rollout::Pause { endpoint } => act(api, &endpoint, "pause", json!({})).await?,
        Rollout::Resume { endpoint } => act(api, &endpoint, "resume", json!({})).await?,
        Rollout::Promote { endpoint } => act(api, &endpoint, "promote", json!({})).await?,
        Rollout::Abort { endpoint, reason } => {
            act(api, &endpoint, "abort", json!({ "reason": reason })).await?
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn act(api: &Api, endpoint: &str, action: &str, body: Value) -> Result<(), Failure> {
    let path = format!("endpoints/{}/rollout/{action}", segment(endpoint));
    let rollout = api.post(&path, body).await?;
    say(format!("{} of {endpoint}: {}", cell(&rollout, "candidate"), cell(&rollout, "state")));
    Ok(())
}

async fn newest(api: &Api, endpoint: &str) -> Result<Value, Failure> {
    let found = api.get(&format!("endpoints/{}/rollouts", segment(endpoint))).await?;
    let newest = found["rollouts"].get(0).cloned();
    newest.ok_or_else(|| {
        Failure::new(format!("endpoint `{endpoint}` had no rollout yet"))
            .hint(format!("start one: mlwright rollout start {endpoint} <model>/<version>"))
    })
}

/// Prints each new line of the timeline.
async fn follow(api: &Api, endpoint: &str) -> Result<ExitCode, Failure> {
    let mut printed = 0;
    loop {
        let found = newest(api, endpoint).await?;
        let timeline = found["timeline"].as_array().cloned().unwrap_or_default();
        for moment in timeline.iter().skip(printed) {
            say(format!("{}  {:12} {}", cell(moment, "at"), cell(moment, "what"), percent(&moment["share"])));
        }
        printed = timeline.len();
        match found["state"].as_str() {
            // Nobody but a person takes it up again.
            Some("paused") if found["reason"].is_string() => {
                say(format!("{}; resume, promote or abort it", cell(&found, "reason")));
                return Ok(ExitCode::FAILURE);
            }
            Some("running" | "paused") => tokio::time::sleep(Duration::from_secs(1)).await,
            Some("promoted") => return Ok(ExitCode::SUCCESS),
            _ => {
                say(cell(&found, "reason"));
                return Ok(ExitCode::FAILURE);
            }
        }
    }
}

fn percent(share: &Value) -> String {
    share.as_f64().map_or_else(|| "-".to_owned(), |s| format!("{:.1} %", s * 100.0))
}

fn told(rollout: &Value) -> String {
    let row = |m: &Value| vec![cell(m, "at"), cell(m, "what"), percent(&m["share"]), cell(m, "by")];
    let rows: Vec<_> = rollout["timeline"].as_array().into_iter().flatten().map(row).collect();
    let reason = match rollout["reason"].as_str() {
        Some(reason) => format!("\nbecause: {reason}"),
        None => String::new(),
    };
    format!(
        "{} instead of {}: {}, {} of the traffic{reason}\n\n{}",
        cell(rollout, "candidate"),
        cell(rollout, "stable"),
        cell(rollout, "state"),
        percent(&rollout["share"]),
        table(&["at", "what", "share", "by"], &rows)
    )
}
