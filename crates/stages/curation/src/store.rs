//! All SQL of this stage.

use ledger::{Row, Rx, Tx, params};
use types::Digest;

use crate::{Error, Outcome};

pub(crate) struct NewCheck {
    pub dataset: String,
    pub candidate: Digest,
    pub passed: bool,
    pub summary: String,
    pub checks: usize,
    pub failed: usize,
    pub rows: i64,
    pub report: Digest,
    pub text: Digest,
    pub expectations: Digest,
}

const OUTCOME: &str = "SELECT dataset, candidate_digest, passed, summary, checks, failed, rows, report_digest, \
    text_digest, expectations_digest, checked_at, checked_by FROM data_check";

pub(crate) fn insert(tx: &mut Tx<'_>, new: &NewCheck) -> Result<(), Error> {
    let (workspace, now, actor) = (tx.workspace(), tx.now(), tx.actor().to_string());
    tx.execute(
        "INSERT INTO data_check (workspace_id, dataset, candidate_digest, passed, summary, checks, failed, rows, \
         report_digest, text_digest, expectations_digest, checked_at, checked_by) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        &params![
            workspace,
            &new.dataset,
            new.candidate,
            new.passed,
            &new.summary,
            new.checks,
            new.failed,
            new.rows,
            new.report,
            new.text,
            new.expectations,
            now,
            actor
        ],
    )?;
    Ok(())
}

/// The newest one about that candidate.
pub(crate) fn by_candidate(
    rx: &mut Rx<'_>,
    dataset: &str,
    candidate: &Digest,
) -> Result<Option<Outcome>, Error> {
    let workspace = rx.workspace();
    let sql = format!(
        "{OUTCOME} WHERE workspace_id = $1 AND candidate_digest = $2 AND dataset = $3 ORDER BY id DESC LIMIT 1"
    );
    rx.query_opt(&sql, &params![workspace, candidate, dataset])?.as_ref().map(outcome).transpose()
}

/// Newest first.
pub(crate) fn by_dataset(rx: &mut Rx<'_>, dataset: &str, limit: u32) -> Result<Vec<Outcome>, Error> {
    let workspace = rx.workspace();
    let sql = format!("{OUTCOME} WHERE workspace_id = $1 AND dataset = $2 ORDER BY id DESC LIMIT $3");
    rx.query(&sql, &params![workspace, dataset, limit])?.iter().map(outcome).collect()
}

fn outcome(row: &Row) -> Result<Outcome, Error> {
    Ok(Outcome {
        dataset: row.get("dataset")?,
        candidate: row.get("candidate_digest")?,
        passed: row.get("passed")?,
        summary: row.get("summary")?,
        checks: row.get("checks")?,
        failed: row.get("failed")?,
        rows: row.get("rows")?,
        report: row.get("report_digest")?,
        text: row.get("text_digest")?,
        expectations: row.get("expectations_digest")?,
        checked_at: row.get("checked_at")?,
        checked_by: row.get("checked_by")?,
    })
}
