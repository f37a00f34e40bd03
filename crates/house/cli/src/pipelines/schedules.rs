//! Runs that start by the clock, or because something happened.

use serde_json::{Value, json};

use super::start::inputs;
use crate::api::{Api, segment};
use crate::args::Schedules;
use crate::failure::Failure;
use crate::screen::say;
use crate::table::cell;
use crate::tracking::show;

pub async fn run(api: &Api, command: Schedules) -> Result<(), Failure> {
    match command {
        Schedules::List { json } => {
            let answer = api.get("schedules").await?;
            let items = answer["schedules"].as_array().cloned().unwrap_or_default();
            let row = |s: &Value| {
                let when = match (s["cron"].as_str(), s["on"].as_str()) {
                    (Some(cron), _) => format!("{cron} ({})", cell(s, "time_zone")),
                    (None, Some(on)) => format!("on {on} {}", s["subject"].as_str().unwrap_or_default()),
                    (None, None) => format!("every {} s", cell(s, "interval_seconds")),
                };
                let mut cells = vec![cell(s, "id"), cell(s, "name"), cell(s, "pipeline"), when];
                cells.extend(["enabled", "next_at", "last_run.state"].map(|path| cell(s, path)));
                cells
            };
            let rows: Vec<_> = items.iter().map(row).collect();
            let headings = ["id", "name", "pipeline", "when", "enabled", "next", "last run"];
            show(json, &items, "schedules", &headings, &rows);
        }
        Schedules::Create {
            pipeline,
            name,
            cron,
            every,
            on,
            subject,
            payload,
            time_zone,
            inputs: given,
            catch_up,
            max_concurrency,
        } => {
            let mut body = json!({
                "name": name.unwrap_or_else(|| pipeline.clone()),
                "pipeline": pipeline,
                "inputs": inputs(&given)?,
                "catch_up": catch_up,
                "max_concurrency": max_concurrency,
            });
            match (cron, every, on) {
                (Some(cron), ..) => {
                    body["cron"] = json!(cron);
                    body["time_zone"] = json!(time_zone);
                }
                (None, Some(span), _) => body["interval_seconds"] = json!(span.0.as_secs()),
                (None, None, Some(on)) => {
                    body["on"] = json!(on);
                    body["subject"] = json!(subject);
                    body["payload"] = json!(inputs(&payload)?);
                }
                (None, None, None) => {}
            }
            let made = api.post("schedules", body).await?;
            match made["on"].as_str() {
                Some(on) => say(format!("{}  waits for {on}", cell(&made, "id"))),
                None => say(format!("{}  next at {}", cell(&made, "id"), cell(&made, "next_at"))),
            }
        }
        Schedules::Enable { id } => change(api, &id, true).await?,
        Schedules::Disable { id } => change(api, &id, false).await?,
        Schedules::Delete { id } => {
            api.delete(&format!("schedules/{}", segment(&id))).await?;
            say(format!("schedule {id} is gone"));
        }
    }
    Ok(())
}

async fn change(api: &Api, id: &str, enabled: bool) -> Result<(), Failure> {
    let path = format!("schedules/{}", segment(id));
    let body = outbound::Body::Json(json!({ "enabled": enabled }));
    let changed = api.ask(outbound::Method::Patch, &path, body).await?;
    say(match changed["enabled"] {
        Value::Bool(true) => format!("schedule {id} is enabled; next at {}", cell(&changed, "next_at")),
        _ => format!("schedule {id} is disabled"),
    });
    Ok(())
}
