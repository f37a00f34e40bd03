//! Projects and their dashboards (`ui/service/api/projects.py`).

use axum::extract::{Path, State as Shared};
use reports::{Change, Document, Kind, NewDocument};
use serde_json::{Value, json};
use types::Uid;

use crate::State;
use crate::call::{Answer, Body, Reader, Writer, created, gone, ok, shown, time, uid};
use crate::errors::Failure;

/// Fields that a project's maker may set.
const FIELDS: [&str; 6] = ["description", "team_id", "org_id", "date_from", "date_to", "version"];

pub(crate) fn view(project: &Document) -> Value {
    let mut out = json!({
        "id": shown(project.uid),
        "name": project.name,
        "created_at": time(project.created_at),
    });
    if let Some(map) = out.as_object_mut() {
        for field in FIELDS {
            let default = if field == "version" { json!("2") } else { Value::Null };
            map.insert(field.into(), project.body.get(field).cloned().unwrap_or(default));
        }
    }
    out
}

fn fields(body: &Value) -> Value {
    let kept = FIELDS.into_iter().filter_map(|f| Some((f.to_owned(), body.get(f)?.clone())));
    Value::Object(kept.collect())
}

fn name(body: &Value) -> Result<String, Failure> {
    let text = body.get("name").and_then(Value::as_str).map(str::to_owned);
    text.ok_or_else(|| Failure::invalid("a project needs a `name`"))
}

pub(crate) async fn list(Shared(state): Shared<State>, Reader(actor): Reader) -> Answer {
    let found = reports::documents(&state.ledger, &actor, Kind::Project, None).await?;
    ok(found.iter().map(view).collect())
}

pub(crate) async fn add(Shared(state): Shared<State>, Writer(actor): Writer, Body(body, _): Body) -> Answer {
    let id = body.get("id").and_then(Value::as_str).map(uid).transpose()?;
    let new = NewDocument {
        uid: id,
        kind: Kind::Project,
        project: None,
        parent: None,
        name: name(&body)?,
        body: fields(&body),
        content: None,
        happened_at: None,
    };
    let made = reports::create(&state.ledger, &actor, new).await?;
    created(shown(made.uid).into())
}

pub(crate) async fn info(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(project): Path<String>,
) -> Answer {
    ok(view(&reports::document(&state.ledger, &actor, Kind::Project, uid(&project)?).await?))
}

pub(crate) async fn search(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(name): Path<String>,
) -> Answer {
    let found = reports::named(&state.ledger, &actor, Kind::Project, None, &name).await?;
    ok(found.iter().map(view).collect())
}

async fn change(
    state: &State,
    actor: &types::Actor,
    project: Uid,
    body: &Value,
) -> Result<Document, Failure> {
    let known = reports::document(&state.ledger, actor, Kind::Project, project).await?;
    let mut kept = known.body;
    if let (Some(kept), Value::Object(new)) = (kept.as_object_mut(), fields(body)) {
        kept.extend(new);
    }
    let change = Change { name: Some(name(body)?), body: Some(kept) };
    Ok(reports::update(&state.ledger, actor, Kind::Project, project, change).await?)
}

/// `PATCH /api/v2/projects/{id}`.
pub(crate) async fn update(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path(project): Path<String>,
    Body(body, _): Body,
) -> Answer {
    let made = change(&state, &actor, uid(&project)?, &body).await?;
    ok(shown(made.uid).into())
}

/// `POST /api/projects/{id}/info`.
pub(crate) async fn update_info(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path(project): Path<String>,
    Body(body, _): Body,
) -> Answer {
    created(view(&change(&state, &actor, uid(&project)?, &body).await?))
}

pub(crate) async fn delete(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path(project): Path<String>,
) -> Answer {
    reports::delete(&state.ledger, &actor, Kind::Project, uid(&project)?).await?;
    gone()
}

/// Nothing has to be read again here.
pub(crate) async fn reload(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path(project): Path<String>,
) -> Answer {
    reports::document(&state.ledger, &actor, Kind::Project, uid(&project)?).await?;
    ok(Value::Null)
}

pub(crate) async fn dashboard(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(project): Path<String>,
) -> Answer {
    let found = reports::document(&state.ledger, &actor, Kind::Project, uid(&project)?).await?;
    ok(found.body.get("dashboard").cloned().unwrap_or_else(|| json!({ "tabs": [], "panels": [] })))
}

pub(crate) async fn save_dashboard(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path(project): Path<String>,
    Body(body, _): Body,
) -> Answer {
    let listed = |key: &str| body.get(key).and_then(Value::as_array).map(Vec::len);
    let (Some(tabs), Some(_)) = (listed("tabs"), listed("panels")) else {
        return Err(Failure::invalid("a dashboard has `tabs` and `panels`"));
    };
    if tabs > 1 {
        return Err(Failure::invalid("Multiple tabs are not supported in Evidently OSS"));
    }
    reports::save_dashboard(&state.ledger, &actor, uid(&project)?, body).await?;
    created(Value::Null)
}
