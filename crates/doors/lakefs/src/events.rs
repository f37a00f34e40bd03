//! Runs of hooks, and the statistics that clients send.

use axum::extract::{Path, State as Shared};
use axum::response::IntoResponse;
use http::header;
use repositories::Paging;

use crate::call::{Answer, Body, Params, Reader, list, no_content, ok};
use crate::errors::Failure;
use crate::{State, convert, wire};

pub(crate) async fn runs(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(name): Path<String>,
    params: Params,
) -> Answer {
    let given = |name| params.opt(name).filter(|text| !text.is_empty());
    let (branch, commit) = (given("branch"), given("commit"));
    if branch.is_some() && commit.is_some() {
        return Err(Failure::bad("parameters conflict: can't be used with both commit and branch"));
    }
    let page = state.repositories.action_runs(&actor, &name, branch, commit, params.paging()?).await?;
    list(page, convert::action_run)
}

pub(crate) async fn run(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path((name, run)): Path<(String, String)>,
) -> Answer {
    ok(&convert::action_run(state.repositories.action_run(&actor, &name, &run).await?))
}

pub(crate) async fn hooks(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path((name, run)): Path<(String, String)>,
    params: Params,
) -> Answer {
    let paging = Paging { prefix: String::new(), ..params.paging()? };
    list(state.repositories.hook_runs(&actor, &name, &run, paging).await?, convert::hook_run)
}

pub(crate) async fn output(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path((name, run, hook_run)): Path<(String, String, String)>,
) -> Answer {
    let text = state.repositories.hook_output(&actor, &name, &run, &hook_run).await?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], text).into_response())
}

/// Taken, as lakeFS does, and not kept.
pub(crate) async fn statistics(_: Reader, Body(body): Body<wire::StatsEventsList>) -> Answer {
    let wrong =
        |event: &&wire::StatsEvent| event.class.is_empty() || event.name.is_empty() || event.count < 0;
    match body.events.iter().find(wrong) {
        Some(event) => Err(Failure::bad(format!("invalid value: validation error: {event:?}"))),
        None => no_content(),
    }
}
