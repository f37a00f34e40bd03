//! The supervisor of every long-running task. A task states what happens when it fails and when the process
//! stops; nothing else in the workspace may call `tokio::spawn` (clippy says so).

mod background;
mod kind;
mod supervisor;

pub use background::in_background;
pub use kind::{OnError, OnStop, Outcome, TaskKind};
pub use supervisor::{Stopped, Supervisor};
pub use tokio_util::sync::CancellationToken;
