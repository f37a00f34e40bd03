//! Runs for the moments of a range that lies behind.

use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

use super::start::inputs;
use crate::api::{Api, segment};
use crate::args::Backfills;
use crate::failure::Failure;
use crate::screen::say;
use crate::table::cell;
use crate::tracking::{facts, show};

/// How often one that is followed is asked for.
const EVERY: Duration = Duration::from_millis(500);

pub async fn run(api: &Api, command: Backfills) -> Result<ExitCode, Failure> {
    match command {
        Backfills::List { pipeline, json } => list(api, pipeline.as_deref(), json).await?,
        Backfills::Create {
            pipeline,
            schedule,
            from,
            to,
            cron,
            every,
            time_zone,
            name,
            inputs: given,
            moment_input,
            max_active,
            rerun,
            backwards,
            dry_run,
            watch,
            json,
        } => {
            let mut body = json!({
                "from": from, "to": to, "inputs": inputs(&given)?, "max_active": max_active, "rerun": rerun,
                "backwards": backwards, "dry_run": dry_run,
            });
            for (key, value) in [
                ("name", &name),
                ("schedule", &schedule),
                ("pipeline", &pipeline),
                ("moment_input", &moment_input),
            ] {
                if let Some(value) = value {
                    body[key] = json!(value);
                }
            }
            match (cron, every) {
                (Some(cron), _) => {
                    body["cron"] = json!(cron);
                    body["time_zone"] = json!(time_zone);
                }
                (None, Some(span)) => body["interval_seconds"] = json!(span.0.as_secs()),
                (None, None) if schedule.is_some() => {}
                (None, None) => {
                    return Err(Failure::new("a backfill of a pipeline needs a rhythm")
                        .hint("give --cron '0 6 * * *' or --every 1d, or take it from a --schedule"));
                }
            }
            let made = api.post("backfills", body).await?;
            if dry_run {
                moments(&made, json);
                return Ok(ExitCode::SUCCESS);
            }
            if json {
                say(serde_json::to_string_pretty(&made).unwrap_or_default());
            } else {
                say(cell(&made, "id"));
            }
            if watch {
                return follow(api, &cell(&made, "id")).await;
            }
        }
        Backfills::Show { id, json } => {
            let found = one(api, &id).await?;
            if json {
                say(serde_json::to_string_pretty(&found).unwrap_or_default());
                return Ok(ExitCode::SUCCESS);
            }
            describe(&found);
            moments(&found, false);
        }
        Backfills::Watch { id } => return follow(api, &id).await,
        Backfills::Pause { id } => change(api, &id, "pause").await?,
        Backfills::Resume { id } => change(api, &id, "resume").await?,
        Backfills::Cancel { id } => change(api, &id, "cancel").await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn one(api: &Api, id: &str) -> Result<Value, Failure> {
    api.get(&format!("backfills/{}", segment(id))).await
}

async fn list(api: &Api, pipeline: Option<&str>, json: bool) -> Result<(), Failure> {
    let path = match pipeline {
        Some(name) => format!("backfills?pipeline={}", segment(name)),
        None => "backfills".to_owned(),
    };
    let answer = api.get(&path).await?;
    let items = answer["backfills"].as_array().cloned().unwrap_or_default();
    let row = |b: &Value| {
        let mut cells = ["id", "name", "pipeline", "from", "to", "state"].map(|path| cell(b, path)).to_vec();
        cells.push(told(b));
        cells
    };
    let rows: Vec<_> = items.iter().map(row).collect();
    show(json, &items, "backfills", &["id", "name", "pipeline", "from", "to", "state", "progress"], &rows);
    Ok(())
}

fn rhythm(of: &Value) -> String {
    match of["cron"].as_str() {
        Some(cron) => format!("{cron} ({})", cell(of, "time_zone")),
        None => format!("every {} s", cell(of, "interval_seconds")),
    }
}

/// Such as `3/8, 1 failed, 2 skipped`.
fn told(of: &Value) -> String {
    let count = |name: &str| of["progress"][name].as_i64().unwrap_or_default();
    let done = count("total") - count("waiting") - count("running");
    let mut text = format!("{done}/{}", count("total"));
    for name in ["running", "failed", "cancelled", "skipped"] {
        if count(name) > 0 {
            text.push_str(&format!(", {} {name}", count(name)));
        }
    }
    text
}

fn describe(found: &Value) {
    let known = |path: &str| Some(cell(found, path)).filter(|text| text != "-").unwrap_or_default();
    facts(&[
        ("backfill", known("id")),
        ("name", known("name")),
        ("pipeline", known("pipeline")),
        ("rhythm", rhythm(found)),
        ("from", known("from")),
        ("to", known("to")),
        ("at a time", known("max_active")),
        ("rerun", known("rerun")),
        ("state", known("state")),
        ("progress", told(found)),
        ("message", known("message")),
    ]);
}

fn moments(of: &Value, json: bool) {
    let items = of["moments"].as_array().cloned().unwrap_or_default();
    let row = |at: &Value| ["moment", "until", "state", "run", "message"].map(|path| cell(at, path)).to_vec();
    let rows: Vec<_> = items.iter().map(row).collect();
    show(json, &items, "moments", &["moment", "until", "state", "run", "why"], &rows);
}

async fn change(api: &Api, id: &str, verb: &str) -> Result<(), Failure> {
    let changed = api.post(&format!("backfills/{}/{verb}", segment(id)), json!({})).await?;
    say(format!("backfill {id} is {}: {}", cell(&changed, "state"), told(&changed)));
    Ok(())
}

async fn follow(api: &Api, id: &str) -> Result<ExitCode, Failure> {
    let mut last = String::new();
    loop {
        let found = one(api, id).await?;
        let now = format!("{}: {}", cell(&found, "state"), told(&found));
        if now != last {
            say(&now);
            last = now;
        }
        if !matches!(found["state"].as_str(), Some("running" | "paused")) {
            let count = |name: &str| found["progress"][name].as_i64().unwrap_or_default();
            let well = found["state"] == "finished" && count("failed") + count("cancelled") == 0;
            return Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        tokio::time::sleep(EVERY).await;
    }
}
