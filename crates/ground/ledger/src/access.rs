use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::json;
use types::{Actor, ActorKind, Digest, Permission, Role, Timestamp, Uid, WorkspaceId};

use crate::{Error, Ledger, Row, params};

/// A person or machine that may sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Account {
    pub id: i64,
    pub name: String,
    pub role: Role,
    pub disabled: bool,
    pub created_at: Timestamp,
}

/// A token without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Token {
    pub id: Uid,
    pub account: String,
    pub role: Role,
    pub label: String,
    pub scopes: Option<Vec<Permission>>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

/// What a new token may do and for how long.
#[derive(Clone, Debug, Default)]
pub struct NewToken {
    pub label: String,
    /// None: everything that the account's role allows.
    pub scopes: Option<Vec<Permission>>,
    pub expires_at: Option<Timestamp>,
}

/// Tokens read `mlw_<id>_<secret>`: found by id, proven by secret.
const PREFIX: &str = "mlw_";

fn token(row: &Row) -> Result<Token, Error> {
    Ok(Token {
        id: row.get("uid")?,
        account: row.get("name")?,
        role: role(row)?,
        label: row.get("label")?,
        scopes: scopes(row)?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
        revoked_at: row.get("revoked_at")?,
    })
}

fn role(row: &Row) -> Result<Role, Error> {
    let text: String = row.get("role")?;
    text.parse().map_err(|message| Error::Database { message })
}

fn scopes(row: &Row) -> Result<Option<Vec<Permission>>, Error> {
    let Some(value) = row.get::<Option<serde_json::Value>>("scopes")? else { return Ok(None) };
    serde_json::from_value(value).map(Some).map_err(|e| Error::Database { message: e.to_string() })
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
            let (workspace, now) = (tx.workspace(), tx.now());
            let row = tx.query_one(
                "INSERT INTO account (workspace_id, name, role, disabled, created_at) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (workspace_id, name) DO UPDATE SET role = excluded.role, disabled = excluded.disabled \
                 RETURNING id, created_at",
                &params![workspace, &name, role.to_string(), false, now],
            )?;
            let id: i64 = row.get("id")?;
            tx.event("account.set", &format!("account:{id}"), json!({ "role": role }))?;
            Ok(Account { id, name: name.clone(), role, disabled: false, created_at: row.get("created_at")? })
        })
        .await
    }

    pub async fn accounts(&self, workspace: WorkspaceId) -> Result<Vec<Account>, Error> {
        self.read(workspace, move |rx| {
            let rows = rx.query(
                "SELECT id, name, role, disabled, created_at FROM account WHERE workspace_id = $1 ORDER BY name",
                &params![workspace],
            )?;
            rows.iter()
                .map(|row| {
                    Ok(Account {
                        id: row.get("id")?,
                        name: row.get("name")?,
                        role: role(row)?,
                        disabled: row.get("disabled")?,
                        created_at: row.get("created_at")?,
                    })
                })
                .collect()
        })
        .await
    }

    /// Makes a token for `account` and returns it with its secret, which is not kept.
    ///
    /// Errors: `Missing` if there is no such account.
    pub async fn create_token(
        &self,
        actor: &Actor,
        account: &str,
        new: NewToken,
    ) -> Result<(String, Uid), Error> {
        let secret = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        let hash = Digest::of(&secret);
        let account = account.to_owned();
        let id = self
            .write(actor, move |tx| {
                let (workspace, now, id) = (tx.workspace(), tx.now(), tx.new_id());
                let owner = tx
                    .query_opt(
                        "SELECT id FROM account WHERE workspace_id = $1 AND name = $2",
                        &params![workspace, &account],
                    )?
                    .ok_or_else(|| Error::Missing(format!("account `{account}`")))?
                    .get::<i64>("id")?;
                tx.execute(
                    "INSERT INTO access_token (workspace_id, uid, account_id, label, token_hash, scopes, created_at, expires_at) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                    &params![
                        workspace,
                        id,
                        owner,
                        &new.label,
                        hash,
                        new.scopes.as_ref().map(|s| json!(s)),
                        now,
                        new.expires_at
                    ],
                )?;
                tx.event("token.created", &format!("token:{id}"), json!({ "account": owner }))?;
                Ok::<_, Error>(id)
            })
            .await?;
        Ok((format!("{PREFIX}{id}_{secret}"), id))
    }

    pub async fn tokens(&self, workspace: WorkspaceId) -> Result<Vec<Token>, Error> {
        self.read(workspace, move |rx| {
            rx.query(
                "SELECT t.uid, a.name, a.role, t.label, t.scopes, t.created_at, t.expires_at, t.revoked_at \
                 FROM access_token t JOIN account a ON a.id = t.account_id WHERE t.workspace_id = $1 ORDER BY t.id",
                &params![workspace],
            )?
            .iter()
            .map(token)
            .collect()
        })
        .await
    }

    /// Errors: `Missing` if there is no such token, or it is revoked already.
    pub async fn revoke_token(&self, actor: &Actor, id: Uid) -> Result<(), Error> {
        self.write(actor, move |tx| {
            let (workspace, now) = (tx.workspace(), tx.now());
            let changed = tx.execute(
                "UPDATE access_token SET revoked_at = $1 WHERE workspace_id = $2 AND uid = $3 AND revoked_at IS NULL",
                &params![now, workspace, id],
            )?;
            if changed == 0 {
                return Err(Error::Missing(format!("token `{id}`")));
            }
            tx.event("token.revoked", &format!("token:{id}"), json!({}))
        })
        .await
    }

    /// Whom a token speaks for. Errors: `BadCredential`, saying no more than that.
    pub async fn authenticate(&self, token: &str) -> Result<Actor, Error> {
        let refuse = || Error::BadCredential("the token is not valid".into());
        let rest = token.strip_prefix(PREFIX).ok_or_else(refuse)?;
        let (id, secret) = rest.split_once('_').ok_or_else(refuse)?;
        let id: Uid = id.parse().map_err(|_| refuse())?;
        let hash = Digest::of(secret);
        let now = self.clock().now();
        self.read(WorkspaceId::DEFAULT, move |rx| {
            let row = rx
                .query_opt(
                    "SELECT t.workspace_id, t.token_hash, t.scopes, t.expires_at, t.revoked_at, a.name, a.role, a.disabled \
                     FROM access_token t JOIN account a ON a.id = t.account_id WHERE t.uid = $1",
                    &params![id],
                )?
                .ok_or_else(refuse)?;
            let known: Digest = row.get("token_hash")?;
            let expired = row.get::<Option<Timestamp>>("expires_at")?.is_some_and(|t| t < now);
            let revoked = row.get::<Option<Timestamp>>("revoked_at")?.is_some();
            // Digests are compared, not secrets: timing tells nothing about the secret.
            if known != hash || expired || revoked || row.get::<bool>("disabled")? {
                return Err(refuse());
            }
            Ok(Actor {
                workspace: row.get("workspace_id")?,
                kind: ActorKind::User,
                name: row.get("name")?,
                role: role(&row)?,
                scopes: scopes(&row)?,
            })
        })
        .await
    }
}
