use ledger::{Row, params};

use super::{Reads, Result, Writes, json};
use crate::ActionRun;
use crate::hooks::{HookRow, Hooked, Ran};

pub(crate) fn insert(
    db: &mut impl Writes,
    repository: i64,
    id: &str,
    hooked: &Hooked,
    ran: &Ran,
    passed: bool,
) -> Result<()> {
    let (workspace, now) = (db.workspace(), db.time());
    // Before there is a commit it has no name.
    let commit = hooked.commit.as_ref().filter(|_| passed).map(|commit| commit.id.hex());
    let sql = "INSERT INTO action_run (workspace_id, repository_id, id, event, branch, source, commit_id, state, \
        started_at, ended_at, hooks) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    let values = params![
        workspace,
        repository,
        id,
        hooked.event.name(),
        &hooked.branch,
        &hooked.source,
        commit.unwrap_or_default(),
        if passed { "completed" } else { "failed" },
        ran.started_at,
        now,
        serde_json::json!(ran.hooks)
    ];
    db.run(sql, &values)?;
    Ok(())
}

const COLUMNS: &str = "id, event, branch, commit_id, state, started_at, ended_at, hooks";

fn run(row: &Row) -> Result<ActionRun> {
    let state: String = row.get("state")?;
    Ok(ActionRun {
        id: row.get("id")?,
        branch: row.get("branch")?,
        commit: row.get("commit_id")?,
        event: row.get("event")?,
        started_at: row.get("started_at")?,
        ended_at: row.get("ended_at")?,
        passed: state == "completed",
    })
}

/// A run and what its hooks said.
pub(crate) fn find(
    db: &mut impl Reads,
    repository: i64,
    id: &str,
) -> Result<Option<(ActionRun, Vec<HookRow>)>> {
    let workspace = db.workspace();
    let sql = format!(
        "SELECT {COLUMNS} FROM action_run WHERE workspace_id = $1 AND repository_id = $2 AND id = $3"
    );
    db.row(&sql, &params![workspace, repository, id])?
        .map(|row| Ok((run(&row)?, json(&row, "hooks")?)))
        .transpose()
}

/// Newest first; `after` is an id.
pub(crate) fn list(
    db: &mut impl Reads,
    repository: i64,
    branch: &str,
    commit: &str,
    after: &str,
    limit: usize,
) -> Result<Vec<ActionRun>> {
    let workspace = db.workspace();
    let sql = format!(
        "SELECT {COLUMNS} FROM action_run WHERE workspace_id = $1 AND repository_id = $2 \
         AND ($3 = '' OR branch = $3) AND ($4 = '' OR commit_id = $4) AND ($5 = '' OR id < $5) \
         ORDER BY id DESC LIMIT $6"
    );
    let values = params![workspace, repository, branch, commit, after, limit];
    db.rows(&sql, &values)?.iter().map(run).collect()
}
