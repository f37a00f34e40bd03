//! Groups: named sets of grants in a workspace, held by their members.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;
use types::{Actor, Grant, ResourceKind, WorkspaceId};

use super::changed;
use super::grants::{grant, level_text};
use crate::{Error, Ledger, Row, Rx, Tx, params};

/// The names of accounts' own groups begin so; others may not.
pub(super) const OWN_PREFIX: &str = "@";

/// A named set of grants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    pub id: i64,
    pub workspace: WorkspaceId,
    pub name: String,
    pub description: Option<String>,
    /// Set if it holds what was granted to one account itself.
    pub owner: Option<i64>,
    pub grants: Vec<GroupGrant>,
}

/// One of a group's grants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupGrant {
    pub id: i64,
    pub group: i64,
    pub rule: Grant,
}

/// That an account is in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Member {
    pub id: i64,
    pub account: i64,
    pub group: i64,
}

const COLUMNS: &str = "a.id, a.workspace_id, a.name, a.description, a.owner_id";

fn group(row: &Row) -> Result<Group, Error> {
    Ok(Group {
        id: row.get("id")?,
        workspace: row.get("workspace_id")?,
        name: row.get("name")?,
        description: row.get("description")?,
        owner: row.get("owner_id")?,
        grants: Vec::new(),
    })
}

fn group_grant(row: &Row) -> Result<GroupGrant, Error> {
    Ok(GroupGrant { id: row.get("id")?, group: row.get("group_id")?, rule: grant(row)? })
}

const GRANT_COLUMNS: &str = "g.id, g.group_id, g.kind, g.pattern, g.level";

/// Groups with their grants; `rest` is what follows `FROM access_group a`.
fn groups(rx: &mut Rx<'_>, rest: &str, values: &[crate::Value]) -> Result<Vec<Group>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM access_group a {rest} ORDER BY a.id");
    let mut found = rx.query(&sql, values)?.iter().map(group).collect::<Result<Vec<_>, _>>()?;
    let sql = format!(
        "SELECT {GRANT_COLUMNS} FROM access_grant g WHERE g.group_id IN (SELECT a.id FROM access_group a {rest}) \
         ORDER BY g.id"
    );
    let mut grants: BTreeMap<i64, Vec<GroupGrant>> = BTreeMap::new();
    for row in rx.query(&sql, values)? {
        let grant = group_grant(&row)?;
        grants.entry(grant.group).or_default().push(grant);
    }
    for group in &mut found {
        group.grants = grants.remove(&group.id).unwrap_or_default();
    }
    Ok(found)
}

fn missing(id: i64) -> Error {
    Error::Missing(format!("group {id}"))
}

/// Errors: `Missing`; also for accounts' own groups, which are not for hands to change.
fn find(tx: &mut Tx<'_>, id: i64) -> Result<Group, Error> {
    let sql = format!("SELECT {COLUMNS} FROM access_group a WHERE a.id = $1");
    let row = tx.query_opt(&sql, &params![id])?.ok_or_else(|| missing(id))?;
    group(&row)
}

fn event(tx: &mut Tx<'_>, kind: &str, id: i64, payload: serde_json::Value) -> Result<(), Error> {
    changed(tx)?;
    tx.event(kind, &format!("group:{id}"), payload)
}

fn check_name(name: &str) -> Result<(), Error> {
    if name.starts_with(OWN_PREFIX) {
        return Err(Error::Reserved { name: name.to_owned(), prefix: OWN_PREFIX });
    }
    Ok(())
}

impl Ledger {
    /// A group in the actor's workspace. Errors: `Exists`, `Reserved`.
    pub async fn create_group(
        &self,
        actor: &Actor,
        name: &str,
        description: Option<String>,
    ) -> Result<Group, Error> {
        check_name(name)?;
        let name = name.to_owned();
        self.write(actor, move |tx| {
            let (workspace, now) = (tx.workspace(), tx.now());
            let row = tx.query_opt(
                "INSERT INTO access_group (workspace_id, name, description, created_at) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (workspace_id, name) DO NOTHING RETURNING id",
                &params![workspace, &name, description.as_deref(), now],
            )?;
            let id = row.ok_or_else(|| Error::Exists(format!("group `{name}`")))?.get("id")?;
            event(tx, "group.created", id, json!({}))?;
            Ok(Group {
                id,
                workspace,
                name: name.clone(),
                description: description.clone(),
                owner: None,
                grants: Vec::new(),
            })
        })
        .await
    }

