//! Pipelines, their runs and schedules.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

#[derive(Debug, Subcommand)]
pub enum Pipelines {
    /// Pipelines that are declared, or that have run
    List {
        #[arg(long)]
        json: bool,
    },
    /// Start a run and print its id
    ///
    /// WHAT is the name of a pipeline that the server knows, a Python file with a `@pipeline` (churn.py, or
    /// churn.py:train if there are several), or a plan as JSON that the Python SDK saved.
    Run(RunPipeline),
    /// Runs, newest first
    Runs(ListPipelineRuns),
    /// One run with its tasks
    Show {
        run: String,
        #[arg(long)]
        json: bool,
    },
    /// Follow a run until it has ended; ends with 1 if it did not succeed
    Watch { run: String },
    /// Print what tasks printed
    Logs {
        run: String,
        /// One task by its path, such as each-1/0/train; all if left out
        task: Option<String>,
        /// Go on while it runs
        #[arg(long, short)]
        follow: bool,
    },
    /// Write what a task made to a file or folder
    Download {
        run: String,
        /// The task's path, or a dash for what the run gave
        task: String,
        output: String,
        /// In a list of artifacts
        #[arg(long, default_value_t = 0)]
        index: usize,
        #[arg(long, default_value = ".", value_name = "DIR")]
        to: PathBuf,
    },
    /// End a run with everything that it started
    Cancel { run: String },
    /// Start again what failed, was skipped or was cancelled; the run keeps its id
    Retry {
        run: String,
        /// Also this task, by its path, and everything that needs it; may be given again
        #[arg(long, value_name = "TASK")]
        from: Vec<String>,
        /// Follow it until it has ended
        #[arg(long, short)]
        watch: bool,
    },
    /// Answer what a run asks
    Answer {
        run: String,
        /// The task's path
        task: String,
        #[arg(value_parser = ["yes", "no"])]
        answer: String,
        #[arg(long)]
        comment: Option<String>,
    },
    /// Runs that start by the clock
    #[command(subcommand)]
    Schedules(Schedules),
    /// Runs for the moments of a range that lies behind
    #[command(subcommand)]
    Backfill(Backfills),
}

