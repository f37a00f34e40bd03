use std::collections::BTreeMap;

use ledger::Ledger;
use types::{Actor, Uid};

use crate::error::Error;
use crate::model::{Page, Point};
use crate::store::{metrics as store, runs};

/// Which part of a metric's history is asked for.
#[derive(Clone, Debug, Default)]
pub struct History {
    pub key: String,
    pub limit: Option<i64>,
    pub offset: i64,
}

/// One metric's points, oldest first. Errors: `RunNotFound`.
pub async fn history(ledger: &Ledger, actor: &Actor, uid: Uid, query: History) -> Result<Page<Point>, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            let run = runs::find(rx, &uid)?.ok_or_else(|| Error::RunNotFound(uid.to_string()))?;
            let offset = usize::try_from(query.offset).unwrap_or(0);
            let limit = query.limit.map(|limit| usize::try_from(limit).unwrap_or(0));
            // One more than asked for says whether there are more.
            let most = limit.map_or(usize::MAX, |limit| limit.saturating_add(1));
            let mut items = store::history(rx, run.id, &query.key, store::Start::Offset(offset), most)?;
            let more = limit.is_some_and(|limit| items.len() > limit);
            items.truncate(limit.unwrap_or(usize::MAX));
            Ok(Page { items, more })
        })
        .await
}

/// Up to `limit` of one metric's points after the point `after`, oldest first: pages that stay right while points
/// come. Errors: `RunNotFound`.
pub async fn history_after(
    ledger: &Ledger,
    actor: &Actor,
    uid: Uid,
    key: String,
    after: Option<Point>,
    limit: usize,
) -> Result<Vec<Point>, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            let run = runs::find(rx, &uid)?.ok_or_else(|| Error::RunNotFound(uid.to_string()))?;
            let start = after.map_or(store::Start::Offset(0), store::Start::After);
            Ok(store::history(rx, run.id, &key, start, limit)?)
        })
        .await
}

/// Points of one metric of several runs: by run id, then oldest first; at most `limit` in all.
pub async fn history_of_runs(
    ledger: &Ledger,
    actor: &Actor,
    uids: Vec<Uid>,
    key: String,
    limit: i64,
) -> Result<Vec<(Uid, Point)>, Error> {
    if uids.is_empty() {
        return Ok(Vec::new());
    }
    let limit = usize::try_from(limit).unwrap_or(0);
    ledger.read(actor.workspace, move |rx| Ok(store::history_of_runs(rx, &uids, &key, limit)?)).await
}

/// For each run, at most `most` (≥ 1) logged points spread evenly over its steps; the last one always, and the
/// first if `most` > 1. Unknown runs are left out.
pub async fn sample(
    ledger: &Ledger,
    actor: &Actor,
    uids: Vec<Uid>,
    key: String,
    steps: Option<(i64, i64)>,
    most: i64,
) -> Result<Vec<(Uid, Vec<Point>)>, Error> {
    let most = usize::try_from(most).unwrap_or(0).max(1);
    ledger
        .read(actor.workspace, move |rx| {
            let mut found = Vec::with_capacity(uids.len());
            for uid in &uids {
                if let Some(run) = runs::find(rx, uid)? {
                    found.push((*uid, store::sample(rx, run.id, &key, steps, most)?));
                }
            }
            Ok(found)
        })
        .await
}

/// Series for charts, by step: every point while a metric has at most `max_points`, else the lowest and highest
/// of equal parts, with the first and last point of all. `keys` empty means every metric of the run.
///
/// Errors: `RunNotFound`.
pub async fn series(
    ledger: &Ledger,
    actor: &Actor,
    uid: Uid,
    keys: Vec<String>,
    max_points: i64,
) -> Result<BTreeMap<String, Vec<Point>>, Error> {
    let most = usize::try_from(max_points).unwrap_or(0).max(4);
    ledger
        .read(actor.workspace, move |rx| {
            let run = runs::find(rx, &uid)?.ok_or_else(|| Error::RunNotFound(uid.to_string()))?;
            let mut found = BTreeMap::new();
            for key in store::counts(rx, run.id)?.into_keys() {
                if keys.is_empty() || keys.contains(&key) {
                    let drawn = store::drawn(rx, run.id, &key, most)?;
                    found.insert(key, drawn);
                }
            }
            Ok(found)
        })
        .await
}
