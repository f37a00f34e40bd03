use columns::Place;
use types::{Class, Digest, Fault, Hint, Uid};

/// Any error of another stage, as a gate brings it.
pub type BoxFault = Box<dyn Fault>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("data set `{0}` does not exist")]
    NotFound(String),
    #[error("data set `{dataset}` has no version {number}")]
    VersionNotFound { dataset: String, number: i64 },
    #[error("there is no data set version {0}")]
    NoSuchVersion(Uid),
    #[error("`{name}` cannot name a data set")]
    BadName { name: String },
    #[error("nothing to import: no file was given")]
    NoFiles,
    #[error("`{file}` has the digest {actual}, but {expected} was declared ({bytes} bytes)")]
    Checksum { file: String, expected: Digest, actual: Digest, bytes: u64 },
    #[error("`{file}` has the same content as `{other}`")]
    SameFile { file: String, other: String },
    #[error("`{file}`: the column name `{column}` is reserved")]
    ReservedColumn { file: String, column: String },
    #[error("the key column `{column}` does not exist")]
    NoKey { column: String, known: Vec<String> },
    #[error("the key column `{column}` is {}, which identifies no row", .found.name())]
    BadKey { column: String, found: types::DataType },
    #[error("`{file}`, {place}, column `{column}`: the key is missing")]
    MissingKey { file: String, place: Place, column: String },
    /// `other` is the place of the first row with that key.
    #[error("`{file}`, {place}, column `{column}`: the key `{value}` stands already in {other}")]
    DuplicateKey { file: String, place: Place, column: String, value: String, other: String },
    #[error("`{file}`, {place}, column `{column}`: {value} is not a finite number")]
    NonFinite { file: String, place: Place, column: String, value: String },
    #[error("the data for `{dataset}` was refused: {summary}")]
    Rejected { dataset: String, summary: String, text: String, report: Digest },
    /// The gate gave no answer: that counts as no.
    #[error("the gate of `{dataset}` could not judge the data: {cause}")]
    Gate { dataset: String, cause: BoxFault },
    #[error(transparent)]
    Columns(#[from] columns::Error),
    #[error(transparent)]
    Io(#[from] types::io::Error),
    #[error(transparent)]
    Blobs(#[from] blobs::Error),
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    #[error("the import was stopped: {0}")]
    Stopped(String),
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Self::NotFound(_) | Self::VersionNotFound { .. } | Self::NoSuchVersion(_) => Class::NotFound,
            Self::BadName { .. }
            | Self::NoFiles
            | Self::Checksum { .. }
            | Self::SameFile { .. }
            | Self::ReservedColumn { .. }
            | Self::NoKey { .. }
            | Self::BadKey { .. }
            | Self::MissingKey { .. }
            | Self::DuplicateKey { .. }
            | Self::NonFinite { .. } => Class::Invalid,
            Self::Rejected { .. } => Class::Rejected,
            Self::Gate { cause, .. } => cause.class(),
            Self::Columns(e) => e.class(),
            Self::Io(e) => e.class(),
            Self::Blobs(e) => e.class(),
            Self::Ledger(e) => e.class(),
            Self::Stopped(_) => Class::Unavailable,
        }
    }

    fn hint(&self) -> Hint {
        let hint = match self {
            Self::NotFound(_) => "list the data sets, or import a file under that name".into(),
            Self::VersionNotFound { .. } | Self::NoSuchVersion(_) => "list its versions".into(),
            Self::BadName { .. } => {
                "use 1–128 letters, digits, `-`, `_` or `.`, not starting with `.`".into()
            }
            Self::NoFiles => "name at least one .csv, .parquet or .jsonl file".into(),
            Self::Checksum { .. } => {
                "the file was changed or cut on its way: send it again, or declare the digest that it has"
                    .into()
            }
            Self::SameFile { .. } => "leave one of them out: their rows would be counted twice".into(),
            Self::ReservedColumn { .. } => "rename the column".into(),
            Self::NoKey { known, .. } => format!("choose one of {}", known.join(", ")),
            Self::BadKey { .. } => "choose a column of strings, integers, dates or timestamps".into(),
            Self::MissingKey { .. } => "give every row a key, or import without a key".into(),
            Self::DuplicateKey { .. } => "remove one of the two rows, or choose a key that is unique".into(),
            Self::NonFinite { .. } => {
                "leave the value empty if it is missing, or import with non_finite = allow".into()
            }
            Self::Rejected { report, .. } => {
                format!("mend the data or change the expectations; the whole report is object {report}")
            }
            Self::Gate { cause, .. } => return cause.hint(),
            Self::Columns(e) => return e.hint(),
            Self::Io(e) => return e.hint(),
            Self::Blobs(e) => return e.hint(),
            Self::Ledger(e) => return e.hint(),
            Self::Stopped(_) => "import again: nothing of it was kept".into(),
        };
        Some(hint)
    }
}
