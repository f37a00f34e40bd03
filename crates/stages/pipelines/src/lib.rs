//! Pipelines: declared graphs of steps, run as local processes that survive the server, from recorded code, data,
//! parameters and locked environments; cached where nothing changed, and replayed to prove that a result holds.

mod attempt;
mod collect;
mod config;
mod define;
mod engine;
mod environment;
mod error;
mod finish;
mod judge;
mod model;
mod prepare;
pub mod shim;
mod snapshot;
mod spec;
mod store;
mod submit;

pub use config::Config;
pub use define::{define, get, get_replay, get_run, list, list_runs, outputs, remove, replays_of, steps};
pub use engine::Engine;
pub use error::Error;
pub use model::{
    Difference, LogPart, Pipeline, PipelineRun, Replay, ReplayState, RunState, StepOutput, StepRun,
    StepState, Verdict,
};
pub use snapshot::{CodeSnapshot, SnapshotTar, snapshot_code, snapshot_tar};
pub use spec::{EnvironmentSpec, PipelineSpec, Span, StepSpec};
pub use submit::{Submit, cancel, replay, submit};

pub const COMPONENT: ledger::Component = ledger::Component {
    name: "pipelines",
    migrations: &[ledger::Migration { version: 1, sql: include_str!("../migrations/0001_pipelines.sql") }],
    facts: &[],
};
