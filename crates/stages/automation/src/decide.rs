//! A person says yes or no to a candidate.

use ledger::{Ledger, Tx};
use serde::{Deserialize, Serialize};
use serde_json::json;
use types::{Actor, ActorKind, Timestamp, Uid};

use crate::{Error, Retraining, State, store};

/// What was decided about a candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    pub approved: bool,
    pub by: String,
    pub reason: String,
    pub at: Timestamp,
}

/// Approves or rejects the candidate of a retraining that waits for it; the loop goes on by itself.
///
/// Errors: `NoRetraining`; `NoDecision` if it does not wait, was decided already, is too late, or has no reason;
/// `NotYours` if the policy names others, or the actor is not a person.
pub async fn decide(
    ledger: &Ledger,
    actor: &Actor,
    uid: Uid,
    approved: bool,
    reason: &str,
) -> Result<Retraining, Error> {
    let reason = reason.trim().to_owned();
    let no = |why: String| Error::NoDecision { retraining: uid, why };
    if reason.is_empty() {
        return Err(no("a decision needs a reason".into()));
    }
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let found = store::retrainings::find(tx, uid)?.ok_or(Error::NoRetraining(uid))?;
            let by = tx.actor().to_string();
            let named = found.recipe.rollout.as_ref().and_then(|r| r.approval.as_ref()).map(|a| &a.by);
            if tx.actor().kind == ActorKind::System
                || named.is_some_and(|named| !named.is_empty() && !named.contains(&by))
            {
                return Err(Error::NotYours { retraining: uid, by });
            }
            let no = |why: String| Err(Error::NoDecision { retraining: uid, why });
            let Some(deadline) = found.approval_deadline.filter(|_| found.state == State::Approval) else {
                return no(format!("it does not wait for one; it is at: {}", found.state.name()));
            };
            if let Some(earlier) = &found.decision {
                return no(format!("{} has decided already", earlier.by));
            }
            let now = tx.now();
            if now >= deadline {
                return no(format!("the time for it ended at {}", deadline.rfc3339()));
            }
            let decision = Decision { approved, by, reason: reason.clone(), at: now };
            store::retrainings::decide(tx, uid, &decision)?;
            let kind = if approved { "retraining.approved" } else { "retraining.rejected" };
            let payload = json!({
                "retraining": uid, "policy": found.policy, "model_version": found.model_version,
                "reason": decision.reason,
            });
            tx.event(kind, &format!("retraining:{uid}"), payload)?;
            store::retrainings::find(tx, uid)?.ok_or(Error::NoRetraining(uid))
        })
        .await
}
