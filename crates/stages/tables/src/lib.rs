//! Tables in place: files of repositories, at any ref, looked at, queried and compared where they are.
//!
//! A table is a Parquet, CSV or JSON lines file, or all such files below a folder. What was found out about a file
//! (its columns, its footer) is remembered by its content, so it is found out once.

mod diff;
mod error;
mod file;
mod look;
mod name;
mod open;
mod query;
mod recent;

use std::sync::Arc;
use std::time::Duration;

use columns::{Engine, Known, Profile, RowDiff};
use parking_lot::Mutex;
use repositories::Repositories;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

pub use diff::{DiffPage, DiffRequest, RowChange};
pub use error::Error;
pub use look::Preview;
pub use name::{Name, quote_names};
pub use open::Opened;
pub use query::{QueryAnswer, QueryRequest};

use recent::Recent;

/// Files whose columns are remembered.
const KNOWN: usize = 4_096;
/// Profiles and row diffs that are remembered.
const RESULTS: usize = 64;

/// What the stage may take.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Of a query.
    pub limits: columns::Limits,
    /// Of looking at files, of a profile, of a row diff.
    pub time: Duration,
}

impl Default for Config {
    fn default() -> Self {
        let limits = columns::Limits { rows: 10_000, memory: 512 << 20, time: Duration::from_secs(60) };
        Self { limits, time: Duration::from_secs(300) }
    }
}

/// The stage. Cheap to clone.
#[derive(Clone)]
pub struct Tables {
    repositories: Repositories,
    engine: Arc<dyn Engine>,
    config: Config,
    known: Arc<Mutex<Recent<Arc<Known>>>>,
    profiles: Arc<Mutex<Recent<Arc<Profile>>>>,
    diffs: Arc<Mutex<Recent<Arc<RowDiff>>>>,
}

impl Tables {
    pub fn new(repositories: Repositories, engine: Arc<dyn Engine>, config: Config) -> Self {
        Self {
            repositories,
            engine,
            config,
            known: Arc::new(Mutex::new(Recent::new(KNOWN))),
            profiles: Arc::new(Mutex::new(Recent::new(RESULTS))),
            diffs: Arc::new(Mutex::new(Recent::new(RESULTS))),
        }
    }

    /// Does work that computes for long away from the threads that serve requests; it ends with its time, or when the
    /// caller goes away.
    async fn apart<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let (_waiting, gone) = oneshot::channel::<()>();
        let (threads, time) = (Handle::current(), self.config.time);
        let done = tokio::task::spawn_blocking(move || {
            threads.block_on(async move {
                tokio::select! {
                    biased;
                    _ = gone => Err(columns::Error::Cancelled.into()),
                    done = tokio::time::timeout(time, work) => done.unwrap_or_else(|_| {
                        Err(Error::Time { seconds: time.as_secs() })
                    }),
                }
            })
        });
        done.await.map_err(|e| Error::Task(e.to_string()))?
    }
}
