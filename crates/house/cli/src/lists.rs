//! What there is and how it is doing.

use std::process::ExitCode;

use serde_json::Value;

use crate::api::{Api, segment};
use crate::args::{List, What};
use crate::failure::Failure;
use crate::screen::say;
use crate::table::{cell, table};

/// Where a list is, the name of its envelope, and its columns: heading and path.
struct Shape {
    path: &'static str,
    envelope: &'static str,
    columns: &'static [(&'static str, &'static str)],
}

fn shape(what: What) -> Shape {
    let (path, envelope, columns): (_, _, &'static [(&'static str, &'static str)]) = match what {
        What::Runs => (
            "runs",
            "runs",
            &[
                ("id", "id"),
                ("name", "name"),
                ("experiment", "experiment"),
                ("status", "status"),
                ("started", "started_at"),
            ],
        ),
        What::Experiments => ("experiments", "experiments", &[("id", "id"), ("name", "name")]),
        What::Datasets => (
            "datasets",
            "datasets",
            &[
                ("name", "name"),
                ("versions", "versions"),
                ("latest", "latest.number"),
                ("rows", "latest.rows"),
                ("created", "latest.created_at"),
            ],
        ),
        What::Models => (
            "models",
            "models",
            &[("name", "name"), ("versions", "versions"), ("latest", "latest"), ("aliases", "aliases")],
        ),
        What::Pipelines => (
            "pipelines",
            "pipelines",
            &[("name", "name"), ("data set", "dataset"), ("latest run", "latest.state")],
        ),
        What::PipelineRuns => (
            "pipeline-runs",
            "pipeline_runs",
            &[
                ("id", "id"),
                ("pipeline", "pipeline"),
                ("state", "state"),
                ("trigger", "trigger.kind"),
                ("created", "created_at"),
            ],
        ),
        What::Endpoints => (
            "endpoints",
            "endpoints",
            &[
                ("name", "name"),
                ("revision", "revision"),
                ("model", "variants.0.model"),
                ("version", "variants.0.version"),
                ("requests", "traffic.requests"),
                ("errors", "traffic.errors"),
            ],
        ),
        What::Monitors => (
            "monitors",
            "monitors",
            &[
                ("name", "name"),
                ("endpoint", "endpoint"),
                ("drifted", "drifted"),
                ("windows", "windows"),
                ("last share", "last.share"),
            ],
        ),
        What::Retrainings => (
            "retrainings",
            "retrainings",
            &[
                ("id", "id"),
                ("policy", "policy"),
                ("trigger", "trigger.kind"),
                ("state", "state"),
                ("reason", "reason"),
                ("created", "created_at"),
            ],
        ),
    };
    Shape { path, envelope, columns }
}

pub async fn list(api: &Api, list: List) -> Result<(), Failure> {
    let Shape { path, envelope, columns } = shape(list.what);
    let answer = api.get(&format!("{path}?limit={}", list.limit)).await?;
    let items = answer[envelope].as_array().cloned().unwrap_or_default();
    if list.json {
        say(serde_json::to_string_pretty(&Value::Array(items)).unwrap_or_default());
        return Ok(());
    }
    if items.is_empty() {
        say(format!("no {}", envelope.replace('_', " ")));
        return Ok(());
    }
    let headings: Vec<&str> = columns.iter().map(|(heading, _)| *heading).collect();
    let row = |item: &Value| columns.iter().map(|(_, path)| cell(item, path)).collect();
    say(table(&headings, &items.iter().take(list.limit as usize).map(row).collect::<Vec<_>>()));
    Ok(())
}

pub async fn status(api: &Api, project: Option<&str>) -> Result<(), Failure> {
    let query = project.map(|name| format!("?project={}", segment(name))).unwrap_or_default();
    let answer = api.get(&format!("projects/status{query}")).await?;
    let projects = match &answer["projects"] {
        Value::Array(projects) => projects.clone(),
        _ if answer["project"].is_string() => vec![answer],
        _ => Vec::new(),
    };
    if projects.is_empty() {
        say("no project was applied yet");
        return Ok(());
    }
    for project in projects {
        say(format!("project {} (applied {})\n", cell(&project, "project"), cell(&project, "applied_at")));
        let resources = project["resources"].as_array().cloned().unwrap_or_default();
        let row = |r: &Value| ["kind", "name", "state", "detail"].map(|path| cell(r, path)).to_vec();
        say(table(&["kind", "name", "state", "detail"], &resources.iter().map(row).collect::<Vec<_>>()));
    }
    say(format!("\n{}", api.url));
    Ok(())
}

pub async fn audit(api: &Api) -> Result<ExitCode, Failure> {
    let answer = api.get("audit/verify").await?;
    if answer["ok"] == Value::Bool(true) {
        say(format!(
            "{} events, the chain is whole; its head is {}",
            cell(&answer, "events"),
            cell(&answer, "head")
        ));
        return Ok(ExitCode::SUCCESS);
    }
    say(format!("the chain is BROKEN at event {}", cell(&answer, "broken_at")));
    Ok(ExitCode::FAILURE)
}
