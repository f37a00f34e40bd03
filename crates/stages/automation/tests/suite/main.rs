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

/// The shim of the tests: this very program, asked to run only this test, with the word that it will be told of its attempts
/// as its last argument.
#[test]
fn shim_entry() {
    use pipelines::shim;
    if std::env::args_os().next_back().is_some_and(|last| last == shim::READY) {
        let _ = shim::main(shim::READY.as_ref());
    }
}
