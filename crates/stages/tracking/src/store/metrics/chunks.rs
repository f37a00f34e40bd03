//! Sealed chunks: heads, and the bytes apart from them, so that heads lie close together.

use std::collections::HashMap;

use ledger::{Error, Insert, Row, Value, params};

use super::{Series, damaged};
use crate::chunk::{self, Bucket};
use crate::model::Point;
use crate::points::extremes;
use crate::store::{Reads, Result, Writes, placeholders};

/// What is known of a chunk without reading it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub seq: i64,
    pub points: usize,
    pub steps: (i64, i64),
    pub times: (i64, i64),
    data: i64,
}

/// Chunks that one statement reads or deletes.
const READ: usize = 64;

fn head(row: &Row) -> Result<Head> {
    Ok(Head {
        seq: row.get(0)?,
        points: usize::try_from(row.get::<i64>(1)?).unwrap_or(0),
        steps: (row.get(2)?, row.get(3)?),
        times: (row.get(4)?, row.get(5)?),
        data: row.get(6)?,
    })
}

/// Heads of the chunks that have steps in `steps`, in the order of `seq`.
pub(super) fn heads(on: &mut impl Reads, series: Series, steps: (i64, i64)) -> Result<Vec<Head>> {
    let workspace = on.workspace();
    let rows = on.rows(
        "SELECT seq, points, step0, step1, at0, at1, data_id FROM metric_chunk WHERE workspace_id = $1 \
         AND run_id = $2 AND key_id = $3 AND step0 <= $4 AND step1 >= $5 ORDER BY seq",
        &params![workspace, series.run, series.key, steps.1, steps.0],
    )?;
    rows.iter().map(head).collect()
}

/// A chunk of at least one point, in the order of steps.
pub(super) struct NewChunk {
    pub series: Series,
    pub seq: i64,
    pub points: Vec<Point>,
}

/// Stores chunks.
pub(super) fn insert(on: &mut impl Writes, chunks: &[NewChunk]) -> Result<()> {
    let workspace = on.workspace();
    let mut values = Vec::with_capacity(chunks.len() * 13);
    let mut ids = insert_data(on, chunks)?.into_iter();
    for NewChunk { series, seq, points } in chunks {
        let data = ids.next().ok_or(Error::NotOneRow { found: 0 })?;
        let (Some(first), Some(last)) = (points.first(), points.last()) else { continue };
        let times =
            points.iter().fold((first.at, first.at), |(low, high), p| (low.min(p.at), high.max(p.at)));
        let extremes = extremes(points);
        values.extend(params![
            workspace,
            series.run,
            series.key,
            *seq,
            points.len(),
            first.step,
            last.step,
            times.0,
            times.1,
            extremes.map(|v| v.0),
            extremes.map(|v| v.1),
            data,
            chunk::write_buckets(points)
        ]);
    }
    let into = Insert {
        table: "metric_chunk",
        columns: &[
            ("workspace_id", "BIGINT"),
            ("run_id", "BIGINT"),
            ("key_id", "BIGINT"),
            ("seq", "BIGINT"),
            ("points", "BIGINT"),
            ("step0", "BIGINT"),
            ("step1", "BIGINT"),
            ("at0", "BIGINT"),
            ("at1", "BIGINT"),
            ("min_value", "DOUBLE PRECISION"),
            ("max_value", "DOUBLE PRECISION"),
            ("data_id", "BIGINT"),
            ("buckets", "BYTEA"),
        ],
        tail: "",
    };
    on.insert(&into, &values)?;
    Ok(())
}

