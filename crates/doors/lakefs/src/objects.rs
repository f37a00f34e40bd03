//! Objects by path: what is said of them. Their bytes: `download.rs`, `upload.rs`.

use axum::extract::{Path, State as Shared};
use http::{HeaderMap, Uri};
use repositories::{Condition, Entry, Listing, Object, Repository};

use crate::call::{Answer, Body, Params, Reader, Writer, created, list, no_content, ok};
use crate::errors::Failure;
use crate::signed::Signer;
use crate::{State, convert, wire};

/// `DefaultMaxDeleteObjects` of `controller.go`.
const MOST_DELETED: usize = 1_000;

pub(crate) async fn stat(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path((name, reference)): Path<(String, String)>,
    params: Params,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let path = params.path()?;
    let repository = state.repositories.repository(&actor, &name).await?;
    let (object, seen) = state.repositories.look(&actor, &name, &reference, &path).await?;
    let mut stats = convert::stats(&repository, path.clone(), &object);
    if !params.choice("user_metadata")?.unwrap_or(true) {
        stats.metadata = Some(Default::default());
    }
    if params.flag("presign")? {
        crate::download::note(&state, &actor, &headers, seen).await;
        let signer = Signer::of(&state, &actor, &headers, &uri)?;
        sign(&signer, &repository, &reference, &path, &object, &mut stats)?;
    }
    ok(&stats)
}

fn sign(
    signer: &Signer<'_>,
    repository: &Repository,
    reference: &str,
    path: &str,
    object: &Object,
    stats: &mut wire::ObjectStats,
) -> Result<(), Failure> {
    stats.physical_address = signer.get(&repository.name, reference, path, object)?;
    stats.physical_address_expiry = Some(convert::seconds(signer.until()));
    Ok(())
}

pub(crate) async fn index(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path((name, reference)): Path<(String, String)>,
    params: Params,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let listing = Listing {
        prefix: params.text("prefix"),
        after: params.text("after"),
        delimiter: params.text("delimiter"),
        limit: params.amount()?,
    };
    let with_metadata = params.choice("user_metadata")?.unwrap_or(true);
    let signer = match params.flag("presign")? {
        true => Some(Signer::of(&state, &actor, &headers, &uri)?),
        false => None,
    };
    let repository = state.repositories.repository(&actor, &name).await?;
    let page = state.repositories.list(&actor, &name, &reference, listing).await?;
    let mut signatures = Vec::new();
    if let Some(signer) = &signer {
        for entry in &page.items {
            signatures.push(match entry {
                Entry::Object { path, object } => Some(signer.get(&name, &reference, path, object)?),
                Entry::Prefix(_) => None,
            });
        }
    }
    let until = signer.as_ref().map(|signer| convert::seconds(signer.until()));
    let mut signatures = signatures.into_iter();
    list(page, |entry| {
        let mut stats = convert::entry(&repository, entry, with_metadata);
        if let Some(Some(url)) = signatures.next() {
            stats.physical_address = url;
            stats.physical_address_expiry = until;
        }
        stats
    })
}

/// What is not there is deleted already.
pub(crate) async fn delete(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path((name, branch)): Path<(String, String)>,
    params: Params,
) -> Answer {
    let path = params.path()?;
    state.repositories.delete(&actor, &name, &branch, &path, Condition::default()).await?;
    no_content()
}

pub(crate) async fn delete_many(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path((name, branch)): Path<(String, String)>,
    Body(body): Body<wire::PathList>,
) -> Answer {
    if body.paths.len() > MOST_DELETED {
        return Err(Failure::bad(format!("request size exceeded, max paths is set to {MOST_DELETED}")));
    }
    // Spark deletes the path of a branch itself and expects that to work (lakeFS issue 1706).
    let paths = body.paths.into_iter().filter(|path| !path.is_empty()).collect();
    let failed = state.repositories.delete_many(&actor, &name, &branch, paths).await?;
    let errors = failed.into_iter().map(|(path, error)| {
        let failure = Failure::from(error);
        wire::ObjectError { status_code: failure.status.as_u16(), message: failure.message, path }
    });
    ok(&wire::ObjectErrorList { errors: errors.collect() })
}

/// Takes the same bytes at another path; they are not moved.
pub(crate) async fn copy(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path((name, branch)): Path<(String, String)>,
    params: Params,
    Body(body): Body<wire::ObjectCopyCreation>,
) -> Answer {
    let path = params.required("dest_path")?;
    let stage = &state.repositories;
    let repository = stage.repository(&actor, &name).await?;
    branch_exists(&state, &actor, &name, &branch).await?;
    let reference = body.src_ref.filter(|reference| !reference.is_empty()).unwrap_or_else(|| branch.clone());
    let mut object = stage.stat(&actor, &name, &reference, &body.src_path).await?;
    // A shallow copy is one as lakeFS makes only on one branch; here every copy shares the bytes.
    if !body.shallow {
        object.modified_at = state.ledger.clock().now();
    }
    let object = stage.stage(&actor, &name, &branch, &path, object, Condition::default()).await?;
    created(&convert::stats(&repository, path, &object))
}

pub(crate) async fn branch_exists(
    state: &State,
    actor: &types::Actor,
    name: &str,
    branch: &str,
) -> Result<(), Failure> {
    match state.repositories.branch(actor, name, branch).await {
        Ok(_) => Ok(()),
        Err(repositories::Error::BranchNotFound(_) | repositories::Error::BadName(..)) => {
            Err(Failure::not_found(format!("branch '{branch}' not found")))
        }
        Err(error) => Err(error.into()),
    }
}

pub(crate) async fn set_metadata(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path((name, branch)): Path<(String, String)>,
    params: Params,
    Body(body): Body<wire::UpdateObjectUserMetadata>,
) -> Answer {
    let path = params.path()?;
    state.repositories.set_object_metadata(&actor, &name, &branch, &path, body.set).await?;
    no_content()
}

pub(crate) async fn underlying(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path((name, reference)): Path<(String, String)>,
    params: Params,
) -> Answer {
    state.repositories.stat(&actor, &name, &reference, &params.path()?).await?;
    ok(&wire::UnderlyingObjectProperties { storage_class: None })
}

/// `uploadObjectPreflight` and its like: whoever gets here may.
pub(crate) async fn allowed(_: Writer) -> Answer {
    no_content()
}
