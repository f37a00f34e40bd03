//! Grants of accounts: what is loaded with who calls, and what follows a resource through its life.

use std::sync::Arc;

use serde_json::json;
use types::{Actor, ActorKind, Grant, Grants, Level, Permission, ResourceKind, Role, WorkspaceId};

use super::{accounts, changed};
use crate::{Error, Ledger, Row, Rx, Tx, params};

/// How a denial is stored.
const DENY: &str = "deny";

pub(super) fn level_text(level: Option<Level>) -> &'static str {
    level.map_or(DENY, Level::name)
}

pub(super) fn grant(row: &Row) -> Result<Grant, Error> {
    let wrong = |message: String| Error::Database { message };
    let kind: String = row.get("kind")?;
    let level: String = row.get("level")?;
    Ok(Grant {
        kind: kind.parse().map_err(wrong)?,
        pattern: row.get("pattern")?,
        level: if level == DENY { None } else { Some(level.parse().map_err(wrong)?) },
    })
}

fn rules(rx: &mut Rx<'_>, account: i64, workspace: WorkspaceId) -> Result<Vec<Grant>, Error> {
    rx.query(
        "SELECT g.kind, g.pattern, g.level FROM group_member m JOIN access_grant g \
         ON g.workspace_id = m.workspace_id AND g.group_id = m.group_id \
         WHERE m.workspace_id = $1 AND m.account_id = $2 ORDER BY g.id",
        &params![workspace, account],
    )?
    .iter()
    .map(grant)
    .collect()
}

/// What counts in the first workspace where nothing was granted.
fn otherwise(role: Role, member: Level) -> Level {
    match role {
        Role::Viewer => Level::Read,
        Role::Client => Level::Use,
        Role::Member => member,
        Role::Editor | Role::Operator | Role::Admin => Level::Manage,
    }
}

/// The account as it may act in the first workspace.
pub(super) fn actor(
    rx: &mut Rx<'_>,
    account: i64,
    name: String,
    role: Role,
    scopes: Option<Vec<Permission>>,
    member_level: Level,
) -> Result<Actor, Error> {
    let rules = match role {
        Role::Admin => Vec::new(),
        _ => rules(rx, account, WorkspaceId::DEFAULT)?,
    };
    let grants = Grants { rules, otherwise: otherwise(role, member_level), creates: role >= Role::Member };
    Ok(Actor {
        workspace: WorkspaceId::DEFAULT,
        kind: ActorKind::User,
        name,
        role,
        scopes,
        account: Some(account),
        grants: Some(Arc::new(grants)),
    })
}

/// The account's own group in the transaction's workspace, made if there is none.
fn own_group(tx: &mut Tx<'_>, account: i64) -> Result<i64, Error> {
    let (workspace, now) = (tx.workspace(), tx.now());
    let name = format!("{}{account}", super::groups::OWN_PREFIX);
    if let Some(row) = tx.query_opt(
        "SELECT id FROM access_group WHERE workspace_id = $1 AND name = $2",
        &params![workspace, &name],
    )? {
        return row.get("id");
    }
    let id: i64 = tx
        .query_one(
            "INSERT INTO access_group (workspace_id, name, owner_id, created_at) VALUES ($1, $2, $3, $4) RETURNING id",
            &params![workspace, &name, account, now],
        )?
        .get("id")?;
    tx.execute(
        "INSERT INTO group_member (workspace_id, account_id, group_id) VALUES ($1, $2, $3)",
        &params![workspace, account, id],
    )?;
    Ok(id)
}

impl Tx<'_> {
    /// Whoever makes a thing manages it. Does nothing for the server itself and while there are no accounts.
    pub fn own(&mut self, kind: ResourceKind, id: &str) -> Result<(), Error> {
        match self.actor().account {
            Some(account) => self.grant_to(account, kind, id, Some(Level::Manage)),
            None => Ok(()),
        }
    }

    fn grant_to(
        &mut self,
        account: i64,
        kind: ResourceKind,
        pattern: &str,
        level: Option<Level>,
    ) -> Result<(), Error> {
        let workspace = self.workspace();
        let group = own_group(self, account)?;
        self.execute(
            "INSERT INTO access_grant (workspace_id, group_id, kind, pattern, level) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (workspace_id, group_id, kind, pattern) DO UPDATE SET level = excluded.level",
            &params![workspace, group, kind.name(), pattern, level_text(level)],
        )?;
        changed(self)?;
        let payload = json!({ "kind": kind, "resource": pattern, "level": level_text(level) });
        self.event("grant.set", &format!("account:{account}"), payload)
    }

    /// A thing is gone: so is what accounts were granted on it. Groups keep theirs, as rules for whatever has that name.
    pub fn disown(&mut self, kind: ResourceKind, id: &str) -> Result<(), Error> {
        let workspace = self.workspace();
        let rows = self.execute(
            "DELETE FROM access_grant WHERE workspace_id = $1 AND kind = $2 AND pattern = $3 AND group_id IN \
             (SELECT id FROM access_group WHERE workspace_id = $1 AND owner_id IS NOT NULL)",
            &params![workspace, kind.name(), id],
        )?;
        if rows == 0 {
            return Ok(());
        }
        changed(self)?;
        self.event("grant.removed", &format!("{kind}:{id}"), json!({ "grants": rows }))
    }

    /// A thing has a new id: what accounts were granted on it moves along.
    pub fn rename_grants(&mut self, kind: ResourceKind, from: &str, to: &str) -> Result<(), Error> {
        if from == to {
            return Ok(());
        }
        self.disown(kind, to)?;
        let workspace = self.workspace();
        let rows = self.execute(
            "UPDATE access_grant SET pattern = $1 WHERE workspace_id = $2 AND kind = $3 AND pattern = $4 AND group_id IN \
             (SELECT id FROM access_group WHERE workspace_id = $2 AND owner_id IS NOT NULL)",
            &params![to, workspace, kind.name(), from],
        )?;
        if rows == 0 {
            return Ok(());
        }
        changed(self)?;
        self.event("grant.moved", &format!("{kind}:{from}"), json!({ "to": to, "grants": rows }))
    }
}

