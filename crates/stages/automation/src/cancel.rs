//! A person ends a retraining.

use ledger::{Ledger, Tx};
use serde::{Deserialize, Serialize};
use serde_json::json;
use types::{Actor, Timestamp, Uid};

use crate::watch::EVERY;
use crate::{Automation, Error, Retraining, store};

/// Who asked for the end of a retraining.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancellation {
    pub by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub at: Timestamp,
}

impl Cancellation {
    /// For people: `cancelled by user:ann: wrong data`.
    pub(crate) fn text(&self) -> String {
        let reason = self.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        format!("cancelled by {}{reason}", self.by)
    }
}

/// Asks that a retraining ends; the loop takes back what it has begun (its pipeline run, its shadow, its canary), and then
/// it is `cancelled`. One that somebody asked for already is answered as it is.
///
/// Errors: `NoRetraining`; `NoCancel` if it has ended.
pub async fn cancel(
    ledger: &Ledger,
    actor: &Actor,
    uid: Uid,
    reason: Option<String>,
) -> Result<Retraining, Error> {
    let reason = reason.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let found = store::retrainings::find(tx, uid)?.ok_or(Error::NoRetraining(uid))?;
            if found.state.is_final() {
                let why = format!("it has ended: {}", found.state.name().replace('_', " "));
                return Err(Error::NoCancel { retraining: uid, why });
            }
            if found.cancel.is_some() {
                return Ok(found);
            }
            let asked = Cancellation { by: tx.actor().to_string(), reason: reason.clone(), at: tx.now() };
            store::retrainings::cancel(tx, uid, &asked)?;
            let payload = json!({
                "retraining": uid, "policy": found.policy, "state": found.state.name(), "reason": asked.reason,
            });
            tx.event("retraining.cancel_requested", &format!("retraining:{uid}"), payload)?;
            store::retrainings::find(tx, uid)?.ok_or(Error::NoRetraining(uid))
        })
        .await
}

impl Automation {
    /// What `work` comes to; `None` once somebody asked for the end of the retraining. The work is dropped then, wherever it is: it must
    /// be such that it can be done again.
    #[doc(hidden)]
    pub async fn unless_cancelled<T>(
        &self,
        actor: &Actor,
        retraining: Uid,
        work: impl Future<Output = T>,
    ) -> Result<Option<T>, Error> {
        let mut changed = self.ledger.watch();
        let asked = async {
            loop {
                // Other servers write, too, and nobody tells of that.
                tokio::select! {
                    told = changed.changed() => if told.is_err() { tokio::time::sleep(EVERY).await },
                    () = tokio::time::sleep(EVERY) => {}
                }
                let asked = self.ledger.read(actor.workspace, move |rx| {
                    let found = store::retrainings::find(rx, retraining)?;
                    Ok::<_, ledger::Error>(found.is_some_and(|found| found.cancel.is_some()))
                });
                if asked.await? {
                    return Ok::<(), Error>(());
                }
            }
        };
        tokio::select! {
            biased;
            done = work => Ok(Some(done)),
            asked = asked => asked.map(|()| None),
        }
    }
}
