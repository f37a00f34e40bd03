use serde_json::json;
use types::{Actor, Digest};

use crate::hooks::{Event, Hooked};
use crate::repository::{commit_of, page};
use crate::store;
use crate::{Commit, Error, Page, Paging, Repositories, Tag, gc, names};

struct NewTag<'a> {
    repository: &'a str,
    name: &'a str,
    reference: &'a str,
    force: bool,
}

impl Repositories {
    /// Where no action has a say it is one transaction and nothing else.
    ///
    /// Errors: `TagExists`, `NameTaken`, `BadName`, and those of the ref.
    pub async fn create_tag(
        &self,
        actor: &Actor,
        repository: &str,
        name: &str,
        reference: &str,
        force: bool,
    ) -> Result<Tag, Error> {
        names::tag(name)?;
        let new = NewTag { repository, name, reference, force };
        let mut asked = false;
        let (made, root) = loop {
            match self.insert_tag(actor, &new, asked).await? {
                Some(made) => break made,
                None => {
                    let hooked = Hooked::tag(Event::PreCreateTag, repository, name, reference);
                    self.run_hooks(actor, hooked).await?;
                    asked = true;
                }
            }
        };
        if !self.is_quiet(&root, Event::PostCreateTag, "") {
            self.tell_hooks(actor, Hooked::tag(Event::PostCreateTag, repository, name, reference)).await;
        }
        Ok(made)
    }

    /// The tag and the tree that it shows; nothing is done, and the answer is none, where `asked` is not set and an action
    /// of that tree may have a say.
    async fn insert_tag(
        &self,
        actor: &Actor,
        new: &NewTag<'_>,
        asked: bool,
    ) -> Result<Option<(Tag, Digest)>, Error> {
        let (repo, tag, from) = (new.repository.to_owned(), new.name.to_owned(), new.reference.to_owned());
        let (force, stage) = (new.force, self.weak());
        self.ledger()
            .write(actor, move |tx| {
                let found = store::repositories::get_writable(tx, &repo, force)?;
                let Commit { id: commit, root, .. } = commit_of(tx, found.clone(), &from)?;
                let is_quiet = |stage: Repositories| stage.is_quiet(&root, Event::PreCreateTag, "");
                if !asked && !found.repository.read_only && !stage.upgrade().is_some_and(is_quiet) {
                    return Ok(None);
                }
                if store::refs::find_tag(tx, found.id, &tag)?.is_some() {
                    return Err(Error::TagExists(tag.clone()));
                }
                if store::refs::find_branch(tx, found.id, &tag)?.is_some() {
                    return Err(Error::NameTaken(tag.clone(), "branch"));
                }
                if let Ok(id) = tag.parse()
                    && store::commits::find(tx, found.id, &id)?.is_some()
                {
                    return Err(Error::NameTaken(tag.clone(), "commit"));
                }
                gc::need_retained(tx, found.id, &[commit])?;
                store::refs::insert_tag(tx, found.id, &tag, &commit)?;
                let uid = found.repository.uid;
                let payload = json!({ "repository": uid, "tag": tag, "commit": commit.hex() });
                tx.event("tag.created", &format!("repository:{uid}"), payload)?;
                Ok(Some((Tag { name: tag.clone(), commit }, root)))
            })
            .await
    }

    pub async fn tag(&self, actor: &Actor, repository: &str, name: &str) -> Result<Tag, Error> {
        let (repository, name) = (repository.to_owned(), name.to_owned());
        self.ledger()
            .read(actor.workspace, move |rx| {
                let found = store::repositories::get(rx, &repository)?;
                store::refs::find_tag(rx, found.id, &name)?.ok_or(Error::TagNotFound(name))
            })
            .await
    }

    /// By name.
    pub async fn tags(&self, actor: &Actor, repository: &str, paging: Paging) -> Result<Page<Tag>, Error> {
        let repository = repository.to_owned();
        self.ledger()
            .read(actor.workspace, move |rx| {
                let found = store::repositories::get(rx, &repository)?;
                let limit = paging.limit.clamp(1, crate::LONGEST_PAGE);
                let items = store::refs::tags(rx, found.id, &paging, limit + 1)?;
                Ok(page(items, limit, |tag| tag.name.clone()))
            })
            .await
    }

    /// Errors: `TagNotFound`; `ReadOnly` unless `force`.
    pub async fn delete_tag(
        &self,
        actor: &Actor,
        repository: &str,
        name: &str,
        force: bool,
    ) -> Result<(), Error> {
        let hooked = Hooked::tag(Event::PreDeleteTag, repository, name, name);
        self.run_hooks(actor, hooked).await?;
        let (repo, tag) = (repository.to_owned(), name.to_owned());
        let commit = self
            .ledger()
            .write(actor, move |tx| {
                let found = store::repositories::get_writable(tx, &repo, force)?;
                let commit = store::refs::find_tag(tx, found.id, &tag)?.map(|tag| tag.commit);
                let commit = commit.ok_or_else(|| Error::TagNotFound(tag.clone()))?;
                store::refs::delete_tag(tx, found.id, &tag)?;
                let uid = found.repository.uid;
                let payload = json!({ "repository": uid, "tag": tag });
                tx.event("tag.deleted", &format!("repository:{uid}"), payload)?;
                Ok::<_, Error>(commit)
            })
            .await?;
        self.tell_hooks(actor, Hooked::tag(Event::PostDeleteTag, repository, name, &commit.hex())).await;
        Ok(())
    }
}
