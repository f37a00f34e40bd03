//! What garbage collection reads and remembers.

use std::collections::{HashMap, HashSet};

use ledger::{FactTx, Rx, Tx, Value, params};
use types::{Digest, Timestamp, Uid, WorkspaceId};

use super::nodes::{bytes, digest};
use super::{Reads, Result, Writes, json, placeholders, rules};
use crate::gc::{History, Known};

/// Values of one statement.
const PIECE: usize = 128;

/// One node, as a sweep sees it.
pub(crate) struct NodeRow {
    pub id: Digest,
    pub kept_at: Timestamp,
    pub condemned_at: Option<Timestamp>,
}

/// When the last pass ended, or the wait for the first one began.
pub(crate) fn last_pass(rx: &mut Rx<'_>) -> Result<Option<Timestamp>> {
    let sql = "SELECT ended_at FROM garbage_pass WHERE workspace_id = $1";
    rx.query_opt(sql, &params![WorkspaceId::DEFAULT])?.map(|row| row.get("ended_at")).transpose()
}

/// A pass ends now, or the wait for the first one begins.
pub(crate) fn passed(db: &mut impl Writes) -> Result<()> {
    let sql = "INSERT INTO garbage_pass (workspace_id, ended_at) VALUES ($1, $2) \
        ON CONFLICT (workspace_id) DO UPDATE SET ended_at = excluded.ended_at";
    let now = db.time();
    db.run(sql, &params![WorkspaceId::DEFAULT, now])?;
    Ok(())
}

/// Those with staged layers that were dropped before `until`, also where no repository is left.
pub(crate) fn swept(rx: &mut Rx<'_>, until: Timestamp) -> Result<Vec<WorkspaceId>> {
    let sql = "SELECT DISTINCT workspace_id FROM staging WHERE state = 2 AND changed_at < $1";
    rx.query(sql, &params![until])?.iter().map(|row| row.get("workspace_id")).collect()
}

/// Those that have repositories: what is staged and uploaded in them is looked at too.
pub(crate) fn workspaces(rx: &mut Rx<'_>) -> Result<Vec<WorkspaceId>> {
    let sql = "SELECT DISTINCT workspace_id FROM repository";
    rx.query(sql, &[])?.iter().map(|row| row.get("workspace_id")).collect()
}

/// Of all repositories of a workspace, by their numbers.
pub(crate) fn histories(rx: &mut Rx<'_>) -> Result<Vec<(i64, History)>> {
    let workspace = rx.workspace();
    let mut histories: HashMap<i64, History> = HashMap::new();
    for row in rx.query("SELECT id FROM repository WHERE workspace_id = $1", &params![workspace])? {
        let id = row.get("id")?;
        let rules = rules::retention(rx, id)?;
        histories.insert(id, History { rules, ..History::default() });
    }
    let mut each =
        |sql: &str, take: &mut dyn FnMut(&mut History, &ledger::Row) -> Result<()>| -> Result<()> {
            for row in rx.query(sql, &params![workspace])? {
                if let Some(history) = histories.get_mut(&row.get("repository_id")?) {
                    take(history, &row)?;
                }
            }
            Ok(())
        };
    each(
        "SELECT repository_id, id, parents, created_at, root FROM repository_commit WHERE workspace_id = $1",
        &mut |history, row| {
            let known = Known {
                parents: json(row, "parents")?,
                created_at: row.get("created_at")?,
                root: row.get("root")?,
            };
            history.commits.insert(row.get("id")?, known);
            Ok(())
        },
    )?;
    each(
        "SELECT repository_id, name, commit_id FROM branch WHERE workspace_id = $1",
        &mut |history, row| {
            history.branches.push((row.get("name")?, row.get("commit_id")?));
            Ok(())
        },
    )?;
    each("SELECT repository_id, commit_id FROM tag WHERE workspace_id = $1", &mut |history, row| {
        history.tags.push(row.get("commit_id")?);
        Ok(())
    })?;
    each(
        "SELECT repository_id, commit_id, root FROM candidate WHERE workspace_id = $1",
        &mut |history, row| {
            history.candidates.push((row.get("commit_id")?, row.get("root")?));
            Ok(())
        },
    )?;
    each(
        "SELECT repository_id, commit_id, expired_at FROM commit_expiry WHERE workspace_id = $1",
        &mut |history, row| {
            history.expiries.insert(row.get("commit_id")?, row.get("expired_at")?);
            Ok(())
        },
    )?;
    Ok(histories.into_iter().collect())
}

