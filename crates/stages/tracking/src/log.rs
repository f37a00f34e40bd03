use std::collections::BTreeMap;

use ledger::{Answers, FactTx, Ledger, Together, Tx};
use serde_json::{Value, json};
use types::{Actor, Uid};

use crate::error::{Error, ParamChange};
use crate::model::{MetricPoint, ParamConflict};
use crate::runs::{active, set_tags};
use crate::store::runs::Param;
use crate::store::{self, metrics, runs};

/// What a client logs at once. All of it is stored, or none.
#[derive(Clone, Debug, Default)]
pub struct LogBatch {
    pub params: Vec<(String, String)>,
    /// Parameters that are more than text: numbers, booleans, lists, objects. Searches and protocols of texts see
    /// [`crate::model::param_text`] of them.
    pub typed_params: Vec<(String, Value)>,
    pub on_param_conflict: ParamConflict,
    pub metrics: Vec<MetricPoint>,
    pub tags: Vec<(String, String)>,
    /// Renames the run.
    pub name: Option<String>,
}

/// What was new in a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Logged {
    /// Points that were not there yet.
    pub points: u64,
    pub params: usize,
    pub tags: usize,
}

/// Stores a batch in one transaction. Points are facts: a batch of nothing else leaves no event, and a point
/// that is there already (same step, time and value) is not stored again, so a retry is safe.
///
/// Errors: `RunNotFound`, `RunDeleted`, `ParamChanged` if a parameter has another value and may not change.
pub async fn log_batch(ledger: &Ledger, actor: &Actor, uid: Uid, batch: LogBatch) -> Result<Logged, Error> {
    let no_params = batch.params.is_empty() && batch.typed_params.is_empty();
    if no_params && batch.tags.is_empty() && batch.name.is_none() {
        let points = ledger.record_together::<Points>(actor, (uid, batch.metrics)).await?;
        return Ok(Logged { points, ..Default::default() });
    }
    ledger.write(actor, move |tx: &mut Tx<'_>| log_in(tx, &uid, &batch)).await
}

/// Points of several runs, written together.
struct Points;

impl Together for Points {
    type Item = (Uid, Vec<MetricPoint>);
    type Out = u64;
    type Error = Error;

    fn write(tx: &mut FactTx<'_>, items: &[&Self::Item]) -> Result<Answers<Self>, ledger::Error> {
        let uids: Vec<&Uid> = items.iter().map(|(uid, _)| uid).collect();
        let runs = runs::find_rows(tx, &uids)?;
        let mut batches = Vec::with_capacity(items.len());
        let answers: Vec<_> = items
            .iter()
            .map(|(uid, points)| match runs.get(uid) {
                None => Err(Error::RunNotFound(uid.to_string())),
                Some(row) if row.deleted => Err(Error::RunDeleted { uid: *uid }),
                Some(row) => {
                    batches.push(metrics::Batch { run: row.id, experiment: row.experiment_id, points });
                    Ok(0)
                }
            })
            .collect();
        let mut counts = ingest(tx, &batches)?.into_iter();
        for (uid, points) in items.iter().filter(|(uid, _)| runs.get(uid).is_some_and(|row| !row.deleted)) {
            metrics::insert_for_models(tx, uid, points)?;
        }
        Ok(answers.into_iter().map(|answer| answer.map(|_| counts.next().unwrap_or(0))).collect())
    }
}

/// Points that are worked on at once: twenty clients who each log a thousand metrics would otherwise fill the memory.
const POINTS: usize = 4_096;

/// Stores batches a part at a time; the number of new points of each.
fn ingest(tx: &mut FactTx<'_>, batches: &[metrics::Batch<'_>]) -> Result<Vec<u64>, ledger::Error> {
    let mut counts = vec![0; batches.len()];
    // By run: servers lock runs in one order.
    let mut order: Vec<usize> = (0..batches.len()).collect();
    order.sort_by_key(|place| batches[*place].run);
    let mut rest = order.as_slice();
    while !rest.is_empty() {
        let mut points = 0;
        let fits = rest.iter().take_while(|place| {
            points += batches[**place].points.len();
            points <= POINTS
        });
        let (part, after) = rest.split_at(fits.count().clamp(1, rest.len()));
        let together: Vec<_> = part.iter().map(|place| batches[*place]).collect();
        for (place, count) in part.iter().zip(metrics::ingest(tx, &together)?) {
            counts[*place] = count;
        }
        rest = after;
    }
    Ok(counts)
}

