use std::path::PathBuf;

use types::{Class, Fault, Hint};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the change touched {rows} row(s) but recorded no event")]
    NoEvent { rows: u64 },
    #[error("`{table}` is not a declared fact table, so `record` may not write it")]
    NotAFactTable { table: String },
    #[error("the result has no column `{column}`")]
    NoColumn { column: String },
    #[error("column `{column}` holds {found}, not {wanted}")]
    WrongType { column: String, wanted: &'static str, found: String },
    #[error("expected one row, found {found}")]
    NotOneRow { found: usize },
    #[error("{message}")]
    Constraint { message: String },
    /// PostgreSQL asks for the transaction to be run again (40001, 40P01).
    #[error("the transaction lost a race: {message}")]
    Serialization { message: String },
    #[error("the disk is full: {message}")]
    DiskFull { message: String },
    #[error("database error: {message}")]
    Database { message: String },
    #[error("cannot open the database at {place}: {message}")]
    Open { place: String, message: String },
    #[error("another server holds `{}`", path.display())]
    InUse { path: PathBuf },
    #[error(
        "the database's `{component}` tables are at version {found}, but this mlwright knows versions up to {known}"
    )]
    NewerDatabase { component: String, found: i64, known: i64 },
    #[error("migration {component}/{version} failed: {message}")]
    Migration { component: String, version: i64, message: String },
    #[error("the ledger is closed")]
    Closed,
    #[error("`{transition}` of `{subject}` needs the role {least}, and {actor} has {role}")]
    Guarded { transition: String, subject: String, least: String, actor: String, role: String },
    #[error("event chain broken at position {position}: {reason}")]
    BrokenChain { position: i64, reason: String },
    #[error("{0}")]
    BadCredential(String),
    #[error("the password is too short: it needs at least {shortest} characters")]
    WeakPassword { shortest: usize },
    #[error("`{name}` cannot be a name: those that begin with `{prefix}` are the server's own")]
    Reserved { name: String, prefix: &'static str },
    #[error("{0} already exists")]
    Exists(String),
    #[error("{0} does not exist")]
    Missing(String),
    #[error(transparent)]
    Io(#[from] types::io::Error),
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Error::Constraint { .. } | Error::Exists(_) => Class::AlreadyExists,
            Error::Missing(_) => Class::NotFound,
            Error::WeakPassword { .. } | Error::Reserved { .. } => Class::Invalid,
            Error::Serialization { .. } | Error::DiskFull { .. } | Error::Closed => Class::Unavailable,
            Error::InUse { .. } | Error::NewerDatabase { .. } => Class::Conflict,
            Error::Guarded { .. } => Class::Forbidden,
            Error::BadCredential(_) => Class::Unauthenticated,
            Error::Io(e) => e.class(),
            _ => Class::Internal,
        }
    }

    fn hint(&self) -> Hint {
        let hint = match self {
            Error::InUse { .. } => {
                "stop the other server, or choose another --data-dir; several servers can share one PostgreSQL (--database-url)"
            }
            Error::NewerDatabase { .. } => {
                "start the newer mlwright that wrote it; databases are never migrated backwards"
            }
            Error::DiskFull { .. } => "free space and try again; nothing acknowledged was lost",
            Error::Open { .. } => "check the path or URL, and that the database server is running",
            Error::Guarded { .. } => "ask someone with that role, or change the guard",
            Error::BrokenChain { .. } => {
                "the history was altered outside mlwright; restore a backup and compare"
            }
            Error::Io(e) => return e.hint(),
            _ => return None,
        };
        Some(hint.into())
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let message = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => Error::Constraint { message },
            Some(ErrorCode::DiskFull) => Error::DiskFull { message },
            _ => Error::Database { message },
        }
    }
}

impl From<postgres::Error> for Error {
    fn from(error: postgres::Error) -> Self {
        let message = match error.as_db_error() {
            Some(db) => format!("{} ({})", db.message(), db.code().code()),
            None => error.to_string(),
        };
        match error.code().map(|c| c.code().to_owned()).as_deref() {
            Some("40001" | "40P01") => Error::Serialization { message },
            Some("53100") => Error::DiskFull { message },
            Some(code) if code.starts_with("23") => Error::Constraint { message },
            _ => Error::Database { message },
        }
    }
}
