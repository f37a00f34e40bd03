//! Objects that are about to be pointed to.
//!
//! Garbage collection leaves alone what was put or renewed lately. A body that was just received is new; an object that
//! is copied from elsewhere may be old, and what it is copied from may be garbage: it is made new before a path points
//! to it, or found to be gone.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use types::Digest;

use crate::{Error, Object, Physical, Repositories};

/// How long a body that was received counts as new without another look.
const FRESH: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(crate) struct Fresh(Mutex<HashMap<Digest, Instant>>);

impl Fresh {
    pub fn note(&self, physical: &Physical) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() > 10_000 {
            known.retain(|_, at| at.elapsed() < FRESH);
        }
        let now = Instant::now();
        known.extend(physical.blobs().into_iter().map(|blob| (blob, now)));
    }

    fn has(&self, blob: &Digest) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(blob).is_some_and(|at| at.elapsed() < FRESH)
    }
}

impl Repositories {
    /// Sees to it that garbage collection leaves the bytes of an object alone that a path will point to.
    ///
    /// Errors: `Gone` if it has removed them already.
    pub(crate) async fn hold(&self, path: &str, object: &Object) -> Result<(), Error> {
        for blob in object.physical.blobs() {
            if !self.0.fresh.has(&blob) && !self.blobs().renew(&blob).await? {
                return Err(Error::Gone(path.to_owned()));
            }
        }
        Ok(())
    }
}
