use ledger::Group;
use serde_json::{Value, json};
use types::{ANY, Actor, Grant, Level, ResourceKind, Role};

use super::{account, is_admin, managed_workspaces, names, require, roles, told};
use crate::call::{Answer, Cx, empty, reply};
use crate::errors::Failure;
use crate::request::Fields;

/// What a request about one user and one resource says.
struct Asked {
    user: String,
    kind: ResourceKind,
    type_name: String,
    id: String,
}

fn asked(f: &Fields) -> Result<Asked, Failure> {
    let (user, type_name, id) =
        (f.required_text("username")?, f.required_text("resource_type")?, f.required_text("resource_id")?);
    let kind = names::kind(&type_name)?;
    if kind == ResourceKind::Workspace {
        return Err(Failure::invalid(
            "resource_type 'workspace' is not supported by the per-user permission convenience APIs. Use \
             set_workspace_permission / delete_workspace_permission for workspace-wide grants.",
        ));
    }
    Ok(Asked { user, kind, type_name, id })
}

impl Asked {
    fn shown(&self) -> String {
        format!(
            "Permission for user={} on resource_type={}, resource_id={}",
            self.user, self.type_name, self.id
        )
    }

    /// The level that an actor has there now.
    fn level(&self, actor: &Actor) -> Option<Level> {
        actor.level([(self.kind, self.id.as_str())])
    }

    /// Whoever manages a resource decides about others' access to it; about all of a kind, whoever manages the
    /// workspace does.
    fn may_decide(&self, cx: &Cx) -> bool {
        if is_admin(cx) {
            return true;
        }
        match (&cx.actor.grants, self.id == ANY) {
            (Some(grants), true) => grants.manages_workspace(),
            (Some(_), false) => self.level(&cx.actor) == Some(Level::Manage),
            (None, _) => false,
        }
    }
}

pub(super) async fn grant(cx: Cx, f: Fields) -> Answer {
    let asked = asked(&f)?;
    require(asked.may_decide(&cx))?;
    names::check_pattern(&asked.id, asked.kind)?;
    let level = names::level(&f.required_text("permission")?, asked.kind)?;
    account(&cx, &asked.user).await?;
    let rule = Grant { kind: asked.kind, pattern: asked.id.clone(), level };
    let done = cx.state.ledger.grant(&cx.actor, &asked.user, rule, false).await;
    done.map_err(|e| told(e, || format!("{} already exists.", asked.shown()), String::new))?;
    empty()
}

pub(super) async fn revoke(cx: Cx, f: Fields) -> Answer {
    let asked = asked(&f)?;
    require(asked.may_decide(&cx))?;
    account(&cx, &asked.user).await?;
    let done = cx.state.ledger.revoke_grant(&cx.actor, &asked.user, asked.kind, &asked.id).await;
    done.map_err(|e| told(e, String::new, || format!("{} not found.", asked.shown())))?;
    empty()
}

pub(super) async fn get(cx: Cx, f: Fields) -> Answer {
    let asked = asked(&f)?;
    let manages = cx.actor.grants.as_ref().is_some_and(|g| g.manages_workspace());
    require(is_admin(&cx) || asked.user == cx.actor.name || manages)?;
    account(&cx, &asked.user).await?;
    let there = cx.state.ledger.act_as(&asked.user).await?;
    let there = match cx.state.ledger.enter(&there, cx.actor.workspace, "").await {
        Ok(there) => there,
        Err(ledger::Error::Missing(_)) => {
            return reply(&json!({ "allowed": false, "permission": "NO_PERMISSIONS" }));
        }
        Err(other) => return Err(other.into()),
    };
    let level = asked.level(&there);
    reply(&json!({ "allowed": level >= Some(Level::Use), "permission": names::permission(level) }))
}

pub(super) async fn of_caller(cx: Cx, _: Fields) -> Answer {
    let groups = match cx.actor.account {
        Some(account) => cx.state.ledger.groups_of(account).await?,
        None => Vec::new(),
    };
    let permissions = rows(&cx, groups).await?;
    reply(&json!({ "is_admin": is_admin(&cx), "permissions": permissions }))
}

pub(super) async fn list(cx: Cx, f: Fields) -> Answer {
    let name = f.required_text("username")?;
    let groups = visible_groups(&cx, &name).await?;
    let target = account(&cx, &name).await?;
    let permissions = rows(&cx, groups).await?;
    reply(&json!({ "is_admin": target.role == Role::Admin, "permissions": permissions }))
}

/// A user's groups, as far as the caller may know of them. Errors: `PermissionDenied`.
pub(super) async fn visible_groups(cx: &Cx, name: &str) -> Result<Vec<Group>, Failure> {
    if is_admin(cx) || name == cx.actor.name {
        let target = account(cx, name).await?;
        return Ok(cx.state.ledger.groups_of(target.id).await?);
    }
    let managed = managed_workspaces(cx, &cx.actor).await?;
    let target = cx.state.ledger.account(name).await?;
    let mut groups = match target {
        Some(target) => cx.state.ledger.groups_of(target.id).await?,
        None => Vec::new(),
    };
    groups.retain(|g| managed.contains(&g.workspace));
    require(!groups.is_empty())?;
    Ok(groups)
}

async fn rows(cx: &Cx, groups: Vec<Group>) -> Result<Vec<Value>, Failure> {
    let mut rows = Vec::new();
    for group in groups {
        let workspace = roles::workspace_name(cx, group.workspace).await?;
        for grant in &group.grants {
            rows.push(json!({
                "role_id": group.id,
                "role_name": roles::name(&group),
                "workspace": workspace,
                "resource_type": names::type_of(grant.rule.kind),
                "resource_pattern": grant.rule.pattern,
                "permission": names::permission(grant.rule.level),
            }));
        }
    }
    Ok(rows)
}
