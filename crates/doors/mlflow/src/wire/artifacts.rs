//! `mlflow/protos/mlflow_artifacts.proto`, and `mlflow/entities/presigned_download.py`.

use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) struct MultipartUploadCredential {
    pub url: String,
    pub part_number: u32,
}

#[derive(Debug, Serialize)]
pub(crate) struct CreateMultipartUploadResponse {
    pub upload_id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub credentials: Vec<MultipartUploadCredential>,
}

/// Made by hand upstream: `headers` is there even when it is empty.
#[derive(Debug, Serialize)]
pub(crate) struct PresignedDownloadUrl {
    pub url: String,
    pub headers: serde_json::Map<String, serde_json::Value>,
    pub file_size: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct PresignedUrlResponse {
    pub presigned_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_size: Option<u64>,
}
