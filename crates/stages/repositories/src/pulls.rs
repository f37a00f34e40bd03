//! Pull requests: a wish to merge one branch into another.

use serde_json::json;
use types::{Actor, Timestamp};

use crate::repository::page;
use crate::{Error, MergeOptions, Page, Paging, Repositories, store};

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
        actor: &Actor,
        repository: &str,
        title: &str,
        description: &str,
        source: &str,
        destination: &str,
    ) -> Result<Pull, Error> {
        if source == destination {
            return Err(Error::Invalid(format!("`{source}` cannot be merged into itself")));
        }
        let now = self.ledger().clock().now();
        let pull = Pull {
            id: types::new_id(now).hex(),
            title: title.to_owned(),
            description: description.to_owned(),
            author: actor.name.clone(),
            source: source.to_owned(),
            destination: destination.to_owned(),
            status: PullStatus::Open,
            created_at: now,
            closed_at: None,
            merged_commit: None,
        };
        let repository = repository.to_owned();
        self.ledger()
            .write(actor, move |tx| {
                let found = store::repositories::get_writable(tx, &repository, false)?;
                store::refs::get_branch(tx, found.id, &pull.source)?;
                store::refs::get_branch(tx, found.id, &pull.destination)?;
                if let Some(other) = store::pulls::find_open(tx, found.id, &pull.source, &pull.destination)? {
                    return Err(Error::PullExists(other.id));
                }
                store::pulls::insert(tx, found.id, &pull)?;
                let uid = found.repository.uid;
                let payload = json!({
                    "repository": uid, "pull": pull.id, "source": pull.source, "destination": pull.destination,
                });
                tx.event("pull.created", &format!("repository:{uid}"), payload)?;
                Ok(pull.clone())
            })
            .await
    }

    /// Errors: `PullNotFound`.
    pub async fn pull(&self, actor: &Actor, repository: &str, id: &str) -> Result<Pull, Error> {
        let (repository, id) = (repository.to_owned(), id.to_owned());
        self.ledger()
            .read(actor.workspace, move |rx| {
                let found = store::repositories::get(rx, &repository)?;
                store::pulls::find(rx, found.id, &id)?.ok_or(Error::PullNotFound(id))
            })
            .await
    }

    /// Newest first. `open`: only those that are; `Some(false)`: only those that are not.
    pub async fn pulls(
        &self,
        actor: &Actor,
        repository: &str,
        open: Option<bool>,
        paging: Paging,
    ) -> Result<Page<Pull>, Error> {
        let repository = repository.to_owned();
        self.ledger()
            .read(actor.workspace, move |rx| {
                let found = store::repositories::get(rx, &repository)?;
                let limit = paging.limit.clamp(1, crate::LONGEST_PAGE);
                let items = store::pulls::list(rx, found.id, open, &paging.after, limit + 1)?;
                Ok(page(items, limit, |pull| pull.id.clone()))
            })
            .await
    }

    /// Errors: `PullNotFound`; `Invalid` for `Merged`, and for a change of the status of one that is merged.
    pub async fn update_pull(
        &self,
        actor: &Actor,
        repository: &str,
        id: &str,
        change: PullChange,
    ) -> Result<(), Error> {
        if change.status == Some(PullStatus::Merged) {
            return Err(Error::Invalid("a pull request becomes merged by merging it".into()));
        }
        self.change_pull(actor, repository, id, move |pull, now| {
            if change.status.is_some() && pull.status == PullStatus::Merged {
                return Err(Error::Invalid(format!("pull request `{}` is merged", pull.id)));
            }
            if let Some(title) = &change.title {
                pull.title.clone_from(title);
            }
            if let Some(description) = &change.description {
                pull.description.clone_from(description);
            }
            if let Some(status) = change.status {
                pull.status = status;
                pull.closed_at = (status == PullStatus::Closed).then_some(now);
            }
            Ok(())
        })
        .await
        .map(drop)
    }

    /// Merges the branches and remembers the commit. Errors: those of [`Repositories::merge`]; `Invalid` if it is not
    /// open.
    pub async fn merge_pull(&self, actor: &Actor, repository: &str, id: &str) -> Result<Pull, Error> {
        let pull = self.pull(actor, repository, id).await?;
        if pull.status != PullStatus::Open {
            return Err(Error::Invalid(format!("pull request `{id}` is not open")));
        }
        let options = MergeOptions { message: pull.title.clone(), ..MergeOptions::default() };
        let commit = self.merge(actor, repository, &pull.source, &pull.destination, options).await?;
        let hex = commit.id.hex();
        self.change_pull(actor, repository, id, move |pull, now| {
            pull.status = PullStatus::Merged;
            pull.closed_at = Some(now);
            pull.merged_commit = Some(hex.clone());
            Ok(())
        })
        .await
    }

    async fn change_pull(
        &self,
        actor: &Actor,
        repository: &str,
        id: &str,
        mut change: impl FnMut(&mut Pull, Timestamp) -> Result<(), Error> + Send + 'static,
    ) -> Result<Pull, Error> {
        let (repository, id) = (repository.to_owned(), id.to_owned());
        self.ledger()
            .write(actor, move |tx| {
                let found = store::repositories::get_writable(tx, &repository, false)?;
                let pull = store::pulls::find(tx, found.id, &id)?;
                let mut pull = pull.ok_or_else(|| Error::PullNotFound(id.clone()))?;
                change(&mut pull, tx.now())?;
                store::pulls::update(tx, found.id, &pull)?;
                let uid = found.repository.uid;
                let payload = json!({ "repository": uid, "pull": id, "commit": pull.merged_commit });
                tx.event("pull.changed", &format!("repository:{uid}"), payload)?;
                Ok(pull)
            })
            .await
    }
}
