//! Content-addressed objects over local files or S3, and named objects beside them.
//!
//! A put that returned `Ok` is durable: local files are written aside, synced, renamed and their directory is
//! synced. An upload that is cut, or whose digest is not the expected one, never becomes visible.

mod config;
mod error;
mod local;
mod named;
mod objects;
mod parts;
mod path;
mod read;
mod remote;
mod spool;
mod sweep;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use config::BlobConfig;
pub use error::{BoxError, Error};
pub use named::{NamedEntry, NamedObject};
pub use parts::{MAX_PARTS, Part};
pub use path::NamedPath;
pub use read::ObjectStream;
pub use sweep::StoredObject;

/// The objects of one server: files, models, environments, reports and code snapshots by digest, and MLflow
/// artifacts by name. Cheap to clone.
#[derive(Clone)]
pub struct Blobs {
    store: Arc<Store>,
}

enum Store {
    Local(local::Local),
    Remote(remote::Remote),
}

impl std::fmt::Debug for Blobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &*self.store {
            Store::Local(local) => write!(f, "Blobs({})", local.root().display()),
            Store::Remote(remote) => write!(f, "Blobs({})", remote.name()),
        }
    }
}

/// Runs blocking file work off the async threads. Its panic or cancellation becomes an error.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(join) => Err(Error::Stopped { reason: join.to_string() }),
    }
}
