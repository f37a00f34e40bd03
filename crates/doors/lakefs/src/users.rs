//! Users and their credentials: accounts of this server and their access keys. Groups are the ledger's, too; what
//! they may do is granted in the server's own way, not by lakeFS's policies.

use axum::extract::{Path, State as Shared};
use axum::response::IntoResponse;
use http::StatusCode;
use ledger::{AccessKey, Account, Group};
use repositories::{Page, Paging};
use types::{Actor, Role, Timestamp};

use crate::call::{Admin, Answer, Body, Params, Reader, created, list, no_content, ok};
use crate::errors::Failure;
use crate::{State, convert, wire};

/// Whom the root key speaks for.
const ROOT: &str = "root";

fn shown(account: Account) -> wire::User {
    wire::User {
        creation_date: convert::seconds(account.created_at),
        friendly_name: account.name.clone(),
        id: account.name,
        email: None,
    }
}

/// A page of what is listed whole: names in order, by prefix, after a name.
fn page<T>(mut all: Vec<T>, paging: &Paging, name: impl Fn(&T) -> String) -> Page<T> {
    all.sort_by_key(&name);
    all.retain(|one| {
        let name = name(one);
        name.starts_with(&paging.prefix) && (paging.after.is_empty() || name > paging.after)
    });
    let more = all.len() > paging.limit;
    all.truncate(paging.limit);
    let next = if more { all.last().map(name) } else { None };
    Page { items: all, next }
}

async fn account(state: &State, name: &str) -> Result<Account, Failure> {
    state.ledger.account(name).await?.ok_or_else(|| Failure::not_found(format!("user not found: {name}")))
}

pub(crate) async fn current(Shared(state): Shared<State>, Reader(actor): Reader) -> Answer {
    let user = match state.ledger.account(&actor.name).await? {
        Some(account) if actor.account.is_some() => shown(account),
        _ => wire::User { id: actor.name.clone(), creation_date: 0, friendly_name: actor.name, email: None },
    };
    ok(&wire::CurrentUser { user })
}

pub(crate) async fn index(Shared(state): Shared<State>, Admin(_): Admin, params: Params) -> Answer {
    let accounts = state.ledger.accounts().await?;
    list(page(accounts, &params.paging()?, |one| one.name.clone()), shown)
}

/// A new user may make repositories and do everything with them; what else it may do is granted elsewhere.
pub(crate) async fn create(
    Shared(state): Shared<State>,
    Admin(actor): Admin,
    Body(body): Body<wire::UserCreation>,
) -> Answer {
    if body.invite_user {
        return Err(Failure::not_implemented("nobody is invited by mail"));
    }
    check_name(&body.id, "User")?;
    if state.ledger.account(&body.id).await?.is_some() {
        return Err(Failure::new(StatusCode::CONFLICT, "Already exists"));
    }
    created(&shown(state.ledger.set_account(&actor, &body.id, Role::Member).await?))
}

fn check_name(name: &str, what: &str) -> Result<(), Failure> {
    match name {
        "" => Err(Failure::bad(format!("{what} name is required"))),
        // Names stand in paths.
        name if name.contains('%') => Err(Failure::bad(format!("{what} name cannot contain '%'"))),
        _ => Ok(()),
    }
}

pub(crate) async fn get(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(name): Path<String>,
) -> Answer {
    own_or_admin(&actor, &name)?;
    ok(&shown(account(&state, &name).await?))
}

pub(crate) async fn delete(
    Shared(state): Shared<State>,
    Admin(actor): Admin,
    Path(name): Path<String>,
) -> Answer {
    account(&state, &name).await?;
    state.ledger.delete_account(&actor, &name).await?;
    no_content()
}

/// Everybody sees themselves.
fn own_or_admin(actor: &Actor, name: &str) -> Result<(), Failure> {
    let own = actor.account.is_some() && actor.name == name;
    if own || actor.may(types::Permission::Administer) {
        return Ok(());
    }
    let permission = types::Permission::Administer;
    Err(kit::Denied::Forbidden { actor: actor.to_string(), permission }.into())
}

/// Of whom a path names: an account, or nobody for the root key.
fn owner(name: &str) -> Option<&str> {
    (name != ROOT).then_some(name)
}

async fn keys_of(state: &State, actor: &Actor, name: &str) -> Result<Vec<AccessKey>, Failure> {
    let mut keys = state.keys.list(actor, owner(name)).await?;
    keys.retain(|key| key.account.as_deref() == owner(name));
    if keys.is_empty() && name != ROOT {
        account(state, name).await?;
    }
    Ok(keys)
}

fn credentials(key: AccessKey) -> wire::Credentials {
    wire::Credentials { creation_date: convert::seconds(key.created_at), access_key_id: key.id }
}

pub(crate) async fn keys(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(name): Path<String>,
    params: Params,
) -> Answer {
    let keys = keys_of(&state, &actor, &name).await?;
    list(page(keys, &params.paging()?, |key| key.id.clone()), credentials)
}

