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
            let points = store::history(rx, run.id, &query.key, query.limit, query.offset)?;
            Ok(match query.limit {
                Some(limit) => Page::cut(points, limit),
                None => Page { items: points, more: false },
            })
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
    ledger.read(actor.workspace, move |rx| Ok(store::history_of_runs(rx, &uids, &key, limit)?)).await
}

/// For each run, at most `most` (≥ 1) logged points spread evenly over its steps; the last one always, and the
/// first if `most` > 1. Errors: `RunNotFound` for the first unknown run.
pub async fn sample(
    ledger: &Ledger,
    actor: &Actor,
    uids: Vec<Uid>,
    key: String,
    steps: Option<(i64, i64)>,
    most: i64,
) -> Result<Vec<(Uid, Vec<Point>)>, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            let mut found = Vec::with_capacity(uids.len());
            for uid in &uids {
                let run = runs::find(rx, uid)?.ok_or_else(|| Error::RunNotFound(uid.to_string()))?;
                found.push((*uid, store::sample(rx, run.id, &key, steps, most.max(1))?));
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
    ledger
        .read(actor.workspace, move |rx| {
            let run = runs::find(rx, &uid)?.ok_or_else(|| Error::RunNotFound(uid.to_string()))?;
            let mut found = BTreeMap::new();
            for (key, points) in store::counts(rx, run.id)? {
                if !keys.is_empty() && !keys.contains(&key) {
                    continue;
                }
                let series = if points <= max_points.max(4) {
                    store::sample(rx, run.id, &key, None, points.max(1))?
                } else {
                    // Two points a bucket, and the two ends.
                    store::extremes(rx, run.id, &key, (max_points.max(4) - 2) / 2)?
                };
                found.insert(key, series);
            }
            Ok(found)
        })
        .await
}
