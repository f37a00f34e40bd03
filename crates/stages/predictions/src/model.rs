use std::path::PathBuf;
use std::time::Duration;

use columns::Table;
use runtimes::{Frame, Params};
use serde::{Deserialize, Serialize};
use types::{Digest, Timestamp, Uid, WorkspaceId};

#[derive(Clone, Debug)]
pub struct LogConfig {
    /// Holds `spool/`.
    pub dir: PathBuf,
    /// Rows after which a spool is sealed into a segment.
    pub segment_rows: usize,
    /// Age after which it is sealed however few rows it has.
    pub segment_age: Duration,
    /// Batches that wait for the writer; beyond it they are dropped and counted.
    pub queue: usize,
    /// How long a record may stay in the process before the operating system has it.
    pub flush_every: Duration,
    /// Rows kept in memory while segments cannot be sealed (blob store or database away); then they are dropped.
    pub most_unsealed: usize,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            dir: PathBuf::new(),
            segment_rows: 10_000,
            segment_age: Duration::from_secs(60),
            queue: 65_536,
            flush_every: Duration::from_millis(25),
            most_unsealed: 2_000_000,
        }
    }
}

/// The predictions of one request: row `i` of the frames is prediction `ids[i]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    pub workspace: WorkspaceId,
    pub endpoint: String,
    pub revision: Uid,
    pub variant: String,
    pub model: String,
    pub version: i64,
    pub model_version: Uid,
    pub model_digest: Option<Digest>,
    pub at: Timestamp,
    pub latency_us: i64,
    pub ids: Vec<Uid>,
    /// Who asked, as actors are written.
    pub principal: String,
    /// What was noticed about each row, such as `range:age`; empty where nothing was noticed about any.
    pub flags: Vec<Vec<String>>,
    /// What the model was told beside its inputs.
    pub params: Params,
    pub inputs: Frame,
    pub outputs: Frame,
}

/// Which rows of an endpoint's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// The newest `n`.
    Last(usize),
    /// Up to `limit` rows from this ordinal on.
    From { ordinal: i64, limit: usize },
    /// Predictions made at or after `from` and before `to`.
    Between { from: Timestamp, to: Timestamp },
}

/// Rows of the log in order of their ordinals; every vector and table has one entry a row.
#[derive(Clone, Debug)]
pub struct Rows {
    /// Dense per endpoint, from 0.
    pub ordinals: Vec<i64>,
    pub ids: Vec<Uid>,
    pub at: Vec<Timestamp>,
    pub revisions: Vec<Uid>,
    /// Names of the variants of those revisions.
    pub variants: Vec<String>,
    pub model_versions: Vec<Uid>,
    /// How long the request took that each row came with, in microseconds.
    pub latency_us: Vec<i64>,
    /// Who asked; the empty text where the record is older than this was written down.
    pub principals: Vec<String>,
    /// What was noticed about each row as it was predicted.
    pub flags: Vec<Vec<String>>,
    /// What the model was told beside each row's inputs, as [`Params::text`]; `None` where its signature declares nothing.
    pub params: Vec<Option<String>>,
    /// Columns that some of the rows lack are null there.
    pub inputs: Table,
    pub outputs: Table,
    /// The sealed segments among the sources.
    pub segments: Vec<Uid>,
}

/// One prediction with all that is known of it.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    pub id: Uid,
    pub at: Timestamp,
    pub endpoint: String,
    pub revision: Uid,
    pub variant: String,
    pub model: String,
    pub version: i64,
    pub model_version: Uid,
    pub model_digest: Option<Digest>,
    pub latency_us: i64,
    pub ordinal: i64,
    pub principal: String,
    pub flags: Vec<String>,
    /// What the model was told beside the inputs, defaults of its signature included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub params: Option<serde_json::Value>,
    pub inputs: serde_json::Value,
    pub outputs: serde_json::Value,
    /// `None` until the row is sealed.
    pub segment: Option<Uid>,
    pub label: Option<Label>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Label {
    pub label: serde_json::Value,
    /// When it happened in the world.
    pub at: Timestamp,
    pub recorded_at: Timestamp,
    pub recorded_by: String,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NewLabel {
    pub prediction_id: Uid,
    /// A number, a boolean or a text.
    pub label: serde_json::Value,
    /// When it happened; now if absent.
    #[serde(default)]
    pub at: Option<Timestamp>,
}

/// What became of labels that were told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Labelling {
    /// New ones.
    pub accepted: usize,
    /// Told before, with the same value.
    pub unchanged: usize,
    /// Told before, with another value; the new one stands.
    pub replaced: usize,
    /// No such prediction.
    pub unknown: Vec<Uid>,
}

/// Rows whose label is known.
#[derive(Clone, Debug)]
pub struct Labelled {
    pub rows: Rows,
    /// One a row.
    pub labels: Vec<serde_json::Value>,
}

/// Counters since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LogStats {
    /// Rows taken by the log.
    pub rows: u64,
    /// Rows refused because the queue or the memory for unsealed rows was full.
    pub dropped: u64,
    /// Rows that are not in a segment yet.
    pub unsealed: u64,
}
