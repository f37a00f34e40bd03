//! Moving points from the tail into chunks, and small chunks into full ones. Each move is one transaction's.

use ledger::params;

use super::chunks::{self, NewChunk};
use super::summaries::{self, Summary};
use super::{Series, tail};
use crate::chunk::FULL;
use crate::model::Point;
use crate::points::{by_step, sort};
use crate::store::{Reads, Result, Writes};

/// Chunks with fewer points are put together when there are many.
const SMALL: usize = FULL / 2;
/// Fewer points than this stay rows: a chunk would be no smaller.
const LEAST: usize = 8;
const EVERY_STEP: (i64, i64) = (i64::MIN, i64::MAX);

/// Chunks of new points, sorted; they are still to be inserted.
pub(super) fn append(series: Series, summary: &mut Summary, points: &[Point]) -> Vec<NewChunk> {
    // Equal parts: 600 points become 300 and 300, not 512 and 88.
    let part = points.len().div_ceil(points.len().div_ceil(FULL)).max(1);
    cut(series, summary, points, part)
}

/// Chunks of at most `size` points, that come after those which the summary knows.
fn cut(series: Series, summary: &mut Summary, points: &[Point], size: usize) -> Vec<NewChunk> {
    let mut made = Vec::new();
    for part in points.chunks(size) {
        made.push(NewChunk { series, seq: summary.chunks, points: part.to_vec() });
        summary.seal(part, 1);
    }
    made
}

/// Whether a series has many small chunks.
pub(super) fn is_scattered(summary: &Summary) -> bool {
    usize::try_from(summary.chunks).unwrap_or(0) > summary.sealed / SMALL + 16
}

/// Seals the oldest of a tail that has grown long, and puts small chunks together.
pub(super) fn shorten_tail(on: &mut impl Writes, series: Series, summary: &mut Summary) -> Result<()> {
    if summary.in_tail() >= 2 * FULL {
        let mut points = tail::read(on, series, EVERY_STEP)?;
        // The newest stay: points that come a little out of order then find no sealed range.
        points.truncate((points.len() - FULL) / FULL * FULL);
        remove(on, series, &points)?;
        chunks::insert(on, &append(series, summary, &points))?;
    }
    if is_scattered(summary) {
        gather(on, series, summary, Vec::new())?;
    }
    Ok(())
}

fn remove(on: &mut impl Writes, series: Series, points: &[Point]) -> Result<()> {
    let Some(last) = points.last() else { return Ok(()) };
    tail::delete_up_to(on, series, last)?;
    Ok(())
}

/// Writes the points again that stand in the first small chunk and all after it, together with `more`.
fn gather(on: &mut impl Writes, series: Series, summary: &mut Summary, more: Vec<Point>) -> Result<()> {
    let heads = chunks::heads(on, series, EVERY_STEP)?;
    let first = heads.iter().position(|head| head.points < SMALL).unwrap_or(heads.len());
    let small = &heads[first..];
    let mut points = more;
    for (_, part) in chunks::read(on, series, small)? {
        points.extend(part);
    }
    if points.is_empty() {
        return Ok(());
    }
    sort(&mut points, by_step);
    chunks::delete(on, series, small)?;
    summary.chunks = small.first().map_or(summary.chunks, |head| head.seq);
    summary.sealed -= small.iter().map(|head| head.points).sum::<usize>().min(summary.sealed);
    chunks::insert(on, &cut(series, summary, &points, FULL))
}

/// Seals what a run's tail holds, `most` metrics at once. Whether there may be more.
pub(crate) fn seal_run(on: &mut impl Writes, run: i64, most: usize) -> Result<bool> {
    on.lock_metrics(&[run])?;
    let series: Vec<Series> = tail::keys(on, run)?.into_iter().map(|key| Series { run, key }).collect();
    let summaries = summaries::read(on, &series)?;
    let mut long = series.iter().filter_map(|s| {
        let summary = summaries.get(s)?;
        (summary.in_tail() >= LEAST || summary.sealed > 0).then_some((*s, *summary))
    });
    for (series, mut summary) in long.by_ref().take(most) {
        let points = tail::read(on, series, EVERY_STEP)?;
        remove(on, series, &points)?;
        gather(on, series, &mut summary, points)?;
        summaries::write_seal(on, series, &summary)?;
    }
    Ok(long.next().is_some())
}

/// Runs after `after`, by row id, that have ended and may have a tail; and where to go on, if there are more.
pub(crate) fn runs_to_seal(on: &mut impl Reads, after: i64, most: usize) -> Result<(Vec<i64>, Option<i64>)> {
    let with_tail = tail::runs(on, after, most)?;
    let next = (with_tail.len() == most).then(|| with_tail.last().copied()).flatten();
    let workspace = on.workspace();
    let mut ended = Vec::new();
    for run in with_tail {
        let row = on.row(
            "SELECT id FROM run WHERE workspace_id = $1 AND id = $2 AND ended_at IS NOT NULL",
            &params![workspace, run],
        )?;
        if row.is_some() {
            ended.push(run);
        }
    }
    Ok((ended, next))
}
