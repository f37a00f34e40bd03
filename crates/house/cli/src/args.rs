//! What the command line takes. Its help is written for people: a test holds the list of commands against clap's.

mod apply;
mod data;
mod judge;
mod packages;
mod pipelines;
mod quality;
mod serving;
mod tracking;
mod validate;

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};

pub use self::apply::{Apply, Cancel, Decide, Place, Retrain};
pub use self::judge::{Evaluate, TaskName, Verify};
pub use self::packages::{Package, PackageCommand};
pub use self::pipelines::{Backfills, ListPipelineRuns, Pipelines, RunPipeline, Schedules};
pub use data::{Data, Form, Ref, Repo, Transfer};
pub use quality::{Drift, DriftMode, Profile};
pub use serving::{Deploy, Endpoints, LabelAnswer, Labels, ModelRef, Predict, Reviews, Rollout, model_ref};
pub use tracking::{Artifacts, Experiments, Import, ImportMlflow, ListRuns, Models, Runs};
pub use validate::{SuiteFormat, Validate};

const HELP: &str = "\
{about}

{usage-heading} {usage}

The server:
  serve      start it: every protocol and the web app on one port
  routes     every path that it answers, and which door answers
  config     every configuration key with its default, as a TOML file
  user       make, list and delete users, set their passwords
  token      make, list and revoke access tokens
  key        make, list and revoke access keys of S3 and lakeFS clients

Your project (mlwright.yaml):
  plan       show what `apply` would change
  apply      make the server match the file; the first time, this trains and deploys
  status     how everything that the project declares is doing
  retrain    make a model again now, as its policy says
  approve    let a retraining's candidate go on that waits for a person
  reject     end a retraining whose candidate waits for a person
  cancel     end a retraining, whatever it does now

Answers:
  why        from one prediction back to code, data and environment
  replay     run a pipeline run again from what was recorded, and compare bit by bit
  logs       what the steps of a pipeline run printed
  events     what happened, who did it; --follow to watch
  audit      check the hash chain of all events

Experiments and models:
  runs         search, show and compare runs; --filter takes MLflow's language
  experiments  list, create, rename, delete, restore
  models       list and show models, move aliases, compare two versions
  artifacts    list, download and upload files of a run

Packages:
  package    a signed package of a version, or a container image; verify, check, push
  parity     compare how a version is served here with its Python original

Pipelines:
  pipelines  start, follow, cancel and retry runs, their logs and files, schedules
  secrets    set, list and delete the secrets of steps

Serving:
  deploy     put versions of models behind an endpoint; several share its traffic
  endpoints  list and show endpoints, set their limits, print their OpenAPI
  rollout    give a version a growing share of the traffic; it goes back by itself if it does worse
  predict    ask an endpoint, with rows from a file
  reviews    predictions that wait for a person, and what is true of them

Quality:
  validate   whether data is as a suite of expectations says
  drift      how far data has moved away from a reference, column by column
  profile    what the columns of data look like
  verify     labels, annotators, coverage, duplicates, outliers, signs of poisoning
  evaluate   metrics of predictions with intervals, by slice and group, against limits

Things:
  data       repositories with branches and commits, tables in place, data sets
  import     bring over what an MLflow server recorded
  list       runs, experiments, datasets, models, pipelines, pipeline-runs, endpoints, monitors, retrainings

Options:
{options}

First steps:
  mlwright serve                                         then open http://127.0.0.1:5000
  export MLFLOW_TRACKING_URI=http://127.0.0.1:5000       your MLflow code logs here, unchanged
";

/// One binary for the whole machine-learning lifecycle.
#[derive(Debug, Parser)]
#[command(name = "mlwright", version, help_template = HELP, arg_required_else_help = true)]
#[command(disable_help_subcommand = true)]
pub struct Args {
    #[command(flatten)]
    pub connection: Connection,
    #[command(subcommand)]
    pub command: Command,
}

