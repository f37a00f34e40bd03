//! Retraining by hand.

use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;

use crate::api::{Api, segment};
use crate::args::{Cancel, Decide, Retrain};
use crate::failure::Failure;
use crate::screen::say;
use crate::table::cell;

/// Starts it; with `--wait` the exit code is that of its end: 0 where the new model serves, 1 otherwise.
pub async fn run(api: &Api, wanted: Retrain) -> Result<ExitCode, Failure> {
    let body = json!({ "policy": wanted.policy, "reason": wanted.reason });
    let started = api.post("retrainings", body).await?;
    let id = cell(&started, "id");
    say(format!("retraining {id} started\n{}/retrainings/{id}", api.url));
    if !wanted.wait {
        return Ok(ExitCode::SUCCESS);
    }
    let state = ended(api, &id).await?;
    Ok(if state == "done" { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Shows every state until it has ended; the last one.
async fn ended(api: &Api, id: &str) -> Result<String, Failure> {
    let mut shown = (String::new(), String::new());
    loop {
        let now = api.get(&format!("retrainings/{id}")).await?;
        let (state, reason) = (cell(&now, "state"), now["reason"].as_str().unwrap_or_default().to_owned());
        if shown != (state.clone(), reason.clone()) {
            let colon = if reason.is_empty() { "" } else { ": " };
            say(format!("  {}{colon}{reason}", state.replace('_', " ")));
            shown = (state.clone(), reason);
        }
        if now["ended_at"].is_string() {
            return Ok(state);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// `word`: approve or reject.
pub async fn decide(api: &Api, word: &str, decided: &Decide) -> Result<(), Failure> {
    let path = format!("retrainings/{}/{word}", segment(&decided.retraining));
    let found = api.post(&path, json!({ "reason": decided.reason })).await?;
    let by = cell(&found["decision"], "by");
    let done = if word == "approve" { "approved" } else { "rejected" };
    say(format!("{done} by {by}\n{}/retrainings/{}", api.url, cell(&found, "id")));
    Ok(())
}

/// With `--wait` the exit code says whether it was cancelled, and did not end by itself just before.
pub async fn cancel(api: &Api, wanted: &Cancel) -> Result<ExitCode, Failure> {
    let path = format!("retrainings/{}/cancel", segment(&wanted.retraining));
    let reason = wanted.reason.as_deref().unwrap_or_default();
    let found = api.post(&path, json!({ "reason": reason })).await?;
    let id = cell(&found, "id");
    say(format!("its end was asked for by {}\n{}/retrainings/{id}", cell(&found["cancel"], "by"), api.url));
    if !wanted.wait {
        return Ok(ExitCode::SUCCESS);
    }
    let state = ended(api, &id).await?;
    Ok(if state == "cancelled" { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
