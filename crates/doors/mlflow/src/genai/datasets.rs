//! Evaluation datasets (`mlflow/protos/datasets.proto`). Records, tags, schema and profile travel as JSON in texts.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use evaluation::{EvaluationSet, NewRecord, Record, RecordsCursor, SetQuery};
use serde_json::{Map, Value, json};
use tracking::ExperimentRef;
use types::{Timestamp, Uid};

use super::{given, message, uid};
use crate::call::{Answer, Cx, empty, reply};
use crate::convert::{experiment_number, next_token, offset, python_json};
use crate::errors::Failure;
use crate::request::Fields;
use crate::{filters, limits};

const PREFIX: &str = "d-";
const RECORD_PREFIX: &str = "dr-";
const USER: &str = "mlflow.user";
/// Records on one page by default (`LOAD_DATASET_RECORDS_MAX_RESULTS`).
const RECORDS: i64 = 1_000;
const SOURCES: [&str; 5] = ["UNSPECIFIED", "TRACE", "HUMAN", "DOCUMENT", "CODE"];

fn id(f: &Fields) -> Result<Uid, Failure> {
    let text = f.required_text("dataset_id")?;
    uid(PREFIX, &text)
        .ok_or_else(|| Failure::missing(format!("Evaluation dataset with id '{text}' not found")))
}

fn dataset(set: EvaluationSet, with_experiments: bool) -> Value {
    let profile = set.records.filter(|n| *n > 0).map(|n| python_json(&json!({ "num_records": n })));
    message(json!({
        "dataset_id": format!("{PREFIX}{}", set.uid),
        "name": set.name,
        "tags": python_json(&json!(set.tags)),
        "schema": set.schema.as_ref().map(python_json),
        "profile": profile,
        "digest": set.digest,
        "created_time": set.created_at.millis(),
        "last_update_time": set.updated_at.millis(),
        "created_by": set.created_by,
        "last_updated_by": set.updated_by,
        // Clients ask for them when they need them; only a new dataset says so at once.
        "experiment_ids": if with_experiments { set.experiments } else { Vec::new() },
    }))
}

/// JSON inside of a text field.
fn parsed(f: &Fields, name: &str, wanted: &str) -> Result<Option<Value>, Failure> {
    let Some(text) = given(f.text(name)?) else { return Ok(None) };
    let bad =
        || Failure::invalid(format!("Invalid value for parameter '{name}': it must be {wanted} as JSON."));
    serde_json::from_str(&text).map(Some).map_err(|_| bad())
}

/// Tag values as texts; Python's `str` of anything else.
fn tag_values(tags: Option<Value>) -> Result<BTreeMap<String, Option<String>>, Failure> {
    let fields = match tags {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(fields)) => fields,
        Some(_) => {
            return Err(Failure::invalid("Invalid value for parameter 'tags': it must be a JSON object."));
        }
    };
    let text = |value: Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        Value::Bool(true) => Some("True".to_owned()),
        Value::Bool(false) => Some("False".to_owned()),
        other => Some(python_json(&other)),
    };
    Ok(fields.into_iter().map(|(name, value)| (name, text(value))).collect())
}

pub(crate) async fn create(cx: Cx, f: Fields) -> Answer {
    let name = f.required_text("name")?;
    let tags = tag_values(parsed(&f, "tags", "an object")?)?;
    let user = tags.get(USER).cloned().flatten();
    let experiments = f.texts("experiment_ids")?;
    let set = evaluation::create_set(&cx.state.ledger, &cx.actor, name, tags, experiments, user).await?;
    reply(&json!({ "dataset": dataset(set, true) }))
}

pub(crate) async fn get(cx: Cx, f: Fields) -> Answer {
    let set = evaluation::evaluation_set(&cx.state.ledger, &cx.actor, id(&f)?).await?;
    reply(&json!({ "dataset": dataset(set, false) }))
}

/// One that is not there is deleted already.
pub(crate) async fn delete(cx: Cx, f: Fields) -> Answer {
    if let Ok(uid) = id(&f) {
        evaluation::delete_set(&cx.state.ledger, &cx.actor, uid).await?;
    }
    empty()
}