    /// Of any workspace. Errors: `Missing`.
    pub async fn group(&self, id: i64) -> Result<Group, Error> {
        let found =
            self.read(WorkspaceId::DEFAULT, move |rx| groups(rx, "WHERE a.id = $1", &params![id])).await?;
        found.into_iter().next().ok_or_else(|| missing(id))
    }

    /// Of one workspace or, without one, of all; accounts' own groups only if asked for.
    pub async fn groups(&self, workspace: Option<WorkspaceId>, own: bool) -> Result<Vec<Group>, Error> {
        let mut found = self
            .read(WorkspaceId::DEFAULT, move |rx| match workspace {
                Some(workspace) => groups(rx, "WHERE a.workspace_id = $1", &params![workspace]),
                None => groups(rx, "", &[]),
            })
            .await?;
        found.retain(|g| own || g.owner.is_none());
        Ok(found)
    }

    /// Those that an account is in, of all workspaces, its own groups included.
    pub async fn groups_of(&self, account: i64) -> Result<Vec<Group>, Error> {
        self.read(WorkspaceId::DEFAULT, move |rx| {
            let rest = "WHERE a.id IN (SELECT m.group_id FROM group_member m WHERE m.account_id = $1)";
            groups(rx, rest, &params![account])
        })
        .await
    }

    /// `None` leaves a field as it is. Errors: `Missing`, `Exists`, `Reserved`.
    pub async fn update_group(
        &self,
        actor: &Actor,
        id: i64,
        name: Option<String>,
        description: Option<String>,
    ) -> Result<Group, Error> {
        if let Some(name) = &name {
            check_name(name)?;
        }
        self.write(actor, move |tx| {
            let found = find(tx, id)?;
            let name = name.clone().unwrap_or(found.name);
            let taken = tx.query_opt(
                "SELECT id FROM access_group WHERE workspace_id = $1 AND name = $2 AND id <> $3",
                &params![found.workspace, &name, id],
            )?;
            if taken.is_some() {
                return Err(Error::Exists(format!("group `{name}`")));
            }
            tx.execute(
                "UPDATE access_group SET name = $1, description = $2 WHERE workspace_id = $3 AND id = $4",
                &params![&name, description.clone().or(found.description), found.workspace, id],
            )?;
            event(tx, "group.updated", id, json!({}))
        })
        .await?;
        self.group(id).await
    }

    /// Its grants and memberships go with it. Errors: `Missing`.
    pub async fn delete_group(&self, actor: &Actor, id: i64) -> Result<(), Error> {
        self.write(actor, move |tx| {
            find(tx, id)?;
            for sql in [
                "DELETE FROM access_grant WHERE group_id = $1",
                "DELETE FROM group_member WHERE group_id = $1",
                "DELETE FROM access_group WHERE id = $1",
            ] {
                tx.execute(sql, &params![id])?;
            }
            event(tx, "group.deleted", id, json!({}))
        })
        .await
    }

    /// Errors: `Missing` if there is no such group, `Exists` if it has a grant on that already.
    pub async fn add_group_grant(&self, actor: &Actor, id: i64, rule: Grant) -> Result<GroupGrant, Error> {
        self.write(actor, move |tx| {
            let group = find(tx, id)?;
            let row = tx.query_opt(
                "INSERT INTO access_grant (workspace_id, group_id, kind, pattern, level) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (workspace_id, group_id, kind, pattern) DO NOTHING RETURNING id",
                &params![group.workspace, id, rule.kind.name(), &rule.pattern, level_text(rule.level)],
            )?;
            let taken = || Error::Exists(format!("a grant on {} `{}` in group {id}", rule.kind, rule.pattern));
            let grant: i64 = row.ok_or_else(taken)?.get("id")?;
            event(tx, "group.granted", id, json!({ "kind": rule.kind, "level": level_text(rule.level) }))?;
            Ok(GroupGrant { id: grant, group: id, rule: rule.clone() })
        })
        .await
    }

