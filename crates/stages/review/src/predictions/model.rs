use serde::Serialize;
use serde_json::Value;
use types::{Timestamp, Uid};

use crate::ItemStatus;

/// A prediction in a queue.
#[derive(Clone, Debug, PartialEq)]
pub struct PredictionItem {
    pub queue: Uid,
    pub endpoint: String,
    pub prediction: Uid,
    pub status: ItemStatus,
    /// The flags that sent it here, such as `range:age`.
    pub reasons: Vec<String>,
    /// Who works on it, while it is pending.
    pub taken_by: Option<String>,
    pub taken_at: Option<Timestamp>,
    /// What was said of it; its label.
    pub verdict: Option<Value>,
    pub comment: Option<String>,
    pub completed_by: Option<String>,
    pub completed_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

/// How an endpoint's queue stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EndpointQueue {
    pub endpoint: String,
    pub pending: i64,
    pub complete: i64,
    pub declined: i64,
    /// Since when the one waits that waits longest.
    pub oldest: Option<Timestamp>,
}

#[derive(Clone, Debug)]
pub struct PredictionQuery {
    pub endpoint: Option<String>,
    pub status: Option<ItemStatus>,
    pub limit: i64,
    pub offset: i64,
}
