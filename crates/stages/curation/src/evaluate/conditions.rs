//! The row conditions of a suite, each looked up in the table once.

use std::sync::OnceLock;

use crate::condition::{self, Condition};
use crate::frame::Frame;
use crate::suite::Suite;

/// The rows of a condition, or why they cannot be told.
type Rows = Result<Vec<u32>, String>;

/// Different conditions, and their rows once these were asked for. Shared between threads.
#[derive(Debug, Default)]
pub(crate) struct Conditions(Vec<(Condition, OnceLock<Rows>)>);

impl Conditions {
    pub fn of(suite: &Suite) -> Self {
        let mut all = Self::default();
        for expectation in &suite.expectations {
            if let Some(Ok(condition)) = &expectation.condition
                && all.place(condition).is_none()
            {
                all.0.push((condition.clone(), OnceLock::new()));
            }
        }
        all
    }

    pub fn place(&self, condition: &Condition) -> Option<usize> {
        self.0.iter().position(|(known, _)| known == condition)
    }

    /// The rows of the condition at that place. Errors: why they cannot be told.
    pub fn rows(&self, place: usize, frame: &Frame) -> &Rows {
        let (condition, rows) = &self.0[place];
        rows.get_or_init(|| condition::rows(frame, condition))
    }
}
