use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ObjectUserMetadata;

#[derive(Debug, Serialize)]
pub struct Commit {
    pub id: String,
    pub parents: Vec<String>,
    pub committer: String,
    pub message: String,
    pub creation_date: i64,
    pub meta_range_id: String,
    pub metadata: BTreeMap<String, String>,
    pub generation: i64,
    pub version: u8,
}

#[derive(Debug, Default, Deserialize)]
pub struct CommitCreation {
    pub message: String,
    #[serde(default)]
    pub metadata: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub date: Option<i64>,
    #[serde(default)]
    pub allow_empty: bool,
    #[serde(default)]
    pub force: bool,
}

#[derive(Debug, Default, Deserialize)]
pub struct CommitOverrides {
    #[serde(default)]
    pub message: Option<String>,
    #[serde(default)]
    pub metadata: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
pub struct RevertCreation {
    #[serde(rename = "ref")]
    pub reference: String,
    pub parent_number: i64,
    #[serde(default)]
    pub commit_overrides: Option<CommitOverrides>,
    #[serde(default)]
    pub force: bool,
    #[serde(default)]
    pub allow_empty: bool,
}

#[derive(Debug, Deserialize)]
pub struct CherryPickCreation {
    #[serde(rename = "ref")]
    pub reference: String,
    #[serde(default)]
    pub parent_number: Option<i64>,
    #[serde(default)]
    pub commit_overrides: Option<CommitOverrides>,
    #[serde(default)]
    pub force: bool,
}

#[derive(Debug, Default, Deserialize)]
pub struct Merge {
    #[serde(default)]
    pub message: Option<String>,
    #[serde(default)]
    pub metadata: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub strategy: Option<String>,
    #[serde(default)]
    pub force: bool,
    #[serde(default)]
    pub allow_empty: bool,
    #[serde(default)]
    pub squash_merge: bool,
}

#[derive(Debug, Serialize)]
pub struct MergeResult {
    pub reference: String,
}

#[derive(Debug, Serialize)]
pub struct FindMergeBaseResult {
    pub source_commit_id: String,
    pub destination_commit_id: String,
    pub base_commit_id: String,
}

#[derive(Debug, Serialize)]
pub struct Diff {
    /// `added`, `removed`, `changed`, `conflict`, `prefix_changed`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub path: String,
    pub path_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub right: Option<DiffObjectStat>,
}

#[derive(Debug, Serialize)]
pub struct DiffObjectStat {
    pub checksum: String,
    pub mtime: i64,
    pub content_type: String,
    pub metadata: ObjectUserMetadata,
}
