//! Branches and tags.

use axum::extract::{Path, State as Shared};
use axum::response::IntoResponse;
use http::{StatusCode, header};
use repositories::Reset;

use crate::call::{Answer, Body, Params, Reader, Writer, created, list, no_content, ok};
use crate::errors::Failure;
use crate::{State, convert, wire};

pub(crate) async fn branches(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(name): Path<String>,
    params: Params,
) -> Answer {
    let hidden = params.flag("show_hidden")?;
    list(state.repositories.branches(&actor, &name, params.paging()?, hidden).await?, convert::branch)
}

/// The body of the answer is the commit's id, as text.
pub(crate) async fn create_branch(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path(name): Path<String>,
    Body(body): Body<wire::BranchCreation>,
) -> Answer {
    let stage = &state.repositories;
    let branch =
        stage.create_branch(&actor, &name, &body.name, &body.source, body.hidden, body.force).await?;
    let plain = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((StatusCode::CREATED, plain, branch.commit.hex()).into_response())
}

pub(crate) async fn branch(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path((name, branch)): Path<(String, String)>,
) -> Answer {
    ok(&convert::branch(state.repositories.branch(&actor, &name, &branch).await?))
}

pub(crate) async fn delete_branch(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path((name, branch)): Path<(String, String)>,
    params: Params,
) -> Answer {
    state.repositories.delete_branch(&actor, &name, &branch, params.flag("force")?).await?;
    no_content()
}

pub(crate) async fn reset(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path((name, branch)): Path<(String, String)>,
    Body(body): Body<wire::ResetCreation>,
) -> Answer {
    let what = match body.kind.as_str() {
        "reset" => Reset::Everything,
        convert::PREFIX => Reset::Prefix(body.path),
        convert::OBJECT => Reset::Object(body.path),
        other => return Err(Failure::bad(format!("unknown reset type: `{other}`"))),
    };
    state.repositories.reset(&actor, &name, &branch, what).await?;
    no_content()
}

pub(crate) async fn hard_reset(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path((name, branch)): Path<(String, String)>,
    params: Params,
) -> Answer {
    let (reference, force) = (params.required("ref")?, params.flag("force")?);
    state.repositories.hard_reset(&actor, &name, &branch, &reference, force).await?;
    no_content()
}

pub(crate) async fn tags(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(name): Path<String>,
    params: Params,
) -> Answer {
    list(state.repositories.tags(&actor, &name, params.paging()?).await?, convert::tag)
}

pub(crate) async fn create_tag(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path(name): Path<String>,
    Body(body): Body<wire::TagCreation>,
) -> Answer {
    let stage = &state.repositories;
    created(&convert::tag(stage.create_tag(&actor, &name, &body.id, &body.reference, body.force).await?))
}

pub(crate) async fn tag(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path((name, tag)): Path<(String, String)>,
) -> Answer {
    ok(&convert::tag(state.repositories.tag(&actor, &name, &tag).await?))
}

pub(crate) async fn delete_tag(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path((name, tag)): Path<(String, String)>,
    params: Params,
) -> Answer {
    state.repositories.delete_tag(&actor, &name, &tag, params.flag("force")?).await?;
    no_content()
}
