//! `plan` and `apply`: the server works out what would change; this machine sends what it lacks.

use std::time::Duration;

use outbound::Body;
use project::{Plan, render_plan};
use serde_json::Value;
use types::Digest;

use crate::api::Api;
use crate::args::{Apply, Place};
use crate::failure::Failure;
use crate::project_file::{self, Local};
use crate::screen::{confirm, note, say};
use crate::table::cell;

pub async fn plan(api: &Api, place: &Place) -> Result<(), Failure> {
    let local = project_file::read(place)?;
    say(render_plan(&ask_for_plan(api, &local).await?).trim_end());
    Ok(())
}

async fn ask_for_plan(api: &Api, local: &Local) -> Result<Plan, Failure> {
    let answer = api.post("projects/plan", body(local)?).await?;
    serde_json::from_value(answer).map_err(|e| Failure::new(format!("the server's plan cannot be read: {e}")))
}

fn body(local: &Local) -> Result<Value, Failure> {
    serde_json::to_value(&local.request).map_err(|e| Failure::new(e.to_string()))
}

pub async fn apply(api: &Api, wanted: &Apply) -> Result<(), Failure> {
    let local = project_file::read(&wanted.place)?;
    let plan = ask_for_plan(api, &local).await?;
    say(render_plan(&plan).trim_end());
    if plan.is_empty() {
        return Ok(());
    }
    if !wanted.yes && !confirm("\napply this?") {
        return Err(Failure::new("nothing was changed"));
    }
    send_missing(api, &local, &plan).await?;
    let applied = api.post("projects/apply", body(&local)?).await?;
    say("\napplied");
    for version in applied["datasets"].as_array().into_iter().flatten() {
        say(format!("  data set {} is at version {}", cell(version, "name"), cell(version, "version")));
    }
    for retraining in applied["retrainings"].as_array().into_iter().flatten() {
        say(format!("  training started: {} ({})", cell(retraining, "id"), cell(retraining, "policy")));
    }
    for link in applied["links"].as_array().into_iter().flatten() {
        say(format!("  {}: {}{}", cell(link, "title"), api.url, cell(link, "href")));
    }
    if wanted.wait {
        wait(api, &applied).await?;
    }
    Ok(())
}

async fn send_missing(api: &Api, local: &Local, plan: &Plan) -> Result<(), Failure> {
    let path_of = |digest: &Digest| local.request.files.iter().find(|f| f.digest == *digest).map(|f| &f.path);
    for digest in &plan.missing {
        if *digest == local.request.code.digest {
            api.put_blob(digest, Body::Bytes(local.code.clone().into())).await?;
        } else if let Some(path) = path_of(digest) {
            note(format!("  sending {path}"));
            api.put_file(digest, &local.folder.join(path)).await?;
        }
    }
    if let Some(digest) = &local.request.code.git_diff_digest
        && !api.has_blob(digest).await?
    {
        api.put_blob(digest, Body::Bytes(local.diff.clone().into())).await?;
    }
    Ok(())
}

/// Until every training that applying started has ended. Errs if one did not end well.
async fn wait(api: &Api, applied: &Value) -> Result<(), Failure> {
    for started in applied["retrainings"].as_array().into_iter().flatten() {
        let id = cell(started, "id");
        let mut shown = String::new();
        loop {
            let retraining = api.get(&format!("retrainings/{id}")).await?;
            let state = cell(&retraining, "state");
            if state != shown {
                say(format!("  {state}"));
                shown.clone_from(&state);
            }
            match state.as_str() {
                "done" => break,
                "failed" | "refused" | "rolled_back" | "cancelled" => {
                    let reason = cell(&retraining, "reason");
                    let run = cell(&retraining, "pipeline_run");
                    return Err(Failure::new(format!("training {id} {state}: {reason}"))
                        .hint(format!("`mlwright logs {run}` shows what its steps printed")));
                }
                _ => tokio::time::sleep(Duration::from_millis(500)).await,
            }
        }
    }
    Ok(())
}
