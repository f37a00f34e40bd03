//! Access keys: pairs of an id and a secret that sign requests. The ledger keeps the secret as the vault sealed it and
//! knows no cipher; see `kit::AccessKeys`.

use serde::Serialize;
use serde_json::json;
use types::{Actor, Timestamp, WorkspaceId};

use super::{changed, role};
use crate::{Error, Ledger, Row, params};

/// A key without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccessKey {
    pub id: String,
    /// `None`: the root key, which speaks for the server's owner.
    pub account: Option<String>,
    pub created_at: Timestamp,
}

/// A key as it is kept, and for whom it speaks now.
#[derive(Clone, Debug)]
pub struct SealedKey {
    pub actor: Actor,
    pub sealed: Vec<u8>,
}

fn key(row: &Row) -> Result<AccessKey, Error> {
    Ok(AccessKey {
        id: row.get("access_key")?,
        account: row.get("name")?,
        created_at: row.get("created_at")?,
    })
}

/// Whom the root key speaks for.
fn root() -> Actor {
    Actor::system("root")
}

impl Ledger {
    /// Keeps a key of `account`, or of nobody: then it is a root key. Where the id is there already, the account stays
    /// and the secret becomes this one.
    ///
    /// Errors: `Missing` if there is no such account.
    pub async fn keep_access_key(
        &self,
        actor: &Actor,
        id: &str,
        account: Option<&str>,
        sealed: Vec<u8>,
    ) -> Result<(), Error> {
        let (id, account) = (id.to_owned(), account.map(str::to_owned));
        self.write(actor, move |tx| {
            let now = tx.now();
            let owner = match &account {
                Some(name) => Some(super::accounts::find(tx, name)?.id),
                None => None,
            };
            tx.execute(
                "INSERT INTO access_key (workspace_id, access_key, account_id, sealed, created_at) \
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT (access_key) DO UPDATE SET sealed = excluded.sealed",
                &params![WorkspaceId::DEFAULT, &id, owner, &*sealed, now],
            )?;
            changed(tx)?;
            tx.event("access_key.set", &format!("access_key:{id}"), json!({ "account": owner }))
        })
        .await
    }

    /// Keeps a root key if there is no key at all; whether it did.
    pub async fn keep_first_access_key(
        &self,
        actor: &Actor,
        id: &str,
        sealed: Vec<u8>,
    ) -> Result<bool, Error> {
        let id = id.to_owned();
        self.write(actor, move |tx| {
            if tx.query_opt("SELECT id FROM access_key LIMIT 1", &[])?.is_some() {
                return Ok(false);
            }
            let now = tx.now();
            tx.execute(
                "INSERT INTO access_key (workspace_id, access_key, account_id, sealed, created_at) \
                 VALUES ($1, $2, NULL, $3, $4)",
                &params![WorkspaceId::DEFAULT, &id, &*sealed, now],
            )?;
            changed(tx)?;
            tx.event("access_key.set", &format!("access_key:{id}"), json!({ "account": null }))?;
            Ok(true)
        })
        .await
    }

    /// For whom a key speaks at this moment, and its secret as it was sealed. `None` if there is no such key, or its
    /// account is disabled.
    pub async fn find_access_key(&self, id: &str) -> Result<Option<SealedKey>, Error> {
        let (id, member_level) = (id.to_owned(), self.member_level());
        self.read(WorkspaceId::DEFAULT, move |rx| {
            let found = rx.query_opt(
                "SELECT k.sealed, a.id AS account, a.name, a.role, a.disabled FROM access_key k \
                 LEFT JOIN account a ON a.id = k.account_id WHERE k.access_key = $1",
                &params![&id],
            )?;
            let Some(row) = found else { return Ok(None) };
            let sealed = row.get("sealed")?;
            let Some(account) = row.get::<Option<i64>>("account")? else {
                return Ok(Some(SealedKey { actor: root(), sealed }));
            };
            if row.get::<bool>("disabled")? {
                return Ok(None);
            }
            let (name, role) = (row.get("name")?, role(&row)?);
            let actor = super::grants::actor(rx, account, name, role, None, member_level)?;
            Ok(Some(SealedKey { actor, sealed }))
        })
        .await
    }

    /// In the order in which they were made; of one account, if one is named.
    pub async fn access_keys(&self, account: Option<&str>) -> Result<Vec<AccessKey>, Error> {
        let account = account.map(str::to_owned);
        self.read(WorkspaceId::DEFAULT, move |rx| {
            let rows = rx.query(
                "SELECT k.access_key, a.name, k.created_at FROM access_key k \
                 LEFT JOIN account a ON a.id = k.account_id WHERE k.workspace_id = $1 ORDER BY k.id",
                &params![WorkspaceId::DEFAULT],
            )?;
            let keys = rows.iter().map(key).collect::<Result<Vec<_>, _>>()?;
            Ok(keys.into_iter().filter(|k| account.is_none() || k.account == account).collect())
        })
        .await
    }

    /// Errors: `Missing`.
    pub async fn delete_access_key(&self, actor: &Actor, id: &str) -> Result<(), Error> {
        let id = id.to_owned();
        self.write(actor, move |tx| {
            let rows = tx.execute("DELETE FROM access_key WHERE access_key = $1", &params![&id])?;
            if rows == 0 {
                return Err(Error::Missing(format!("access key `{id}`")));
            }
            changed(tx)?;
            tx.event("access_key.deleted", &format!("access_key:{id}"), json!({}))
        })
        .await
    }
}
