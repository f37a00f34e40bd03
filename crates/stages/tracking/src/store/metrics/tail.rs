//! The tail: a narrow row for each point that is in no chunk yet.

use ledger::{Insert, Row, Value, params};

use super::Series;
use crate::model::Point;
use crate::points::{from_row, in_row};
use crate::store::{Reads, Result, Writes};

/// Rows that are in memory at once.
const ROWS: usize = 2_048;

/// Stores points that are not there yet.
pub(super) fn insert(on: &mut impl Writes, points: &[(Series, Point)]) -> Result<()> {
    points.chunks(ROWS).try_for_each(|piece| insert_piece(on, piece))
}

fn insert_piece(on: &mut impl Writes, points: &[(Series, Point)]) -> Result<()> {
    let workspace = on.workspace();
    let mut values = Vec::with_capacity(points.len() * 7);
    for (series, point) in points {
        let (value, is_nan) = in_row(point.value);
        values.extend(params![workspace, series.run, series.key, point.step, point.at, value, is_nan]);
    }
    let into = Insert {
        table: "metric_tail",
        columns: &[
            ("workspace_id", "BIGINT"),
            ("run_id", "BIGINT"),
            ("key_id", "BIGINT"),
            ("step", "BIGINT"),
            ("at", "BIGINT"),
            ("value", "DOUBLE PRECISION"),
            ("is_nan", "BOOLEAN"),
        ],
        tail: "",
    };
    on.insert(&into, &values)?;
    Ok(())
}

fn point(row: &Row) -> Result<Point> {
    Ok(Point { step: row.get(0)?, at: row.get(1)?, value: from_row(row.get(2)?, row.get(3)?) })
}

/// The points whose steps are in `steps`, by step, time and value.
pub(super) fn read(on: &mut impl Reads, series: Series, steps: (i64, i64)) -> Result<Vec<Point>> {
    let workspace = on.workspace();
    let rows = on.rows(
        "SELECT step, at, value, is_nan FROM metric_tail WHERE workspace_id = $1 AND run_id = $2 AND key_id = $3 \
         AND step >= $4 AND step <= $5 ORDER BY step, at, value, is_nan",
        &params![workspace, series.run, series.key, steps.0, steps.1],
    )?;
    rows.iter().map(point).collect()
}

/// The points of one step and time.
pub(super) fn at(on: &mut impl Reads, series: Series, like: &Point) -> Result<Vec<Point>> {
    let workspace = on.workspace();
    let rows = on.rows(
        "SELECT step, at, value, is_nan FROM metric_tail WHERE workspace_id = $1 AND run_id = $2 AND key_id = $3 \
         AND step = $4 AND at = $5 ORDER BY value, is_nan",
        &params![workspace, series.run, series.key, like.step, like.at],
    )?;
    rows.iter().map(point).collect()
}

/// Deletes every point up to and including `last` in the order of [`read`].
pub(super) fn delete_up_to(on: &mut impl Writes, series: Series, last: &Point) -> Result<u64> {
    let workspace = on.workspace();
    let (value, is_nan) = in_row(last.value);
    on.run(
        "DELETE FROM metric_tail WHERE workspace_id = $1 AND run_id = $2 AND key_id = $3 \
         AND (step, at, value, is_nan) <= ($4, $5, $6, $7)",
        &params![workspace, series.run, series.key, last.step, last.at, value, is_nan],
    )
}

/// Runs after `after` that have a tail, `most` of them, by id.
pub(super) fn runs(on: &mut impl Reads, after: i64, most: usize) -> Result<Vec<i64>> {
    let workspace = on.workspace();
    let mut found = Vec::new();
    let mut last = after;
    // One step down the key for each run: the points themselves are passed over.
    while found.len() < most {
        let row = on.row(
            "SELECT min(run_id) AS run_id FROM metric_tail WHERE workspace_id = $1 AND run_id > $2",
            &params![workspace, last],
        )?;
        let Some(run) = row.map(|row| row.get::<Option<i64>>(0)).transpose()?.flatten() else { break };
        found.push(run);
        last = run;
    }
    Ok(found)
}

/// Metrics of a run that have a tail.
pub(super) fn keys(on: &mut impl Reads, run: i64) -> Result<Vec<i64>> {
    let workspace = on.workspace();
    let values: [Value; 2] = params![workspace, run];
    let rows = on.rows(
        "SELECT DISTINCT key_id FROM metric_tail WHERE workspace_id = $1 AND run_id = $2 ORDER BY key_id",
        &values,
    )?;
    rows.iter().map(|row| row.get(0)).collect()
}