/// Which server the commands talk to.
#[derive(Clone, Debug, ClapArgs)]
#[command(next_help_heading = "Which server")]
pub struct Connection {
    /// The server's address [default: http://127.0.0.1:5000]
    #[arg(long, global = true, env = "MLWRIGHT_URL", value_name = "URL", hide_env_values = true)]
    pub server: Option<String>,
    /// An access token, where the server has users
    #[arg(long, global = true, env = "MLWRIGHT_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the server
    ///
    /// Everything is kept below the data directory. Without users it listens on loopback only, and lets this machine
    /// in without a token.
    Serve(Serve),
    /// Print every path that the server answers
    Routes(Serve),
    /// Print every configuration key with its default
    Config,
    /// Show what `apply` would change
    Plan(Place),
    /// Make the server match the project file
    Apply(Apply),
    /// Show how everything that the project declares is doing
    Status {
        /// The project's name; all projects if left out
        #[arg(long)]
        project: Option<String>,
    },
    /// Make a model again now, whatever cool-down and budget say
    Retrain(Retrain),
    /// Let a candidate go on that waits for a person
    Approve(Decide),
    /// End a retraining whose candidate waits for a person
    Reject(Decide),
    /// End a retraining that has not ended
    ///
    /// What it has begun is taken back: its pipeline run, its shadow, its canary. Its state is `cancelled` then.
    Cancel(Cancel),
    /// Say why a prediction is what it is
    Why {
        /// The prediction's id, from the answer to the request
        prediction: String,
    },
    /// Run a pipeline run again and compare
    ///
    /// Code, environment, data version and parameters come from what was recorded; nothing comes from the cache. Ends
    /// with 0 if the result is bit-identical or metric-equal, with 1 if it diverged.
    Replay {
        /// The pipeline run's id, or the id of a tracking run that one of its steps made
        run: String,
    },
    /// Repositories with branches and commits, tables in place, data sets
    #[command(subcommand)]
    Data(Data),
    /// Print what the steps of a pipeline run printed, and follow while it runs
    Logs {
        /// The pipeline run's id
        run: String,
        /// One step; all if left out
        step: Option<String>,
    },
    /// Print what happened
    Events {
        /// Go on as it happens
        #[arg(long, short)]
        follow: bool,
        /// Kinds that begin so, such as `model.`
        #[arg(long)]
        kind: Option<String>,
    },
    /// Check the hash chain of all events
    Audit,
    /// Make, list and delete users, set their passwords
    #[command(subcommand)]
    User(User),
    /// Make, list and revoke access tokens
    #[command(subcommand)]
    Token(Token),
    /// Make, list and revoke access keys of S3 and lakeFS clients
    #[command(subcommand)]
    Key(Key),
    /// Keep secrets that pipeline steps get by name
    #[command(subcommand)]
    Secrets(Secrets),
    /// Search, show and compare runs
    #[command(subcommand)]
    Runs(Runs),
    /// List, create, rename, delete and restore experiments
    #[command(subcommand)]
    Experiments(Experiments),
    /// List and show registered models, move aliases, compare versions
    #[command(subcommand)]
    Models(Models),
    /// List, download and upload files of a run
    #[command(subcommand)]
    Artifacts(Artifacts),
    /// Start, follow, cancel and retry runs of pipelines; schedules
    #[command(subcommand)]
    Pipelines(Pipelines),
    /// Put versions of models behind an endpoint
    Deploy(Deploy),
    /// List and show endpoints, set their limits, print their OpenAPI
    #[command(subcommand)]
    Endpoints(Endpoints),
    /// Give a version a growing share of an endpoint's traffic
    #[command(subcommand)]
    Rollout(Rollout),
    /// Look through predictions that wait for a person, and say what is true of them
    #[command(subcommand)]
    Reviews(Reviews),
    /// Ask an endpoint
    ///
    /// Prints one prediction a line, as JSON.
    Predict(Predict),
    /// A signed package of a model version, or a container image
    Package(Package),
    /// Compare the runtimes that could serve a version with its Python original
    ///
    /// On its input example and on made-up rows. Ends with 1 if one of them differs; that one is not used then.
    Parity {
        /// models:/name/3 or models:/name@alias
        model: String,
    },
    /// What a container image starts: SageMaker's and Vertex AI's contracts
    #[command(hide = true)]
    Container {
        /// `serve`, or `train` as SageMaker says it
        word: Option<String>,
    },
    /// Hold data against a suite of expectations
    Validate(Validate),
    /// Compare data with a reference, column by column
    Drift(Drift),
    /// Show what the columns of data look like
    Profile(Profile),
    /// Look for wrong labels, duplicates, leaks, outliers and signs of poisoning in data
    Verify(Verify),
    /// Judge predictions: metrics, slices, fairness, limits, a champion
    Evaluate(Box<Evaluate>),
    /// Bring over what another server recorded
    #[command(subcommand)]
    Import(Import),
    /// List things
    List(List),
}

#[derive(Debug, ClapArgs)]
pub struct Serve {
    /// The address to listen on
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// The port; 0 takes a free one [default: 5000]
    #[arg(long, short)]
    port: Option<u16>,
    /// One more address, for some doors only: 127.0.0.1:8000=oip
    #[arg(long, value_name = "ADDRESS=DOOR,…")]
    listen: Vec<String>,
    /// Where everything is kept [default: mlwright-data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// PostgreSQL instead of SQLite: postgres://user@host/database
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// An object store instead of local files: s3://bucket/prefix
    #[arg(long, value_name = "URL")]
    blob_url: Option<String>,
    /// Where clients keep files of new experiments themselves, instead of here: s3://bucket/prefix
    #[arg(long, value_name = "URI")]
    default_artifact_root: Option<String>,
    /// MLflow's own web page, to serve at /mlflow/: the folder mlflow/server/js/build of an installed mlflow
    #[arg(long, value_name = "DIR")]
    mlflow_ui: Option<PathBuf>,
    /// Serve one package instead, without any other server
    #[arg(long, value_name = "FILE")]
    package: Option<PathBuf>,
    /// The signer of the package that is trusted (`mlwright package key`)
    #[arg(long, value_name = "KEY", requires = "package")]
    key: Option<String>,
    /// Load the package, ask it with its input example, print what happened as JSON, and end
    #[arg(long, requires = "package")]
    check: bool,
    /// Hand the package's records to this server
    #[arg(long, value_name = "URL", requires = "package")]
    home: Option<String>,
    /// A configuration file (`mlwright config` prints one)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Serve {
    /// What is said of a package, if one is to be served.
    pub fn package(&self) -> Option<server::PackageOptions> {
        let package = self.package.clone()?;
        let token = std::env::var("MLWRIGHT_TOKEN").ok();
        Some(server::PackageOptions {
            package,
            key: self.key.clone(),
            once: self.check.then_some(server::Once::Check),
            home: self.home.clone().map(|url| (url, token)),
            ..server::PackageOptions::default()
        })
    }

