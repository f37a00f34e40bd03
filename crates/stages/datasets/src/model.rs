use serde::Serialize;
use types::{Digest, Schema, Timestamp, Uid};

/// An immutable version of a data set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Version {
    pub uid: Uid,
    pub dataset: String,
    /// 1, 2, 3, … in its data set.
    pub number: i64,
    /// Of schema, key and source files, independent of when and by whom they were imported.
    pub digest: Digest,
    pub schema: Schema,
    /// The column whose values are the row ids; `None`: file digest and ordinal.
    pub key: Option<String>,
    pub rows: i64,
    /// Of the source files together.
    pub bytes: i64,
    pub parts: Vec<Part>,
    pub profile_digest: Digest,
    /// The report of the gate that let it in.
    pub report_digest: Option<Digest>,
    /// Where it came from, as the importer said.
    pub origin: serde_json::Value,
    pub created_at: Timestamp,
    pub created_by: String,
}

/// One imported file: as it came, and as normalised Parquet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    pub name: String,
    pub source_digest: Digest,
    pub source_bytes: i64,
    pub parquet_digest: Digest,
    pub parquet_bytes: i64,
    pub rows: i64,
}

/// A data set in a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    pub name: String,
    /// How many there are.
    pub versions: i64,
    pub latest: Option<Version>,
}
