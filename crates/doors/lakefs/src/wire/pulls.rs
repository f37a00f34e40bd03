use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize)]
pub struct PullRequest {
    pub id: String,
    /// `open`, `closed`, `merged`.
    pub status: &'static str,
    pub title: String,
    pub description: String,
    pub creation_date: String,
    pub author: String,
    pub source_branch: String,
    pub destination_branch: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merged_commit_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_date: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct PullRequestCreation {
    pub title: String,
    #[serde(default)]
    pub description: Option<String>,
    pub source_branch: String,
    pub destination_branch: String,
}

#[derive(Debug, Serialize)]
pub struct PullRequestCreationResponse {
    pub id: String,
}

#[derive(Debug, Default, Deserialize)]
pub struct PullRequestBasic {
    #[serde(default)]
    pub status: Option<String>,
    #[serde(default)]
    pub title: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
}
