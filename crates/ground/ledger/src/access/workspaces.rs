//! Workspaces: the boundary that names, grants and searches stop at.

use serde::Serialize;
use serde_json::json;
use types::{Actor, Timestamp, WorkspaceId};

use super::changed;
use crate::{Error, Ledger, Row, params};

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Workspace {
    pub id: WorkspaceId,
    pub name: String,
    pub description: Option<String>,
    /// Where clients of this workspace keep artifacts themselves; `None` is the server's own store.
    pub artifact_root: Option<String>,
    pub created_at: Timestamp,
}

const COLUMNS: &str = "id, name, description, artifact_root, created_at";

fn workspace(row: &Row) -> Result<Workspace, Error> {
    Ok(Workspace {
        id: row.get("id")?,
        name: row.get("name")?,
        description: row.get("description")?,
        artifact_root: row.get("artifact_root")?,
        created_at: row.get("created_at")?,
    })
}

impl Ledger {
    /// By name.
    pub async fn workspaces(&self) -> Result<Vec<Workspace>, Error> {
        self.read(WorkspaceId::DEFAULT, |rx| {
            let sql = format!("SELECT {COLUMNS} FROM workspace WHERE NOT deleted ORDER BY name");
            rx.query(&sql, &[])?.iter().map(workspace).collect()
        })
        .await
    }

    pub async fn workspace_named(&self, name: &str) -> Result<Option<Workspace>, Error> {
        let name = name.to_owned();
        self.read(WorkspaceId::DEFAULT, move |rx| {
            let sql = format!("SELECT {COLUMNS} FROM workspace WHERE name = $1");
            rx.query_opt(&sql, &params![&name])?.as_ref().map(workspace).transpose()
        })
        .await
    }

    /// Errors: `Exists`.
    pub async fn create_workspace(
        &self,
        actor: &Actor,
        name: &str,
        description: Option<String>,
        artifact_root: Option<String>,
    ) -> Result<Workspace, Error> {
        let name = name.to_owned();
        self.write(actor, move |tx| {
            let (now, uid) = (tx.now(), tx.new_id());
            if tx.query_opt("SELECT id FROM workspace WHERE name = $1", &params![&name])?.is_some() {
                return Err(Error::Exists(format!("workspace `{name}`")));
            }
            // Rows of deleted workspaces stay, so a number is never used again.
            let last: i64 = tx.query_one("SELECT MAX(id) AS last FROM workspace", &[])?.get("last")?;
            let sql = format!(
                "INSERT INTO workspace (id, uid, name, description, artifact_root, created_at, deleted) \
                 VALUES ($1, $2, $3, $4, $5, $6, FALSE) RETURNING {COLUMNS}"
            );
            let values = params![last + 1, uid, &name, description.as_deref(), artifact_root.as_deref(), now];
            let made = workspace(&tx.query_one(&sql, &values)?)?;
            changed(tx)?;
            tx.event("workspace.created", &format!("workspace:{}", made.id.0), json!({}))?;
            Ok(made)
        })
        .await
    }

    /// `None` leaves a field as it is; an empty text clears it. Errors: `Missing`.
    pub async fn update_workspace(
        &self,
        actor: &Actor,
        name: &str,
        description: Option<String>,
        artifact_root: Option<String>,
    ) -> Result<Workspace, Error> {
        let name = name.to_owned();
        self.write(actor, move |tx| {
            let sql = format!("SELECT {COLUMNS} FROM workspace WHERE name = $1");
            let row = tx.query_opt(&sql, &params![&name])?;
            let mut found = workspace(&row.ok_or_else(|| Error::Missing(format!("workspace `{name}`")))?)?;
            let set = |new: &Option<String>, old: Option<String>| match new {
                Some(text) => Some(text.clone()).filter(|t| !t.is_empty()),
                None => old,
            };
            found.description = set(&description, found.description);
            found.artifact_root = set(&artifact_root, found.artifact_root);
            tx.execute(
                "UPDATE workspace SET description = $1, artifact_root = $2 WHERE id = $3",
                &params![found.description.as_deref(), found.artifact_root.as_deref(), found.id],
            )?;
            changed(tx)?;
            tx.event("workspace.updated", &format!("workspace:{}", found.id.0), json!({}))?;
            Ok(found)
        })
        .await
    }

    /// Its groups and grants go with it; whoever calls makes sure that nothing else is in it. Its number is never used
    /// again. Errors: `Missing`; `Reserved` for the first workspace.
    pub async fn delete_workspace(&self, actor: &Actor, name: &str) -> Result<(), Error> {
        let name = name.to_owned();
        self.write(actor, move |tx| {
            let row = tx.query_opt("SELECT id FROM workspace WHERE name = $1", &params![&name])?;
            let id: WorkspaceId =
                row.ok_or_else(|| Error::Missing(format!("workspace `{name}`")))?.get("id")?;
            if id == WorkspaceId::DEFAULT {
                return Err(Error::Reserved { name: name.clone(), prefix: "default" });
            }
            for sql in [
                "DELETE FROM access_grant WHERE workspace_id = $1",
                "DELETE FROM group_member WHERE workspace_id = $1",
                "DELETE FROM access_group WHERE workspace_id = $1",
            ] {
                tx.execute(sql, &params![id])?;
            }
            tx.execute(
                "UPDATE workspace SET deleted = TRUE, name = $1 WHERE id = $2",
                &params![format!("{name}:deleted:{}", id.0), id],
            )?;
            changed(tx)?;
            tx.event("workspace.deleted", &format!("workspace:{}", id.0), json!({}))
        })
        .await
    }
}
