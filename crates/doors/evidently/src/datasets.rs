//! Data sets of a project (`ui/service/api/datasets.py`).

use axum::extract::{Path, Request, State as Shared};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::header;
use reports::{Change, Document, Kind, NewDocument};
use serde_json::{Map, Value, json};
use types::Actor;

use crate::State;
use crate::call::{Answer, Body, NOBODY, Params, Reader, Writer, created, gone, ok, shown, time, uid};
use crate::errors::Failure;
use crate::{data, upload};

/// What a definition of columns has, and what stands where it says nothing.
fn definition(given: &Value) -> Value {
    const LISTS: [&str; 9] = [
        "numerical_columns",
        "categorical_columns",
        "text_columns",
        "datetime_columns",
        "unknown_columns",
        "list_columns",
        "numerical_descriptors",
        "categorical_descriptors",
        "special_columns",
    ];
    const NONES: [&str; 9] = [
        "id_column",
        "timestamp",
        "service_columns",
        "classification",
        "regression",
        "llm",
        "test_descriptors",
        "ranking",
        "embeddings",
    ];
    let mut out = Map::new();
    out.extend(LISTS.iter().map(|k| ((*k).to_owned(), json!([]))));
    out.extend(NONES.iter().map(|k| ((*k).to_owned(), Value::Null)));
    out.extend(given.as_object().cloned().unwrap_or_default());
    Value::Object(out)
}

/// `DatasetMetadata`.
fn view(dataset: &Document) -> Value {
    let body = &dataset.body;
    let (id, project) = (shown(dataset.uid), shown(dataset.project));
    json!({
        "id": id,
        "project_id": project,
        "author_id": NOBODY,
        "name": dataset.name,
        "description": body["description"],
        "data_definition": definition(&body["data_definition"]),
        "source": {
            "type": "evidently:data_source:FileDataSource",
            "filter_by": null,
            "sort_by": null,
            "project_id": project,
            "filename": format!("{project}/datasets/{id}/data.parquet"),
            "is_tmp": false,
        },
        "size_bytes": body["size_bytes"],
        "row_count": body["row_count"],
        "column_count": body["column_count"],
        "all_columns": body["all_columns"],
        "is_draft": false,
        "draft_params": null,
        "origin": body["origin"],
        "metadata": body["metadata"],
        "tags": body["tags"],
        "tracing_params": null,
        "human_feedback_custom_shortcut_labels": body["human_feedback_custom_shortcut_labels"],
    })
}

pub(crate) async fn add(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    params: Params,
    request: Request,
) -> Answer {
    let project = params.project()?;
    let link = match (params.get("snapshot_id"), params.get("dataset_type"), params.get("dataset_subtype")) {
        (None, ..) => Value::Null,
        (Some(snapshot), Some(kind), Some(sub)) => {
            json!({ "snapshot_id": shown(uid(snapshot)?), "dataset_type": kind, "dataset_subtype": sub })
        }
        _ => {
            let reason = "snapshot_id, dataset_type and dataset_subtype must be specified together";
            return Err(Failure::invalid(reason));
        }
    };
    reports::document(&state.ledger, &actor, Kind::Project, project).await?;
    let form = upload::form(request).await?;
    let parsed = |key: &str, default: Value| -> Result<Value, Failure> {
        match form.fields.get(key).map(String::as_str).filter(|t| !t.is_empty()) {
            None => Ok(default),
            Some(text) => {
                serde_json::from_str(text).map_err(|e| Failure::invalid(format!("`{key}` is no JSON: {e}")))
            }
        }
    };
    let name = form.fields.get("name").cloned().ok_or_else(|| Failure::invalid("the form has no `name`"))?;
    let table = data::table(&form.file_name, form.file.clone()).await?;
    let columns: Vec<&str> = table.schema().names().collect();
    let body = json!({
        "description": form.fields.get("description").cloned().unwrap_or_default(),
        "data_definition": parsed("data_definition_str", json!({}))?,
        "metadata": parsed("metadata_str", json!({}))?,
        "tags": parsed("tags_str", json!([]))?,
        "origin": "file",
        "size_bytes": form.file.len(),
        "row_count": table.rows(),
        "column_count": columns.len(),
        "all_columns": columns,
        "file_name": form.file_name,
        "link": link,
    });
    let content = state.blobs.put_bytes(form.file).await?;
    let new = NewDocument {
        uid: None,
        kind: Kind::Dataset,
        project: Some(project),
        parent: None,
        name,
        body,
        content: Some(content),
        happened_at: None,
    };
    let made = reports::create(&state.ledger, &actor, new).await?;
    created(json!({ "dataset": view(&made) }))
}

async fn find(state: &State, actor: &Actor, id: &str) -> Result<Document, Failure> {
    Ok(reports::document(&state.ledger, actor, Kind::Dataset, uid(id)?).await?)
}

async fn bytes(state: &State, dataset: &Document) -> Result<Bytes, Failure> {
    let digest = dataset.content.ok_or_else(|| Failure::not_found("Dataset"))?;
    Ok(state.blobs.get_bytes(&digest).await?)
}

