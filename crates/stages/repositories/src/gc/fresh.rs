//! Objects that are about to be pointed to.
//!
//! Garbage collection leaves alone what was put or renewed lately. A body that was just received is new; an object that
//! is copied from elsewhere may be old, and what it is copied from may be garbage: it is made new before a path points
//! to it, or found to be gone.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use types::{Digest, Timestamp};

use crate::{Error, Object, Physical, Repositories};

/// How long a body that was received counts as new without another look (microseconds).
const FRESH: i64 = 1_000_000;

#[derive(Default)]
pub(crate) struct Fresh(Mutex<HashMap<Digest, Timestamp>>);

/// Whether what was received at `at` is still new.
fn is_new(at: Timestamp, now: Timestamp) -> bool {
    (0..FRESH).contains(&(now.0 - at.0))
}

impl Fresh {
    pub fn note(&self, physical: &Physical, now: Timestamp) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() > 10_000 {
            known.retain(|_, at| is_new(*at, now));
        }
        known.extend(physical.blobs().into_iter().map(|blob| (blob, now)));
    }

    fn has(&self, blob: &Digest, now: Timestamp) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(blob).is_some_and(|at| is_new(*at, now))
    }
}

impl Repositories {
    /// Sees to it that garbage collection leaves the bytes of an object alone that a path will point to.
    ///
    /// Errors: `Gone` if it has removed them already; `BadAddress` of a file of this machine that may not be read.
    pub(crate) async fn hold(&self, path: &str, object: &Object) -> Result<(), Error> {
        if let Physical::External(address) = &object.physical
            && (address.starts_with("local://") || address.starts_with("file://"))
        {
            self.local_file(address)?;
        }
        let now = self.ledger().clock().now();
        for blob in object.physical.blobs() {
            if !self.0.fresh.has(&blob, now) && !self.blobs().renew(&blob).await? {
                return Err(Error::Gone(path.to_owned()));
            }
        }
        Ok(())
    }
}
