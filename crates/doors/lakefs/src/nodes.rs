//! The index, as opaque objects: `getMetaRange`, `getRange`, `getMetadataObject`.

use axum::extract::{Path, State as Shared};
use axum::response::IntoResponse;
use http::header;
use types::Digest;

use crate::call::{Answer, Reader, ok};
use crate::errors::Failure;
use crate::{State, address, wire};

fn id_of(text: &str) -> Result<Digest, Failure> {
    text.parse().map_err(|_| Failure::not_found(format!("not found: `{text}` is no id of the index")))
}

/// A meta-range is the root of a commit's tree, a range is any node below it.
pub(crate) async fn location(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path((name, id)): Path<(String, String)>,
) -> Answer {
    let id = id_of(&id)?;
    let repository = state.repositories.repository(&actor, &name).await?;
    state.repositories.node(&actor, &name, &id).await?;
    ok(&wire::StorageUri { location: address::of_node(&repository, &id) })
}

pub(crate) async fn object(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path((name, kind, id)): Path<(String, String, String)>,
) -> Answer {
    if !["range", "meta_range"].contains(&kind.as_str()) {
        return Err(Failure::bad(format!("parameter \"type\" in path has an error: value `{kind}`")));
    }
    let bytes = state.repositories.node(&actor, &name, &id_of(&id)?).await?;
    let heads = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'"),
    ];
    Ok((heads, bytes).into_response())
}
