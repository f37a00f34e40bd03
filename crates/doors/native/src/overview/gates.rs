use std::collections::BTreeSet;

use automation::State as Progress;
use evaluation::{Evaluation, Verdict};
use types::{Actor, Uid};

use super::{Attention, Stage, StageState, count, encode};
use crate::{Failure, State};

/// Evaluations in which the newest of each model is looked for.
const EVALUATIONS: i64 = 100;
/// Retrainings in which the newest of each endpoint is looked for.
const RETRAININGS: i64 = 100;

pub async fn stage(state: &State, actor: &Actor, attention: &mut Vec<Attention>) -> Result<Stage, Failure> {
    let events =
        state.ledger.events_before(actor.workspace, None, "evaluation.finished", EVALUATIONS).await?;
    let mut seen = BTreeSet::new();
    let mut newest: Option<Evaluation> = None;
    for event in &events {
        let (Some(model), Some(uid)) =
            (event.payload["model"].as_str(), event.payload["evaluation"].as_str())
        else {
            continue;
        };
        let (true, Ok(uid)) = (seen.insert(model.to_owned()), uid.parse::<Uid>()) else { continue };
        let found = evaluation::get(&state.ledger, actor, uid).await?;
        if !found.blessed() {
            attention.push(refusal(&found));
        }
        newest.get_or_insert(found);
    }
    if let Some(running) = retrainings(state, actor, attention).await? {
        return Ok(running);
    }
    Ok(match newest {
        Some(found) => verdict(&found),
        None => Stage {
            name: "gates",
            state: StageState::Idle,
            headline: "No model was judged yet".into(),
            detail: "a gate of mlwright.yaml judges each new model version before it may serve".into(),
            href: "/models".into(),
        },
    })
}

/// Adds the newest retraining of each endpoint if it failed; the one that runs is the stage.
async fn retrainings(
    state: &State,
    actor: &Actor,
    attention: &mut Vec<Attention>,
) -> Result<Option<Stage>, Failure> {
    let mut seen = BTreeSet::new();
    let mut running = None;
    for found in automation::list(&state.ledger, actor, RETRAININGS).await? {
        if found.state == Progress::Skipped || !seen.insert(found.endpoint.clone()) {
            continue;
        }
        let href = format!("/retrainings/{}", found.uid);
        if found.state == Progress::Failed {
            attention.push(Attention {
                what: match &found.reason {
                    Some(reason) => format!("the retraining failed: {reason}"),
                    None => "the retraining failed".into(),
                },
                place: format!("endpoint {}", found.endpoint),
                action: "remove the cause, then start it again; what serves is unchanged".into(),
                href,
            });
        } else if !found.state.is_final() && running.is_none() {
            running = Some(Stage {
                name: "gates",
                state: StageState::Running,
                headline: format!("A new {} is on its way", found.model),
                detail: match &found.reason {
                    Some(reason) => reason.clone(),
                    None => format!("the retraining is at: {}", found.state.name().replace('_', " ")),
                },
                href,
            });
        }
    }
    Ok(running)
}

fn place(found: &Evaluation) -> String {
    format!("/models/{}?v={}", encode(&found.model), found.number)
}

fn why(found: &Evaluation) -> String {
    match found.failures().first() {
        Some(first) => (*first).to_owned(),
        None => "a metric could not be computed".into(),
    }
}

fn verdict(found: &Evaluation) -> Stage {
    let rows = count(i64::try_from(found.n).unwrap_or(i64::MAX), "row");
    let checks = count(i64::try_from(found.checks.len()).unwrap_or(i64::MAX), "check");
    let (state, word, detail) = match found.verdict {
        Verdict::Blessed => (StageState::Ok, "passed", format!("{checks} on {rows}")),
        Verdict::Refused => (StageState::Attention, "was refused", why(found)),
        Verdict::NotComputable => (StageState::Attention, "could not be judged", why(found)),
    };
    Stage {
        name: "gates",
        state,
        headline: format!("{} version {} {word}", found.model, found.number),
        detail,
        href: place(found),
    }
}

fn refusal(found: &Evaluation) -> Attention {
    let gate = found.gate.as_deref().map_or_else(|| "the gate".to_owned(), |name| format!("gate {name}"));
    Attention {
        what: format!("{gate} refused it: {}", why(found)),
        place: format!("model {} version {}", found.model, found.number),
        action: "read its report; the version that serves stays until a better one passes".into(),
        href: place(found),
    }
}
