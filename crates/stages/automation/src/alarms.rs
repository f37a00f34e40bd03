//! Monitoring's events, read as alarms of policies.

use ledger::{Event, Ledger};
use serde::Deserialize;
use serving::Serving;
use types::{Actor, Timestamp, Uid};

use crate::trigger::{Alarm, automatically};
use crate::{Error, Trigger, store};

#[derive(Debug, Deserialize)]
struct Payload {
    monitor: String,
    window: Option<Uid>,
    from: Option<Timestamp>,
    /// The endpoint's revision that the window's predictions came from.
    revision: Option<Uid>,
    #[serde(default)]
    drifted: bool,
}

/// Acts on one event; most are none of its business.
pub(crate) async fn read(
    ledger: &Ledger,
    serving: &Serving,
    actor: &Actor,
    event: &Event,
) -> Result<(), Error> {
    if !matches!(event.kind.as_str(), "drift.detected" | "drift.cleared" | "monitor.window") {
        return Ok(());
    }
    let payload: Payload = match serde_json::from_value(event.payload.clone()) {
        Ok(payload) => payload,
        Err(error) => {
            tracing::warn!(position = event.position, %error, "an event of monitoring cannot be read");
            return Ok(());
        }
    };
    let monitor = payload.monitor.clone();
    let policies = ledger.read(actor.workspace, move |rx| store::policies::of_monitor(rx, &monitor)).await?;
    for policy in policies {
        let name = policy.name.clone();
        let (Some(window), from) = (payload.window, payload.from.unwrap_or(event.at)) else {
            if event.kind == "drift.cleared" {
                ledger.record(actor, move |tx| store::alarms::clear(tx, &name)).await?;
            }
            continue;
        };
        let raises = event.kind != "drift.cleared";
        if raises && is_past(serving, actor, &policy.recipe.endpoint, payload.revision).await? {
            tracing::info!(
                policy = name,
                position = event.position,
                "the alarm is about a revision that is gone"
            );
            continue;
        }
        let monitor = payload.monitor.clone();
        let retraining = match event.kind.as_str() {
            "drift.detected" => {
                ledger.record(actor, move |tx| store::alarms::raise(tx, &name, window, from)).await?;
                let trigger = Trigger::Drift { monitor, window, from };
                automatically(ledger, actor, policy, trigger, Some(event.position), None, Alarm::Raised)
                    .await?
            }
            "drift.cleared" => {
                ledger.record(actor, move |tx| store::alarms::clear(tx, &name)).await?;
                continue;
            }
            // Without a cool-down nothing would keep a model that is refused from being made again at once.
            _ if payload.drifted && policy.cooldown.is_some() => {
                let standing =
                    ledger.read(actor.workspace, move |rx| store::alarms::standing(rx, &name)).await?;
                let Some(from) = standing else { continue };
                let trigger = Trigger::Drift { monitor, window, from };
                automatically(ledger, actor, policy, trigger, Some(event.position), None, Alarm::Stands)
                    .await?
            }
            _ => continue,
        };
        if let Some(retraining) = retraining {
            tracing::info!(monitor = payload.monitor, %retraining, "the alarm was heard");
        }
    }
    Ok(())
}

/// Whether another revision was deployed since: the alarm is about a model that answers no longer. An alarm is heard
/// late when it was raised while a retraining was busy with the swap.
async fn is_past(
    serving: &Serving,
    actor: &Actor,
    endpoint: &str,
    revision: Option<Uid>,
) -> Result<bool, Error> {
    let Some(revision) = revision else { return Ok(false) };
    let newest = serving.revisions(actor, endpoint).await?.into_iter().next();
    Ok(newest.is_some_and(|newest| newest.uid != revision))
}
