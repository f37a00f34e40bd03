use ::monitoring::{MonitorSummary, WindowView};
use types::Actor;

use super::{Attention, Stage, StageState, count, href};
use crate::{Failure, State};

pub async fn stage(state: &State, actor: &Actor, attention: &mut Vec<Attention>) -> Result<Stage, Failure> {
    let monitors = ::monitoring::list(&state.ledger, actor).await?;
    for monitor in &monitors {
        if let Some(problem) = &monitor.problem {
            attention.push(Attention {
                what: format!("windows cannot be judged: {problem}"),
                place: format!("monitor {}", monitor.name),
                action: "remove the cause; judging goes on by itself from where it stopped".into(),
                href: href("monitors", &monitor.name),
            });
        } else if monitor.drifted {
            attention.push(drifting(monitor));
        }
    }
    let worst = monitors
        .iter()
        .find(|m| m.drifted)
        .or_else(|| monitors.iter().find(|m| m.problem.is_some()))
        .or_else(|| monitors.iter().find(|m| m.windows > 0))
        .or(monitors.first());
    let Some(monitor) = worst else {
        return Ok(Stage {
            name: "monitoring",
            state: StageState::Idle,
            headline: "Nothing is watched".into(),
            detail:
                "a monitor of mlwright.yaml compares what an endpoint sees with what its model learned from"
                    .into(),
            href: "/monitors".into(),
        });
    };
    let (condition, headline, detail) = match (&monitor.problem, &monitor.last) {
        (_, Some(last)) if monitor.drifted => {
            (StageState::Attention, format!("{} sees drift", monitor.endpoint), features(last))
        }
        (Some(problem), _) => {
            (StageState::Attention, format!("{} cannot judge", monitor.name), problem.clone())
        }
        (None, Some(last)) => {
            (StageState::Ok, format!("{} is as expected", monitor.endpoint), quiet(monitor, last))
        }
        (None, None) => {
            let total = state.log.total(actor, &monitor.endpoint).await?;
            let wanted = ::monitoring::get(&state.ledger, actor, &monitor.name, 1).await?.window_rows;
            let detail = format!("{} of {wanted} for the first window", count(total, "row"));
            (StageState::Idle, format!("{} waits for traffic", monitor.name), detail)
        }
    };
    Ok(Stage {
        name: "monitoring",
        state: condition,
        headline,
        detail,
        href: href("monitors", &monitor.name),
    })
}

fn features(window: &WindowView) -> String {
    let names: Vec<&str> = window.features.iter().filter(|f| f.drifted).map(|f| f.name.as_str()).collect();
    if names.is_empty() {
        return format!("none of the newest {} drifted, but the alarm is on", count(window.rows, "row"));
    }
    let shown: Vec<&str> = names.iter().take(4).copied().collect();
    let more = names.len() - shown.len();
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest} drifted in window {}", shown.join(", "), window.number)
}

fn quiet(monitor: &MonitorSummary, last: &WindowView) -> String {
    let judged = count(monitor.windows, "window");
    let drifted = last.features.iter().filter(|f| f.drifted).count();
    format!("{judged} judged; in the newest, {drifted} of {} features drifted", last.features.len())
}

fn drifting(monitor: &MonitorSummary) -> Attention {
    let (what, place) = match &monitor.last {
        Some(last) => (features(last), format!("{}?w={}", href("monitors", &monitor.name), last.uid)),
        None => ("the alarm is on".to_owned(), href("monitors", &monitor.name)),
    };
    Attention {
        what: format!("drift: {what}"),
        place: format!("endpoint {}, monitor {}", monitor.endpoint, monitor.name),
        action: "see how the features moved; a retraining policy acts by itself, else run the pipeline on newer data"
            .into(),
        href: place,
    }
}
