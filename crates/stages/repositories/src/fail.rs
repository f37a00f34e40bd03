//! Places where a test can let the work stop, as if the process had been killed there.

use std::sync::Arc;

use crate::Error;

/// A step of a commit or merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Staged changes are sealed; the tree is not built yet.
    Sealed,
    /// The new nodes are kept; the head is where it was.
    Kept,
    /// The head has moved; nothing was tidied up.
    Moved,
}

/// Asked at each step; `true` stops there. The default never does.
#[derive(Clone, Default)]
pub struct FailPoint(Option<Arc<dyn Fn(Step) -> bool + Send + Sync>>);

impl FailPoint {
    pub fn new(stop: impl Fn(Step) -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(stop)))
    }

    pub(crate) fn at(&self, step: Step) -> Result<(), Error> {
        match &self.0 {
            Some(stop) if stop(step) => Err(Error::Stopped(format!("a test stopped it: {step:?}"))),
            _ => Ok(()),
        }
    }
}
