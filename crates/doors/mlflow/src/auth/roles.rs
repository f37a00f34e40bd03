use ledger::{Group, GroupGrant, Member, Workspace};
use serde_json::{Value, json};
use types::{Actor, Grant, WorkspaceId};

use super::{account, grants, is_admin, managed_workspaces, names, number, require, told};
use crate::call::{Answer, Cx, empty, reply};
use crate::errors::Failure;
use crate::request::Fields;

/// What upstream calls a group that is an account's own begins so.
const OWN_PREFIX: &str = "__user_";

/// A group's name as upstream would have it.
pub(super) fn name(group: &Group) -> String {
    match group.owner {
        Some(owner) => format!("{OWN_PREFIX}{owner}__"),
        None => group.name.clone(),
    }
}

async fn workspace(cx: &Cx, id: WorkspaceId) -> Result<Option<Workspace>, Failure> {
    Ok(cx.state.ledger.workspaces().await?.into_iter().find(|w| w.id == id))
}

pub(super) async fn workspace_name(cx: &Cx, id: WorkspaceId) -> Result<String, Failure> {
    Ok(workspace(cx, id).await?.map(|w| w.name).unwrap_or_default())
}

fn permission(grant: &GroupGrant) -> Value {
    json!({
        "id": grant.id,
        "role_id": grant.group,
        "resource_type": names::type_of(grant.rule.kind),
        "resource_pattern": grant.rule.pattern,
        "permission": names::permission(grant.rule.level),
    })
}

fn role(group: &Group, workspace: &str) -> Value {
    json!({
        "id": group.id,
        "name": name(group),
        "workspace": workspace,
        "description": group.description,
        "permissions": group.grants.iter().map(permission).collect::<Vec<_>>(),
    })
}

fn assignment(member: &Member) -> Value {
    json!({ "id": member.id, "user_id": member.account, "role_id": member.group })
}

pub(super) async fn shown(cx: &Cx, groups: Vec<Group>) -> Result<Vec<Value>, Failure> {
    let workspaces = cx.state.ledger.workspaces().await?;
    let name_of = |id| workspaces.iter().find(|w| w.id == id).map_or("", |w| w.name.as_str());
    Ok(groups.iter().map(|g| role(g, name_of(g.workspace))).collect())
}

async fn one(cx: &Cx, group: &Group) -> Answer {
    reply(&json!({ "role": role(group, &workspace_name(cx, group.workspace).await?) }))
}

fn no_role(id: i64) -> String {
    format!("Role with id={id} not found")
}

/// The group, and the caller inside its workspace. Accounts' own groups are not for these hands.
async fn managed(cx: &Cx, id: i64) -> Result<(Group, Actor), Failure> {
    let group = cx.state.ledger.group(id).await;
    if is_admin(cx) {
        let group = group.map_err(|e| told(e, String::new, || no_role(id)))?;
        return Ok((group.clone(), Actor { workspace: group.workspace, ..cx.actor.clone() }));
    }
    // A stranger does not learn whether there is such a role.
    let group = group.map_err(|_| crate::guard::denied())?;
    require(managed_workspaces(cx, &cx.actor).await?.contains(&group.workspace))?;
    Ok((group.clone(), Actor { workspace: group.workspace, ..cx.actor.clone() }))
}

async fn readable(cx: &Cx, id: i64) -> Result<Group, Failure> {
    let group = cx.state.ledger.group(id).await;
    if is_admin(cx) {
        return group.map_err(|e| told(e, String::new, || no_role(id)));
    }
    let group = group.map_err(|_| crate::guard::denied())?;
    let own = cx.state.ledger.groups_of(cx.actor.account.unwrap_or(0)).await?;
    require(own.iter().any(|g| g.workspace == group.workspace))?;
    Ok(group)
}

fn check_name(name: &str) -> Result<(), Failure> {
    if name.trim().is_empty() {
        return Err(Failure::invalid("Role name cannot be empty."));
    }
    if name.starts_with(OWN_PREFIX) {
        return Err(Failure::invalid(format!(
            "Role name '{name}' uses the reserved '__user_' prefix, which is held for the per-user permission \
             representation. Choose a different name."
        )));
    }
    Ok(())
}

