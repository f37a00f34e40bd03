use ledger::{Account, Error};
use serde_json::{Value, json};
use types::{ActorKind, Role};

use super::{account, direct, is_admin, managed_workspaces, require, roles, told};
use crate::call::{Answer, Cx, empty, reply};
use crate::errors::{Code, Failure};
use crate::request::Fields;

/// `mlflow/utils/validation.py: _validate_password`
const SHORTEST_PASSWORD: usize = 12;

fn user(account: &Account) -> Value {
    json!({ "id": account.id, "username": account.name, "is_admin": account.role == Role::Admin })
}

/// With what clients before 3.17 read of one user.
async fn whole(cx: &Cx, account: &Account) -> Result<Value, Failure> {
    let mut shown = user(account);
    for (name, list) in direct::of_user(cx, account).await? {
        shown[name] = list;
    }
    Ok(shown)
}

fn check_password(password: &str) -> Result<(), Failure> {
    if password.chars().count() < SHORTEST_PASSWORD {
        return Err(Failure::invalid(format!("Password must be at least {SHORTEST_PASSWORD} characters.")));
    }
    Ok(())
}

pub(super) async fn create(cx: Cx, f: Fields) -> Answer {
    require(is_admin(&cx) || !managed_workspaces(&cx, &cx.actor).await?.is_empty())?;
    let (name, password) = (f.text("username")?, f.text("password")?);
    let name = name.ok_or_else(|| f.missing("username"))?;
    let password = password.ok_or_else(|| f.missing("password"))?;
    if name.is_empty() || password.is_empty() {
        return Err(Failure::new(Code::BadRequest, "Username and password cannot be empty."));
    }
    check_password(&password)?;
    // Whoever is here before there are users makes the first one, who must be able to make the others.
    let role = if cx.actor.kind == ActorKind::Local { Role::Admin } else { Role::Member };
    let made = cx.state.ledger.create_account(&cx.actor, &name, role, &password).await;
    let made =
        made.map_err(|e| told(e, || format!("User (username={name}) already exists."), String::new))?;
    reply(&json!({ "user": whole(&cx, &made).await? }))
}

pub(super) async fn get(cx: Cx, f: Fields) -> Answer {
    let name = f.required_text("username")?;
    require(is_admin(&cx) || name == cx.actor.name)?;
    let found = account(&cx, &name).await?;
    reply(&json!({ "user": whole(&cx, &found).await? }))
}

pub(super) async fn current(cx: Cx, _: Fields) -> Answer {
    let admin = is_admin(&cx);
    let user = json!({ "id": cx.actor.account.unwrap_or(0), "username": cx.actor.name, "is_admin": admin });
    reply(&json!({ "user": user, "is_basic_auth": cx.actor.account.is_some() }))
}

pub(super) async fn list(cx: Cx, _: Fields) -> Answer {
    require(is_admin(&cx) || cx.actor.creates())?;
    let managed = managed_workspaces(&cx, &cx.actor).await?;
    let mut users = Vec::new();
    for account in cx.state.ledger.accounts().await? {
        let mut groups = cx.state.ledger.groups_of(account.id).await?;
        if !is_admin(&cx) && account.name != cx.actor.name {
            groups.retain(|g| managed.contains(&g.workspace));
        }
        let mut shown = user(&account);
        shown["roles"] = roles::shown(&cx, groups).await?.into();
        users.push(shown);
    }
    reply(&json!({ "users": users }))
}

pub(super) async fn update_password(cx: Cx, f: Fields) -> Answer {
    let (name, password) = (f.required_text("username")?, f.required_text("password")?);
    let own = name == cx.actor.name;
    require(is_admin(&cx) || own)?;
    if own && cx.actor.account.is_some() {
        // A hijacked browser must not be able to change the password.
        let current = f.text("current_password")?.filter(|p| !p.is_empty()).ok_or_else(|| {
            Failure::invalid("Current password is required when changing your own password.")
        })?;
        match cx.state.ledger.check_password(&name, &current).await {
            Ok(_) => {}
            Err(Error::BadCredential(_)) => return Err(Failure::invalid("Current password does not match.")),
            Err(other) => return Err(other.into()),
        }
        if password == current {
            return Err(Failure::invalid("New password must differ from the current password."));
        }
    }
    account(&cx, &name).await?;
    check_password(&password)?;
    cx.state.ledger.set_password(&cx.actor, &name, &password).await?;
    empty()
}

pub(super) async fn update_admin(cx: Cx, f: Fields) -> Answer {
    require(is_admin(&cx))?;
    let name = f.required_text("username")?;
    let admin = f.boolean("is_admin")?.ok_or_else(|| f.missing("is_admin"))?;
    let found = account(&cx, &name).await?;
    let role = match (admin, found.role) {
        (true, _) => Role::Admin,
        (false, Role::Admin) => Role::Member,
        (false, role) => role,
    };
    cx.state.ledger.set_role(&cx.actor, &name, role).await?;
    empty()
}

pub(super) async fn delete(cx: Cx, f: Fields) -> Answer {
    require(is_admin(&cx))?;
    let name = f.required_text("username")?;
    if name == cx.actor.name {
        return Err(Failure::new(
            Code::BadRequest,
            "Users cannot delete their own account. Ask another admin to delete this user instead.",
        ));
    }
    account(&cx, &name).await?;
    cx.state.ledger.delete_account(&cx.actor, &name).await?;
    empty()
}
