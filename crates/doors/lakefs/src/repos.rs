//! `listRepositories` to `deleteRepositoryMetadata`.

use axum::extract::{Path, State as Shared};
use http::StatusCode;
use repositories::{NewRepository, Page, Paging, Repository};
use types::{Actor, ResourceKind, Visible};

use crate::call::{Answer, Body, Owner, Params, Reader, Writer, created, list, may_read, no_content, ok};
use crate::errors::Failure;
use crate::{State, convert, sample, wire};

/// What repositories are made on (`RepositoryCreation.storage_namespace`); `http` and `https` are for Azure.
const SCHEMES: &[&str] = &["local", "s3", "gs", "mem", "http", "https", "transient"];

pub(crate) async fn index(Shared(state): Shared<State>, Reader(actor): Reader, params: Params) -> Answer {
    let paging = params.paging()?;
    let search = params.text("search");
    let all = actor.visible(ResourceKind::Repository) == Visible::All;
    let page = if search.is_empty() && all {
        state.repositories.repositories(&actor, paging).await?
    } else {
        found(&state, &actor, paging, &search).await?
    };
    list(page, convert::repository)
}

/// Those whose names contain `search` and that the actor may see, neither of which the stage looks for.
async fn found(
    state: &State,
    actor: &Actor,
    paging: Paging,
    search: &str,
) -> Result<Page<Repository>, Failure> {
    let mut items: Vec<Repository> = Vec::new();
    let mut after = paging.after.clone();
    loop {
        let wanted = Paging { prefix: paging.prefix.clone(), after, limit: crate::call::MAX_PER_PAGE };
        let page = state.repositories.repositories(actor, wanted).await?;
        let wanted = |one: &Repository| one.name.contains(search) && may_read(actor, &one.name).is_ok();
        items.extend(page.items.into_iter().filter(wanted));
        if items.len() > paging.limit {
            items.truncate(paging.limit);
            let next = items.last().map(|repository| repository.name.clone());
            return Ok(Page { items, next });
        }
        match page.next {
            Some(next) => after = next,
            None => return Ok(Page { items, next: None }),
        }
    }
}

pub(crate) async fn create(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    params: Params,
    Body(body): Body<wire::RepositoryCreation>,
) -> Answer {
    if let Some(id) = body.storage_id.as_deref().filter(|id| !id.is_empty()) {
        return Err(Failure::bad(format!("storage id: invalid value: validation error: there is no `{id}`")));
    }
    if params.flag("bare")? {
        return Err(Failure::not_implemented("a bare repository is one to restore a dump into"));
    }
    let scheme = body.storage_namespace.split_once("://").map_or("", |(scheme, _)| scheme);
    if !SCHEMES.contains(&scheme) {
        return Err(Failure::bad(format!(
            "failed to match required regex ^(s3|gs|https?|mem|local|transient)://.*$: invalid namespace: `{}`",
            body.storage_namespace
        )));
    }
    let sampled = body.sample_data;
    let new = NewRepository {
        name: body.name,
        storage_namespace: body.storage_namespace,
        default_branch: body
            .default_branch
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| "main".to_owned()),
        read_only: body.read_only,
        metadata: Default::default(),
    };
    let repository = state.repositories.create_repository(&actor, new).await?;
    if sampled {
        sample::fill(&state, &actor, &repository).await?;
    }
    created(&convert::repository(repository))
}

pub(crate) async fn get(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(name): Path<String>,
) -> Answer {
    ok(&convert::repository(state.repositories.repository(&actor, &name).await?))
}

pub(crate) async fn delete(
    Shared(state): Shared<State>,
    Owner(actor): Owner,
    Path(name): Path<String>,
    params: Params,
) -> Answer {
    state.repositories.delete_repository(&actor, &name, params.flag("force")?).await?;
    no_content()
}

pub(crate) async fn metadata(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(name): Path<String>,
) -> Answer {
    ok(&state.repositories.repository(&actor, &name).await?.metadata)
}

pub(crate) async fn set_metadata(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path(name): Path<String>,
    Body(body): Body<wire::RepositoryMetadataSet>,
) -> Answer {
    state.repositories.set_repository_metadata(&actor, &name, body.metadata, Vec::new()).await?;
    no_content()
}

pub(crate) async fn delete_metadata(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path(name): Path<String>,
    Body(body): Body<wire::RepositoryMetadataKeys>,
) -> Answer {
    state.repositories.set_repository_metadata(&actor, &name, Default::default(), body.keys).await?;
    no_content()
}

/// `createSymlinkFile`, garbage collection by Spark, dumps, and what else only makes sense where lakeFS is not the
/// storage.
pub(crate) async fn elsewhere(_: Reader) -> Answer {
    Err(Failure::new(
        StatusCode::NOT_IMPLEMENTED,
        "Not Implemented: this server keeps objects, and collects garbage, by itself",
    ))
}
