//! What the stage promises, on both databases.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

// Under the name that the rest of the house knows it by.
extern crate mlwright_tracking as tracking;

mod artifacts;
mod experiments;
mod logging;
mod metrics;
mod migrating;
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
    ledger::testing::events(ledger).await.into_iter().map(|e| e.kind).collect()
}
