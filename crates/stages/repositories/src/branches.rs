use serde_json::json;
use types::{Actor, Digest};

use crate::hooks::{Event, Hooked};
use crate::repository::{commit_of, page};
use crate::store;
use crate::{Branch, Commit, Error, Page, Paging, Repositories, gc, names};

struct NewBranch<'a> {
    repository: &'a str,
    name: &'a str,
    source: &'a str,
    hidden: bool,
    force: bool,
}

impl Repositories {
    /// A branch at the commit that `source` leads to; what is staged there is not taken along. Where no action has a say
    /// it is one transaction and nothing else.
    ///
    /// Errors: `BranchExists`, `NameTaken`, `BadName`, and those of the ref.
    pub async fn create_branch(
        &self,
        actor: &Actor,
        repository: &str,
        name: &str,
        source: &str,
        hidden: bool,
        force: bool,
    ) -> Result<Branch, Error> {
        names::branch(name)?;
        let new = NewBranch { repository, name, source, hidden, force };
        let mut asked = false;
        let (made, root) = loop {
            match self.insert_branch(actor, &new, asked).await? {
                Some(made) => break made,
                None => {
                    let hooked = Hooked::branch(Event::PreCreateBranch, repository, name, source);
                    self.run_hooks(actor, hooked).await?;
                    asked = true;
                }
            }
        };
        if !self.is_quiet(&root, Event::PostCreateBranch, name) {
            let hooked = Hooked::branch(Event::PostCreateBranch, repository, name, source);
            self.tell_hooks(actor, hooked).await;
        }
        Ok(made)
    }

    /// The branch and the tree that it shows; nothing is done, and the answer is none, where `asked` is not set and an
    /// action of that tree may have a say.
    async fn insert_branch(
        &self,
        actor: &Actor,
        new: &NewBranch<'_>,
        asked: bool,
    ) -> Result<Option<(Branch, Digest)>, Error> {
        let (repo, name, from) = (new.repository.to_owned(), new.name.to_owned(), new.source.to_owned());
        let (hidden, force, stage) = (new.hidden, new.force, self.weak());
        self.ledger()
            .write(actor, move |tx| {
                let found = store::repositories::get_writable(tx, &repo, force)?;
                let Commit { id: commit, root, .. } = commit_of(tx, found.clone(), &from)?;
                let is_quiet = |stage: Repositories| stage.is_quiet(&root, Event::PreCreateBranch, &name);
                if !asked && !found.repository.read_only && !stage.upgrade().is_some_and(is_quiet) {
                    return Ok(None);
                }
                gc::need_retained(tx, found.id, &[commit])?;
                if store::refs::find_branch(tx, found.id, &name)?.is_some() {
                    return Err(Error::BranchExists(name.clone()));
                }
                if store::refs::find_tag(tx, found.id, &name)?.is_some() {
                    return Err(Error::NameTaken(name.clone(), "tag"));
                }
                if let Ok(id) = name.parse()
                    && store::commits::find(tx, found.id, &id)?.is_some()
                {
                    return Err(Error::NameTaken(name.clone(), "commit"));
                }
                let branch = store::refs::insert_branch(tx, found.id, &name, &commit, hidden)?;
                store::layers::open(tx, found.id, branch)?;
                let uid = found.repository.uid;
                let payload = json!({ "repository": uid, "branch": name, "commit": commit.hex() });
                tx.event("branch.created", &format!("repository:{uid}"), payload)?;
                Ok(Some((Branch { name: name.clone(), commit, hidden }, root)))
            })
            .await
    }

    pub async fn branch(&self, actor: &Actor, repository: &str, name: &str) -> Result<Branch, Error> {
        let (repository, name) = (repository.to_owned(), name.to_owned());
        self.ledger()
            .read(actor.workspace, move |rx| {
                let found = store::repositories::get(rx, &repository)?;
                Ok(store::refs::get_branch(rx, found.id, &name)?.branch)
            })
            .await
    }

    /// By name.
    pub async fn branches(
        &self,
        actor: &Actor,
        repository: &str,
        paging: Paging,
        with_hidden: bool,
    ) -> Result<Page<Branch>, Error> {
        let repository = repository.to_owned();
        self.ledger()
            .read(actor.workspace, move |rx| {
                let found = store::repositories::get(rx, &repository)?;
                let limit = paging.limit.clamp(1, crate::LONGEST_PAGE);
                let items = store::refs::branches(rx, found.id, &paging, with_hidden, limit + 1)?;
                Ok(page(items, limit, |branch| branch.name.clone()))
            })
            .await
    }

    /// What is staged on it is lost. Errors: `DefaultBranch`, `Protected`, `ReadOnly` unless `force`.
    pub async fn delete_branch(
        &self,
        actor: &Actor,
        repository: &str,
        name: &str,
        force: bool,
    ) -> Result<(), Error> {
        names::branch(name)?;
        let hooked = Hooked::branch(Event::PreDeleteBranch, repository, name, name);
        self.run_hooks(actor, hooked).await?;
        let (repo, branch) = (repository.to_owned(), name.to_owned());
        let commit = self
            .ledger()
            .write(actor, move |tx| {
                let found = store::repositories::get_writable(tx, &repo, force)?;
                let row = store::refs::get_branch(tx, found.id, &branch)?;
                if found.repository.default_branch == branch {
                    return Err(Error::DefaultBranch(branch.clone()));
                }
                let layers = store::layers::of_branch(tx, row.id)?;
                store::layers::drop_layers(tx, &layers)?;
                store::refs::delete_branch(tx, row.id)?;
                let uid = found.repository.uid;
                let payload =
                    json!({ "repository": uid, "branch": branch, "commit": row.branch.commit.hex() });
                tx.event("branch.deleted", &format!("repository:{uid}"), payload)?;
                Ok::<_, Error>(row.branch.commit)
            })
            .await?;
        let hooked = Hooked::branch(Event::PostDeleteBranch, repository, name, &commit.hex());
        self.tell_hooks(actor, hooked).await;
        Ok(())
    }
}
