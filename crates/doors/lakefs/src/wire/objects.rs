use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub type ObjectUserMetadata = BTreeMap<String, String>;

#[derive(Clone, Debug, Default, Serialize)]
pub struct ObjectStats {
    pub path: String,
    /// `object` or `common_prefix`.
    pub path_type: &'static str,
    pub physical_address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub physical_address_expiry: Option<i64>,
    pub checksum: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    pub mtime: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<ObjectUserMetadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct PathList {
    pub paths: Vec<String>,
}

#[derive(Debug, Serialize)]
pub struct ObjectError {
    pub status_code: u16,
    pub message: String,
    pub path: String,
}

#[derive(Debug, Serialize)]
pub struct ObjectErrorList {
    pub errors: Vec<ObjectError>,
}

#[derive(Debug, Deserialize)]
pub struct ObjectCopyCreation {
    pub src_path: String,
    #[serde(default)]
    pub src_ref: Option<String>,
    #[serde(default)]
    pub shallow: bool,
}

#[derive(Debug, Deserialize)]
pub struct ObjectStageCreation {
    pub physical_address: String,
    pub checksum: String,
    pub size_bytes: u64,
    #[serde(default)]
    pub mtime: Option<i64>,
    #[serde(default)]
    pub metadata: Option<ObjectUserMetadata>,
    #[serde(default)]
    pub content_type: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct UpdateObjectUserMetadata {
    pub set: ObjectUserMetadata,
}

#[derive(Debug, Serialize)]
pub struct UnderlyingObjectProperties {
    pub storage_class: Option<String>,
}
