use std::sync::Arc;

use columns::Table;
use types::Digest;

use crate::{BoxFault, Rows};

/// Data that asks to become a version. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub dataset: String,
    /// The digest that the version will have.
    pub digest: Digest,
    /// All rows of all files.
    pub table: Table,
    /// Where each row stands in its file, and its id.
    pub rows: Arc<Rows>,
}

/// What a gate answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub passed: bool,
    /// One line: what was wrong, or how much was checked.
    pub summary: String,
    /// The report for people (Markdown).
    pub text: String,
    /// The report's object, kept whether it passed or not.
    pub report: Digest,
}

/// Asked before a version becomes visible, outside any transaction. An error counts as a refusal.
#[async_trait::async_trait]
pub trait Gate: Send + Sync {
    async fn check(&self, candidate: Candidate) -> Result<Verdict, BoxFault>;
}
