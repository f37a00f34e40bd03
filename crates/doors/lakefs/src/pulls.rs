//! Pull requests.

use axum::extract::{Path, State as Shared};
use repositories::{PullChange, PullStatus};

use crate::call::{Answer, Body, Params, Reader, Writer, created, list, no_content, ok};
use crate::errors::Failure;
use crate::{State, convert, wire};

pub(crate) async fn index(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(name): Path<String>,
    params: Params,
) -> Answer {
    let open = match params.opt("status") {
        Some("open") => Some(true),
        Some("closed") => Some(false),
        None | Some("" | "all") => None,
        Some(other) => return Err(Failure::bad(format!("parameter \"status\" in query: value `{other}`"))),
    };
    list(state.repositories.pulls(&actor, &name, open, params.paging()?).await?, convert::pull)
}

pub(crate) async fn create(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path(name): Path<String>,
    Body(body): Body<wire::PullRequestCreation>,
) -> Answer {
    let description = body.description.unwrap_or_default();
    let (source, destination) = (body.source_branch, body.destination_branch);
    let stage = &state.repositories;
    let pull = stage.create_pull(&actor, &name, &body.title, &description, &source, &destination).await?;
    created(&wire::PullRequestCreationResponse { id: pull.id })
}

pub(crate) async fn get(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path((name, id)): Path<(String, String)>,
) -> Answer {
    ok(&convert::pull(state.repositories.pull(&actor, &name, &id).await?))
}

pub(crate) async fn update(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path((name, id)): Path<(String, String)>,
    Body(body): Body<wire::PullRequestBasic>,
) -> Answer {
    let status = match body.status.as_deref().map(str::to_ascii_lowercase).as_deref() {
        None => None,
        Some("open") => Some(PullStatus::Open),
        Some("closed") => Some(PullStatus::Closed),
        Some(other) => return Err(Failure::bad(format!("invalid pull request status: `{other}`"))),
    };
    let change = PullChange { title: body.title, description: body.description, status };
    state.repositories.update_pull(&actor, &name, &id, change).await?;
    no_content()
}

pub(crate) async fn merge(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path((name, id)): Path<(String, String)>,
) -> Answer {
    let pull = state.repositories.merge_pull(&actor, &name, &id).await?;
    ok(&wire::MergeResult { reference: pull.merged_commit.unwrap_or_default() })
}
