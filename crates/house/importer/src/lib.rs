//! Reads what another tracking server recorded: MLflow's database (SQLite or PostgreSQL), or a running MLflow server.
//!
//! Reading is synchronous and goes row by row, so that a series of any length passes through a bounded buffer. Nothing
//! is written to the source.
//!
//! Upstream: `mlflow/store/tracking/dbmodels/models.py` and `mlflow/store/model_registry/dbmodels/models.py` at
//! 3.17.2; tables and columns that an older database lacks are left out.

mod artifacts;
mod database;
mod error;
mod model;
mod rest;
mod sql;
mod store;

use std::path::PathBuf;

use tokio::runtime::Handle;

pub use error::Error;
pub use model::{
    Experiment, Files, LeftOut, LoggedModel, Place, Point, RegisteredModel, Run, RunDataset, Version,
};

/// Where to read from, and where its files are.
#[derive(Clone, Debug)]
pub struct Origin {
    /// `sqlite:///path`, `postgresql://user@host/database` or `http(s)://host`.
    pub url: String,
    /// The folder that stands behind `mlflow-artifacts:/`, for a database.
    pub artifacts: Option<PathBuf>,
    /// What the running server wants in the `authorization` header.
    pub authorization: Option<String>,
}

/// What can be imported from.
pub trait Source {
    /// Deleted ones too.
    fn experiments(&mut self) -> Result<Vec<Experiment>, Error>;
    fn logged_models(&mut self, experiment: i64) -> Result<Vec<LoggedModel>, Error>;
    /// Ids of all runs of an experiment, deleted ones too.
    fn runs(&mut self, experiment: i64) -> Result<Vec<String>, Error>;
    fn run(&mut self, id: &str) -> Result<Run, Error>;
    /// Hands on every point of a run, also those that are about logged models, some thousand at a time.
    fn points(
        &mut self,
        run: &Run,
        each: &mut dyn FnMut(Vec<Point>) -> Result<(), Error>,
    ) -> Result<(), Error>;
    fn models(&mut self) -> Result<Vec<RegisteredModel>, Error>;
    /// Where the files of a run or logged model are.
    fn place(&mut self, owner: &Owner<'_>) -> Result<Place, Error>;
    /// Relative paths of all files.
    fn files(&mut self, owner: &Owner<'_>) -> Result<Files, Error>;
    /// A file on this machine that holds the bytes; one that was fetched stands at `scratch`.
    fn fetch(&mut self, owner: &Owner<'_>, path: &str, scratch: &std::path::Path) -> Result<PathBuf, Error>;
    /// What the source has that is not read.
    fn left_out(&mut self) -> Result<Vec<LeftOut>, Error>;
}

/// Whose files are meant.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    /// The run's or the logged model's id.
    pub id: &'a str,
    pub is_run: bool,
    /// Where the source says that its files are.
    pub uri: &'a str,
}

/// Errors: `BadOrigin`, `NoDatabase`, `Database`, and what [`outbound`] says of a server.
pub fn open(origin: &Origin, handle: &Handle) -> Result<Box<dyn Source>, Error> {
    let url = origin.url.as_str();
    match url.split_once("://").map(|(scheme, _)| scheme) {
        Some("http" | "https") => Ok(Box::new(rest::Server::open(origin, handle)?)),
        Some("sqlite" | "postgresql" | "postgres") => Ok(Box::new(database::Database::open(origin)?)),
        Some(scheme) if scheme.starts_with("postgresql+") => Ok(Box::new(database::Database::open(origin)?)),
        _ => Err(Error::BadOrigin { url: url.to_owned() }),
    }
}