impl Ledger {
    /// Grants `account` a level on a resource in the actor's workspace, beside what its groups give it.
    ///
    /// Errors: `Missing` if there is no such account; `Exists` if it has a grant there and `replace` is false.
    pub async fn grant(&self, actor: &Actor, account: &str, rule: Grant, replace: bool) -> Result<(), Error> {
        let account = account.to_owned();
        self.write(actor, move |tx| {
            let id = accounts::find(tx, &account)?.id;
            if !replace && own_grant(tx, id, rule.kind, &rule.pattern)?.is_some() {
                return Err(Error::Exists(format!(
                    "a grant on {} `{}` for `{account}`",
                    rule.kind, rule.pattern
                )));
            }
            tx.grant_to(id, rule.kind, &rule.pattern, rule.level)
        })
        .await
    }

    /// Errors: `Missing` if there is no such account or grant.
    pub async fn revoke_grant(
        &self,
        actor: &Actor,
        account: &str,
        kind: ResourceKind,
        pattern: &str,
    ) -> Result<(), Error> {
        let (account, pattern) = (account.to_owned(), pattern.to_owned());
        self.write(actor, move |tx| {
            let id = accounts::find(tx, &account)?.id;
            let missing = || Error::Missing(format!("a grant on {kind} `{pattern}` for `{account}`"));
            let (grant, _) = own_grant(tx, id, kind, &pattern)?.ok_or_else(missing)?;
            let workspace = tx.workspace();
            tx.execute(
                "DELETE FROM access_grant WHERE workspace_id = $1 AND id = $2",
                &params![workspace, grant],
            )?;
            changed(tx)?;
            tx.event("grant.removed", &format!("account:{id}"), json!({ "kind": kind, "resource": pattern }))
        })
        .await
    }

    /// What an account was granted itself in the actor's workspace.
    pub async fn grants_of(&self, workspace: WorkspaceId, account: i64) -> Result<Vec<Grant>, Error> {
        self.read(workspace, move |rx| {
            rx.query(
                "SELECT g.kind, g.pattern, g.level FROM access_grant g JOIN access_group a \
                 ON a.workspace_id = g.workspace_id AND a.id = g.group_id \
                 WHERE g.workspace_id = $1 AND a.owner_id = $2 ORDER BY g.id",
                &params![workspace, account],
            )?
            .iter()
            .map(grant)
            .collect()
        })
        .await
    }

    /// The account as it may act in the first workspace, without proof. Errors: `Missing`.
    pub async fn act_as(&self, name: &str) -> Result<Actor, Error> {
        let account = self.account(name).await?.ok_or_else(|| Error::Missing(format!("account `{name}`")))?;
        let member_level = self.member_level();
        self.read(WorkspaceId::DEFAULT, move |rx| {
            actor(rx, account.id, account.name, account.role, None, member_level)
        })
        .await
    }

    /// The actor in another workspace: what it was granted there counts, and nothing else.
    ///
    /// Errors: `Missing` unless it is an admin, the server itself, or was granted something there.
    pub async fn enter(&self, actor: &Actor, workspace: WorkspaceId, name: &str) -> Result<Actor, Error> {
        let mut entered = Actor { workspace, ..actor.clone() };
        if workspace == actor.workspace || actor.role == Role::Admin {
            return Ok(entered);
        }
        let missing = || Error::Missing(format!("workspace `{name}`"));
        let account = actor.account.ok_or_else(missing)?;
        let rules = self.read(workspace, move |rx| rules(rx, account, workspace)).await?;
        if rules.is_empty() {
            return Err(missing());
        }
        let grants = Grants { rules, otherwise: Level::None, creates: false };
        let whole = grants.level([(ResourceKind::Workspace, types::ANY)]).unwrap_or_default();
        let uses = whole >= Level::Use;
        entered.role = if grants.manages_workspace() { Role::Editor } else { Role::Member };
        let otherwise = if uses { self.member_level() } else { Level::None };
        entered.grants = Some(Arc::new(Grants { otherwise, creates: uses, ..grants }));
        Ok(entered)
    }
}

/// The row and level of a grant on the account's own group.
fn own_grant(
    tx: &mut Tx<'_>,
    account: i64,
    kind: ResourceKind,
    pattern: &str,
) -> Result<Option<(i64, Grant)>, Error> {
    let workspace = tx.workspace();
    tx.query_opt(
        "SELECT g.id, g.kind, g.pattern, g.level FROM access_grant g JOIN access_group a \
         ON a.workspace_id = g.workspace_id AND a.id = g.group_id \
         WHERE g.workspace_id = $1 AND a.owner_id = $2 AND g.kind = $3 AND g.pattern = $4",
        &params![workspace, account, kind.name(), pattern],
    )?
    .map(|row| Ok((row.get("id")?, grant(&row)?)))
    .transpose()
}
