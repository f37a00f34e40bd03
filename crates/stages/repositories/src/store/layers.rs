//! Layers of staged changes: `staging` rows and their entries.

use std::collections::HashMap;

use ledger::{Insert, Value, params};

use super::{Reads, Result, Writes, after_prefix, placeholders};

const OPEN: i64 = 0;
const SEALED: i64 = 1;
const DROPPED: i64 = 2;
/// Paths of one statement.
const PIECE: usize = 128;

/// A path and its object, encoded; `None` where it is deleted.
pub(crate) type Staged = (Vec<u8>, Option<Vec<u8>>);

/// The layers of a branch, newest first; the first is the open one.
pub(crate) fn of_branch(db: &mut impl Reads, branch: i64) -> Result<Vec<i64>> {
    let workspace = db.workspace();
    let sql = "SELECT id FROM staging WHERE workspace_id = $1 AND branch_id = $2 AND state < $3 \
        ORDER BY state, id DESC";
    db.rows(sql, &params![workspace, branch, DROPPED])?.iter().map(|row| row.get("id")).collect()
}

pub(crate) fn open(db: &mut impl Writes, repository: i64, branch: i64) -> Result<i64> {
    let (workspace, now) = (db.workspace(), db.time());
    let sql = "INSERT INTO staging (workspace_id, repository_id, branch_id, state, changed_at) \
        VALUES ($1, $2, $3, $4, $5) RETURNING id";
    match db.row(sql, &params![workspace, repository, branch, OPEN, now])? {
        Some(row) => row.get("id"),
        None => Err(ledger::Error::NotOneRow { found: 0 }),
    }
}

/// Closes the open layer to writes and opens another.
pub(crate) fn seal(db: &mut impl Writes, repository: i64, branch: i64) -> Result<()> {
    let (workspace, now) = (db.workspace(), db.time());
    let sql = "UPDATE staging SET state = $1, changed_at = $2 \
        WHERE workspace_id = $3 AND branch_id = $4 AND state = $5";
    db.run(sql, &params![SEALED, now, workspace, branch, OPEN])?;
    open(db, repository, branch)?;
    Ok(())
}

pub(crate) fn drop_layers(db: &mut impl Writes, layers: &[i64]) -> Result<()> {
    let (workspace, now) = (db.workspace(), db.time());
    let sql = "UPDATE staging SET state = $1, changed_at = $2 WHERE workspace_id = $3 AND id = $4";
    for layer in layers {
        db.run(sql, &params![DROPPED, now, workspace, *layer])?;
    }
    Ok(())
}

/// Puts what older layers say into `to`, which counts where both say something, and drops them. `older` is newest
/// first.
pub(crate) fn compact(db: &mut impl Writes, to: i64, older: &[i64]) -> Result<()> {
    let workspace = db.workspace();
    let sql = "INSERT INTO staged_entry (workspace_id, staging_id, path, object) \
        SELECT workspace_id, CAST($1 AS BIGINT), path, object FROM staged_entry \
        WHERE workspace_id = $2 AND staging_id = $3 ON CONFLICT (workspace_id, staging_id, path) DO NOTHING";
    for layer in older {
        db.run(sql, &params![to, workspace, *layer])?;
    }
    drop_layers(db, older)
}

/// What the newest layer that knows the path says of it.
pub(crate) fn find(db: &mut impl Reads, layers: &[i64], path: &[u8]) -> Result<Option<Option<Vec<u8>>>> {
    let workspace = db.workspace();
    let sql = "SELECT object FROM staged_entry WHERE workspace_id = $1 AND staging_id = $2 AND path = $3";
    for layer in layers {
        if let Some(row) = db.row(sql, &params![workspace, *layer, path])? {
            return Ok(Some(row.get("object")?));
        }
    }
    Ok(None)
}

/// As [`find`], for every path, in their order.
pub(crate) fn find_many(
    db: &mut impl Reads,
    layers: &[i64],
    paths: &[String],
) -> Result<Vec<Option<Option<Vec<u8>>>>> {
    if let [path] = paths {
        return Ok(vec![find(db, layers, path.as_bytes())?]);
    }
    let mut found = vec![None; paths.len()];
    let workspace = db.workspace();
    for layer in layers {
        let open: Vec<usize> = (0..paths.len()).filter(|at| found[*at].is_none()).collect();
        for piece in open.chunks(PIECE) {
            let sql = format!(
                "SELECT path, object FROM staged_entry WHERE workspace_id = $1 AND staging_id = $2 AND path IN ({})",
                placeholders(3, piece.len())
            );
            let mut values = params![workspace, *layer].to_vec();
            values.extend(piece.iter().map(|at| Value::from(paths[*at].as_bytes())));
            let rows = db.rows(&sql, &values)?;
            let mut said = HashMap::with_capacity(rows.len());
            for row in &rows {
                said.insert(row.get::<Vec<u8>>("path")?, row.get("object")?);
            }
            if !said.is_empty() {
                for at in piece {
                    found[*at] = said.remove(paths[*at].as_bytes());
                }
            }
        }
    }
    Ok(found)
}

