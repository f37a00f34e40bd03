//! Taking points in: of several batches at once, so that what they share is paid once.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::summaries::{self, Summary};
use super::{Series, chunks, seal, tail};
use crate::chunk::FULL;
use crate::model::{MetricPoint, Point};
use crate::points::{by_step, storable};
use crate::store::{Result, Writes, ensure_keys};

/// What one call logs to one run.
#[derive(Clone, Copy)]
pub(crate) struct Batch<'a> {
    /// Row ids of the run and of its experiment.
    pub run: i64,
    pub experiment: i64,
    pub points: &'a [MetricPoint],
}

/// As many points of a series in one call become a chunk at once, and never rows of the tail.
const BULK: usize = 16;

struct New {
    series: Series,
    point: Point,
    /// Which batch brought it.
    batch: usize,
}

/// Stores points and brings the summaries up to date. A point that is there already is passed over. The number of
/// points that were new, for each batch.
pub(crate) fn ingest(on: &mut impl Writes, batches: &[Batch<'_>]) -> Result<Vec<u64>> {
    let mut counts = vec![0; batches.len()];
    let new = sorted(on, batches)?;
    let mut series: Vec<Series> = new.iter().map(|n| n.series).collect();
    series.dedup();
    let runs: Vec<i64> = series.chunk_by(|a, b| a.run == b.run).map(|of_run| of_run[0].run).collect();
    on.lock_metrics(&runs)?;
    let summaries = summaries::read(on, &series)?;
    let experiments: BTreeMap<i64, i64> = batches.iter().map(|b| (b.run, b.experiment)).collect();
    let (mut changed, mut rows) = (Vec::with_capacity(series.len()), Vec::with_capacity(new.len()));
    let (mut new_chunks, mut to_seal) = (Vec::new(), Vec::new());
    for of_series in new.chunk_by(|a, b| a.series == b.series) {
        let series = of_series[0].series;
        let mut summary = summaries.get(&series).copied().unwrap_or_default();
        let fresh = fresh(on, of_series, &summary)?;
        if fresh.is_empty() {
            continue;
        }
        for new in &fresh {
            counts[new.batch] += 1;
        }
        let points: Vec<Point> = fresh.iter().map(|n| n.point).collect();
        summary.absorb(&points);
        if points.len() >= BULK {
            new_chunks.extend(seal::append(series, &mut summary, &points));
        } else {
            rows.extend(points.into_iter().map(|point| (series, point)));
        }
        if summary.in_tail() >= 2 * FULL || seal::is_scattered(&summary) {
            to_seal.push((series, changed.len()));
        }
        let experiment = experiments.get(&series.run).copied().unwrap_or_default();
        changed.push((series, experiment, summary));
    }
    tail::insert(on, &rows)?;
    chunks::insert(on, &new_chunks)?;
    for (series, place) in to_seal {
        seal::shorten_tail(on, series, &mut changed[place].2)?;
    }
    summaries::write(on, &changed)?;
    Ok(counts)
}

/// All points by series and step, none twice.
fn sorted(on: &mut impl Writes, batches: &[Batch<'_>]) -> Result<Vec<New>> {
    let names: Vec<&str> = batches.iter().flat_map(|b| b.points.iter().map(|p| p.key.as_str())).collect();
    let keys = ensure_keys(on, &names)?;
    let mut new = Vec::with_capacity(names.len());
    let mut last: Option<(&str, i64)> = None;
    for (place, batch) in batches.iter().enumerate() {
        for point in batch.points {
            let key = match last {
                Some((name, key)) if name == point.key => key,
                _ => match keys.get(point.key.as_str()) {
                    Some(key) => *key,
                    None => continue,
                },
            };
            last = Some((&point.key, key));
            new.push(New {
                series: Series { run: batch.run, key },
                point: Point { step: point.step, at: point.at, value: storable(point.value) },
                batch: place,
            });
        }
    }
    let order = |a: &New, b: &New| a.series.cmp(&b.series).then_with(|| by_step(&a.point, &b.point));
    // Stable, and quick on what is nearly sorted.
    if !new.is_sorted_by(|a, b| order(a, b).is_lt()) {
        new.sort_by(order);
        new.dedup_by(|b, a| order(a, b) == Ordering::Equal);
    }
    Ok(new)
}

/// Those of a series' points, sorted, that are not stored yet.
fn fresh<'a>(on: &mut impl Writes, points: &'a [New], summary: &Summary) -> Result<Vec<&'a New>> {
    let Some(last) = summary.last else { return Ok(points.iter().collect()) };
    // Every stored point is at or before the last one's step and time: what lies behind them is new.
    let after = points.partition_point(|n| (n.point.step, n.point.at) <= (last.step, last.at));
    let (old, new) = points.split_at(after);
    let stored = stored(on, old, summary)?;
    Ok(old.iter().zip(stored).filter(|(_, stored)| !stored).map(|(n, _)| n).chain(new).collect())
}

/// Whether each of the points, sorted, is in the tail or in a chunk.
fn stored(on: &mut impl Writes, points: &[New], summary: &Summary) -> Result<Vec<bool>> {
    let mut found = vec![false; points.len()];
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Ok(found) };
    let series = first.series;
    let mut mark = |stored: &[Point]| {
        for (new, found) in points.iter().zip(&mut found) {
            *found |= stored.binary_search_by(|p| by_step(p, &new.point)).is_ok();
        }
    };
    if summary.in_tail() > 0 {
        match points {
            [one] => mark(&tail::at(on, series, &one.point)?),
            _ => mark(&tail::read(on, series, (first.point.step, last.point.step))?),
        }
    }
    if summary.sealed_to >= Some((first.point.step, first.point.at.0)) {
        let mut heads = chunks::heads(on, series, (first.point.step, last.point.step))?;
        heads.retain(|head| {
            points.iter().any(|new| {
                let Point { step, at, .. } = new.point;
                (head.steps.0..=head.steps.1).contains(&step) && (head.times.0..=head.times.1).contains(&at.0)
            })
        });
        for head in heads {
            for points in chunks::read(on, series, &[head])?.values() {
                mark(points);
            }
        }
    }
    Ok(found)
}
