use serde::Serialize;
use serde_json::json;
use types::{Actor, Role, Timestamp, WorkspaceId};

use super::{changed, role};
use crate::{Error, Ledger, Row, Tx, params};

/// A person or machine that may sign in. Accounts belong to the whole server and live in the first workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Account {
    pub id: i64,
    pub name: String,
    pub role: Role,
    pub disabled: bool,
    /// Whether it can sign in with a password; otherwise with tokens only.
    pub has_password: bool,
    pub created_at: Timestamp,
}

const COLUMNS: &str = "id, name, role, disabled, password_hash, created_at";

pub(super) fn account(row: &Row) -> Result<Account, Error> {
    Ok(Account {
        id: row.get("id")?,
        name: row.get("name")?,
        role: role(row)?,
        disabled: row.get("disabled")?,
        has_password: row.get::<Option<String>>("password_hash")?.is_some(),
        created_at: row.get("created_at")?,
    })
}

/// Errors: `Missing`.
pub(super) fn find(tx: &mut Tx<'_>, name: &str) -> Result<Account, Error> {
    let sql = format!("SELECT {COLUMNS} FROM account WHERE workspace_id = $1 AND name = $2");
    let row = tx.query_opt(&sql, &params![WorkspaceId::DEFAULT, name])?;
    row.as_ref().map(account).transpose()?.ok_or_else(|| Error::Missing(format!("account `{name}`")))
}

fn event(tx: &mut Tx<'_>, kind: &str, id: i64, payload: serde_json::Value) -> Result<(), Error> {
    changed(tx)?;
    tx.event(kind, &format!("account:{id}"), payload)
}

impl Ledger {
    /// Whether anybody can sign in: from then on, everybody must.
    pub async fn has_accounts(&self) -> Result<bool, Error> {
        self.read(WorkspaceId::DEFAULT, |rx| {
            Ok(rx.query_opt("SELECT id FROM account WHERE NOT disabled LIMIT 1", &[])?.is_some())
        })
        .await
    }

    /// Makes an account, or changes the role of the one with that name.
    pub async fn set_account(&self, actor: &Actor, name: &str, role: Role) -> Result<Account, Error> {
        let name = name.to_owned();
        self.write(actor, move |tx| {
            let now = tx.now();
            let sql = format!(
                "INSERT INTO account (workspace_id, name, role, disabled, created_at) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (workspace_id, name) DO UPDATE SET role = excluded.role, disabled = excluded.disabled \
                 RETURNING {COLUMNS}"
            );
            let row = tx.query_one(&sql, &params![WorkspaceId::DEFAULT, &name, role.to_string(), false, now])?;
            let account = account(&row)?;
            event(tx, "account.set", account.id, json!({ "role": role }))?;
            Ok(account)
        })
        .await
    }

    /// Errors: `Exists`.
    pub(super) async fn insert_account(
        &self,
        actor: &Actor,
        name: &str,
        role: Role,
        password_hash: String,
    ) -> Result<Account, Error> {
        let name = name.to_owned();
        self.write(actor, move |tx| {
            let now = tx.now();
            let sql = format!(
                "INSERT INTO account (workspace_id, name, role, password_hash, disabled, created_at) \
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (workspace_id, name) DO NOTHING RETURNING {COLUMNS}"
            );
            let values =
                params![WorkspaceId::DEFAULT, &name, role.to_string(), &password_hash, false, now];
            let row = tx.query_opt(&sql, &values)?;
            let row = row.ok_or_else(|| Error::Exists(format!("account `{name}`")))?;
            let account = account(&row)?;
            event(tx, "account.set", account.id, json!({ "role": role }))?;
            Ok(account)
        })
        .await
    }

    /// Errors: `Missing`.
    pub(super) async fn update_password_hash(
        &self,
        actor: &Actor,
        name: &str,
        hash: String,
    ) -> Result<(), Error> {
        let name = name.to_owned();
        self.write(actor, move |tx| {
            let account = find(tx, &name)?;
            tx.execute(
                "UPDATE account SET password_hash = $1 WHERE workspace_id = $2 AND id = $3",
                &params![&hash, WorkspaceId::DEFAULT, account.id],
            )?;
            event(tx, "account.password_set", account.id, json!({}))
        })
        .await
    }

    /// Errors: `Missing`.
    pub async fn set_role(&self, actor: &Actor, name: &str, role: Role) -> Result<(), Error> {
        let name = name.to_owned();
        self.write(actor, move |tx| {
            let account = find(tx, &name)?;
            tx.execute(
                "UPDATE account SET role = $1 WHERE workspace_id = $2 AND id = $3",
                &params![role.to_string(), WorkspaceId::DEFAULT, account.id],
            )?;
            event(tx, "account.set", account.id, json!({ "role": role }))
        })
        .await
    }

    /// Its tokens, access keys, memberships and own grants go with it; what it did stays in the event log.
    ///
    /// Errors: `Missing`.
    pub async fn delete_account(&self, actor: &Actor, name: &str) -> Result<(), Error> {
        let name = name.to_owned();
        self.write(actor, move |tx| {
            let id = find(tx, &name)?.id;
            for sql in [
                "DELETE FROM access_grant WHERE group_id IN (SELECT id FROM access_group WHERE owner_id = $1)",
                "DELETE FROM group_member WHERE account_id = $1",
                "DELETE FROM access_group WHERE owner_id = $1",
                "DELETE FROM access_token WHERE account_id = $1",
                "DELETE FROM access_key WHERE account_id = $1",
                "DELETE FROM account WHERE id = $1",
            ] {
                tx.execute(sql, &params![id])?;
            }
            event(tx, "account.deleted", id, json!({}))
        })
        .await
    }

    /// In the order in which they were made.
    pub async fn accounts(&self) -> Result<Vec<Account>, Error> {
        self.read(WorkspaceId::DEFAULT, |rx| {
            let sql = format!("SELECT {COLUMNS} FROM account WHERE workspace_id = $1 ORDER BY id");
            rx.query(&sql, &params![WorkspaceId::DEFAULT])?.iter().map(account).collect()
        })
        .await
    }

    pub async fn account(&self, name: &str) -> Result<Option<Account>, Error> {
        let name = name.to_owned();
        self.read(WorkspaceId::DEFAULT, move |rx| {
            let sql = format!("SELECT {COLUMNS} FROM account WHERE workspace_id = $1 AND name = $2");
            rx.query_opt(&sql, &params![WorkspaceId::DEFAULT, &name])?.as_ref().map(account).transpose()
        })
        .await
    }
}
