//! The loop with real stages: a log, an engine that runs processes, evaluation and serving of an ONNX model.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may fail by panicking")]

mod alarms;
mod cancelling;
mod commits;
mod due;
mod house;
mod people;
mod rollouts;
mod turns;

/// The shim of the tests: this very program, asked to run only this test, with the attempt's directory as its last
/// argument.
#[test]
fn shim_entry() {
    let Some(dir) = std::env::args_os().next_back().map(std::path::PathBuf::from) else { return };
    if dir.join(pipelines::shim::TASK).exists() {
        let _ = pipelines::shim::main(&dir);
    }
}
