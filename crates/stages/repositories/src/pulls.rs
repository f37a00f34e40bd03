//! Pull requests: a wish to merge one branch into another.

use types::{Actor, Timestamp};

use crate::{Error, Page, Paging, Repositories};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullStatus {
    Open,
    Closed,
    Merged,
}

#[derive(Clone, Debug)]
pub struct Pull {
    pub id: String,
    pub title: String,
    pub description: String,
    pub author: String,
    pub source: String,
    pub destination: String,
    pub status: PullStatus,
    pub created_at: Timestamp,
    pub closed_at: Option<Timestamp>,
    /// Hexadecimal.
    pub merged_commit: Option<String>,
}

/// What is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct PullChange {
    pub title: Option<String>,
    pub description: Option<String>,
    /// Not `Merged`: [`Repositories::merge_pull`] does that.
    pub status: Option<PullStatus>,
}

impl Repositories {
    /// Errors: `Conflict` if there is an open one of the same branches, `Invalid` if they are one branch.
    pub async fn create_pull(
        &self,
        _actor: &Actor,
        _repository: &str,
        _title: &str,
        _description: &str,
        _source: &str,
        _destination: &str,
    ) -> Result<Pull, Error> {
        todo!()
    }
    pub async fn pull(&self, _actor: &Actor, _repository: &str, _id: &str) -> Result<Pull, Error> {
        todo!()
    }
    /// Newest first. `open`: only those that are; `Some(false)`: only those that are not.
    pub async fn pulls(
        &self,
        _actor: &Actor,
        _repository: &str,
        _open: Option<bool>,
        _paging: Paging,
    ) -> Result<Page<Pull>, Error> {
        todo!()
    }
    pub async fn update_pull(
        &self,
        _actor: &Actor,
        _repository: &str,
        _id: &str,
        _change: PullChange,
    ) -> Result<(), Error> {
        todo!()
    }
    /// Merges the branches and remembers the commit.
    pub async fn merge_pull(&self, _actor: &Actor, _repository: &str, _id: &str) -> Result<Pull, Error> {
        todo!()
    }
}
