//! Pipelines with real processes, on both databases where the database matters.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "helpers of tests are test code")]

mod backfills;
mod cache;
mod crash;
mod environments;
mod events;
mod faults;
mod flow;
mod graphs;
mod house;
mod kept;
mod order;
mod plans;
mod replays;
mod replicas;
mod resumed;
mod scale;
mod schedules;
mod snapshots;
mod specs;
mod warm;

/// The shim of the tests: this very program, asked to run only this test, with the attempt's directory (or the word
/// that it will be told) as its last argument.
#[test]
fn shim_entry() {
    use mlwright_pipelines::shim;
    let waits = std::env::args_os().next_back().is_some_and(|last| last == shim::READY);
    let told = waits.then(|| shim::READY.into()).or_else(|| house::last_argument(shim::TASK));
    if let Some(dir) = told {
        let _ = shim::main(&dir);
    }
}

/// A server that can be killed: this program again, with a house's directory as its last argument.
#[test]
fn engine_entry() {
    if let Some(dir) = house::last_argument("run-an-engine") {
        house::serve(&dir);
    }
}