/// Newest first.
pub(crate) async fn list(Shared(state): Shared<State>, Reader(actor): Reader, params: Params) -> Answer {
    let project = params.project()?;
    let origins: Vec<&str> = params.all("origin").collect();
    let limit = params.get("limit").and_then(|l| l.parse().ok()).unwrap_or(usize::MAX);
    let found = reports::documents(&state.ledger, &actor, Kind::Dataset, Some(project)).await?;
    let one = |dataset: &Document| {
        let full = view(dataset);
        let fields = [
            "id",
            "project_id",
            "name",
            "description",
            "size_bytes",
            "row_count",
            "column_count",
            "origin",
            "metadata",
            "tags",
        ];
        let mut out: Map<String, Value> =
            fields.iter().map(|f| ((*f).to_owned(), full[*f].clone())).collect();
        out.insert("created_at".into(), time(dataset.created_at).into());
        out.insert("author_name".into(), "".into());
        Value::Object(out)
    };
    let fitting = found
        .iter()
        .rev()
        .filter(|d| origins.is_empty() || origins.iter().any(|o| d.body["origin"] == *o))
        .take(limit);
    ok(json!({ "datasets": fitting.map(one).collect::<Vec<_>>() }))
}

pub(crate) async fn metadata(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(id): Path<String>,
) -> Answer {
    ok(view(&find(&state, &actor, &id).await?))
}

pub(crate) async fn data_definition(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(id): Path<String>,
) -> Answer {
    let dataset = find(&state, &actor, &id).await?;
    ok(json!({
        "data_definition": definition(&dataset.body["data_definition"]),
        "all_columns": dataset.body["all_columns"],
    }))
}

/// A page of rows.
pub(crate) async fn page(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(id): Path<String>,
    params: Params,
) -> Answer {
    let dataset = find(&state, &actor, &id).await?;
    let positive = |key: &str, default: usize| match params.get(key) {
        None => Ok(default),
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|n| *n > 0)
            .ok_or_else(|| Failure::invalid(format!("`{key}` is `{text}`, not a positive number"))),
    };
    let (size, current) = (positive("page_size", 10)?, positive("current_page", 1)?);
    if params.get("filters").is_some() {
        return Err(Failure::invalid("filters are not supported; load the data set and filter it"));
    }
    let name = dataset.body["file_name"].as_str().unwrap_or_default();
    let table = data::table(name, bytes(&state, &dataset).await?).await?;
    let ascending = params.get("sort_ascending").is_none_or(|v| !v.eq_ignore_ascii_case("false"));
    let sort = params.get("sort_by_column").map(|column| (column, ascending));
    let items = data::rows(&table, sort, current, size)?;
    let kind = |data_type: types::DataType| match data_type {
        types::DataType::Integer | types::DataType::Float => "numerical",
        types::DataType::Timestamp | types::DataType::Date => "datetime",
        _ => "string",
    };
    let columns: Vec<Value> = table
        .schema()
        .fields
        .iter()
        .map(|f| json!({ "name": f.name, "type": kind(f.data_type), "is_index": false }))
        .collect();
    ok(json!({
        "items": items,
        "metadata": {
            "name": dataset.name,
            "description": dataset.body["description"],
            "row_count": table.rows(),
            "data_definition": definition(&dataset.body["data_definition"]),
            "columns": columns,
        },
        "page_size": size,
        "current_page": current,
        "total_pages": table.rows().div_ceil(size),
    }))
}

pub(crate) async fn download(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(id): Path<String>,
    params: Params,
) -> Answer {
    let dataset = find(&state, &actor, &id).await?;
    // A `+` that was not quoted arrives as a space.
    let format = params.get("format").unwrap_or("parquet+sdk").replace(' ', "+");
    let wants = |word: &str| format.split('+').any(|w| w == word);
    let extension = if wants("parquet") {
        "parquet"
    } else if wants("csv") {
        "csv"
    } else {
        return Err(Failure::invalid("unsupported file format"));
    };
    let name = dataset.body["file_name"].as_str().unwrap_or_default();
    let own = bytes(&state, &dataset).await?;
    let is_csv = name.to_lowercase().ends_with(".csv");
    let content: Bytes = match (extension, is_csv) {
        ("parquet", false) | ("csv", true) => own,
        ("parquet", true) => data::table(name, own).await?.to_parquet()?.into(),
        _ => data::csv(&data::table(name, own).await?)?.into(),
    };
    if wants("sdk") {
        const BOUNDARY: &str = "----LitestarBoundary123";
        let mut metadata = view(&dataset);
        if let Some(map) = metadata.as_object_mut() {
            map.insert("created_at".into(), time(dataset.created_at).into());
            map.insert("updated_at".into(), time(dataset.updated_at).into());
            map.insert("author_name".into(), "".into());
            map.retain(|_, v| !v.is_null());
        }
        let mut out = format!("--{BOUNDARY}\r\nContent-Type: application/json\r\n\r\n{metadata}\r\n--{BOUNDARY}\r\nContent-Type: application/octet-stream\r\n\r\n").into_bytes();
        out.extend_from_slice(&content);
        out.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        return Ok(
            ([(header::CONTENT_TYPE, format!("multipart/mixed; boundary={BOUNDARY}"))], out).into_response()
        );
    }
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename={}.{extension}", shown(dataset.uid))),
    ];
    Ok((headers, content).into_response())
}

pub(crate) async fn update(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path(id): Path<String>,
    Body(body, _): Body,
) -> Answer {
    let dataset = find(&state, &actor, &id).await?;
    let mut kept = dataset.body.clone();
    for field in
        ["description", "data_definition", "metadata", "tags", "human_feedback_custom_shortcut_labels"]
    {
        if let Some(value) = body.get(field).filter(|v| !v.is_null()) {
            kept[field] = value.clone();
        }
    }
    let change = Change { name: body["name"].as_str().map(str::to_owned), body: Some(kept) };
    reports::update(&state.ledger, &actor, Kind::Dataset, dataset.uid, change).await?;
    ok(Value::Null)
}

pub(crate) async fn delete(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path(id): Path<String>,
) -> Answer {
    reports::delete(&state.ledger, &actor, Kind::Dataset, uid(&id)?).await?;
    gone()
}
