//! Copies of requests for variants that answer nobody: they run after the answer, on a thread of their own, and are
//! dropped and counted when that thread is behind.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

/// Copies that wait.
const WAITING: usize = 256;

pub(crate) type Copied = Box<dyn FnOnce() + Send>;

#[derive(Clone)]
pub(crate) struct Shadows(Arc<Sender<Copied>>);

impl Shadows {
    /// The thread ends with the last clone. Without one (no thread could be started) every copy is dropped.
    pub fn start() -> Self {
        let (sender, receiver): (Sender<Copied>, Receiver<Copied>) = bounded(WAITING);
        let started = std::thread::Builder::new().name("serving-shadow".into()).spawn(move || {
            for copied in receiver {
                // A model that panics must not end the thread for all others.
                if std::panic::catch_unwind(std::panic::AssertUnwindSafe(copied)).is_err() {
                    metrics::counter!("mlwright_shadow_failed_total").increment(1);
                }
            }
        });
        if let Err(error) = started {
            tracing::error!(%error, "shadow variants get no requests: their thread could not be started");
        }
        Self(Arc::new(sender))
    }

    /// Whether it was taken.
    pub fn send(&self, copied: Copied) -> bool {
        match self.0.try_send(copied) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                metrics::counter!("mlwright_shadow_dropped_total").increment(1);
                false
            }
        }
    }
}
