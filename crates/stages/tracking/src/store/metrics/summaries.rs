//! One row a series: the latest point, the extremes, how many points there are and where they are.

use std::collections::{BTreeMap, HashMap};

use ledger::{Insert, Row, Value, params};

use super::Series;
use crate::model::Point;
use crate::points::{by_step, extremes, from_row, in_row};
use crate::store::{PIECE, Reads, Result, Writes, placeholders};

/// A series' row in `run_metric`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Summary {
    pub last: Option<Point>,
    pub extremes: Option<(f64, f64)>,
    pub points: usize,
    /// Points in chunks.
    pub sealed: usize,
    /// Chunks; the next one's `seq`.
    pub chunks: i64,
    /// The greatest (step, time) in a chunk.
    pub sealed_to: Option<(i64, i64)>,
}

impl Summary {
    /// Takes new points in.
    pub fn absorb(&mut self, points: &[Point]) {
        for point in points {
            if self.last.is_none_or(|last| by_step(point, &last).is_gt()) {
                self.last = Some(*point);
            }
        }
        self.extremes = match (self.extremes, extremes(points)) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
        self.points += points.len();
    }

    /// Notes that `points`, in the order of steps, are in chunks now.
    pub fn seal(&mut self, points: &[Point], chunks: i64) {
        self.sealed += points.len();
        self.chunks += chunks;
        self.sealed_to = self.sealed_to.max(points.last().map(|p| (p.step, p.at.0)));
    }

    pub fn in_tail(&self) -> usize {
        self.points.saturating_sub(self.sealed)
    }
}

/// Runs that one statement asks for.
const RUNS: usize = 32;
/// Rows that are in memory at once, coming or going: a thousand new metrics of each of many runs come together.
const ROWS: usize = 2_048;

const COLUMNS: &str = "run_id, key_id, last_step, last_at, last_value, is_nan, min_value, max_value, points, sealed, \
     chunks, sealed_step, sealed_at";

fn summary(row: &Row) -> Result<(Series, Summary)> {
    let pair = |low: Option<f64>, high: Option<f64>| low.zip(high);
    let count = |n: i64| usize::try_from(n).unwrap_or(0);
    let last = Point { step: row.get(2)?, at: row.get(3)?, value: from_row(row.get(4)?, row.get(5)?) };
    Ok((
        Series { run: row.get(0)?, key: row.get(1)? },
        Summary {
            last: Some(last),
            extremes: pair(row.get(6)?, row.get(7)?),
            points: count(row.get(8)?),
            sealed: count(row.get(9)?),
            chunks: row.get(10)?,
            sealed_to: row.get::<Option<i64>>(11)?.zip(row.get(12)?),
        },
    ))
}

/// The summaries of those series that have points. `series` are sorted.
pub(super) fn read(on: &mut impl Reads, series: &[Series]) -> Result<HashMap<Series, Summary>> {
    let mut found = HashMap::with_capacity(series.len());
    // Runs that log the same metrics are read together.
    let mut runs_of: BTreeMap<Vec<i64>, Vec<i64>> = BTreeMap::new();
    for of_run in series.chunk_by(|a, b| a.run == b.run) {
        runs_of.entry(of_run.iter().map(|s| s.key).collect()).or_default().push(of_run[0].run);
    }
    for (keys, runs) in runs_of {
        let few = (ROWS / keys.len().clamp(1, PIECE)).clamp(1, RUNS);
        for (runs, keys) in runs.chunks(few).flat_map(|runs| keys.chunks(PIECE).map(move |keys| (runs, keys)))
        {
            let (run_count, key_count) = (runs.len().next_power_of_two(), keys.len().next_power_of_two());
            let sql = format!(
                "SELECT {COLUMNS} FROM run_metric WHERE workspace_id = $1 AND run_id IN ({}) AND key_id IN ({})",
                placeholders(2, run_count),
                placeholders(2 + run_count, key_count)
            );
            // The last one repeated: few statements serve every number.
            let padded = |ids: &[i64], size: usize| {
                (0..size).map(|i| Value::from(ids[i.min(ids.len() - 1)])).collect::<Vec<_>>()
            };
            let mut values = vec![Value::from(on.workspace())];
            values.extend(padded(runs, run_count));
            values.extend(padded(keys, key_count));
            for row in on.rows(&sql, &values)? {
                let (series, summary) = summary(&row)?;
                found.insert(series, summary);
            }
        }
    }
    Ok(found)
}

