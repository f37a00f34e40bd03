//! What a package says of itself. A package is a tar file whose first entry is the statement (`package.json`), the second its
//! signature; then come the files that the statement lists, in its order. Nothing in it depends on when or where it is made.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use types::Digest;

use crate::Baseline;

/// The statement's name in the package; it is signed byte by byte.
pub const STATEMENT: &str = "package.json";
pub const SIGNATURE: &str = "signature.json";

pub const FORMAT: u32 = 1;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    pub model: String,
    pub version: i64,
    /// The version's id in the registry that it comes from.
    pub model_version: String,
    /// Of the model's files: see `models::manifest_digest`.
    pub digest: Digest,
    /// The runtime that serves it.
    pub engine: String,
    /// As `MLmodel` has it: `inputs`, `outputs`, `params`; null if the model has none.
    pub signature: Value,
    pub flavors: Vec<String>,
    /// The request body of the input example, among the files.
    pub example: Option<String>,
    /// What the parity gate found; null if it was not asked.
    pub parity: Value,
    /// The run, its parameters and data, and what people wrote about the model.
    pub card: Value,
    /// What the training data look like, for drift; null if that is not known.
    pub baseline: Option<Baseline>,
    /// What the environment was resolved to, for Python.
    pub environment: Option<String>,
    /// By path.
    pub files: Vec<File>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Relative, below `model/`.
    pub path: String,
    pub digest: Digest,
    pub bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// `ed25519`
    pub algorithm: String,
    /// Base64 of 32 bytes.
    pub public_key: String,
    /// Base64 of 64 bytes, over the statement.
    pub signature: String,
}
