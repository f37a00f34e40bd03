//! How many attempts this server attends to that run elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// At the same time: each asks its cluster now and then.
const MOST: usize = 256;

#[derive(Clone, Debug, Default)]
pub(crate) struct Away(Arc<AtomicUsize>);

/// One attempt; it counts until this is dropped.
pub(crate) struct Gone(Arc<AtomicUsize>);

impl Away {
    pub fn enter(&self) -> Gone {
        self.0.fetch_add(1, Ordering::Relaxed);
        Gone(Arc::clone(&self.0))
    }

    pub fn len(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// How many more tasks may be taken where `here` more could run on this machine.
    pub fn room(&self, here: usize) -> usize {
        here.min(MOST.saturating_sub(self.len()))
    }
}

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