#[derive(Debug, ClapArgs)]
pub struct RunPipeline {
    /// A pipeline's name, file.py[:pipeline] or plan.json
    pub what: String,
    /// An input; may be given again. JSON where it can be read as such, else a text
    #[arg(long = "input", short, value_name = "NAME=VALUE")]
    pub inputs: Vec<String>,
    /// What the run is called
    #[arg(long)]
    pub name: Option<String>,
    /// Where tracking runs are made for steps that name no experiment
    #[arg(long)]
    pub experiment: Option<String>,
    /// Take nothing from earlier runs
    #[arg(long)]
    pub no_cache: bool,
    /// Where tasks run that do not say it: process, zygote, or a cluster that the server knows
    #[arg(long, value_name = "NAME")]
    pub executor: Option<String>,
    /// Follow it until it has ended; end with 1 if it does not succeed
    #[arg(long, short)]
    pub watch: bool,
    /// The Python that reads a file [default: python3]
    #[arg(long, env = "MLWRIGHT_PYTHON", value_name = "PROGRAM", hide_env_values = true)]
    pub python: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub struct ListPipelineRuns {
    /// Of this pipeline
    #[arg(long, short, value_name = "NAME")]
    pub pipeline: Option<String>,
    /// queued, running, succeeded, failed or cancelled; several with commas
    #[arg(long)]
    pub state: Option<String>,
    #[arg(long, default_value_t = 50)]
    pub limit: usize,
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum Schedules {
    List {
        #[arg(long)]
        json: bool,
    },
    /// Run a pipeline by the clock or whenever something happens, as its newest run did
    Create {
        /// A pipeline that has run, from a file or a plan
        pipeline: String,
        /// What the schedule is called [default: the pipeline's name]
        #[arg(long)]
        name: Option<String>,
        /// Five fields, or six with seconds first
        #[arg(long, conflicts_with_all = ["every", "on"], required_unless_present_any = ["every", "on"])]
        cron: Option<String>,
        /// Such as 90s, 10m or 1h30m
        #[arg(long, conflicts_with = "on")]
        every: Option<::pipelines::Span>,
        /// A kind of event: commit.created, dataset.version_created, model.version_created, drift.detected …
        #[arg(long, value_name = "EVENT")]
        on: Option<String>,
        /// Of the event; a `*` at its end stands for anything
        #[arg(long, requires = "on")]
        subject: Option<String>,
        /// A value that the event's payload must have; may be given again
        #[arg(long, requires = "on", value_name = "NAME=VALUE")]
        payload: Vec<String>,
        /// In which the cron is read
        #[arg(long, default_value = "UTC", value_name = "ZONE")]
        time_zone: String,
        /// An input; may be given again
        #[arg(long = "input", short, value_name = "NAME=VALUE")]
        inputs: Vec<String>,
        /// Make up for moments that passed while nothing could start
        #[arg(long)]
        catch_up: bool,
        /// Runs of it at the same time
        #[arg(long, default_value_t = 1, value_name = "N")]
        max_concurrency: u32,
    },
    Enable {
        id: String,
    },
    Disable {
        id: String,
    },
    /// Its runs stay
    Delete {
        id: String,
    },
}

#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant, reason = "one is made in the life of a process")]
pub enum Backfills {
    List {
        #[arg(long, short, value_name = "NAME")]
        pipeline: Option<String>,
        #[arg(long)]
        json: bool,
    },
    /// Run a pipeline once for each moment of a range, and print the backfill's id
    Create {
        /// A pipeline that has run, from a file or a plan; or leave it out and give a schedule
        #[arg(required_unless_present = "schedule", conflicts_with = "schedule")]
        pipeline: Option<String>,
        /// Take pipeline, inputs and rhythm from this schedule
        #[arg(long, value_name = "ID")]
        schedule: Option<String>,
        /// The first moment that counts: 2026-03-01 (midnight UTC) or 2026-03-01T06:00:00Z
        #[arg(long, value_name = "MOMENT")]
        from: String,
        /// The last one
        #[arg(long, value_name = "MOMENT")]
        to: String,
        /// Five fields, or six with seconds first
        #[arg(long, conflicts_with_all = ["every", "schedule"])]
        cron: Option<String>,
        /// Such as 90s, 10m or 1d
        #[arg(long, conflicts_with = "schedule")]
        every: Option<::pipelines::Span>,
        /// In which the cron is read
        #[arg(long, default_value = "UTC", value_name = "ZONE")]
        time_zone: String,
        /// What it is called
        #[arg(long)]
        name: Option<String>,
        /// An input; may be given again
        #[arg(long = "input", short, value_name = "NAME=VALUE")]
        inputs: Vec<String>,
        /// The input that gets each run's moment, as text
        #[arg(long, value_name = "NAME")]
        moment_input: Option<String>,
        /// Runs of it at the same time
        #[arg(long, default_value_t = 1, value_name = "N")]
        max_active: u32,
        /// Moments for which the pipeline has run already: leave them out, or run again what failed, or everything
        #[arg(long, default_value = "none", value_parser = ["none", "failed", "completed"])]
        rerun: String,
        /// Newest first
        #[arg(long)]
        backwards: bool,
        /// Only list what it would do
        #[arg(long)]
        dry_run: bool,
        /// Follow it until it has ended; ends with 1 if a run did not succeed
        #[arg(long, short, conflicts_with = "dry_run")]
        watch: bool,
        #[arg(long)]
        json: bool,
    },
    /// One backfill with its moments
    Show {
        id: String,
        #[arg(long)]
        json: bool,
    },
    /// Follow it until it has ended; ends with 1 if a run did not succeed
    Watch {
        id: String,
    },
    /// Start nothing new; what runs goes on
    Pause {
        id: String,
    },
    Resume {
        id: String,
    },
    /// Start nothing new, and end what runs
    Cancel {
        id: String,
    },
}