/// The secret is shown this once.
pub(crate) async fn create_key(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(name): Path<String>,
) -> Answer {
    if name != ROOT {
        account(&state, &name).await?;
    }
    let key = state.keys.create(&actor, owner(&name)).await?;
    created(&wire::CredentialsWithSecret {
        access_key_id: key.id,
        secret_access_key: key.secret,
        creation_date: convert::seconds(state.ledger.clock().now()),
    })
}

async fn key_of(state: &State, actor: &Actor, name: &str, id: &str) -> Result<AccessKey, Failure> {
    let key = keys_of(state, actor, name).await?.into_iter().find(|key| key.id == id);
    key.ok_or_else(|| Failure::not_found("credentials not found"))
}

pub(crate) async fn get_key(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path((name, id)): Path<(String, String)>,
) -> Answer {
    ok(&credentials(key_of(&state, &actor, &name, &id).await?))
}

pub(crate) async fn delete_key(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path((name, id)): Path<(String, String)>,
) -> Answer {
    key_of(&state, &actor, &name, &id).await?;
    state.keys.revoke(&actor, &id).await?;
    no_content()
}

// ---- groups

fn group(of: Group) -> wire::Group {
    wire::Group {
        id: of.name.clone(),
        name: of.name,
        description: of.description,
        creation_date: convert::seconds(Timestamp(0)),
    }
}

async fn find_group(state: &State, actor: &Actor, name: &str) -> Result<Group, Failure> {
    let groups = state.ledger.groups(Some(actor.workspace), false).await?;
    let found = groups.into_iter().find(|group| group.name == name);
    found.ok_or_else(|| Failure::not_found(format!("group not found: {name}")))
}

pub(crate) async fn groups(Shared(state): Shared<State>, Admin(actor): Admin, params: Params) -> Answer {
    let groups = state.ledger.groups(Some(actor.workspace), false).await?;
    list(page(groups, &params.paging()?, |one| one.name.clone()), group)
}

pub(crate) async fn create_group(
    Shared(state): Shared<State>,
    Admin(actor): Admin,
    Body(body): Body<wire::GroupCreation>,
) -> Answer {
    check_name(&body.id, "Group")?;
    match state.ledger.create_group(&actor, &body.id, body.description).await {
        Ok(made) => created(&group(made)),
        Err(ledger::Error::Exists(_)) => Err(Failure::new(StatusCode::CONFLICT, "Already exists")),
        Err(error) => Err(error.into()),
    }
}

pub(crate) async fn get_group(
    Shared(state): Shared<State>,
    Admin(actor): Admin,
    Path(name): Path<String>,
) -> Answer {
    ok(&group(find_group(&state, &actor, &name).await?))
}

pub(crate) async fn delete_group(
    Shared(state): Shared<State>,
    Admin(actor): Admin,
    Path(name): Path<String>,
) -> Answer {
    let found = find_group(&state, &actor, &name).await?;
    state.ledger.delete_group(&actor, found.id).await?;
    no_content()
}

pub(crate) async fn members(
    Shared(state): Shared<State>,
    Admin(actor): Admin,
    Path(name): Path<String>,
    params: Params,
) -> Answer {
    let found = find_group(&state, &actor, &name).await?;
    let members = state.ledger.members(found.id).await?;
    let mut accounts = state.ledger.accounts().await?;
    accounts.retain(|account| members.iter().any(|member| member.account == account.id));
    list(page(accounts, &params.paging()?, |one| one.name.clone()), shown)
}

pub(crate) async fn join(
    Shared(state): Shared<State>,
    Admin(actor): Admin,
    Path((name, user)): Path<(String, String)>,
) -> Answer {
    let found = find_group(&state, &actor, &name).await?;
    account(&state, &user).await?;
    match state.ledger.join_group(&actor, &user, found.id).await {
        Ok(_) | Err(ledger::Error::Exists(_)) => Ok(StatusCode::CREATED.into_response()),
        Err(error) => Err(error.into()),
    }
}

pub(crate) async fn leave(
    Shared(state): Shared<State>,
    Admin(actor): Admin,
    Path((name, user)): Path<(String, String)>,
) -> Answer {
    let found = find_group(&state, &actor, &name).await?;
    account(&state, &user).await?;
    state.ledger.leave_group(&actor, &user, found.id).await?;
    no_content()
}

pub(crate) async fn groups_of(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(name): Path<String>,
    params: Params,
) -> Answer {
    own_or_admin(&actor, &name)?;
    let user = account(&state, &name).await?;
    let mut groups = state.ledger.groups_of(user.id).await?;
    groups.retain(|group| group.owner.is_none() && group.workspace == actor.workspace);
    list(page(groups, &params.paging()?, |one| one.name.clone()), group)
}

/// As lakeFS without its enterprise parts answers: policies are not kept here.
pub(crate) async fn policies(_: Reader) -> Answer {
    Err(Failure::not_implemented(
        "what users may do is granted in this server's own way, see `mlwright user`",
    ))
}