    /// Of any group. Errors: `Missing`.
    pub async fn group_grant(&self, grant: i64) -> Result<GroupGrant, Error> {
        self.read(WorkspaceId::DEFAULT, move |rx| {
            let sql = format!("SELECT {GRANT_COLUMNS} FROM access_grant g WHERE g.id = $1");
            let row = rx.query_opt(&sql, &params![grant])?;
            group_grant(&row.ok_or_else(|| Error::Missing(format!("grant {grant}")))?)
        })
        .await
    }

    /// Changes the level of a grant, or with `None` removes it. The level itself may be a denial.
    pub async fn set_group_grant(
        &self,
        actor: &Actor,
        grant: i64,
        level: Option<Option<types::Level>>,
    ) -> Result<(), Error> {
        let group = self.group_grant(grant).await?.group;
        self.write(actor, move |tx| {
            let rows = match level {
                Some(level) => tx.execute(
                    "UPDATE access_grant SET level = $1 WHERE id = $2",
                    &params![level_text(level), grant],
                )?,
                None => tx.execute("DELETE FROM access_grant WHERE id = $1", &params![grant])?,
            };
            if rows == 0 {
                return Err(Error::Missing(format!("grant {grant}")));
            }
            event(tx, "group.granted", group, json!({ "level": level.map(level_text) }))
        })
        .await
    }

    /// Errors: `Missing` if there is no such account or group, `Exists` if it is in it already.
    pub async fn join_group(&self, actor: &Actor, account: &str, id: i64) -> Result<Member, Error> {
        let account = account.to_owned();
        self.write(actor, move |tx| {
            let member = super::accounts::find(tx, &account)?.id;
            let group = find(tx, id)?;
            let row = tx.query_opt(
                "INSERT INTO group_member (workspace_id, account_id, group_id) VALUES ($1, $2, $3) \
                 ON CONFLICT (workspace_id, account_id, group_id) DO NOTHING RETURNING id",
                &params![group.workspace, member, id],
            )?;
            let row = row.ok_or_else(|| Error::Exists(format!("`{account}` in group {id}")))?;
            event(tx, "group.joined", id, json!({ "account": member }))?;
            Ok(Member { id: row.get("id")?, account: member, group: id })
        })
        .await
    }

    /// Errors: `Missing`.
    pub async fn leave_group(&self, actor: &Actor, account: &str, id: i64) -> Result<(), Error> {
        let account = account.to_owned();
        self.write(actor, move |tx| {
            let member = super::accounts::find(tx, &account)?.id;
            find(tx, id)?;
            let rows = tx.execute(
                "DELETE FROM group_member WHERE account_id = $1 AND group_id = $2",
                &params![member, id],
            )?;
            if rows == 0 {
                return Err(Error::Missing(format!("`{account}` in group {id}")));
            }
            event(tx, "group.left", id, json!({ "account": member }))
        })
        .await
    }

    pub async fn members(&self, id: i64) -> Result<Vec<Member>, Error> {
        self.read(WorkspaceId::DEFAULT, move |rx| {
            rx.query(
                "SELECT id, account_id, group_id FROM group_member WHERE group_id = $1 ORDER BY id",
                &params![id],
            )?
            .iter()
            .map(|row| {
                Ok(Member {
                    id: row.get("id")?,
                    account: row.get("account_id")?,
                    group: row.get("group_id")?,
                })
            })
            .collect()
        })
        .await
    }

    /// Whether any of the account's rules in `workspace` is about `kind`.
    pub async fn has_rule(
        &self,
        workspace: WorkspaceId,
        account: i64,
        kind: ResourceKind,
    ) -> Result<bool, Error> {
        let groups = self.groups_of(account).await?;
        Ok(groups.iter().any(|g| g.workspace == workspace && g.grants.iter().any(|r| r.rule.kind == kind)))
    }
}