/// Staged entries of all layers behind a layer and path.
#[expect(clippy::type_complexity, reason = "one row")]
pub(crate) fn staged(
    rx: &mut Rx<'_>,
    after: &(i64, Vec<u8>),
    limit: usize,
) -> Result<Vec<(i64, Vec<u8>, Option<Vec<u8>>)>> {
    let sql = "SELECT staging_id, path, object FROM staged_entry WHERE workspace_id = $1 \
        AND (staging_id > $2 OR (staging_id = $2 AND path > $3)) ORDER BY staging_id, path LIMIT $4";
    let values = params![rx.workspace(), after.0, after.1.as_slice(), limit];
    rx.query(sql, &values)?
        .iter()
        .map(|row| Ok((row.get("staging_id")?, row.get("path")?, row.get("object")?)))
        .collect()
}

/// Parts of uploads behind an upload and number.
pub(crate) fn parts(
    rx: &mut Rx<'_>,
    after: &(String, i64),
    limit: usize,
) -> Result<Vec<(String, i64, Digest)>> {
    let sql = "SELECT upload_id, number, digest FROM upload_part WHERE workspace_id = $1 \
        AND (upload_id > $2 OR (upload_id = $2 AND number > $3)) ORDER BY upload_id, number LIMIT $4";
    rx.query(sql, &params![rx.workspace(), &after.0, after.1, limit])?
        .iter()
        .map(|row| Ok((row.get("upload_id")?, row.get("number")?, row.get("digest")?)))
        .collect()
}

/// What links took.
pub(crate) fn links(rx: &mut Rx<'_>) -> Result<Vec<crate::Received>> {
    let sql = "SELECT received FROM link WHERE workspace_id = $1 AND received IS NOT NULL";
    let workspace = rx.workspace();
    rx.query(sql, &params![workspace])?.iter().map(|row| json(row, "received")).collect()
}

pub(crate) fn uid(tx: &mut Tx<'_>, repository: i64) -> Result<Option<Uid>> {
    let values = params![tx.workspace(), repository];
    let row = tx.query_opt("SELECT uid FROM repository WHERE workspace_id = $1 AND id = $2", &values)?;
    row.map(|row| row.get("uid")).transpose()
}

/// Of those that no ref came to stand at since they were found expired.
pub(crate) fn expire(tx: &mut FactTx<'_>, repository: i64, commits: &[Digest]) -> Result<()> {
    let (workspace, now) = (tx.workspace(), tx.now());
    let stood_at = stood_at(tx, repository)?;
    let sql = "INSERT INTO commit_expiry (workspace_id, repository_id, commit_id, expired_at) \
        VALUES ($1, $2, $3, $4) ON CONFLICT (workspace_id, repository_id, commit_id) DO NOTHING";
    let expired = commits.iter().filter(|id| !stood_at.contains(*id));
    tx.execute_many(sql, expired.map(|id| params![workspace, repository, id.hex(), now].to_vec()))?;
    Ok(())
}

/// The commits that branches and tags stand at.
fn stood_at(db: &mut impl Reads, repository: i64) -> Result<HashSet<Digest>> {
    let sql = "SELECT commit_id FROM branch WHERE workspace_id = $1 AND repository_id = $2 \
        UNION SELECT commit_id FROM tag WHERE workspace_id = $1 AND repository_id = $2";
    let values = params![db.workspace(), repository];
    db.rows(sql, &values)?.iter().map(|row| row.get("commit_id")).collect()
}

pub(crate) fn unexpire(tx: &mut FactTx<'_>, repository: i64, commits: &[Digest]) -> Result<()> {
    let workspace = tx.workspace();
    let sql = "DELETE FROM commit_expiry WHERE workspace_id = $1 AND repository_id = $2 AND commit_id = $3";
    tx.execute_many(sql, commits.iter().map(|id| params![workspace, repository, id.hex()].to_vec()))?;
    Ok(())
}

/// Whether a pass found that retention does not keep it.
pub(crate) fn is_expired(tx: &mut Tx<'_>, repository: i64, commit: &Digest) -> Result<bool> {
    let sql = "SELECT commit_id FROM commit_expiry \
        WHERE workspace_id = $1 AND repository_id = $2 AND commit_id = $3";
    let values = params![tx.workspace(), repository, commit.hex()];
    Ok(tx.query_opt(sql, &values)?.is_some())
}

/// Those of `commits` that are expired still. How many.
pub(crate) fn remove_commits(tx: &mut Tx<'_>, repository: i64, commits: &[Digest]) -> Result<u64> {
    let workspace = tx.workspace();
    let stood_at = stood_at(tx, repository)?;
    let sql = "DELETE FROM repository_commit WHERE workspace_id = $1 AND repository_id = $2 AND id = $3 \
        AND EXISTS (SELECT 1 FROM commit_expiry e WHERE e.workspace_id = $1 AND e.repository_id = $2 \
        AND e.commit_id = $3)";
    let removed = commits.iter().filter(|id| !stood_at.contains(*id));
    tx.execute_many(sql, removed.map(|id| params![workspace, repository, id.hex()].to_vec()))
}

