use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::json;
use types::{Actor, Digest, Permission, Role, Timestamp, Uid, WorkspaceId};

use super::{changed, role};
use crate::{Error, Ledger, Row, params};

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

fn scopes(row: &Row) -> Result<Option<Vec<Permission>>, Error> {
    let Some(value) = row.get::<Option<serde_json::Value>>("scopes")? else { return Ok(None) };
    serde_json::from_value(value).map(Some).map_err(|e| Error::Database { message: e.to_string() })
}

impl Ledger {
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
                let (now, id) = (tx.now(), tx.new_id());
                let owner = super::accounts::find(tx, &account)?.id;
                tx.execute(
                    "INSERT INTO access_token (workspace_id, uid, account_id, label, token_hash, scopes, created_at, expires_at) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                    &params![
                        WorkspaceId::DEFAULT,
                        id,
                        owner,
                        &new.label,
                        hash,
                        new.scopes.as_ref().map(|s| json!(s)),
                        now,
                        new.expires_at
                    ],
                )?;
                changed(tx)?;
                tx.event("token.created", &format!("token:{id}"), json!({ "account": owner }))?;
                Ok::<_, Error>(id)
            })
            .await?;
        Ok((format!("{PREFIX}{id}_{secret}"), id))
    }

    pub async fn tokens(&self) -> Result<Vec<Token>, Error> {
        self.read(WorkspaceId::DEFAULT, |rx| {
            rx.query(
                "SELECT t.uid, a.name, a.role, t.label, t.scopes, t.created_at, t.expires_at, t.revoked_at \
                 FROM access_token t JOIN account a ON a.id = t.account_id WHERE t.workspace_id = $1 ORDER BY t.id",
                &params![WorkspaceId::DEFAULT],
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
            let now = tx.now();
            let rows = tx.execute(
                "UPDATE access_token SET revoked_at = $1 WHERE workspace_id = $2 AND uid = $3 AND revoked_at IS NULL",
                &params![now, WorkspaceId::DEFAULT, id],
            )?;
            if rows == 0 {
                return Err(Error::Missing(format!("token `{id}`")));
            }
            changed(tx)?;
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
        let (now, member_level) = (self.clock().now(), self.member_level());
        self.read(WorkspaceId::DEFAULT, move |rx| {
            let row = rx
                .query_opt(
                    "SELECT t.token_hash, t.scopes, t.expires_at, t.revoked_at, a.id, a.name, a.role, a.disabled \
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
            super::grants::actor(rx, row.get("id")?, row.get("name")?, role(&row)?, scopes(&row)?, member_level)
        })
        .await
    }
}
