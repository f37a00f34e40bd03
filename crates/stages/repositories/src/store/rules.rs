use ledger::params;

use super::{Reads, Result, Writes, json};
use crate::{Protection, Retention};

pub(crate) fn protections(db: &mut impl Reads, repository: i64) -> Result<Vec<Protection>> {
    let workspace = db.workspace();
    let sql = "SELECT pattern, staging, commits FROM branch_protection \
        WHERE workspace_id = $1 AND repository_id = $2 ORDER BY pattern";
    db.rows(sql, &params![workspace, repository])?
        .iter()
        .map(|row| {
            Ok(Protection {
                pattern: row.get("pattern")?,
                staging: row.get("staging")?,
                commits: row.get("commits")?,
            })
        })
        .collect()
}

/// In place of those that were there.
pub(crate) fn set_protections(db: &mut impl Writes, repository: i64, rules: &[Protection]) -> Result<()> {
    let workspace = db.workspace();
    db.run(
        "DELETE FROM branch_protection WHERE workspace_id = $1 AND repository_id = $2",
        &params![workspace, repository],
    )?;
    for rule in rules {
        db.run(
            "INSERT INTO branch_protection (workspace_id, repository_id, pattern, staging, commits) \
             VALUES ($1, $2, $3, $4, $5)",
            &params![workspace, repository, &rule.pattern, rule.staging, rule.commits],
        )?;
    }
    Ok(())
}

pub(crate) fn retention(db: &mut impl Reads, repository: i64) -> Result<Option<Retention>> {
    let workspace = db.workspace();
    let sql = "SELECT default_days, branches FROM retention WHERE workspace_id = $1 AND repository_id = $2";
    db.row(sql, &params![workspace, repository])?
        .map(|row| {
            let days: i64 = row.get("default_days")?;
            Ok(Retention {
                default_days: u32::try_from(days).unwrap_or(u32::MAX),
                branches: json(&row, "branches")?,
            })
        })
        .transpose()
}

pub(crate) fn set_retention(db: &mut impl Writes, repository: i64, rules: Option<&Retention>) -> Result<()> {
    let workspace = db.workspace();
    db.run(
        "DELETE FROM retention WHERE workspace_id = $1 AND repository_id = $2",
        &params![workspace, repository],
    )?;
    if let Some(rules) = rules {
        db.run(
            "INSERT INTO retention (workspace_id, repository_id, default_days, branches) VALUES ($1, $2, $3, $4)",
            &params![workspace, repository, rules.default_days, serde_json::json!(rules.branches)],
        )?;
    }
    Ok(())
}
