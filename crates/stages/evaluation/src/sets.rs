//! Evaluation sets: inputs with expectations that applications are judged by. One record an input; what comes again
//! is merged.

use std::collections::BTreeMap;

use ledger::{Ledger, Tx};
use serde_json::{Map, Value, json};
use tracking::Page;
use tracking::search::{Clause, Order};
use types::{Actor, Digest, Timestamp, Uid};

use crate::Error;
use crate::store::sets as store;

#[derive(Clone, Debug, PartialEq)]
pub struct EvaluationSet {
    pub uid: Uid,
    pub name: String,
    pub tags: BTreeMap<String, Option<String>>,
    /// Field names and types by part, as JSON.
    pub schema: Option<Value>,
    /// None until the first record came.
    pub records: Option<i64>,
    /// Changes with every change of the records.
    pub digest: String,
    /// In the order in which they were added.
    pub experiments: Vec<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub created_by: Option<String>,
    pub updated_by: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub uid: Uid,
    pub inputs: Value,
    pub outputs: Option<Value>,
    pub expectations: Option<Value>,
    pub tags: Option<Value>,
    /// Where it came from: `source_type` and `source_data`.
    pub source: Option<Value>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub created_by: Option<String>,
    pub updated_by: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct NewRecord {
    pub inputs: Map<String, Value>,
    /// None leaves an earlier value; null removes it.
    pub outputs: Option<Value>,
    pub expectations: Option<Map<String, Value>>,
    pub tags: Option<Map<String, Value>>,
    pub source: Option<Value>,
    /// Who says so, if the record says it.
    pub user: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upserted {
    pub inserted: i64,
    pub updated: i64,
}

#[derive(Clone, Debug, PartialEq)]
pub enum SetField {
    Name,
    /// Milliseconds.
    CreatedAt,
    /// Milliseconds.
    UpdatedAt,
    CreatedBy,
    UpdatedBy,
    Tag(String),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SetQuery {
    /// Sets of any of these; of all if empty.
    pub experiments: Vec<String>,
    pub filter: Vec<Clause<SetField>>,
    /// After these, newest id first.
    pub order: Vec<Order<SetField>>,
    pub limit: i64,
    pub offset: i64,
}

/// The last record that was seen: the next page begins after it.
pub type RecordsCursor = (Timestamp, Uid);

/// The first 8 digits of the SHA-256 of `name:milliseconds`, as MLflow makes them.
fn digest(name: &str, at: Timestamp) -> String {
    Digest::of(format!("{name}:{}", at.millis())).hex()[..8].to_owned()
}

fn subject(uid: Uid) -> String {
    format!("evaluation_set:{uid}")
}

pub async fn create_set(
    ledger: &Ledger,
    actor: &Actor,
    name: String,
    tags: BTreeMap<String, Option<String>>,
    experiments: Vec<String>,
    user: Option<String>,
) -> Result<EvaluationSet, Error> {
    ledger
        .write(actor, move |tx| {
            let now = tx.now();
            let set = EvaluationSet {
                uid: tx.new_id(),
                name: name.clone(),
                tags: tags.clone(),
                schema: None,
                records: None,
                digest: digest(&name, now),
                experiments: experiments.clone(),
                created_at: now,
                updated_at: now,
                created_by: user.clone(),
                updated_by: user.clone(),
            };
            store::insert(tx, &set)?;
            tx.event("evaluation_set.created", &subject(set.uid), json!({}))?;
            Ok(set)
        })
        .await
}

/// Errors: `SetNotFound`.
pub async fn evaluation_set(ledger: &Ledger, actor: &Actor, uid: Uid) -> Result<EvaluationSet, Error> {
    ledger.read(actor.workspace, move |rx| store::find(rx, uid)?.ok_or_else(|| missing(uid))).await
}

fn missing(uid: Uid) -> Error {
    Error::SetNotFound(uid.hex())
}

pub async fn search_sets(
    ledger: &Ledger,
    actor: &Actor,
    query: SetQuery,
) -> Result<Page<EvaluationSet>, Error> {
    ledger.read(actor.workspace, move |rx| Ok(Page::cut(store::search(rx, &query)?, query.limit))).await
}

/// Whether there was one.
pub async fn delete_set(ledger: &Ledger, actor: &Actor, uid: Uid) -> Result<bool, Error> {
    ledger
        .write(actor, move |tx| {
            let found = store::delete(tx, uid)?;
            if found {
                tx.event("evaluation_set.deleted", &subject(uid), json!({}))?;
            }
            Ok(found)
        })
        .await
}

/// Errors: `SetNotFound`.
pub async fn set_set_tags(
    ledger: &Ledger,
    actor: &Actor,
    uid: Uid,
    tags: BTreeMap<String, String>,
) -> Result<(), Error> {
    ledger
        .write(actor, move |tx| {
            need(tx, uid)?;
            for (name, value) in &tags {
                store::set_tag(tx, uid, name, Some(value))?;
            }
            Ok(tx.event("evaluation_set.tags_set", &subject(uid), json!({ "tags": tags.len() }))?)
        })
        .await
}

/// A tag or a set that is not there is no error.
pub async fn delete_set_tag(ledger: &Ledger, actor: &Actor, uid: Uid, name: String) -> Result<(), Error> {
    ledger
        .write(actor, move |tx| {
            if store::delete_tag(tx, uid, &name)? {
                tx.event("evaluation_set.tag_deleted", &subject(uid), json!({}))?;
            }
            Ok(())
        })
        .await
}

/// Errors: `SetNotFound`.
pub async fn add_experiments(
    ledger: &Ledger,
    actor: &Actor,
    uid: Uid,
    experiments: Vec<String>,
) -> Result<EvaluationSet, Error> {
    ledger
        .write(actor, move |tx| {
            let known = need(tx, uid)?.experiments;
            for (index, experiment) in experiments.iter().filter(|e| !known.contains(e)).enumerate() {
                store::add_experiment(tx, uid, experiment, known.len() + index)?;
            }
            store::touch(tx, uid)?;
            tx.event(
                "evaluation_set.experiments_added",
                &subject(uid),
                json!({ "experiments": experiments }),
            )?;
            need(tx, uid)
        })
        .await
}

/// Errors: `SetNotFound`; one that was not there is no error.
pub async fn remove_experiments(
    ledger: &Ledger,
    actor: &Actor,
    uid: Uid,
    experiments: Vec<String>,
) -> Result<EvaluationSet, Error> {
    ledger
        .write(actor, move |tx| {
            need(tx, uid)?;
            if store::remove_experiments(tx, uid, &experiments)? {
                store::touch(tx, uid)?;
                let payload = json!({ "experiments": experiments });
                tx.event("evaluation_set.experiments_removed", &subject(uid), payload)?;
            }
            need(tx, uid)
        })
        .await
}

fn need(tx: &mut Tx<'_>, uid: Uid) -> Result<EvaluationSet, Error> {
    store::find(tx, uid)?.ok_or_else(|| missing(uid))
}

/// Adds records; one whose inputs are there already is merged into the earlier one.
///
/// Errors: `SetNotFound`.
pub async fn upsert_records(
    ledger: &Ledger,
    actor: &Actor,
    uid: Uid,
    records: Vec<NewRecord>,
) -> Result<Upserted, Error> {
    ledger
        .write(actor, move |tx| {
            let set = need(tx, uid)?;
            let mut done = Upserted { inserted: 0, updated: 0 };
            let mut user = None;
            for record in &records {
                if record.user.is_some() {
                    user.clone_from(&record.user);
                }
                let input_digest = Digest::of(Value::Object(record.inputs.clone()).to_string());
                match store::record_of_input(tx, uid, input_digest)? {
                    Some(known) => {
                        store::update_record(tx, &merged(known, record, tx.now()))?;
                        done.updated += 1;
                    }
                    None => {
                        let new = fresh(tx, record);
                        store::insert_record(tx, uid, input_digest, &new)?;
                        done.inserted += 1;
                    }
                }
            }
            let schema = grown(set.schema, &records);
            let digest = digest(&set.name, tx.now());
            store::records_changed(tx, uid, schema.as_ref(), &digest, user.as_deref())?;
            let payload = json!({ "inserted": done.inserted, "updated": done.updated, "digest": digest });
            tx.event("evaluation_set.records_upserted", &subject(uid), payload)?;
            Ok(done)
        })
        .await
}

fn fresh(tx: &Tx<'_>, new: &NewRecord) -> Record {
    Record {
        uid: tx.new_id(),
        inputs: Value::Object(new.inputs.clone()),
        // What says nothing of outputs has empty ones; null is none.
        outputs: Some(new.outputs.clone().unwrap_or_else(|| json!({}))).filter(|o| !o.is_null()),
        expectations: new.expectations.clone().map(Value::Object),
        tags: Some(Value::Object(new.tags.clone().unwrap_or_default())),
        source: new.source.clone(),
        created_at: tx.now(),
        updated_at: tx.now(),
        created_by: new.user.clone(),
        updated_by: new.user.clone(),
    }
}

fn merged(mut known: Record, new: &NewRecord, now: Timestamp) -> Record {
    if let Some(outputs) = &new.outputs {
        known.outputs = Some(outputs.clone()).filter(|o| !o.is_null());
    }
    merge(&mut known.expectations, new.expectations.as_ref());
    merge(&mut known.tags, new.tags.as_ref());
    known.updated_at = now;
    if new.user.is_some() {
        known.updated_by.clone_from(&new.user);
    }
    known
}

fn merge(known: &mut Option<Value>, new: Option<&Map<String, Value>>) {
    let Some(new) = new.filter(|new| !new.is_empty()) else { return };
    let fields = known.get_or_insert_with(|| Value::Object(Map::new()));
    if let Some(fields) = fields.as_object_mut() {
        fields.extend(new.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
}

/// The schema with fields that are new; a field keeps the type that it was first seen with.
fn grown(schema: Option<Value>, records: &[NewRecord]) -> Option<Value> {
    if schema.is_none() && records.is_empty() {
        return None;
    }
    let mut schema = schema
        .unwrap_or_else(|| json!({ "inputs": {}, "outputs": {}, "expectations": {}, "version": "1.0" }));
    for record in records {
        add_fields(&mut schema["inputs"], &record.inputs);
        match &record.outputs {
            None | Some(Value::Null) => {}
            Some(Value::Object(outputs)) => add_fields(&mut schema["outputs"], outputs),
            Some(other) => {
                if schema["outputs"].as_object().is_some_and(Map::is_empty) {
                    schema["outputs"] = kind(other).into();
                }
            }
        }
        if let Some(expectations) = &record.expectations {
            add_fields(&mut schema["expectations"], expectations);
        }
    }
    Some(schema)
}

fn add_fields(part: &mut Value, fields: &Map<String, Value>) {
    let Some(part) = part.as_object_mut() else { return };
    for (name, value) in fields {
        part.entry(name.clone()).or_insert_with(|| kind(value).into());
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_f64() => "float",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Up to `limit` records after the cursor, oldest first.
///
/// Errors: `SetNotFound`.
pub async fn records(
    ledger: &Ledger,
    actor: &Actor,
    uid: Uid,
    after: Option<RecordsCursor>,
    limit: i64,
) -> Result<Page<Record>, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            store::find(rx, uid)?.ok_or_else(|| missing(uid))?;
            Ok(Page::cut(store::records(rx, uid, after, limit)?, limit))
        })
        .await
}

/// How many there were. Errors: `SetNotFound`.
pub async fn delete_records(
    ledger: &Ledger,
    actor: &Actor,
    uid: Uid,
    records: Vec<Uid>,
) -> Result<i64, Error> {
    ledger
        .write(actor, move |tx| {
            need(tx, uid)?;
            let deleted = store::delete_records(tx, uid, &records)?;
            if deleted > 0 {
                let payload = json!({ "deleted": deleted });
                tx.event("evaluation_set.records_deleted", &subject(uid), payload)?;
            }
            Ok(deleted)
        })
        .await
}
