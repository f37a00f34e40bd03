//! Bodies as `api/swagger.yml` (lakeFS 1.84) names them.

mod auth;
mod config;
mod events;
mod history;
mod objects;
mod pulls;
mod refs;
mod repositories;
mod staging;

use serde::Serialize;

pub use auth::*;
pub use config::*;
pub use events::*;
pub use history::*;
pub use objects::*;
pub use pulls::*;
pub use refs::*;
pub use repositories::*;
pub use staging::*;

#[derive(Debug, Serialize)]
pub struct Error {
    pub message: String,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Pagination {
    pub has_more: bool,
    pub next_offset: String,
    pub results: usize,
    pub max_per_page: usize,
}

/// `RepositoryList`, `RefList`, `CommitList`, `DiffList`, `ObjectStatsList` and their like.
#[derive(Debug, Serialize)]
pub struct List<T> {
    pub pagination: Pagination,
    pub results: Vec<T>,
}

#[derive(Debug, Serialize)]
pub struct StorageUri {
    pub location: String,
}
