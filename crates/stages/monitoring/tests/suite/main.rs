//! Monitors over real prediction logs.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod baseline;
mod house;
mod judge;
mod mail;
mod records;
mod signals;
mod watch;

/// The shim of the pipeline in these tests: this very program, asked to run only this test, with the word that it will be told
/// of its attempts as its last argument.
#[test]
fn shim_entry() {
    use pipelines::shim;
    if std::env::args_os().next_back().is_some_and(|last| last == shim::READY) {
        let _ = shim::main(shim::READY.as_ref());
    }
}
