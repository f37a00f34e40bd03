//! Experiments, runs and what they log: parameters, metrics, tags, inputs, models and files.
//!
//! The vocabulary is the house's own; doors translate (MLflow's immutable parameters are
//! [`ParamConflict::Refuse`], its `mlflow.runName` tag is [`LogBatch::name`]).

pub mod artifacts;
mod chunk;
mod cursor;
mod error;
mod experiments;
mod export;
mod homes;
mod import;
mod inputs;
mod link;
mod listing;
mod location;
mod log;
mod logged_models;
mod model;
mod names;
mod points;
mod runs;
mod seal;
pub mod search;
mod series;
mod statement;
mod store;
mod views;

pub use error::{Error, ParamChange};
pub use experiments::{
    create_experiment, delete_experiment, delete_experiment_tag, ensure_default_experiment,
    ensure_experiment, experiment, experiments, prepare_default_experiment, rename_experiment,
    restore_experiment, search_experiments, set_experiment_tag,
};
pub use export::{MetricsFile, export_metrics, metrics_parquet};
pub use homes::{experiment_of_logged_model, experiment_of_run};
pub use import::{
    ImportExperiment, ImportRun, finish_import, import_experiment, import_experiment_deleted,
    import_logged_model, start_import,
};
pub use inputs::{DatasetSummary, dataset_summaries, log_inputs, log_outputs};
pub use link::{link, link_in};
pub use listing::{Group, Keys, Listed, list_runs, run_keys, runs_of};
pub use location::Location;
pub use log::{LogBatch, Logged, delete_tag, log_batch, log_in};
pub use logged_models::{
    CreateLoggedModel, create_logged_model, delete_logged_model, delete_logged_model_tag, log_model_params,
    logged_model, search_logged_models, set_logged_model_status, set_logged_model_tags,
};
pub use model::{
    DatasetInput, Experiment, ExperimentRef, LoggedModel, LoggedModelStatus, MetricPoint, MetricSummary,
    Millis, ModelMetric, Page, ParamConflict, Point, Run, RunStatus, param_text,
};
pub use names::friendly_name;
pub use runs::{
    CreateRun, UpdateRun, create_run, create_run_in, delete_run, end_run_in, finish_run, restore_run, run,
    search_runs, update_run,
};
pub use seal::{run as seal_ended_runs, seal_run};
pub use search::{ExperimentQuery, Found, LoggedModelQuery, RunQuery};
pub use series::{History, history, history_after, history_of_runs, sample, series};
pub use views::{SavedView, delete_view, save_view, views};

pub const COMPONENT: ledger::Component = ledger::Component {
    name: "tracking",
    migrations: &[
        ledger::Migration { version: 1, sql: include_str!("../migrations/0001_tracking.sql") },
        ledger::Migration { version: 2, sql: include_str!("../migrations/0002_keyed.sql") },
    ],
    // Points, their summaries, and the names that they use.
    facts: &[
        "metric_tail",
        "metric_chunk",
        "metric_chunk_data",
        "run_metric",
        "attribute_key",
        "logged_model_metric",
    ],
};
