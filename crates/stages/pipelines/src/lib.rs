//! Pipelines: plans of tasks in nested graphs, with conditions and loops, whatever they were written in, run as local
//! processes that survive the server; what follows from the end of one is decided in the transaction of that end. Declared
//! steps run from recorded code, data, parameters and locked environments, are cached where nothing changed, and are
//! replayed to prove that a result holds.

mod adapter;
mod adopt;
mod advance;
mod attempt;
mod backfill;
mod cached;
mod clock;
mod collect;
mod compiled;
mod config;
mod contents;
mod datum;
mod deadline;
mod declared;
mod define;
mod engine;
mod environment;
mod error;
mod executors;
mod expression;
mod fence;
mod finish;
mod heard;
mod judge;
mod logs;
mod model;
mod plan;
mod prepare;
mod publish;
mod python;
mod resume;
mod retention;
mod schedule;
mod secrets;
mod servers;
pub mod shim;
mod snapshot;
mod spec;
mod store;
mod submit;
mod submit_plan;
mod takeover;
mod task;
mod tracked;
mod wanted;
mod work;
mod zygotes;

pub use adapter::{Adapter, Call, Image, Launch, PythonEnv, VolumeClaim};
pub use backfill::{
    Backfill, BackfillMoment, BackfillState, NewBackfill, Progress, Rerun, cancel_backfill, create_backfill,
    get_backfill, list_backfills, pause_backfill, preview_backfill,
};
pub use config::Config;
pub use contents::{FolderFile, folder_files};
pub use define::{define, get, get_replay, get_run, list, list_runs, outputs, remove, replays_of, steps};
pub use engine::Engine;
pub use error::Error;
pub use executors::{
    Claim, ExecutorKind, ExecutorSpec, GUEST, PROCESS, Resources, Told, ZYGOTE, define_executor, executors,
    get_executor, remove_executor,
};
pub use fence::{Fence, holds};
pub use model::{
    Attempt, Difference, LogPart, Pipeline, PipelineRun, Replay, ReplayState, RunState, Shape, StepOutput,
    StepRun, StepState, Verdict,
};
pub use plan::{
    Approval, Artifact, Binding, Component, Datum, Each, From, Graph, Import, Kind, Plan, Port, Retry, Rule,
    Source, Task, Work, resource_name,
};
pub use publish::{
    PipelineVersion, Published, add_version, delete_version, find_published, get_published, get_version,
    publish, published, unpublish, update_published, update_version, versions,
};
pub use python::{PYTHON, Python, write_sdk};
pub use schedule::{
    NewSchedule, Schedule, Trigger, create_schedule, delete_schedule, get_schedule, list_schedules,
    set_schedule_enabled,
};
pub use secrets::{Secret, delete_secret, list_secrets, open_secret, set_secret};
pub use servers::{Server, is_step_token, servers};
pub use snapshot::{CodeSnapshot, SnapshotTar, snapshot_code, snapshot_tar};
pub use spec::{EnvironmentSpec, PipelineSpec, Span, StepSpec};
pub use submit::{Submit, cancel, replay, submit};
pub use submit_plan::{
    RunFilter, SubmitPlan, TaskFilter, answer, archive_run, child_counts, delete_run, find_runs, find_tasks,
    plan_of, retry, retry_from, run_outputs, submit_plan, tasks,
};
pub use task::{earlier_attempts, get_task};
pub use wanted::{SECRETS, Wanted, WantedFolder, WantedSecret};

pub const COMPONENT: ledger::Component = ledger::Component {
    name: "pipelines",
    migrations: &[
        ledger::Migration { version: 1, sql: include_str!("../migrations/0001_pipelines.sql") },
        ledger::Migration { version: 2, sql: include_str!("../migrations/0002_plans.sql") },
        ledger::Migration { version: 3, sql: include_str!("../migrations/0003_servers.sql") },
        ledger::Migration { version: 4, sql: include_str!("../migrations/0004_executors.sql") },
        ledger::Migration { version: 5, sql: include_str!("../migrations/0005_backfills.sql") },
        ledger::Migration { version: 6, sql: include_str!("../migrations/0006_attempts_and_secrets.sql") },
        ledger::Migration { version: 7, sql: include_str!("../migrations/0007_order_deadlines_events.sql") },
        ledger::Migration { version: 8, sql: include_str!("../migrations/0008_listening.sql") },
        ledger::Migration { version: 9, sql: include_str!("../migrations/0009_counts.sql") },
    ],
    facts: &["server"],
};
