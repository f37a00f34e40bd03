use types::{Class, Fault, Hint};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("`{0}` names no table")]
    BadName(String),
    #[error("`{0}` holds no table: there is no Parquet, CSV or JSON lines file at this path or below it")]
    NoTable(String),
    #[error("`{name}` has more than {most} files")]
    TooManyFiles { name: String, most: usize },
    #[error("the limit {found} is not between 1 and {most}")]
    BadLimit { found: usize, most: usize },
    #[error("this took longer than {seconds} s and was stopped")]
    Time { seconds: u64 },
    #[error("a task failed: {0}")]
    Task(String),
    #[error(transparent)]
    Columns(#[from] columns::Error),
    #[error(transparent)]
    Repositories(#[from] repositories::Error),
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Error::BadName(_) | Error::BadLimit { .. } => Class::Invalid,
            Error::NoTable(_) => Class::NotFound,
            Error::TooManyFiles { .. } | Error::Time { .. } => Class::TooLarge,
            Error::Task(_) => Class::Internal,
            Error::Columns(e) => e.class(),
            Error::Repositories(e) => e.class(),
        }
    }

    fn hint(&self) -> Hint {
        Some(match self {
            Error::BadName(_) => {
                "write it as repository@ref:path, such as sales@main:orders/2026.parquet; in SQL in double quotes \
                 where the path has spaces, commas or parentheses"
                    .into()
            }
            Error::NoTable(_) => "list what is there with `mlwright data ls`".into(),
            Error::TooManyFiles { .. } => "name a folder further down".into(),
            Error::BadLimit { .. } => "ask for another page with offset".into(),
            Error::Time { .. } => "name a smaller folder, or a single file".into(),
            Error::Task(_) => return None,
            Error::Columns(e) => return e.hint(),
            Error::Repositories(e) => return e.hint(),
        })
    }
}
