use std::collections::BTreeSet;

use curation::Outcome;
use types::Actor;

use super::{Attention, Stage, StageState, count, encode, href};
use crate::{Failure, State};

/// Refusals that are looked through for data sets without any version.
const REFUSALS: i64 = 50;

pub async fn stage(state: &State, actor: &Actor, attention: &mut Vec<Attention>) -> Result<Stage, Failure> {
    let sets = datasets::list(&state.ledger, actor).await?;
    let mut names: BTreeSet<String> = sets.iter().map(|s| s.name.clone()).collect();
    let rejected = state.ledger.events_before(actor.workspace, None, "data.rejected", REFUSALS).await?;
    names.extend(rejected.iter().filter_map(|e| e.payload["dataset"].as_str().map(str::to_owned)));

    let mut refused: Option<Outcome> = None;
    for name in names {
        let newest = curation::results(&state.ledger, actor, &name, 1).await?.into_iter().next();
        if let Some(outcome) = newest.filter(|o| !o.passed) {
            attention.push(refusal(&outcome));
            if refused.as_ref().is_none_or(|r| r.checked_at < outcome.checked_at) {
                refused = Some(outcome);
            }
        }
    }
    if let Some(outcome) = refused {
        return Ok(Stage {
            name: "data",
            state: StageState::Attention,
            headline: format!("New data for {} was refused", outcome.dataset),
            detail: outcome.summary,
            href: href("datasets", &outcome.dataset),
        });
    }
    let latest = sets.into_iter().filter_map(|s| s.latest).max_by_key(|v| v.created_at);
    let Some(version) = latest else {
        return Ok(Stage {
            name: "data",
            state: StageState::Idle,
            headline: "No data yet".into(),
            detail: "`mlwright apply` imports the files that mlwright.yaml names; `mlwright data import <name> <files>` \
                     imports others"
                .into(),
            href: "/datasets".into(),
        });
    };
    let gate = curation::result(&state.ledger, actor, &version.dataset, version.digest).await?;
    let checked = match gate {
        Some(outcome) => format!("passed {}", count(outcome.checks, "check")),
        None => "no expectations were checked".into(),
    };
    Ok(Stage {
        name: "data",
        state: StageState::Ok,
        headline: format!("{} version {}", version.dataset, version.number),
        detail: format!("{}, {checked}", count(version.rows, "row")),
        href: format!("/datasets/{}?v={}", encode(&version.dataset), version.number),
    })
}

fn refusal(outcome: &Outcome) -> Attention {
    Attention {
        what: format!("{} of {} failed", outcome.failed, count(outcome.checks, "check")),
        place: format!("data set {}", outcome.dataset),
        action: "read which rows break which rule, correct the file or the expectations, and import again"
            .into(),
        href: href("datasets", &outcome.dataset),
    }
}
