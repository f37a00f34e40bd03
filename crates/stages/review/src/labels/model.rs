use serde::Serialize;
use serde_json::Value;
use types::{Timestamp, Uid};

use crate::ItemStatus;

/// A row of a dataset version whose label looks wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelItem {
    pub version: Uid,
    /// From 1, over all files of the version.
    pub row: i64,
    pub row_id: String,
    /// The column of labels.
    pub column: String,
    pub given: String,
    /// What the row looks like.
    pub likely: String,
    /// How much speaks for the given label, 0–1.
    pub quality: f64,
    /// The whole row.
    pub values: Value,
    pub status: ItemStatus,
    /// The right label, once somebody said it.
    pub verdict: Option<String>,
    pub comment: Option<String>,
    pub completed_by: Option<String>,
    pub completed_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

impl LabelItem {
    /// The right label, where it is another one than the given.
    pub fn correction(&self) -> Option<&str> {
        self.verdict.as_deref().filter(|verdict| *verdict != self.given)
    }
}

/// How the review of a version's labels stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabelReview {
    pub version: Uid,
    pub column: String,
    pub pending: i64,
    /// Judged, the corrected ones among them.
    pub complete: i64,
    pub corrected: i64,
    pub declined: i64,
    pub since: Timestamp,
}

#[derive(Clone, Debug)]
pub struct LabelQuery {
    pub version: Uid,
    pub status: Option<ItemStatus>,
    pub limit: i64,
    pub offset: i64,
}

/// What a person says of a label.
#[derive(Clone, Debug, PartialEq)]
pub enum LabelVerdict {
    /// It is right as it is.
    Keep,
    /// This one is right.
    Correct(String),
    /// It cannot be told.
    Skip,
    /// The verdict before was an error.
    Reopen,
}
