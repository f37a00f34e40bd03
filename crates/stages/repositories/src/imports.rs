//! Objects that stay where they are: an import lists them and commits their addresses.

use types::{Actor, Timestamp};

use crate::{Commit, Error, NewCommit, Repositories};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportPath {
    /// Where the objects are, such as `local:///data/images/` or `s3://bucket/images/`.
    pub source: String,
    /// The path, or with `prefix` the prefix of paths, that they get.
    pub destination: String,
    /// Everything that starts with `source`, or one object.
    pub prefix: bool,
}

#[derive(Clone, Debug)]
pub struct Import {
    pub id: String,
    pub branch: String,
    /// So far.
    pub objects: u64,
    pub updated_at: Timestamp,
    /// Ended, well or not.
    pub completed: bool,
    pub commit: Option<Commit>,
    pub error: Option<String>,
}

impl Repositories {
    /// Answers at once with an id; the work goes on beside, and ends with a commit on `branch`.
    pub async fn start_import(
        &self,
        _actor: &Actor,
        _repository: &str,
        _branch: &str,
        _paths: Vec<ImportPath>,
        _new: NewCommit,
    ) -> Result<String, Error> {
        todo!()
    }
    pub async fn import(&self, _actor: &Actor, _repository: &str, _id: &str) -> Result<Import, Error> {
        todo!()
    }
    /// Errors: `Conflict` if it has ended already.
    pub async fn cancel_import(&self, _actor: &Actor, _repository: &str, _id: &str) -> Result<(), Error> {
        todo!()
    }
}