pub(super) async fn create(cx: Cx, f: Fields) -> Answer {
    let role_name = f.text("name")?.ok_or_else(|| f.missing("name"))?;
    let place = f.text("workspace")?.ok_or_else(|| f.missing("workspace"))?;
    if place.trim().is_empty() {
        return Err(Failure::invalid("Workspace cannot be empty."));
    }
    let found = cx.state.ledger.workspace_named(&place).await?;
    let managed = managed_workspaces(&cx, &cx.actor).await?;
    require(is_admin(&cx) || found.as_ref().is_some_and(|w| managed.contains(&w.id)))?;
    check_name(&role_name)?;
    let found = found.ok_or_else(|| Failure::missing(format!("Workspace '{place}' not found")))?;
    let actor = Actor { workspace: found.id, ..cx.actor.clone() };
    let made = cx.state.ledger.create_group(&actor, &role_name, f.text("description")?).await;
    let made = made.map_err(|e| {
        told(e, || format!("Role (name={role_name}, workspace={place}) already exists."), String::new)
    })?;
    reply(&json!({ "role": role(&made, &found.name) }))
}

pub(super) async fn get(cx: Cx, f: Fields) -> Answer {
    let group = readable(&cx, number(&f, "role_id")?).await?;
    one(&cx, &group).await
}

pub(super) async fn list(cx: Cx, f: Fields) -> Answer {
    let wanted = f.texts("workspace")?;
    if wanted.iter().any(|w| w.trim().is_empty()) {
        return Err(Failure::invalid("Parameter 'workspace' must be a non-empty string when provided."));
    }
    let workspaces = cx.state.ledger.workspaces().await?;
    let ids: Vec<WorkspaceId> =
        workspaces.iter().filter(|w| wanted.contains(&w.name)).map(|w| w.id).collect();
    if !is_admin(&cx) {
        let own = cx.state.ledger.groups_of(cx.actor.account.unwrap_or(0)).await?;
        let known = ids.len() == wanted.len() && ids.iter().all(|id| own.iter().any(|g| g.workspace == *id));
        require(!wanted.is_empty() && known)?;
    }
    let mut groups = cx.state.ledger.groups(None, true).await?;
    groups.retain(|g| wanted.is_empty() || ids.contains(&g.workspace));
    reply(&json!({ "roles": shown(&cx, groups).await? }))
}

pub(super) async fn update(cx: Cx, f: Fields) -> Answer {
    let id = number(&f, "role_id")?;
    let (_, actor) = managed(&cx, id).await?;
    let (new_name, description) = (f.text("name")?, f.text("description")?);
    if new_name.is_none() && description.is_none() {
        return Err(Failure::invalid(
            "At least one of 'name' or 'description' must be provided to update a role.",
        ));
    }
    if let Some(new_name) = &new_name {
        check_name(new_name)?;
    }
    let place = workspace_name(&cx, actor.workspace).await?;
    let shown = new_name.clone().unwrap_or_default();
    let changed = cx.state.ledger.update_group(&actor, id, new_name, description).await;
    let taken = || format!("Role with name={shown} already exists in workspace={place}");
    let group = changed.map_err(|e| told(e, taken, || no_role(id)))?;
    one(&cx, &group).await
}

pub(super) async fn delete(cx: Cx, f: Fields) -> Answer {
    let id = number(&f, "role_id")?;
    let (_, actor) = managed(&cx, id).await?;
    cx.state.ledger.delete_group(&actor, id).await.map_err(|e| told(e, String::new, || no_role(id)))?;
    empty()
}

