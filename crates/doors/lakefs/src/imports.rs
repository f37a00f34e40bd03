//! Imports in place: `importStart`, `importStatus`, `importCancel`.

use axum::extract::{Path, State as Shared};
use http::StatusCode;
use repositories::ImportPath;

use crate::call::{Answer, Body, Params, Reader, Writer, json, no_content, ok};
use crate::errors::Failure;
use crate::{State, convert, wire};

pub(crate) async fn start(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path((name, branch)): Path<(String, String)>,
    Body(body): Body<wire::ImportCreation>,
) -> Answer {
    let paths = body.paths.into_iter().map(|location| {
        let prefix = match location.kind.as_str() {
            convert::PREFIX => true,
            convert::OBJECT => false,
            other => return Err(Failure::bad(format!("invalid import source: type `{other}`"))),
        };
        Ok(ImportPath { source: location.path, destination: location.destination, prefix })
    });
    let paths = paths.collect::<Result<Vec<_>, Failure>>()?;
    let mut new = convert::new_commit(body.commit);
    new.force |= body.force;
    let id = state.repositories.start_import(&actor, &name, &branch, paths, new).await?;
    Ok(json(StatusCode::ACCEPTED, &wire::ImportCreationResponse { id }))
}

pub(crate) async fn status(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path((name, _branch)): Path<(String, String)>,
    params: Params,
) -> Answer {
    let import = state.repositories.import(&actor, &name, &params.required("id")?).await?;
    ok(&convert::import(import))
}

pub(crate) async fn cancel(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path((name, _branch)): Path<(String, String)>,
    params: Params,
) -> Answer {
    state.repositories.cancel_import(&actor, &name, &params.required("id")?).await?;
    no_content()
}
