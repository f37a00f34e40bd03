use types::{Class, Fault, Hint};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("repository `{0}` does not exist")]
    RepositoryNotFound(String),
    #[error("repository `{0}` already exists")]
    RepositoryExists(String),
    #[error("branch `{0}` does not exist")]
    BranchNotFound(String),
    #[error("branch `{0}` already exists")]
    BranchExists(String),
    #[error("tag `{0}` does not exist")]
    TagNotFound(String),
    #[error("tag `{0}` already exists")]
    TagExists(String),
    #[error("ref `{0}` does not exist")]
    RefNotFound(String),
    #[error("`{0}` is no valid {1}")]
    BadName(String, &'static str),
    #[error("path `{0}` is not valid: {1}")]
    BadPath(String, &'static str),
    #[error("no object at `{path}` in `{reference}`")]
    ObjectNotFound { reference: String, path: String },
    #[error("upload `{0}` does not exist")]
    UploadNotFound(String),
    #[error("part {number} is missing, or its ETag is another one")]
    BadPart { number: u32 },
    #[error("parts must be in ascending order")]
    PartOrder,
    #[error("part {number} has {size} bytes, the least is 5 MiB for all parts but the last")]
    PartTooSmall { number: u32, size: u64 },
    #[error("the {algorithm} of the content is `{found}`, `{expected}` was announced")]
    Checksum { algorithm: String, expected: String, found: String },
    #[error("the object's state does not meet the condition of the request")]
    Precondition,
    #[error("commit: no changes")]
    NoChanges,
    #[error("{} paths conflict, such as `{}`", .0.len(), .0.first().map_or("", String::as_str))]
    Conflict(Vec<String>),
    #[error("branch `{0}` has uncommitted changes")]
    DirtyBranch(String),
    #[error("branch `{branch}` is protected: {what}")]
    Protected { branch: String, what: &'static str },
    #[error("repository `{0}` is read-only")]
    ReadOnly(String),
    #[error("the gate refused: {summary}")]
    Refused { summary: String, run: String },
    #[error("{0}")]
    Invalid(String),
    #[error("the body ended early: {0}")]
    Body(String),
    #[error(transparent)]
    Tree(#[from] tree::Error),
    #[error(transparent)]
    Blobs(#[from] blobs::Error),
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
}

impl Fault for Error {
    fn class(&self) -> Class {
        Class::Internal
    }
    fn hint(&self) -> Hint {
        None
    }
}
