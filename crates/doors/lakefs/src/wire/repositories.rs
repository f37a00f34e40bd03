use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize)]
pub struct Repository {
    pub id: String,
    /// Unix seconds, as every date of a repository, commit or object.
    pub creation_date: i64,
    pub default_branch: String,
    pub storage_id: String,
    pub storage_namespace: String,
    pub read_only: bool,
}

#[derive(Debug, Deserialize)]
pub struct RepositoryCreation {
    pub name: String,
    #[serde(default)]
    pub storage_id: Option<String>,
    pub storage_namespace: String,
    #[serde(default)]
    pub default_branch: Option<String>,
    #[serde(default)]
    pub sample_data: bool,
    #[serde(default)]
    pub read_only: bool,
}

#[derive(Debug, Deserialize)]
pub struct RepositoryMetadataSet {
    pub metadata: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
pub struct RepositoryMetadataKeys {
    pub keys: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct GarbageCollectionRules {
    pub default_retention_days: u32,
    pub branches: Vec<GarbageCollectionRule>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct GarbageCollectionRule {
    pub branch_id: String,
    pub retention_days: u32,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct BranchProtectionRule {
    pub pattern: String,
}