/// Stores the bytes of chunks; their ids, in the order of the chunks.
fn insert_data(on: &mut impl Writes, chunks: &[NewChunk]) -> Result<Vec<i64>> {
    let workspace = on.workspace();
    let into = Insert {
        table: "metric_chunk_data",
        columns: &[("workspace_id", "BIGINT"), ("data", "BYTEA")],
        tail: " RETURNING id",
    };
    let values: Vec<Value> =
        chunks.iter().flat_map(|chunk| params![workspace, chunk::write(&chunk.points)]).collect();
    let rows = on.insert_returning(&into, &values)?;
    let mut ids: Vec<i64> = rows.iter().map(|row| row.get(0)).collect::<Result<_>>()?;
    // Both databases count up row by row, in the order of the values; in which order they return the rows is not said.
    ids.sort_unstable();
    Ok(ids)
}

/// Deletes the chunks, heads and bytes.
pub(super) fn delete(on: &mut impl Writes, series: Series, heads: &[Head]) -> Result<()> {
    let workspace = on.workspace();
    for piece in heads.chunks(READ) {
        // The last one repeated: few statements serve every number of chunks.
        let size = piece.len().next_power_of_two();
        let padded =
            |of: fn(&Head) -> i64| (0..size).map(move |i| Value::from(of(&piece[i.min(piece.len() - 1)])));
        let mut values = params![workspace].to_vec();
        values.extend(padded(|head| head.data));
        let sql = format!(
            "DELETE FROM metric_chunk_data WHERE workspace_id = $1 AND id IN ({})",
            placeholders(2, size)
        );
        on.run(&sql, &values)?;
        let mut values = params![workspace, series.run, series.key].to_vec();
        values.extend(padded(|head| head.seq));
        let sql = format!(
            "DELETE FROM metric_chunk WHERE workspace_id = $1 AND run_id = $2 AND key_id = $3 AND seq IN ({})",
            placeholders(4, size)
        );
        on.run(&sql, &values)?;
    }
    Ok(())
}

/// The points of each chunk, by `seq`.
pub(super) fn read(on: &mut impl Reads, series: Series, heads: &[Head]) -> Result<HashMap<i64, Vec<Point>>> {
    let mut found = HashMap::with_capacity(heads.len());
    for piece in heads.chunks(READ) {
        let of_data: HashMap<i64, &Head> = piece.iter().map(|head| (head.data, head)).collect();
        // The last id repeated: one statement for every number of chunks.
        let size = if piece.len() == 1 { 1 } else { READ };
        let mut values = vec![Value::from(on.workspace())];
        values.extend((0..size).map(|i| Value::from(piece[i.min(piece.len() - 1)].data)));
        let sql = format!(
            "SELECT id, data FROM metric_chunk_data WHERE workspace_id = $1 AND id IN ({})",
            placeholders(2, size)
        );
        for row in on.rows(&sql, &values)? {
            let Some(head) = of_data.get(&row.get(0)?) else { continue };
            let points = chunk::read(&row.get::<Vec<u8>>(1)?, head.points);
            found.insert(head.seq, points.map_err(|e| damaged(e, series, head.seq))?);
        }
    }
    if found.len() != heads.len() {
        let Series { run, key } = series;
        return Err(Error::Database {
            message: format!("a chunk of metric {key} of run {run} has no bytes"),
        });
    }
    Ok(found)
}

/// The buckets of the chunks from `first` to `last`, by `seq`.
pub(super) fn buckets(
    on: &mut impl Reads,
    series: Series,
    (first, last): (i64, i64),
) -> Result<HashMap<i64, Vec<Bucket>>> {
    let workspace = on.workspace();
    let rows = on.rows(
        "SELECT seq, buckets FROM metric_chunk WHERE workspace_id = $1 AND run_id = $2 AND key_id = $3 \
         AND seq >= $4 AND seq <= $5",
        &params![workspace, series.run, series.key, first, last],
    )?;
    rows.iter()
        .map(|row| {
            let seq: i64 = row.get(0)?;
            let buckets = chunk::read_buckets(&row.get::<Vec<u8>>(1)?);
            Ok((seq, buckets.map_err(|e| damaged(e, series, seq))?))
        })
        .collect()
}
