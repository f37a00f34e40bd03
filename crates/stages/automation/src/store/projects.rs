use ledger::{Tx, params};

use super::{Reads, Result, json, text};
use crate::declare::{AppliedProject, Declaration, NewApply};

pub(crate) fn put(tx: &mut Tx<'_>, apply: &NewApply) -> Result<()> {
    let (workspace, now, by) = (tx.workspace(), tx.now(), tx.actor().to_string());
    tx.execute(
        "INSERT INTO project (workspace_id, name, body, dir, code, applied_at, applied_by) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (workspace_id, name) DO UPDATE SET body = excluded.body, dir = excluded.dir, \
         code = excluded.code, applied_at = excluded.applied_at, applied_by = excluded.applied_by",
        &params![workspace, &apply.project, &apply.text, &apply.dir, text(&apply.code)?, now, by],
    )?;
    tx.execute(
        "DELETE FROM declaration WHERE workspace_id = $1 AND project = $2",
        &params![workspace, &apply.project],
    )?;
    for declaration in &apply.declarations {
        tx.execute(
            "INSERT INTO declaration (workspace_id, kind, name, project, spec) VALUES ($1, $2, $3, $4, $5)",
            &params![
                workspace,
                &declaration.kind,
                &declaration.name,
                &apply.project,
                text(&declaration.spec)?
            ],
        )?;
    }
    Ok(())
}

pub(crate) fn list(r: &mut impl Reads) -> Result<Vec<AppliedProject>> {
    let workspace = r.workspace();
    let sql = "SELECT name, body, dir, code, applied_at, applied_by FROM project WHERE workspace_id = $1 \
         ORDER BY applied_at DESC, name";
    r.rows(sql, &params![workspace])?
        .iter()
        .map(|row| {
            Ok(AppliedProject {
                name: row.get("name")?,
                text: row.get("body")?,
                dir: row.get("dir")?,
                code: json(row, "code")?,
                applied_at: row.get("applied_at")?,
                applied_by: row.get("applied_by")?,
            })
        })
        .collect()
}

pub(crate) fn declarations(r: &mut impl Reads) -> Result<Vec<Declaration>> {
    let workspace = r.workspace();
    let sql = "SELECT kind, name, project, spec FROM declaration WHERE workspace_id = $1 ORDER BY kind, name";
    r.rows(sql, &params![workspace])?
        .iter()
        .map(|row| {
            Ok(Declaration {
                kind: row.get("kind")?,
                name: row.get("name")?,
                project: row.get("project")?,
                spec: json(row, "spec")?,
            })
        })
        .collect()
}