pub(crate) async fn search(cx: Cx, f: Fields) -> Answer {
    let limit = limits::max_results(f.integer("max_results")?.unwrap_or(1_000))?;
    let offset = offset(f.text("page_token")?.as_deref())?;
    let query = SetQuery {
        experiments: f.texts("experiment_ids")?,
        filter: filters::dataset_filter(&f.text_or_empty("filter_string")?)?,
        order: filters::dataset_order(&f.texts("order_by")?)?,
        limit,
        offset,
    };
    let page = evaluation::search_sets(&cx.state.ledger, &cx.actor, query).await?;
    reply(&message(json!({
        "next_page_token": next_token(page.more, offset, limit),
        "datasets": page.items.into_iter().map(|set| dataset(set, false)).collect::<Vec<_>>(),
    })))
}

pub(crate) async fn set_tags(cx: Cx, f: Fields) -> Answer {
    let text = f.required_text("dataset_id")?;
    f.required_text("tags")?;
    let tags = tag_values(parsed(&f, "tags", "an object")?)?;
    let missing = || Failure::missing(format!("Could not find evaluation dataset with ID {text}"));
    let uid = uid(PREFIX, &text).ok_or_else(missing)?;
    let tags = tags.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    match evaluation::set_set_tags(&cx.state.ledger, &cx.actor, uid, tags).await {
        Err(evaluation::Error::SetNotFound(_)) => Err(missing()),
        other => other.map_err(Failure::from).and_then(|()| empty()),
    }
}

pub(crate) async fn delete_tag(cx: Cx, f: Fields) -> Answer {
    let key = f.required_text("key")?;
    if let Ok(uid) = id(&f) {
        evaluation::delete_set_tag(&cx.state.ledger, &cx.actor, uid, key).await?;
    }
    empty()
}

/// A field of a record that holds an object.
fn object(record: &Map<String, Value>, name: &str) -> Result<Option<Map<String, Value>>, Failure> {
    match record.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(fields)) => Ok(Some(fields.clone())),
        Some(_) => Err(Failure::invalid(format!("Invalid dataset record: '{name}' must be an object."))),
    }
}

fn new_record(value: &Value) -> Result<NewRecord, Failure> {
    let Some(record) = value.as_object() else {
        return Err(Failure::invalid("Invalid dataset record: it must be an object."));
    };
    let tags = object(record, "tags")?;
    let user = tags.as_ref().and_then(|tags| tags.get(USER)?.as_str()).map(str::to_owned);
    Ok(NewRecord {
        inputs: object(record, "inputs")?.unwrap_or_default(),
        outputs: record.get("outputs").cloned(),
        expectations: object(record, "expectations")?,
        tags,
        source: object(record, "source")?.filter(|s| !s.is_empty()).map(source).transpose()?,
        user,
    })
}

/// `DatasetRecordSource`: the type in capitals, and the data that goes with it.
fn source(fields: Map<String, Value>) -> Result<Value, Failure> {
    let kind = fields.get("source_type").and_then(Value::as_str).unwrap_or("UNSPECIFIED").to_uppercase();
    if !SOURCES.contains(&kind.as_str()) {
        let valid: Vec<_> = SOURCES.iter().map(|s| format!("'{s}'")).collect();
        return Err(Failure::invalid(format!(
            "Invalid dataset record source type: {kind}. Valid source types: [{}]",
            valid.join(", ")
        )));
    }
    let data = fields.get("source_data").filter(|d| !d.is_null()).cloned().unwrap_or_else(|| json!({}));
    Ok(json!({ "source_type": kind, "source_data": data }))
}

pub(crate) async fn upsert_records(cx: Cx, f: Fields) -> Answer {
    f.required_text("records")?;
    let records = match parsed(&f, "records", "a list of objects")? {
        Some(Value::Array(items)) => items.iter().map(new_record).collect::<Result<Vec<_>, _>>()?,
        _ => {
            return Err(Failure::invalid(
                "Invalid value for parameter 'records': it must be a list as JSON.",
            ));
        }
    };
    let done = evaluation::upsert_records(&cx.state.ledger, &cx.actor, id(&f)?, records).await?;
    reply(&json!({ "inserted_count": done.inserted, "updated_count": done.updated }))
}