/// Entries of one layer with `prefix`, from the path `from` on, in order.
pub(crate) fn scan(
    db: &mut impl Reads,
    layer: i64,
    prefix: &[u8],
    from: &[u8],
    limit: usize,
) -> Result<Vec<Staged>> {
    let workspace = db.workspace();
    let from = if from > prefix { from } else { prefix };
    let found = match after_prefix(prefix) {
        Some(end) => db.rows(
            "SELECT path, object FROM staged_entry WHERE workspace_id = $1 AND staging_id = $2 \
             AND path >= $3 AND path < $4 ORDER BY path LIMIT $5",
            &params![workspace, layer, from, end, limit],
        )?,
        None => db.rows(
            "SELECT path, object FROM staged_entry WHERE workspace_id = $1 AND staging_id = $2 \
             AND path >= $3 ORDER BY path LIMIT $4",
            &params![workspace, layer, from, limit],
        )?,
    };
    found.iter().map(|row| Ok((row.get("path")?, row.get("object")?))).collect()
}

pub(crate) fn any_entry(db: &mut impl Reads, layers: &[i64]) -> Result<bool> {
    let workspace = db.workspace();
    let sql = "SELECT staging_id FROM staged_entry WHERE workspace_id = $1 AND staging_id = $2 LIMIT 1";
    for layer in layers {
        if db.row(sql, &params![workspace, *layer])?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Rows whose values are in memory at once.
const ROWS: usize = 2_048;

/// Writes entries of distinct paths to layers, many in a statement.
pub(crate) fn put(db: &mut impl Writes, entries: Vec<(i64, Staged)>) -> Result<()> {
    let workspace = db.workspace();
    let into = Insert {
        table: "staged_entry",
        columns: &[
            ("workspace_id", "BIGINT"),
            ("staging_id", "BIGINT"),
            ("path", "BYTEA"),
            ("object", "BYTEA"),
        ],
        tail: " ON CONFLICT (workspace_id, staging_id, path) DO UPDATE SET object = excluded.object",
    };
    let mut entries = entries.into_iter();
    while entries.len() > 0 {
        let mut values: Vec<Value> = Vec::with_capacity(entries.len().min(ROWS) * 4);
        for (layer, (path, object)) in entries.by_ref().take(ROWS) {
            values.extend(params![workspace, layer, path, object]);
        }
        db.insert(&into, &values)?;
    }
    Ok(())
}

/// Forgets what layers say of a path.
pub(crate) fn forget(db: &mut impl Writes, layers: &[i64], path: &[u8]) -> Result<u64> {
    let workspace = db.workspace();
    let sql = "DELETE FROM staged_entry WHERE workspace_id = $1 AND staging_id = $2 AND path = $3";
    let mut gone = 0;
    for layer in layers {
        gone += db.run(sql, &params![workspace, *layer, path])?;
    }
    Ok(gone)
}

/// Forgets what layers say of all paths with a prefix.
pub(crate) fn forget_prefix(db: &mut impl Writes, layers: &[i64], prefix: &[u8]) -> Result<u64> {
    let workspace = db.workspace();
    let mut gone = 0;
    for layer in layers {
        gone += match after_prefix(prefix) {
            Some(end) => db.run(
                "DELETE FROM staged_entry WHERE workspace_id = $1 AND staging_id = $2 \
                 AND path >= $3 AND path < $4",
                &params![workspace, *layer, prefix, end],
            )?,
            None => db.run(
                "DELETE FROM staged_entry WHERE workspace_id = $1 AND staging_id = $2 AND path >= $3",
                &params![workspace, *layer, prefix],
            )?,
        };
    }
    Ok(gone)
}

/// A layer that was dropped before `until` (microseconds), if there is one.
pub(crate) fn dropped(db: &mut impl Reads, until: i64) -> Result<Option<i64>> {
    let workspace = db.workspace();
    let sql = "SELECT id FROM staging WHERE workspace_id = $1 AND state = $2 AND changed_at < $3 \
        ORDER BY changed_at LIMIT 1";
    db.row(sql, &params![workspace, DROPPED, until])?.map(|row| row.get("id")).transpose()
}

/// Removes up to `limit` entries of a layer, and the layer itself if they were the last. Whether it is gone.
pub(crate) fn sweep(db: &mut impl Writes, layer: i64, limit: usize) -> Result<bool> {
    let workspace = db.workspace();
    let gone = db.run(
        "DELETE FROM staged_entry WHERE workspace_id = $1 AND staging_id = $2 AND path IN \
         (SELECT path FROM staged_entry WHERE workspace_id = $1 AND staging_id = $2 LIMIT $3)",
        &params![workspace, layer, limit],
    )?;
    if gone as usize >= limit {
        return Ok(false);
    }
    db.run("DELETE FROM staging WHERE workspace_id = $1 AND id = $2", &params![workspace, layer])?;
    Ok(true)
}
