//! Runs, experiments, models, artifacts, and bringing them over from elsewhere.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

#[derive(Debug, Subcommand)]
pub enum Runs {
    /// Newest first, unless ordered otherwise
    List(ListRuns),
    /// Everything that a run logged
    Show {
        run: String,
        #[arg(long)]
        json: bool,
    },
    /// What differs between runs
    Compare {
        #[arg(required = true, num_args = 2..)]
        runs: Vec<String>,
        /// What is the same, too
        #[arg(long)]
        all: bool,
    },
    /// Every point of one metric
    History {
        run: String,
        metric: String,
        #[arg(long)]
        json: bool,
    },
    /// Delete a run; it can be restored
    Delete { run: String },
    /// Bring a deleted run back
    Restore { run: String },
}

#[derive(Debug, ClapArgs)]
pub struct ListRuns {
    /// Of this experiment, by name or number; may be given again
    #[arg(long = "experiment", short, value_name = "EXPERIMENT")]
    pub experiments: Vec<String>,
    /// Such as "metrics.loss < 0.1 and params.model = 'cnn'"
    #[arg(long, short, default_value = "")]
    pub filter: String,
    /// Such as "metrics.loss ASC"; may be given again
    #[arg(long, value_name = "KEY")]
    pub order_by: Vec<String>,
    /// Also show these, such as metrics.loss,params.lr
    #[arg(long, short, value_delimiter = ',', value_name = "KEYS")]
    pub columns: Vec<String>,
    /// Deleted ones only
    #[arg(long)]
    pub deleted: bool,
    #[arg(long, default_value_t = 50)]
    pub limit: usize,
    /// Print whole runs as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum Experiments {
    List {
        /// Such as "name LIKE 'churn%'"
        #[arg(long, short, default_value = "")]
        filter: String,
        /// Deleted ones only
        #[arg(long)]
        deleted: bool,
        #[arg(long, default_value_t = 100)]
        limit: usize,
        #[arg(long)]
        json: bool,
    },
    /// Prints the new experiment's number
    Create {
        name: String,
        /// Where clients keep artifacts themselves, such as s3://bucket/path
        #[arg(long, value_name = "URI")]
        artifact_location: Option<String>,
    },
    Rename {
        /// By name or number
        experiment: String,
        name: String,
    },
    /// Delete an experiment with its runs; it can be restored
    Delete { experiment: String },
    Restore {
        /// By number, or by name
        experiment: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum Models {
    List {
        /// Such as "name ILIKE '%churn%'"
        #[arg(long, short, default_value = "")]
        filter: String,
        #[arg(long, default_value_t = 100)]
        limit: usize,
        #[arg(long)]
        json: bool,
    },
    /// A model and its versions
    Show {
        model: String,
        #[arg(long)]
        json: bool,
    },
    /// Point an alias at a version
    SetAlias {
        model: String,
        alias: String,
        version: i64,
    },
    DeleteAlias {
        model: String,
        alias: String,
    },
    /// What two versions, and the runs that made them, differ in
    Diff {
        model: String,
        from: i64,
        to: i64,
    },
    /// Delete a model with its versions
    Delete {
        model: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum Artifacts {
    List {
        run: String,
        /// A folder below the run's artifacts
        #[arg(default_value = "")]
        path: String,
        #[arg(long)]
        json: bool,
    },
    /// Download a file, or a folder with everything below it
    Download {
        run: String,
        /// All artifacts of the run if left out
        #[arg(default_value = "")]
        path: String,
        /// The folder to write into
        #[arg(long, default_value = ".", value_name = "DIR")]
        to: PathBuf,
    },
    Upload {
        run: String,
        file: PathBuf,
        /// The folder below the run's artifacts
        #[arg(default_value = "")]
        path: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum Import {
    /// Experiments, runs, metrics, artifacts and models of an MLflow server
    ///
    /// Ids, times and version numbers are kept. Running it again brings what is new since; a run that is here whole is
    /// not sent twice. The source is only read.
    Mlflow(ImportMlflow),
}

#[derive(Debug, ClapArgs)]
pub struct ImportMlflow {
    /// sqlite:///mlflow.db, postgresql://user@host/database, or http://host:port of a running server
    pub from: String,
    /// The folder behind `mlflow-artifacts:/` [default: mlartifacts beside the database, or here]
    #[arg(long, value_name = "DIR")]
    pub artifacts: Option<PathBuf>,
    /// These experiments only, by name; models are left out then
    #[arg(long = "experiment", value_name = "NAME")]
    pub experiments: Vec<String>,
    /// The `authorization` header for a running server
    #[arg(long, env = "MLWRIGHT_SOURCE_AUTHORIZATION", hide_env_values = true, value_name = "VALUE")]
    pub source_authorization: Option<String>,
}
