//! Bytes that a client brings to an address before it says what they are.

use types::{Actor, Timestamp};

use crate::{Error, Metadata, Received, Repositories, names, store};

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

/// How long a promise holds (seconds).
const LASTS: i64 = 6 * 3600;

impl Repositories {
    /// Promises a place for the bytes of the object at `path`. Nothing sees them before [`Repositories::stage`].
    pub async fn create_link(
        &self,
        actor: &Actor,
        repository: &str,
        branch: &str,
        path: &str,
    ) -> Result<Link, Error> {
        names::text_path(path)?;
        let now = self.ledger().clock().now();
        let link = Link {
            id: types::new_id(now).hex(),
            branch: branch.to_owned(),
            path: path.to_owned(),
            expires_at: now.plus_seconds(LASTS),
            received: None,
        };
        let repository = repository.to_owned();
        self.ledger()
            .record(actor, move |tx| {
                let found = store::repositories::get_writable(tx, &repository, false)?;
                store::refs::get_branch(tx, found.id, &link.branch)?;
                store::links::sweep(tx, now)?;
                store::links::insert(tx, found.id, &link)?;
                Ok(link.clone())
            })
            .await
    }

    /// Errors: `Invalid` unless it was promised for this branch and path, and is not over.
    pub async fn link(
        &self,
        actor: &Actor,
        repository: &str,
        branch: &str,
        path: &str,
        id: &str,
    ) -> Result<Link, Error> {
        let (repository, branch, path, id) =
            (repository.to_owned(), branch.to_owned(), path.to_owned(), id.to_owned());
        let now = self.ledger().clock().now();
        self.ledger()
            .read(actor.workspace, move |rx| {
                let found = store::repositories::get(rx, &repository)?;
                let link = store::links::find(rx, found.id, &id)?;
                let link = link.filter(|link| link.branch == branch && link.path == path);
                let link =
                    link.ok_or_else(|| Error::Invalid(format!("address `{id}` was not given for `{path}`")))?;
                if link.expires_at < now {
                    return Err(Error::Invalid(format!("address `{id}` is no longer valid")));
                }
                Ok(link)
            })
            .await
    }

    /// Brings the bytes; what came last counts. Errors: `Invalid` if there is no such place, or no longer.
    pub async fn fill_link(
        &self,
        actor: &Actor,
        repository: &str,
        id: &str,
        received: Received,
    ) -> Result<(), Error> {
        let (repository, id) = (repository.to_owned(), id.to_owned());
        self.ledger()
            .record(actor, move |tx| {
                let found = store::repositories::get(tx, &repository)?;
                if store::links::fill(tx, found.id, &id, &received)? {
                    Ok(())
                } else {
                    Err(Error::Invalid(format!("address `{id}` is not valid, or no longer")))
                }
            })
            .await
    }

    /// Says what an upload that is not complete yet will be. Errors: `UploadNotFound`.
    pub async fn describe_upload(
        &self,
        actor: &Actor,
        repository: &str,
        id: &str,
        content_type: Option<String>,
        metadata: Metadata,
    ) -> Result<(), Error> {
        let (repository, id) = (repository.to_owned(), id.to_owned());
        self.ledger()
            .record(actor, move |tx| {
                let found = store::repositories::get(tx, &repository)?;
                if store::uploads::describe(tx, found.id, &id, content_type.as_deref(), &metadata)? {
                    Ok(())
                } else {
                    Err(Error::UploadNotFound(id.clone()))
                }
            })
            .await
    }
}
