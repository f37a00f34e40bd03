//! What the stage promises, on both databases.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

// Under the name that the rest of the house knows it by.
extern crate mlwright_tracking as tracking;

mod artifacts;
mod experiments;
mod logging;
mod metrics;
mod searching;

use ledger::Ledger;
use tracking::{CreateRun, ExperimentRef, Run};
use types::{Actor, Timestamp};

pub fn me() -> Actor {
    Actor::local()
}

pub async fn new_run(ledger: &Ledger, started_at: i64) -> Run {
    let request = CreateRun {
        started_at: Some(Timestamp(started_at)),
        ..CreateRun::in_experiment(ExperimentRef::Number(0))
    };
    tracking::create_run(ledger, &me(), request).await.unwrap()
}

/// Kinds of the events so far.
pub async fn kinds(ledger: &Ledger) -> Vec<String> {
    // Sealing follows the commit; a write that is answered is sealed soon.
    let mut watch = ledger.watch();
    let mut before = -1;
    loop {
        let events = ledger.events_after(0, 10_000).await.unwrap();
        if before == events.len() as i64 {
            return events.into_iter().map(|e| e.kind).collect();
        }
        before = events.len() as i64;
        let _ = tokio::time::timeout(std::time::Duration::from_millis(200), watch.changed()).await;
    }
}
