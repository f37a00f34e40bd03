use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize)]
pub struct Ref {
    pub id: String,
    pub commit_id: String,
}

#[derive(Debug, Deserialize)]
pub struct BranchCreation {
    pub name: String,
    pub source: String,
    #[serde(default)]
    pub force: bool,
    #[serde(default)]
    pub hidden: bool,
}

#[derive(Debug, Deserialize)]
pub struct TagCreation {
    pub id: String,
    #[serde(rename = "ref")]
    pub reference: String,
    #[serde(default)]
    pub force: bool,
}

#[derive(Debug, Deserialize)]
pub struct ResetCreation {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub path: String,
}
