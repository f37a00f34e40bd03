use std::collections::BTreeMap;

use serde::Serialize;
use types::{Digest, Timestamp, Uid};

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RegisteredModel {
    pub name: String,
    pub description: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub tags: BTreeMap<String, String>,
    /// Alias → version number.
    pub aliases: BTreeMap<String, i64>,
    /// The newest version of each stage, by number.
    pub latest: Vec<ModelVersion>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelVersion {
    pub uid: Uid,
    pub model: String,
    /// Counts from 1 in each model.
    pub number: i64,
    /// A lifecycle label that the registry's clients set; `None` at first.
    pub stage: String,
    /// Where the files come from, as the client says.
    pub source: String,
    /// Where clients load them from.
    pub location: String,
    /// The run that made it, if that is a run of this server.
    pub run: Option<Uid>,
    /// The run as the client names it.
    pub run_text: Option<String>,
    pub run_link: Option<String>,
    pub logged_model: Option<String>,
    pub description: Option<String>,
    /// Of the manifest; `None` when the files are not in the server's own store.
    pub digest: Option<Digest>,
    pub created_by: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub deleted: bool,
    pub aliases: Vec<String>,
    pub tags: BTreeMap<String, String>,
}

/// A model with all of its versions, newest first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelDetail {
    pub model: RegisteredModel,
    pub versions: Vec<ModelVersion>,
}