pub(super) async fn add_permission(cx: Cx, f: Fields) -> Answer {
    let id = number(&f, "role_id")?;
    let (_, actor) = managed(&cx, id).await?;
    let kind = names::kind(&f.required_text("resource_type")?)?;
    let pattern = f.required_text("resource_pattern")?;
    let level = names::level(&f.required_text("permission")?, kind)?;
    names::check_pattern(&pattern, kind)?;
    let rule = Grant { kind, pattern: pattern.clone(), level };
    let added = cx.state.ledger.add_group_grant(&actor, id, rule).await;
    let taken = || {
        format!(
            "Role permission (role_id={id}, resource_type={}, resource_pattern={pattern}) already exists.",
            names::type_of(kind)
        )
    };
    let added = added.map_err(|e| told(e, taken, || no_role(id)))?;
    reply(&json!({ "role_permission": permission(&added) }))
}

/// The grant that `role_permission_id` names, and the caller inside its workspace.
async fn managed_grant(cx: &Cx, f: &Fields) -> Result<(GroupGrant, Actor), Failure> {
    let id = number(f, "role_permission_id")?;
    let grant = cx.state.ledger.group_grant(id).await;
    let grant = match grant {
        Err(ledger::Error::Missing(_)) if is_admin(cx) => {
            return Err(Failure::missing(format!("Role permission with id={id} not found")));
        }
        Err(ledger::Error::Missing(_)) => return Err(crate::guard::denied()),
        other => other?,
    };
    let (_, actor) = managed(cx, grant.group).await?;
    Ok((grant, actor))
}

pub(super) async fn remove_permission(cx: Cx, f: Fields) -> Answer {
    let (grant, actor) = managed_grant(&cx, &f).await?;
    cx.state.ledger.set_group_grant(&actor, grant.id, None).await?;
    empty()
}

pub(super) async fn update_permission(cx: Cx, f: Fields) -> Answer {
    let (grant, actor) = managed_grant(&cx, &f).await?;
    let level = names::level(&f.required_text("permission")?, grant.rule.kind)?;
    cx.state.ledger.set_group_grant(&actor, grant.id, Some(level)).await?;
    let changed = GroupGrant { rule: Grant { level, ..grant.rule.clone() }, ..grant };
    reply(&json!({ "role_permission": permission(&changed) }))
}

pub(super) async fn permissions(cx: Cx, f: Fields) -> Answer {
    let group = readable(&cx, number(&f, "role_id")?).await?;
    reply(&json!({ "role_permissions": group.grants.iter().map(permission).collect::<Vec<_>>() }))
}

pub(super) async fn assign(cx: Cx, f: Fields) -> Answer {
    let (user, id) = (f.required_text("username")?, number(&f, "role_id")?);
    let (group, actor) = managed(&cx, id).await?;
    require(group.owner.is_none())?;
    let user_id = account(&cx, &user).await?.id;
    let joined = cx.state.ledger.join_group(&actor, &user, id).await;
    let taken = || format!("User role assignment (user_id={user_id}, role_id={id}) already exists");
    let member = joined.map_err(|e| told(e, taken, || no_role(id)))?;
    reply(&json!({ "assignment": assignment(&member) }))
}

pub(super) async fn unassign(cx: Cx, f: Fields) -> Answer {
    let (user, id) = (f.required_text("username")?, number(&f, "role_id")?);
    let (_, actor) = managed(&cx, id).await?;
    let user_id = account(&cx, &user).await?.id;
    let left = cx.state.ledger.leave_group(&actor, &user, id).await;
    let missing = || format!("User role assignment (user_id={user_id}, role_id={id}) not found");
    left.map_err(|e| told(e, String::new, missing))?;
    empty()
}

pub(super) async fn members(cx: Cx, f: Fields) -> Answer {
    let (group, _) = managed(&cx, number(&f, "role_id")?).await?;
    let members = cx.state.ledger.members(group.id).await?;
    reply(&json!({ "assignments": members.iter().map(assignment).collect::<Vec<_>>() }))
}

pub(super) async fn of_user(cx: Cx, f: Fields) -> Answer {
    let groups = grants::visible_groups(&cx, &f.required_text("username")?).await?;
    reply(&json!({ "roles": shown(&cx, groups).await? }))
}