fn log_points(
    on: &mut impl store::Writes,
    uid: &Uid,
    run: &runs::Stored,
    points: &[MetricPoint],
) -> Result<u64, Error> {
    if points.is_empty() {
        return Ok(0);
    }
    let batch = metrics::Batch { run: run.id, experiment: run.experiment_id, points };
    let new = metrics::ingest(on, &[batch])?;
    metrics::insert_for_models(on, uid, points)?;
    Ok(new.into_iter().sum())
}

/// [`log_batch`] as a part of the caller's transaction. Nothing is written where it errs.
pub fn log_in(tx: &mut Tx<'_>, uid: &Uid, batch: &LogBatch) -> Result<Logged, Error> {
    let run = active(tx, uid)?;
    let params = log_params(tx, uid, &run, batch)?;
    let points = log_points(tx, uid, &run, &batch.metrics)?;
    let tags: Vec<(&str, &str)> = batch.tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    set_tags(tx, run.id, &tags)?;
    if let Some(name) = &batch.name {
        runs::update(tx, run.id, run.run.status, run.run.ended_at, name)?;
    }
    if params.is_empty() && tags.is_empty() && batch.name.is_none() && points == 0 {
        return Ok(Logged::default());
    }
    let tag_keys: Vec<&str> = tags.iter().map(|(key, _)| *key).collect();
    tx.event(
        "run.logged",
        &format!("run:{uid}"),
        json!({ "run": uid, "params": params, "tags": tag_keys, "points": points }),
    )?;
    Ok(Logged { points, params: params.len(), tags: tags.len() })
}

/// Keys of the parameters that are new or changed.
fn log_params(
    tx: &mut Tx<'_>,
    uid: &Uid,
    run: &runs::Stored,
    batch: &LogBatch,
) -> Result<Vec<String>, Error> {
    let plain =
        batch.params.iter().map(|(key, text)| (key.as_str(), Param { text: text.clone(), json: None }));
    let typed = batch.typed_params.iter().map(|(key, value)| (key.as_str(), Param::of(value)));
    let given: Vec<(&str, Param)> = plain.chain(typed).collect();
    if given.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<&str> = given.iter().map(|(key, _)| *key).collect();
    let keys = store::ensure_keys(tx, &names)?;
    let ids: Vec<i64> = keys.values().copied().collect();
    let there = runs::param_values(tx, run.id, &ids)?;
    let mut new: BTreeMap<&str, (i64, Param)> = BTreeMap::new();
    let mut changes = Vec::new();
    for (key, value) in given {
        let Some(id) = keys.get(key) else { continue };
        match there.get(id) {
            // A text that is the text of what is there says nothing new.
            Some(old) if old.text == value.text && (value.json.is_none() || value.json == old.json) => {}
            Some(old) if batch.on_param_conflict == ParamConflict::Refuse => {
                changes.push(ParamChange { key: key.to_owned(), old: old.text.clone(), new: value.text });
            }
            _ => {
                new.insert(key, (*id, value));
            }
        }
    }
    if !changes.is_empty() {
        return Err(Error::ParamChanged { run: *uid, changes });
    }
    let changed = new.keys().map(|key| (*key).to_owned()).collect();
    runs::set_params(tx, run.id, new.into_values())?;
    Ok(changed)
}

/// Errors: `RunNotFound`, `RunDeleted`, `TagNotFound`.
pub async fn delete_tag(ledger: &Ledger, actor: &Actor, uid: Uid, key: String) -> Result<(), Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let run = active(tx, &uid)?;
            if runs::delete_tag(tx, run.id, &key)? == 0 {
                return Err(Error::TagNotFound { owner: format!("run {uid}"), key: key.clone() });
            }
            Ok(tx.event("run.untagged", &format!("run:{uid}"), json!({ "run": uid, "tags": [key] }))?)
        })
        .await
}
