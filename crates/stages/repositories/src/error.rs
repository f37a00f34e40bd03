use types::{Class, Fault, Hint};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("repository `{0}` does not exist")]
    RepositoryNotFound(String),
    #[error("repository `{0}` already exists")]
    RepositoryExists(String),
    #[error("storage namespace `{0}` is used by another repository")]
    NamespaceTaken(String),
    #[error("branch `{0}` does not exist")]
    BranchNotFound(String),
    #[error("branch `{0}` already exists")]
    BranchExists(String),
    #[error("branch `{0}` is the default branch of its repository")]
    DefaultBranch(String),
    #[error("tag `{0}` does not exist")]
    TagNotFound(String),
    #[error("tag `{0}` already exists")]
    TagExists(String),
    #[error("`{0}` is the name of a {1} already")]
    NameTaken(String, &'static str),
    #[error("ref `{0}` does not exist")]
    RefNotFound(String),
    #[error("`{0}` names more than one commit")]
    AmbiguousRef(String),
    /// A ref expression that cannot be read, or that leads to no commit where one is needed.
    #[error("ref `{0}` is not valid: {1}")]
    BadRef(String, &'static str),
    #[error("`{0}` is no valid {1}")]
    BadName(String, &'static str),
    #[error("path `{0}` is not valid: {1}")]
    BadPath(String, &'static str),
    #[error("no object at `{path}` in `{reference}`")]
    ObjectNotFound { reference: String, path: String },
    /// Garbage collection has removed its bytes.
    #[error("the object for `{0}` is gone")]
    Gone(String),
    #[error("commit {0} has expired under the retention rules")]
    Expired(String),
    #[error("upload `{0}` does not exist")]
    UploadNotFound(String),
    #[error("part {number} is missing, or its ETag or checksum is another one")]
    BadPart { number: u32 },
    #[error("parts must be in ascending order")]
    PartOrder,
    #[error("part {number} has {size} bytes, the least is 5 MiB for all parts but the last")]
    PartTooSmall { number: u32, size: u64 },
    #[error("all parts together have {found} bytes, {expected} were announced")]
    WrongSize { expected: u64, found: u64 },
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
    #[error("`{0}` and `{1}` have no commit in common")]
    NoMergeBase(String, String),
    /// Reverting or picking a merge needs one of its parents; also a parent that it does not have.
    #[error("commit {commit} has {parents} parents: {what}")]
    BadParent { commit: String, parents: usize, what: &'static str },
    #[error("branch `{branch}` is protected: {what}")]
    Protected { branch: String, what: &'static str },
    #[error("repository `{0}` is read-only")]
    ReadOnly(String),
    #[error("the gate refused: {summary}")]
    Refused { summary: String, run: String },
    #[error("import `{0}` does not exist")]
    ImportNotFound(String),
    #[error("import `{0}` is over")]
    ImportOver(String),
    #[error("run `{0}` does not exist")]
    RunNotFound(String),
    #[error("pull request `{0}` does not exist")]
    PullNotFound(String),
    #[error("there is an open pull request of these branches: `{0}`")]
    PullExists(String),
    #[error("address `{address}` cannot be used: {reason}")]
    BadAddress { address: String, reason: String },
    #[error("{0}")]
    Invalid(String),
    #[error("the body ended early: {0}")]
    Body(String),
    #[error("the store is damaged: {0}")]
    Damaged(String),
    #[error("branch `{0}` changed again and again meanwhile")]
    Busy(String),
    #[error("the work was stopped: {0}")]
    Stopped(String),
    #[error(transparent)]
    Tree(#[from] tree::Error),
    #[error(transparent)]
    Blobs(#[from] blobs::Error),
    #[error(transparent)]
    Io(#[from] types::io::Error),
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Self::RepositoryNotFound(_)
            | Self::BranchNotFound(_)
            | Self::TagNotFound(_)
            | Self::RefNotFound(_)
            | Self::ObjectNotFound { .. }
            | Self::Gone(_)
            | Self::UploadNotFound(_)
            | Self::ImportNotFound(_)
            | Self::PullNotFound(_)
            | Self::RunNotFound(_) => Class::NotFound,
            Self::RepositoryExists(_)
            | Self::NamespaceTaken(_)
            | Self::BranchExists(_)
            | Self::TagExists(_)
            | Self::PullExists(_)
            | Self::NameTaken(..) => Class::AlreadyExists,
            Self::Precondition
            | Self::Conflict(_)
            | Self::NoChanges
            | Self::DirtyBranch(_)
            | Self::NoMergeBase(..)
            | Self::ImportOver(_)
            | Self::Expired(_)
            | Self::DefaultBranch(_) => Class::Conflict,
            Self::AmbiguousRef(_)
            | Self::BadRef(..)
            | Self::BadName(..)
            | Self::BadPath(..)
            | Self::BadPart { .. }
            | Self::PartOrder
            | Self::PartTooSmall { .. }
            | Self::WrongSize { .. }
            | Self::Checksum { .. }
            | Self::BadParent { .. }
            | Self::BadAddress { .. }
            | Self::Invalid(_)
            | Self::Body(_) => Class::Invalid,
            Self::Protected { .. } | Self::ReadOnly(_) => Class::Forbidden,
            Self::Refused { .. } => Class::Rejected,
            Self::Busy(_) | Self::Stopped(_) => Class::Unavailable,
            Self::Damaged(_) | Self::Tree(_) => Class::Internal,
            Self::Blobs(e) => e.class(),
            Self::Io(e) => e.class(),
            Self::Ledger(e) => e.class(),
        }
    }

    fn hint(&self) -> Hint {
        let hint = match self {
            Self::NamespaceTaken(_) => "choose another storage namespace: each repository has its own",
            Self::DefaultBranch(_) => "delete the repository instead, or keep the branch",
            Self::Gone(_) => "upload it again",
            Self::Expired(_) => {
                "choose a newer commit; longer retention takes it back after the next collection"
            }
            Self::AmbiguousRef(_) => "give more digits of the commit's id",
            Self::BadName(_, "repository name") => {
                "use 3 to 63 lower-case letters, digits and hyphens, and begin with no hyphen"
            }
            Self::BadName(_, "branch name") => {
                "use letters, digits, underscores and hyphens, and begin with no hyphen"
            }
            Self::BadPart { .. } => "list the parts of the upload, and name each by its ETag",
            Self::Checksum { .. } | Self::Body(_) => "send it again; nothing of it was kept",
            Self::Conflict(_) => "choose a strategy (source-wins or dest-wins), or change one of the sides",
            Self::DirtyBranch(_) => "commit or reset them first",
            Self::BadParent { .. } => "name a parent of it, counted from 1",
            Self::Protected { .. } => "write to another branch and merge it",
            Self::ReadOnly(_) => "only administrators may force a change of a read-only repository",
            Self::Refused { .. } => "read the report of the run, mend the data, and try again",
            Self::Busy(_) => "try again",
            Self::Tree(_) | Self::Damaged(_) => "restore the blob store from a backup",
            Self::Blobs(e) => return e.hint(),
            Self::Io(e) => return e.hint(),
            Self::Ledger(e) => return e.hint(),
            _ => return None,
        };
        Some(hint.to_owned())
    }
}
