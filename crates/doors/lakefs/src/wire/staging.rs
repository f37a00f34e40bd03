use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Commit, CommitCreation, Error, ObjectUserMetadata};

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct StagingLocation {
    #[serde(default)]
    pub physical_address: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presigned_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presigned_url_expiry: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub struct StagingMetadata {
    pub staging: StagingLocation,
    pub checksum: String,
    pub size_bytes: u64,
    #[serde(default)]
    pub user_metadata: Option<ObjectUserMetadata>,
    #[serde(default)]
    pub content_type: Option<String>,
    #[serde(default)]
    pub mtime: Option<i64>,
}

#[derive(Debug, Serialize)]
pub struct PresignMultipartUpload {
    pub upload_id: String,
    pub physical_address: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub presigned_urls: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub struct UploadPart {
    pub part_number: u32,
    pub etag: String,
}

#[derive(Debug, Deserialize)]
pub struct CompletePresignMultipartUpload {
    pub physical_address: String,
    pub parts: Vec<UploadPart>,
    #[serde(default)]
    pub user_metadata: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub content_type: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct AbortPresignMultipartUpload {
    pub physical_address: String,
}

#[derive(Debug, Deserialize)]
pub struct UploadPartFrom {
    pub physical_address: String,
}

#[derive(Debug, Deserialize)]
pub struct UploadPartCopyFrom {
    pub physical_address: String,
    pub copy_source: CopyPartSource,
}

#[derive(Debug, Deserialize)]
pub struct CopyPartSource {
    pub repository: String,
    #[serde(rename = "ref")]
    pub reference: String,
    pub path: String,
    #[serde(default)]
    pub range: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct UploadTo {
    pub presigned_url: String,
}

#[derive(Debug, Deserialize)]
pub struct ImportLocation {
    /// `common_prefix` or `object`.
    #[serde(rename = "type")]
    pub kind: String,
    pub path: String,
    pub destination: String,
}

#[derive(Debug, Deserialize)]
pub struct ImportCreation {
    pub paths: Vec<ImportLocation>,
    pub commit: CommitCreation,
    #[serde(default)]
    pub force: bool,
}

#[derive(Debug, Serialize)]
pub struct ImportCreationResponse {
    pub id: String,
}

#[derive(Debug, Serialize)]
pub struct ImportStatus {
    pub completed: bool,
    /// RFC 3339.
    pub update_time: String,
    pub ingested_objects: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metarange_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<Commit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
}
