//! Snapshots: reports with their results (`ui/service/api/projects.py`).

use axum::extract::{Path, State as Shared};
use axum::response::IntoResponse;
use http::header;
use reports::{Document, Kind, NewDocument};
use serde_json::{Map, Value, json};
use types::{Actor, Uid};

use crate::State;
use crate::call::{Answer, Body, Params, Reader, Writer, created, gone, moment, ok, shown, time, uid};
use crate::errors::Failure;
use crate::{json as lenient, page, results};

fn texts(value: &Value) -> Value {
    value.as_array().map_or_else(|| json!([]), |list| json!(list))
}

/// `POST /api/v2/snapshots/{project}`. The snapshot is kept byte for byte, its values also as points.
pub(crate) async fn add(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path(project): Path<String>,
    Body(body, bytes): Body,
) -> Answer {
    let project = uid(&project)?;
    if !body["metric_results"].is_object() || body.get("timestamp").is_none() {
        return Err(Failure::invalid("a snapshot has `metric_results` and a `timestamp`"));
    }
    // Nothing is kept for a project that is not there.
    reports::document(&state.ledger, &actor, Kind::Project, project).await?;
    let timestamp = body["timestamp"].as_str().unwrap_or_default().to_owned();
    let happened_at =
        moment(&timestamp).ok_or_else(|| Failure::invalid(format!("`{timestamp}` is no time")))?;
    let content = state.blobs.put_bytes(bytes).await?;
    let (tests, failed) = results::tests(&body);
    let kept = json!({
        "timestamp": timestamp,
        "name": body["name"],
        "tags": texts(&body["tags"]),
        "metadata": body["metadata"].as_object().cloned().unwrap_or_default(),
        "tests": tests,
        "failed": failed,
    });
    let new = NewDocument {
        uid: None,
        kind: Kind::Report,
        project: Some(project),
        parent: None,
        name: body["name"].as_str().unwrap_or_default().to_owned(),
        body: kept,
        content: Some(content),
        happened_at: Some(happened_at),
    };
    let made = reports::add_report(&state.ledger, &actor, new, results::points(&body)).await?;
    created(json!({ "snapshot_id": shown(made.uid) }))
}

/// `SnapshotMetadataModel`.
pub(crate) fn view(report: &Document, datasets: &[Document]) -> Value {
    let named = Some(&report.name).filter(|n| !n.is_empty());
    json!({
        "id": shown(report.uid),
        "name": named,
        "metadata": report.body["metadata"],
        "tags": report.body["tags"],
        "timestamp": report.body["timestamp"].as_str().map_or_else(|| time(report.happened_at), str::to_owned),
        "links": links(report, datasets),
    })
}

/// The data sets that belong to a report, as input or output, of now or to compare with.
fn links(report: &Document, datasets: &[Document]) -> Value {
    let id = shown(report.uid);
    let mut sides = Map::new();
    for side in ["input", "output"] {
        let mut link = json!({ "reference": null, "current": null, "additional": {} });
        for dataset in datasets {
            let of = &dataset.body["link"];
            if of["snapshot_id"] != id.as_str() || of["dataset_type"] != side {
                continue;
            }
            let own = Value::String(shown(dataset.uid));
            match of["dataset_subtype"].as_str() {
                Some(sub @ ("reference" | "current")) => link[sub] = own,
                Some(other) => link["additional"][other] = own,
                None => {}
            }
        }
        sides.insert(side.into(), link);
    }
    json!({ "datasets": sides, "computation_config_id": null, "task_id": null })
}

pub(crate) async fn list(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(project): Path<String>,
) -> Answer {
    let project = uid(&project)?;
    reports::document(&state.ledger, &actor, Kind::Project, project).await?;
    let datasets = reports::documents(&state.ledger, &actor, Kind::Dataset, Some(project)).await?;
    let found = reports::documents(&state.ledger, &actor, Kind::Report, Some(project)).await?;
    ok(found.iter().map(|r| view(r, &datasets)).collect())
}

async fn find(state: &State, actor: &Actor, project: &str, snapshot: &str) -> Result<Document, Failure> {
    let project: Uid = uid(project)?;
    reports::document(&state.ledger, actor, Kind::Project, project).await?;
    let found = reports::document(&state.ledger, actor, Kind::Report, uid(snapshot)?).await?;
    if found.project == project { Ok(found) } else { Err(Failure::not_found("Snapshot")) }
}

async fn content(state: &State, report: &Document) -> Result<Value, Failure> {
    let digest = report.content.ok_or_else(|| Failure::not_found("Snapshot"))?;
    let bytes = state.blobs.get_bytes(&digest).await?;
    lenient::parse(&bytes).map_err(|e| Failure::new(http::StatusCode::INTERNAL_SERVER_ERROR, e.to_string()))
}

pub(crate) async fn metadata(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path((project, snapshot)): Path<(String, String)>,
) -> Answer {
    let report = find(&state, &actor, &project, &snapshot).await?;
    let datasets = reports::documents(&state.ledger, &actor, Kind::Dataset, Some(report.project)).await?;
    ok(view(&report, &datasets))
}

/// The widgets, as a text of JSON.
pub(crate) async fn data(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path((project, snapshot)): Path<(String, String)>,
) -> Answer {
    let report = find(&state, &actor, &project, &snapshot).await?;
    let body = content(&state, &report).await?;
    let all = ["widgets", "tests_widgets"].into_iter().filter_map(|k| body[k].as_array()).flatten();
    let widgets: Vec<&Value> = all.collect();
    plain(json!({ "name": "", "widgets": widgets }).to_string())
}

/// One graph of a widget, as a text of JSON.
pub(crate) async fn graph(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path((project, snapshot, graph)): Path<(String, String, String)>,
) -> Answer {
    let report = find(&state, &actor, &project, &snapshot).await?;
    let body = content(&state, &report).await?;
    let widgets = body["widgets"].as_array().into_iter().flatten();
    let mut graphs = widgets.flat_map(|w| w["additionalGraphs"].as_array().into_iter().flatten());
    match graphs.find(|g| g["id"] == graph.as_str()) {
        Some(found) => plain(found.to_string()),
        None => Err(Failure::not_found("Graph")),
    }
}

fn plain(text: String) -> Answer {
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

pub(crate) async fn download(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path((project, snapshot)): Path<(String, String)>,
    params: Params,
) -> Answer {
    let report = find(&state, &actor, &project, &snapshot).await?;
    let body = content(&state, &report).await?;
    let id = shown(report.uid);
    let (kind, extension, text) = match params.get("report_format").unwrap_or("html") {
        "json" => ("application/json", "json", results::short(&body).to_string()),
        "html" => ("text/html; charset=utf-8", "html", page::html(&report, &body)),
        other => return Err(Failure::invalid(format!("Unknown format {other}"))),
    };
    let disposition = format!("attachment;filename={id}.{extension}");
    let headers = [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    Ok((headers, text).into_response())
}

pub(crate) async fn delete(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path((project, snapshot)): Path<(String, String)>,
) -> Answer {
    let report = find(&state, &actor, &project, &snapshot).await?;
    reports::delete(&state.ledger, &actor, Kind::Report, report.uid).await?;
    gone()
}
