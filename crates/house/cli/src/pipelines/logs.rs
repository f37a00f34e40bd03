//! What tasks printed.

use std::time::Duration;

use serde_json::Value;

use super::{one, step, steps};
use crate::api::{Api, segment};
use crate::failure::Failure;
use crate::screen::{put, say};
use crate::table::cell;

const PAUSE: Duration = Duration::from_millis(300);

pub async fn logs(api: &Api, run: &str, task: Option<&str>, follow: bool) -> Result<(), Failure> {
    let found = one(api, run).await?;
    if let Some(task) = task {
        let step = step(&found, task)?;
        return print(api, run, &step, follow).await;
    }
    let mut shown: Vec<String> = Vec::new();
    loop {
        let found = one(api, run).await?;
        for step in steps(&found) {
            let (id, state) = (cell(step, "id"), cell(step, "state"));
            // What holds others prints nothing itself.
            let is_work =
                step["children"].is_null() && !matches!(step["shape"].as_str(), Some("graph" | "loop"));
            if !is_work || shown.contains(&id) || matches!(state.as_str(), "waiting" | "ready" | "skipped") {
                continue;
            }
            say(format!("== {}", cell(step, "name")));
            print(api, run, step, follow).await?;
            shown.push(id);
        }
        if !follow || !matches!(cell(&found, "state").as_str(), "queued" | "running") {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn print(api: &Api, run: &str, step: &Value, follow: bool) -> Result<(), Failure> {
    let mut offset = 0;
    loop {
        let id = cell(step, "id");
        let path = format!("pipeline-runs/{}/log?step={}&offset={offset}", segment(run), segment(&id));
        let part = api.get(&path).await?;
        put(part["text"].as_str().unwrap_or_default());
        let next = part["next_offset"].as_u64().unwrap_or(offset);
        if part["eof"] == Value::Bool(true) || (next == offset && !follow) {
            return Ok(());
        }
        if next == offset {
            tokio::time::sleep(PAUSE).await;
        }
        offset = next;
    }
}
