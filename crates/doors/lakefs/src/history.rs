//! Commits, differences, merges.

use axum::extract::{Path, State as Shared};
use http::StatusCode;
use repositories::{Commit, DiffOptions, LogOptions, MergeOptions, NewCommit};
use types::{Actor, Timestamp};

use crate::call::{Answer, Body, Params, Reader, Writer, created, json, list, no_content, ok};
use crate::errors::Failure;
use crate::{State, convert, wire};

/// Metadata of merges and cherry-picks, by `pkg/graveler/graveler.go`.
const MERGE_STRATEGY: &str = ".lakefs.merge.strategy";
const PICK_ORIGIN: &str = "cherry-pick-origin";
const PICK_COMMITTER: &str = "cherry-pick-committer";

pub(crate) async fn commit(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path((name, branch)): Path<(String, String)>,
    params: Params,
    Body(body): Body<wire::CommitCreation>,
) -> Answer {
    if params.opt("source_metarange").is_some_and(|id| !id.is_empty()) {
        return Err(Failure::not_implemented("a commit of a meta-range that was made elsewhere"));
    }
    let new = convert::new_commit(body);
    created(&convert::commit(state.repositories.commit(&actor, &name, &branch, new).await?))
}

pub(crate) async fn get(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path((name, id)): Path<(String, String)>,
) -> Answer {
    ok(&convert::commit(state.repositories.get_commit(&actor, &name, &id).await?))
}

pub(crate) async fn log(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path((name, reference)): Path<(String, String)>,
    params: Params,
) -> Answer {
    let amount = params.amount()?;
    let prefixes = params.all("prefixes").map(|prefix| match prefix.ends_with('/') {
        true => prefix,
        false => format!("{prefix}/"),
    });
    let since = match params.opt("since") {
        None => None,
        Some(text) => Some(Timestamp::parse_rfc3339(text).ok_or_else(|| {
            Failure::bad(format!("parameter \"since\" in query has an error: value `{text}` is no date-time"))
        })?),
    };
    let options = LogOptions {
        paths: params.all("objects").chain(prefixes).collect(),
        first_parent: params.flag("first_parent")?,
        since,
        stop_at: params.opt("stop_at").filter(|id| !id.is_empty()).map(str::to_owned),
        after: params.text("after"),
        limit: amount,
    };
    let mut page = state.repositories.log(&actor, &name, &reference, options).await?;
    // `limit` says that `amount` commits are all that is wanted.
    if params.flag("limit")? {
        page.next = None;
    }
    list(page, convert::commit)
}

fn diff_options(params: &Params) -> Result<DiffOptions, Failure> {
    Ok(DiffOptions { paging: params.paging()?, delimiter: params.text("delimiter") })
}

/// `diffBranch`: what is not committed.
pub(crate) async fn uncommitted(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path((name, branch)): Path<(String, String)>,
    params: Params,
) -> Answer {
    let page = state.repositories.uncommitted(&actor, &name, &branch, diff_options(&params)?).await?;
    list(page, |difference| convert::difference(difference, false, false))
}

pub(crate) async fn diff(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path((name, left, right)): Path<(String, String, String)>,
    params: Params,
) -> Answer {
    let from_base = match params.opt("type") {
        None | Some("" | "three_dot") => true,
        Some("two_dot") => false,
        Some(other) => return Err(Failure::bad(format!("parameter \"type\": `{other}` is no diff type"))),
    };
    let with_right = params.flag("include_right_stats")?;
    let options = diff_options(&params)?;
    let page = state.repositories.diff(&actor, &name, &left, &right, from_base, options).await?;
    list(page, |difference| convert::difference(difference, true, with_right))
}

pub(crate) async fn merge(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path((name, source, destination)): Path<(String, String, String)>,
    Body(body): Body<wire::Merge>,
) -> Answer {
    let merged = merge_with(&state, &actor, &name, &source, &destination, body).await;
    match merged {
        Ok(commit) => ok(&wire::MergeResult { reference: commit.id.hex() }),
        // lakeFS names no commit here; the conflicts are told by `diffRefs`.
        Err(repositories::Error::Conflict(_)) => {
            Ok(json(StatusCode::CONFLICT, &Conflicted { reference: "", message: "conflict found" }))
        }
        Err(error) => Err(error.into()),
    }
}

