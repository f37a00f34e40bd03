use std::collections::HashMap;
use std::time::Duration;

use ledger::{Ledger, Tx};
use predictions::{Log, Marked};
use serde_json::json;
use tasks::CancellationToken;
use types::{Actor, Uid, WorkspaceId};

use super::PredictionItem;
use crate::Error;
use crate::store::predictions as store;

/// The flag of predictions that wait for a person.
pub const REVIEW: &str = "review";

/// How often the records are looked through.
const EVERY: Duration = Duration::from_secs(1);
/// Rows after which it is written down how far a record was read, even if none of them waits.
const ROWS: i64 = 10_000;
/// Predictions of one endpoint that wait at most: people who are behind are not helped by more.
const MOST_WAITING: i64 = 10_000;

/// Brings predictions that carry [`REVIEW`] into the queues of their endpoints.
#[derive(Clone)]
pub struct Collector {
    ledger: Ledger,
    log: Log,
}

/// By endpoint: how far its record was read, and how far that is written down.
type Positions = HashMap<(WorkspaceId, String), (i64, i64)>;

impl Collector {
    pub fn new(ledger: &Ledger, log: &Log) -> Self {
        Self { ledger: ledger.clone(), log: log.clone() }
    }

    /// Until the token is cancelled.
    pub async fn run(&self, token: CancellationToken) -> Result<(), Error> {
        let (mut positions, mut first) = (Positions::new(), true);
        loop {
            match self.look(&mut positions, first).await {
                Ok(_) => first = false,
                Err(error) => {
                    tracing::warn!(%error, "predictions did not reach their review queue; it is tried again");
                }
            }
            tokio::select! {
                () = token.cancelled() => return Ok(()),
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    /// Everything that waits now. Returns how many predictions are new in their queues.
    pub async fn collect(&self) -> Result<u64, Error> {
        self.log.flush().await?;
        self.look(&mut Positions::new(), true).await
    }

    async fn look(&self, positions: &mut Positions, first: bool) -> Result<u64, Error> {
        let mut added = 0;
        for (workspace, endpoint) in self.log.endpoints() {
            let actor = Actor { workspace, ..Actor::system("review") };
            let key = (workspace, endpoint.clone());
            let (mut next, mut kept) = match positions.get(&key) {
                Some(known) => *known,
                None => self.position(&actor, &endpoint, first).await?,
            };
            loop {
                let (found, after) = self.log.marked(&actor, &endpoint, next, REVIEW).await?;
                let moved = after > next;
                next = after;
                if !found.is_empty() {
                    added += self.add(&actor, &endpoint, found, next).await?;
                    kept = next;
                } else if next - kept >= ROWS {
                    let name = endpoint.clone();
                    self.ledger.record(&actor, move |tx| store::put_position_fact(tx, &name, next)).await?;
                    kept = next;
                }
                positions.insert(key.clone(), (next, kept));
                if !moved {
                    break;
                }
            }
        }
        Ok(added)
    }

    /// Where an endpoint's record is read from. One that was never read, and was there when this began, is read from its unsealed rows on:
    /// what was predicted before there were queues is not looked through.
    async fn position(&self, actor: &Actor, endpoint: &str, at_start: bool) -> Result<(i64, i64), Error> {
        let name = endpoint.to_owned();
        let known = self.ledger.read(actor.workspace, move |rx| store::position(rx, &name)).await?;
        if let Some(known) = known {
            return Ok((known, known));
        }
        let first = if at_start { self.log.first_unsealed(actor, endpoint) } else { 0 };
        let name = endpoint.to_owned();
        self.ledger.record(actor, move |tx| store::put_position_fact(tx, &name, first)).await?;
        Ok((first, first))
    }

    async fn add(&self, actor: &Actor, endpoint: &str, found: Vec<Marked>, next: i64) -> Result<u64, Error> {
        let endpoint = endpoint.to_owned();
        self.ledger
            .write(actor, move |tx| {
                let queue = queue_of(tx, &endpoint)?;
                let room = (MOST_WAITING - store::pending(tx, queue)?).max(0);
                let taken: Vec<&Marked> = found.iter().take(usize::try_from(room).unwrap_or(0)).collect();
                let left_out = found.len() - taken.len();
                if left_out > 0 {
                    metrics::counter!("mlwright_review_left_out_total", "endpoint" => endpoint.clone())
                        .increment(left_out as u64);
                }
                let items = taken.iter().map(|m| (m.id, reasons(&m.flags)));
                let added = store::add(tx, queue, items.collect())?;
                store::put_position(tx, &endpoint, next)?;
                let payload = json!({ "endpoint": endpoint, "items": added, "left_out": left_out });
                tx.event("review_queue.items_added", &format!("review_queue:{queue}"), payload)?;
                Ok(added)
            })
            .await
    }
}

/// The flags but for the one that says that it waits.
fn reasons(flags: &[String]) -> Vec<String> {
    flags.iter().filter(|f| *f != REVIEW).cloned().collect()
}

/// The endpoint's queue, made if there is none.
fn queue_of(tx: &mut Tx<'_>, endpoint: &str) -> Result<Uid, Error> {
    if let Some(queue) = store::queue(tx, endpoint)? {
        return Ok(queue);
    }
    let uid = tx.new_id();
    store::insert_queue(tx, uid, endpoint)?;
    tx.event("review_queue.created", &format!("review_queue:{uid}"), json!({ "endpoint": endpoint }))?;
    Ok(uid)
}

/// Puts one prediction into its endpoint's queue, by hand; one that is there already stays as it is.
///
/// Errors: `NoPrediction`.
pub async fn send(
    ledger: &Ledger,
    log: &Log,
    actor: &Actor,
    prediction: Uid,
    reason: Option<String>,
) -> Result<PredictionItem, Error> {
    let found = log.find(actor, prediction).await?.ok_or(Error::NoPrediction(prediction))?;
    ledger
        .write(actor, move |tx| {
            let queue = queue_of(tx, &found.endpoint)?;
            let mut why = reasons(&found.flags);
            why.push(reason.clone().unwrap_or_else(|| format!("sent by {}", tx.actor())));
            if store::add(tx, queue, vec![(prediction, why)])? > 0 {
                let payload = json!({ "endpoint": found.endpoint, "items": 1, "prediction": prediction });
                tx.event("review_queue.items_added", &format!("review_queue:{queue}"), payload)?;
            }
            store::item(tx, prediction)?.ok_or(Error::NoPrediction(prediction))
        })
        .await
}
