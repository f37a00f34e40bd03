//! Logs and events, as they come.

use std::time::Duration;

use serde_json::Value;

use crate::api::{Api, segment};
use crate::failure::Failure;
use crate::screen::{put, say};
use crate::table::{cell, short};

const PAUSE: Duration = Duration::from_millis(500);

pub async fn logs(api: &Api, run: &str, step: Option<&str>) -> Result<(), Failure> {
    let found = api.get(&format!("pipeline-runs/{}", segment(run))).await?;
    let steps = found["steps"].as_array().cloned().unwrap_or_default();
    let names: Vec<&str> = steps.iter().filter_map(|step| step["name"].as_str()).collect();
    if let Some(step) = step
        && !names.contains(&step)
    {
        return Err(Failure::new(format!("run {run} has no step {step}"))
            .hint(format!("it has {}", names.join(", "))));
    }
    for name in names.iter().filter(|name| step.is_none_or(|step| step == **name)) {
        if step.is_none() {
            say(format!("== {name}"));
        }
        let mut offset = 0;
        loop {
            let path = format!("pipeline-runs/{}/steps/{}/log?offset={offset}", segment(run), segment(name));
            let part = api.get(&path).await?;
            put(part["text"].as_str().unwrap_or_default());
            let next = part["next_offset"].as_u64().unwrap_or(offset);
            if part["eof"] == Value::Bool(true) {
                break;
            }
            if next == offset {
                tokio::time::sleep(PAUSE).await;
            }
            offset = next;
        }
    }
    Ok(())
}

pub async fn events(api: &Api, follow: bool, kind: Option<&str>) -> Result<(), Failure> {
    let kind = kind.map(|kind| format!("&kind={}", segment(kind))).unwrap_or_default();
    let newest = api.get(&format!("events?limit=50{kind}")).await?;
    let mut events = newest["events"].as_array().cloned().unwrap_or_default();
    events.reverse();
    let mut last = 0;
    loop {
        for event in &events {
            last = event["position"].as_i64().unwrap_or(last);
            let [at, actor, name, subject] = ["at", "actor", "kind", "subject"].map(|path| cell(event, path));
            say(format!("{at}  {name:28}  {actor:20}  {subject}  {}", short(&event["payload"])));
        }
        if !follow {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
        let next = api.get(&format!("events?after={last}&limit=500{kind}")).await?;
        events = next["events"].as_array().cloned().unwrap_or_default();
    }
}
