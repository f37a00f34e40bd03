//! How everything that a project declares is doing.

use automation::Declaration;
use serde::Serialize;
use types::Actor;

use crate::context::{Context, Error};

#[derive(Clone, Debug, Default, Serialize)]
pub struct Status {
    /// `None` while nothing was applied.
    pub project: Option<String>,
    /// RFC 3339.
    pub applied_at: Option<String>,
    pub resources: Vec<ResourceStatus>,
}

#[derive(Clone, Debug, Serialize)]
pub struct ResourceStatus {
    pub kind: String,
    pub name: String,
    /// `ok`, `running`, `attention` or `idle`.
    pub state: String,
    pub detail: String,
    pub href: String,
}

/// Of `name`, or of the project applied last.
pub async fn status(context: &Context, actor: &Actor, name: Option<&str>) -> Result<Status, Error> {
    let projects = automation::projects(&context.ledger, actor).await?;
    let wanted = projects.into_iter().find(|p| name.is_none_or(|n| n == p.name));
    let Some(project) = wanted else { return Ok(Status::default()) };
    let mut resources = Vec::new();
    for declared in automation::declarations(&context.ledger, actor).await? {
        if declared.project == project.name {
            resources.push(resource(context, actor, &declared).await?);
        }
    }
    Ok(Status { project: Some(project.name), applied_at: Some(project.applied_at.rfc3339()), resources })
}

async fn resource(context: &Context, actor: &Actor, declared: &Declaration) -> Result<ResourceStatus, Error> {
    let (ledger, name) = (&context.ledger, declared.name.clone());
    let idle = |detail: &str| ("idle".to_owned(), detail.to_owned());
    let (page, (state, detail)) = match declared.kind.as_str() {
        "dataset" => (
            format!("/datasets/{name}"),
            match datasets::latest(ledger, actor, &name).await? {
                Some(v) => ("ok".to_owned(), format!("version {}, {} rows", v.number, v.rows)),
                None => idle("no version"),
            },
        ),
        "pipeline" => (
            format!("/pipelines/{name}"),
            match pipelines::list_runs(ledger, actor, Some(name.clone()), 1).await?.first() {
                Some(run) => {
                    let state = run.state.name();
                    let word = match state {
                        "succeeded" => "ok",
                        "failed" | "cancelled" => "attention",
                        _ => "running",
                    };
                    (word.to_owned(), format!("run {} {state}", run.uid))
                }
                None => idle("never ran"),
            },
        ),
        "endpoint" => (
            format!("/endpoints/{name}"),
            match context.serving.list(actor).into_iter().find(|e| e.name == name) {
                Some(view) => {
                    let models: Vec<String> = view
                        .revision
                        .variants
                        .iter()
                        .map(|v| format!("{} version {}", v.model, v.version))
                        .collect();
                    let what = format!("revision {}: {}", view.revision.number, models.join(", "));
                    match view.state {
                        serving::EndpointState::Serving => ("ok".to_owned(), what),
                        serving::EndpointState::Failed(why) => ("attention".to_owned(), why),
                    }
                }
                None => idle("not deployed yet"),
            },
        ),
        "monitor" => (
            format!("/monitors/{name}"),
            match monitoring::list(ledger, actor).await?.into_iter().find(|m| m.name == name) {
                Some(m) if m.drifted => ("attention".to_owned(), "drifting".to_owned()),
                Some(m) => match m.problem {
                    Some(problem) => ("attention".to_owned(), problem),
                    None => ("ok".to_owned(), format!("{} windows judged", m.windows)),
                },
                None => idle("not defined"),
            },
        ),
        "retrain" => (
            "/retrainings".to_owned(),
            match automation::list(ledger, actor, 200).await?.into_iter().find(|r| r.policy == name) {
                Some(last) => {
                    let state = last.state.name();
                    let word = match state {
                        "done" | "skipped" | "cancelled" => "ok",
                        "refused" | "rolled_back" | "failed" => "attention",
                        _ => "running",
                    };
                    let why = last.reason.map(|r| format!(": {r}")).unwrap_or_default();
                    (word.to_owned(), format!("last one {state}{why}"))
                }
                None => idle("never ran"),
            },
        ),
        "gate" => ("/models".to_owned(), ("ok".to_owned(), "judges each new version".to_owned())),
        _ => ("/pipelines".to_owned(), ("ok".to_owned(), "declared".to_owned())),
    };
    Ok(ResourceStatus { kind: declared.kind.clone(), name, state, detail, href: page })
}