/// `MergeResult` of a merge that did not happen. Clients that show errors look for a message.
#[derive(serde::Serialize)]
struct Conflicted {
    reference: &'static str,
    message: &'static str,
}

async fn merge_with(
    state: &State,
    actor: &Actor,
    name: &str,
    source: &str,
    destination: &str,
    body: wire::Merge,
) -> Result<Commit, repositories::Error> {
    let strategy = convert::strategy(body.strategy.as_deref())
        .map_err(|failure| repositories::Error::Invalid(failure.message))?;
    let mut metadata = body.metadata.unwrap_or_default();
    metadata.insert(MERGE_STRATEGY.to_owned(), convert::strategy_word(strategy).to_owned());
    let message = body
        .message
        .filter(|message| !message.is_empty())
        .unwrap_or_else(|| format!("Merge '{source}' into '{destination}'"));
    let options = MergeOptions {
        message,
        metadata,
        strategy,
        allow_empty: body.allow_empty,
        squash: body.squash_merge,
        force: body.force,
    };
    state.repositories.merge(actor, name, source, destination, options).await
}

pub(crate) async fn merge_base(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path((name, source, destination)): Path<(String, String, String)>,
) -> Answer {
    let stage = &state.repositories;
    let base = stage.merge_base(&actor, &name, &destination, &source).await?;
    let result = wire::FindMergeBaseResult {
        source_commit_id: stage.get_commit(&actor, &name, &source).await?.id.hex(),
        destination_commit_id: stage.get_commit(&actor, &name, &destination).await?.id.hex(),
        base_commit_id: base.map(|id| id.hex()).unwrap_or_default(),
    };
    ok(&result)
}

pub(crate) async fn revert(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path((name, branch)): Path<(String, String)>,
    Body(body): Body<wire::RevertCreation>,
) -> Answer {
    let parent = usize::try_from(body.parent_number).map_err(|_| {
        Failure::bad(format!(
            "argument parentNumber: invalid value: validation error: {} is negative",
            body.parent_number
        ))
    })?;
    let overrides = body.commit_overrides.unwrap_or_default();
    let new = NewCommit {
        message: overrides
            .message
            .filter(|message| !message.is_empty())
            .unwrap_or_else(|| format!("Revert {}", body.reference)),
        metadata: overrides.metadata.unwrap_or_default(),
        allow_empty: body.allow_empty,
        force: body.force,
        ..NewCommit::default()
    };
    let stage = &state.repositories;
    let reverted = stage.revert(&actor, &name, &branch, &body.reference, parent, new).await;
    reverted.map_err(|error| no_parent(error, parent))?;
    no_content()
}

pub(crate) async fn cherry_pick(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path((name, branch)): Path<(String, String)>,
    Body(body): Body<wire::CherryPickCreation>,
) -> Answer {
    let stage = &state.repositories;
    let parent = match body.parent_number {
        None => None,
        Some(number) => Some(usize::try_from(number).ok().filter(|number| *number > 0).ok_or_else(|| {
            Failure::bad(format!(
                "argument parentNumber: invalid value: validation error: {number} is not positive"
            ))
        })?),
    };
    let picked = stage.get_commit(&actor, &name, &body.reference).await?;
    let overrides = body.commit_overrides.unwrap_or_default();
    let mut metadata = overrides.metadata.unwrap_or(picked.metadata);
    metadata.insert(PICK_ORIGIN.to_owned(), picked.id.hex());
    metadata.insert(PICK_COMMITTER.to_owned(), picked.committer);
    let new = NewCommit {
        message: overrides.message.filter(|message| !message.is_empty()).unwrap_or(picked.message),
        metadata,
        force: body.force,
        ..NewCommit::default()
    };
    // By id: the ref may move between the two calls.
    let id = picked.id.hex();
    created(&convert::commit(stage.cherry_pick(&actor, &name, &branch, &id, parent, new).await?))
}

/// lakeFS answers a revert of a merge that names no parent as a conflict, a cherry-pick of one as a bad request.
fn no_parent(error: repositories::Error, parent: usize) -> Failure {
    let unnamed =
        parent == 0 && matches!(&error, repositories::Error::BadParent { parents, .. } if *parents > 1);
    let mut failure = Failure::from(error);
    if unnamed {
        failure.status = StatusCode::CONFLICT;
    }
    failure
}
