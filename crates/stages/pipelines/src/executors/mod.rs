//! Where tasks run. On this machine a task is a process under a shim (`process`, or `zygote`: forked from a warm Python
//! where it can be); on a cluster it is a job that asks this server for its code and data and gives back what it made
//! (`remote.rs`). Which one is the plan's choice, the run's, or the workspace's.

mod away;
mod bundle;
mod cluster;
mod guest;
mod image;
mod kubernetes;
mod local;
mod manifest;
pub(crate) mod pod;
mod printed;
mod ray;
mod registry;
mod remote;
mod slurm;
mod spec;
mod travel;

use async_trait::async_trait;
use types::{Actor, Fault as _};

use crate::attempt::Attempt;
use crate::shim::Exit;
use crate::{Engine, Error, store};

pub(crate) use away::Away;
pub(crate) use bundle::{BUNDLE, REMOTE, RemotePython, prepare as prepare_remote};
pub use guest::{Claim, GUEST, Told};
pub(crate) use image::ImageTask;
use local::Local;
pub(crate) use local::ReadyShims;
pub use registry::{define_executor, executors, get_executor, remove_executor};
pub(crate) use remote::is_remote;
pub use spec::{ExecutorKind, ExecutorSpec, Resources};
pub(crate) use travel::Travels;

/// A process of this machine that is never forked from a warm one.
pub const PROCESS: &str = "process";
/// A process of this machine, forked from a warm Python where it can be. What tasks get that name nothing.
pub const ZYGOTE: &str = "zygote";

/// Brings a prepared attempt to its end, wherever that is.
#[async_trait]
pub(crate) trait Executor: Send + Sync {
    /// Starts the attempt unless it was started, also by a server before this one, and waits for its end. A file
    /// `cancel` in the attempt's directory asks for that end. May be dropped and called again at any moment.
    ///
    /// `None`: lost, and nobody knows how it ended.
    /// Errors: trouble of this server; the attempt stands as it was.
    async fn run(&self, engine: &Engine, actor: &Actor, attempt: &Attempt) -> Result<Option<Exit>, Error>;
}

/// Where an attempt that was not prepared yet goes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Place {
    Here { warm: bool },
    Cluster(Box<ExecutorSpec>),
}

impl Place {
    pub fn cluster(&self) -> Option<&ExecutorSpec> {
        match self {
            Self::Cluster(spec) => Some(spec),
            Self::Here { .. } => None,
        }
    }
}

impl Engine {
    /// Who attends to an attempt that was prepared.
    pub(crate) fn executor_of(&self, attempt: &Attempt) -> Box<dyn Executor> {
        if is_remote(&attempt.dir) { Box::new(remote::Remote) } else { Box::new(Local) }
    }

    /// Errors: `Refused` if the task names an executor that the workspace does not have.
    pub(crate) async fn place_of(&self, actor: &Actor, attempt: &Attempt) -> Result<Place, Error> {
        let wanted = attempt.task.executor.clone();
        match wanted.as_deref() {
            Some(PROCESS) => return Ok(Place::Here { warm: false }),
            Some(ZYGOTE) => return Ok(Place::Here { warm: true }),
            _ => {}
        }
        let name = wanted.clone();
        let found = self
            .0
            .ledger
            .read(actor.workspace, move |rx| match &name {
                Some(name) => store::executors::find(rx, name),
                None => store::executors::default(rx),
            })
            .await?;
        match (found, wanted) {
            (Some(spec), _) => Ok(Place::Cluster(Box::new(spec))),
            (None, None) => Ok(Place::Here { warm: true }),
            (None, Some(name)) => Err(Error::Refused(format!(
                "there is no executor `{name}` in this workspace · hint: declare it under `executors` in mlwright.yaml \
                 and apply, or take {PROCESS} or {ZYGOTE}"
            ))),
        }
    }
}

/// An error of an executor as its reader should see it.
fn told(error: &outbound::Error) -> String {
    match error.hint() {
        Some(hint) => format!("{error} · hint: {hint}"),
        None => error.to_string(),
    }
}