/// Stores summaries, each with the id of its run's experiment. Several servers may write summaries of one run only
/// while they hold its lock.
pub(super) fn write(on: &mut impl Writes, summaries: &[(Series, i64, Summary)]) -> Result<()> {
    summaries.chunks(ROWS).try_for_each(|piece| write_piece(on, piece))
}

fn write_piece(on: &mut impl Writes, summaries: &[(Series, i64, Summary)]) -> Result<()> {
    let workspace = on.workspace();
    let mut values = Vec::with_capacity(summaries.len() * 15);
    for (series, experiment, summary) in summaries {
        let Some(last) = summary.last else { continue };
        let (value, is_nan) = in_row(last.value);
        values.extend(params![
            workspace,
            series.run,
            series.key,
            *experiment,
            value,
            is_nan,
            last.step,
            last.at,
            summary.extremes.map(|e| e.0),
            summary.extremes.map(|e| e.1),
            summary.points,
            summary.sealed,
            summary.chunks,
            summary.sealed_to.map(|s| s.0),
            summary.sealed_to.map(|s| s.1)
        ]);
    }
    let into = Insert {
        table: "run_metric",
        columns: &[
            ("workspace_id", "BIGINT"),
            ("run_id", "BIGINT"),
            ("key_id", "BIGINT"),
            ("experiment_id", "BIGINT"),
            ("last_value", "DOUBLE PRECISION"),
            ("is_nan", "BOOLEAN"),
            ("last_step", "BIGINT"),
            ("last_at", "BIGINT"),
            ("min_value", "DOUBLE PRECISION"),
            ("max_value", "DOUBLE PRECISION"),
            ("points", "BIGINT"),
            ("sealed", "BIGINT"),
            ("chunks", "BIGINT"),
            ("sealed_step", "BIGINT"),
            ("sealed_at", "BIGINT"),
        ],
        tail: " ON CONFLICT (workspace_id, run_id, key_id) DO UPDATE SET last_value = excluded.last_value, \
               is_nan = excluded.is_nan, last_step = excluded.last_step, last_at = excluded.last_at, \
               min_value = excluded.min_value, max_value = excluded.max_value, points = excluded.points, \
               sealed = excluded.sealed, chunks = excluded.chunks, sealed_step = excluded.sealed_step, \
               sealed_at = excluded.sealed_at",
    };
    on.insert(&into, &values)?;
    Ok(())
}

/// How many points the run has of each metric, by name.
pub(crate) fn counts(on: &mut impl Reads, run: i64) -> Result<BTreeMap<String, usize>> {
    let workspace = on.workspace();
    let rows = on.rows(
        "SELECT k.name, m.points FROM run_metric m JOIN attribute_key k ON k.id = m.key_id \
         WHERE m.workspace_id = $1 AND m.run_id = $2",
        &params![workspace, run],
    )?;
    rows.iter().map(|row| Ok((row.get(0)?, usize::try_from(row.get::<i64>(1)?).unwrap_or(0)))).collect()
}

/// Stores where the points of a series are; nothing else of its summary has changed.
pub(super) fn write_seal(on: &mut impl Writes, series: Series, summary: &Summary) -> Result<()> {
    let workspace = on.workspace();
    on.run(
        "UPDATE run_metric SET sealed = $1, chunks = $2, sealed_step = $3, sealed_at = $4 \
         WHERE workspace_id = $5 AND run_id = $6 AND key_id = $7",
        &params![
            summary.sealed,
            summary.chunks,
            summary.sealed_to.map(|s| s.0),
            summary.sealed_to.map(|s| s.1),
            workspace,
            series.run,
            series.key
        ],
    )?;
    Ok(())
}