/// Nodes whose id begins with `first`.
pub(crate) fn nodes(rx: &mut Rx<'_>, first: u8) -> Result<Vec<NodeRow>> {
    let rows =
        shard(rx, "SELECT id, kept_at, condemned_at FROM tree_node WHERE workspace_id = $1", "id", first)?;
    rows.iter()
        .map(|row| {
            Ok(NodeRow {
                id: digest(row, "id")?,
                kept_at: row.get("kept_at")?,
                condemned_at: row.get("condemned_at")?,
            })
        })
        .collect()
}

/// Packs that have nodes, whose digest begins with `first`.
pub(crate) fn packs(rx: &mut Rx<'_>, first: u8) -> Result<Vec<Digest>> {
    let rows = shard(rx, "SELECT DISTINCT pack FROM tree_node WHERE workspace_id = $1", "pack", first)?;
    rows.iter().map(|row| digest(row, "pack")).collect()
}

pub(crate) fn condemned(rx: &mut Rx<'_>, first: u8) -> Result<Vec<(Digest, Timestamp)>> {
    let sql = "SELECT digest, condemned_at FROM condemned_blob WHERE workspace_id = $1";
    let rows = shard(rx, sql, "digest", first)?;
    rows.iter().map(|row| Ok((digest(row, "digest")?, row.get("condemned_at")?))).collect()
}

fn shard(rx: &mut Rx<'_>, select: &str, column: &str, first: u8) -> Result<Vec<ledger::Row>> {
    let workspace = rx.workspace();
    let from = vec![first];
    match first.checked_add(1) {
        Some(end) => rx.query(
            &format!("{select} AND {column} >= $2 AND {column} < $3"),
            &params![workspace, from, vec![end]],
        ),
        None => rx.query(&format!("{select} AND {column} >= $2"), &params![workspace, from]),
    }
}

/// Condemns those of the nodes that were not kept since `until`.
pub(crate) fn condemn_nodes(tx: &mut FactTx<'_>, ids: &[Digest], until: Timestamp) -> Result<()> {
    for piece in ids.chunks(PIECE) {
        let sql = format!(
            "UPDATE tree_node SET condemned_at = $2 WHERE workspace_id = $1 AND kept_at < $3 AND id IN ({})",
            placeholders(4, piece.len())
        );
        let mut values = params![tx.workspace(), tx.now(), until].to_vec();
        values.extend(piece.iter().map(bytes));
        tx.execute(&sql, &values)?;
    }
    Ok(())
}

pub(crate) fn spare_nodes(tx: &mut FactTx<'_>, ids: &[Digest]) -> Result<()> {
    for piece in ids.chunks(PIECE) {
        let sql = format!(
            "UPDATE tree_node SET condemned_at = NULL WHERE workspace_id = $1 AND id IN ({})",
            placeholders(2, piece.len())
        );
        let mut values = params![tx.workspace()].to_vec();
        values.extend(piece.iter().map(bytes));
        tx.execute(&sql, &values)?;
    }
    Ok(())
}

/// Removes nodes that are condemned since then still: one that was kept anew is not. How many.
pub(crate) fn remove_nodes(tx: &mut FactTx<'_>, rows: &[(Digest, Timestamp)]) -> Result<u64> {
    let workspace = tx.workspace();
    let sql = "DELETE FROM tree_node WHERE workspace_id = $1 AND id = $2 AND condemned_at = $3";
    tx.execute_many(sql, rows.iter().map(|(id, at)| params![workspace, bytes(id), *at].to_vec()))
}

pub(crate) fn condemn_blobs(tx: &mut FactTx<'_>, digests: &[Digest], now: Timestamp) -> Result<()> {
    let workspace = tx.workspace();
    let sql = "INSERT INTO condemned_blob (workspace_id, digest, condemned_at) VALUES ($1, $2, $3) \
        ON CONFLICT (workspace_id, digest) DO NOTHING";
    tx.execute_many(sql, digests.iter().map(|digest| params![workspace, bytes(digest), now].to_vec()))?;
    Ok(())
}

pub(crate) fn forget_blobs(tx: &mut FactTx<'_>, digests: &[Digest]) -> Result<()> {
    let workspace = tx.workspace();
    for piece in digests.chunks(PIECE) {
        let sql = format!(
            "DELETE FROM condemned_blob WHERE workspace_id = $1 AND digest IN ({})",
            placeholders(2, piece.len())
        );
        let mut values: Vec<Value> = params![workspace].to_vec();
        values.extend(piece.iter().map(bytes));
        tx.execute(&sql, &values)?;
    }
    Ok(())
}