    pub fn options(self) -> server::Options {
        server::Options {
            config: self.config,
            host: self.host,
            port: self.port,
            listen: self.listen,
            data_dir: self.data_dir,
            database_url: self.database_url,
            blob_url: self.blob_url,
            default_artifact_root: self.default_artifact_root,
            mlflow_ui: self.mlflow_ui,
        }
    }
}

/// Where the metadata is, while no server runs on it.
#[derive(Debug, ClapArgs)]
pub struct DataDir {
    #[arg(long, value_name = "DIR", default_value = "mlwright-data")]
    pub data_dir: PathBuf,
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum User {
    /// Make a user that signs in with a password, which is read from standard input
    ///
    /// Works while the server runs (through it) and while it does not (on the data directory). With the first user,
    /// everybody must sign in.
    Create {
        name: String,
        /// viewer, client, member, editor, operator or admin
        #[arg(long, default_value = "member")]
        role: types::Role,
        #[command(flatten)]
        data: DataDir,
    },
    /// List users
    List {
        #[command(flatten)]
        data: DataDir,
    },
    /// Give a user a new password, which is read from standard input
    SetPassword {
        name: String,
        #[command(flatten)]
        data: DataDir,
    },
    /// Give a user another role
    SetRole {
        name: String,
        /// viewer, client, member, editor, operator or admin
        role: types::Role,
        #[command(flatten)]
        data: DataDir,
    },
    /// Delete a user with its tokens and grants; what it did stays in the event log
    Delete {
        name: String,
        #[command(flatten)]
        data: DataDir,
    },
}

#[derive(Debug, Subcommand)]
pub enum Token {
    /// Make a token, and the user if there is none of that name
    ///
    /// Works while the server runs (through it) and while it does not (on the data directory).
    Create {
        #[arg(long)]
        user: String,
        /// viewer, client, member, editor, operator or admin
        #[arg(long)]
        role: types::Role,
        /// What the token is for
        #[arg(long, default_value = "")]
        name: String,
        #[arg(long, value_name = "DIR", default_value = "mlwright-data")]
        data_dir: PathBuf,
        #[arg(long, value_name = "URL")]
        database_url: Option<String>,
    },
    /// List tokens (their secrets are not kept)
    List,
    /// Revoke a token
    Revoke { id: String },
}

#[derive(Debug, Subcommand)]
pub enum Secrets {
    /// Keep a value under a name, instead of what was there; it is read from standard input
    Set {
        name: String,
    },
    /// Their names (their values are never shown)
    List {
        #[arg(long)]
        json: bool,
    },
    Delete {
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum Key {
    /// Make a key and print it as variables for AWS's clients
    Create {
        /// Whom it speaks for; yourself if left out, or the server's owner while there are no users
        #[arg(long)]
        user: Option<String>,
    },
    /// List keys (their secrets are never shown again)
    List {
        #[arg(long)]
        user: Option<String>,
    },
    /// Revoke a key
    Revoke { id: String },
}

#[derive(Debug, ClapArgs)]
pub struct List {
    #[arg(value_enum)]
    pub what: What,
    /// Print the server's answer as JSON
    #[arg(long)]
    pub json: bool,
    #[arg(long, default_value_t = 50)]
    pub limit: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum What {
    Runs,
    Experiments,
    Datasets,
    Models,
    Pipelines,
    PipelineRuns,
    Endpoints,
    Monitors,
    Retrainings,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_help_lists_every_command_and_no_other() {
        let known: Vec<String> = Args::command()
            .get_subcommands()
            .filter(|c| !c.is_hide_set())
            .map(|c| c.get_name().to_owned())
            .collect();
        let listed = |line: &str| {
            let rest = line.strip_prefix("  ").filter(|rest| !rest.starts_with(' '))?;
            rest.split_once("  ").map(|(name, _)| name.to_owned())
        };
        let before = HELP.split("Options:").next().unwrap_or_default();
        let mut shown: Vec<String> = before.lines().filter_map(listed).collect();
        let mut known = known;
        shown.sort();
        known.sort();
        assert_eq!(shown, known);
    }
}