fn record(dataset: Uid, r: Record) -> Value {
    let kind = r.source.as_ref().and_then(|s| s["source_type"].as_str()).map(str::to_owned);
    let id_name = if kind.as_deref() == Some("TRACE") { "trace_id" } else { "source_id" };
    let source_id = r.source.as_ref().and_then(|s| s["source_data"][id_name].as_str()).map(str::to_owned);
    let mut value = message(json!({
        "dataset_record_id": format!("{RECORD_PREFIX}{}", r.uid),
        "dataset_id": format!("{PREFIX}{dataset}"),
        "source_id": source_id,
        "source_type": kind,
        "source": r.source,
        "created_time": r.created_at.millis(),
        "last_update_time": r.updated_at.millis(),
        "created_by": r.created_by,
        "last_updated_by": r.updated_by,
    }));
    // These are values of the user's: an empty list among them is one.
    let parts = [
        ("inputs", Some(r.inputs)),
        ("outputs", r.outputs),
        ("expectations", r.expectations),
        ("tags", r.tags),
    ];
    for (name, part) in parts {
        if let Some(part) = part {
            value[name] = part;
        }
    }
    value
}

pub(crate) async fn records(cx: Cx, f: Fields) -> Answer {
    let uid = id(&f)?;
    let limit = f.integer("max_results")?.filter(|n| *n != 0).unwrap_or(RECORDS);
    let limit = limits::max_results(limit)?;
    let after = cursor(f.text("page_token")?.as_deref())?;
    let page = evaluation::records(&cx.state.ledger, &cx.actor, uid, after, limit).await?;
    let token = page
        .items
        .last()
        .filter(|_| page.more)
        .map(|r| STANDARD.encode(format!("{}:{RECORD_PREFIX}{}", r.created_at.0, r.uid)));
    let records: Vec<Value> = page.items.into_iter().map(|r| record(uid, r)).collect();
    reply(&message(json!({ "records": Value::Array(records).to_string(), "next_page_token": token })))
}

fn cursor(token: Option<&str>) -> Result<Option<RecordsCursor>, Failure> {
    let Some(token) = token.filter(|t| !t.is_empty()) else { return Ok(None) };
    let read = || {
        let text = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
        let (at, record) = text.split_once(':')?;
        Some((Timestamp(at.parse().ok()?), uid(RECORD_PREFIX, record)?))
    };
    read().map(Some).ok_or_else(|| Failure::invalid(format!("Invalid page token: {token}")))
}

pub(crate) async fn delete_records(cx: Cx, f: Fields) -> Answer {
    let records = f.texts("dataset_record_ids")?.iter().filter_map(|r| uid(RECORD_PREFIX, r)).collect();
    let deleted = evaluation::delete_records(&cx.state.ledger, &cx.actor, id(&f)?, records).await?;
    reply(&json!({ "deleted_count": deleted }))
}

/// Of a dataset that is not there: none.
pub(crate) async fn experiment_ids(cx: Cx, f: Fields) -> Answer {
    let Ok(uid) = id(&f) else { return empty() };
    match evaluation::evaluation_set(&cx.state.ledger, &cx.actor, uid).await {
        Ok(set) => reply(&message(json!({ "experiment_ids": set.experiments }))),
        Err(evaluation::Error::SetNotFound(_)) => empty(),
        Err(other) => Err(other.into()),
    }
}

fn not_found(f: &Fields) -> Result<Failure, Failure> {
    Ok(Failure::missing(format!("Dataset '{}' not found", f.required_text("dataset_id")?)))
}

pub(crate) async fn add_experiments(cx: Cx, f: Fields) -> Answer {
    let missing = not_found(&f)?;
    let uid = id(&f).map_err(|_| missing.clone())?;
    let ids = f.texts("experiment_ids")?;
    match evaluation::evaluation_set(&cx.state.ledger, &cx.actor, uid).await {
        Err(evaluation::Error::SetNotFound(_)) => return Err(missing),
        other => other.map(|_| ())?,
    }
    for id in &ids {
        let number = experiment_number(id)?;
        tracking::experiment(&cx.state.ledger, &cx.actor, ExperimentRef::Number(number))
            .await
            .map_err(|_| Failure::missing(format!("No Experiment with id={id}")))?;
    }
    let set = evaluation::add_experiments(&cx.state.ledger, &cx.actor, uid, ids).await?;
    reply(&json!({ "dataset": dataset(set, false) }))
}

pub(crate) async fn remove_experiments(cx: Cx, f: Fields) -> Answer {
    let missing = not_found(&f)?;
    let uid = id(&f).map_err(|_| missing.clone())?;
    let ids = f.texts("experiment_ids")?;
    match evaluation::remove_experiments(&cx.state.ledger, &cx.actor, uid, ids).await {
        Err(evaluation::Error::SetNotFound(_)) => Err(missing),
        other => reply(&json!({ "dataset": dataset(other?, false) })),
    }
}
