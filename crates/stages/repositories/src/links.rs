//! Bytes that a client brings to an address before it says what they are.

use types::{Actor, Timestamp};

use crate::{Error, Metadata, Received, Repositories};

/// A place that was promised for the bytes of one object.
#[derive(Clone, Debug)]
pub struct Link {
    pub id: String,
    pub branch: String,
    pub path: String,
    pub expires_at: Timestamp,
    /// What was brought, if something was.
    pub received: Option<Received>,
}

impl Repositories {
    /// Promises a place for the bytes of the object at `path`. Nothing sees them before [`Repositories::stage`].
    pub async fn create_link(
        &self,
        _actor: &Actor,
        _repository: &str,
        _branch: &str,
        _path: &str,
    ) -> Result<Link, Error> {
        todo!()
    }
    /// Errors: `Invalid` unless it was promised for this branch and path, and is not over.
    pub async fn link(
        &self,
        _actor: &Actor,
        _repository: &str,
        _branch: &str,
        _path: &str,
        _id: &str,
    ) -> Result<Link, Error> {
        todo!()
    }
    /// Brings the bytes; what came last counts.
    pub async fn fill_link(
        &self,
        _actor: &Actor,
        _repository: &str,
        _id: &str,
        _received: Received,
    ) -> Result<(), Error> {
        todo!()
    }
    /// Says what an upload that is not complete yet will be.
    pub async fn describe_upload(
        &self,
        _actor: &Actor,
        _repository: &str,
        _id: &str,
        _content_type: Option<String>,
        _metadata: Metadata,
    ) -> Result<(), Error> {
        todo!()
    }
}
