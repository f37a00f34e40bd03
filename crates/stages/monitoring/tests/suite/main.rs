//! Monitors over real prediction logs.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod baseline;
mod house;
mod judge;
mod mail;
mod records;
mod signals;
mod watch;

/// The shim of the pipeline in these tests: this very program, asked to run only this test, with the attempt's
/// directory as its last argument.
#[test]
fn shim_entry() {
    let dir = std::env::args_os().next_back().map(std::path::PathBuf::from).unwrap();
    if dir.join(pipelines::shim::TASK).exists() {
        let _ = pipelines::shim::main(&dir);
    }
}
