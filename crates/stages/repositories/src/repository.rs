//! Repositories themselves.

use serde_json::json;
use types::{Actor, ResourceKind};

use crate::store::{self, Writes as _};
use crate::view::view_in;
use crate::{Commit, Error, Metadata, Page, Paging, Repositories, Repository, names};

pub struct NewRepository {
    pub name: String,
    /// Must be new: two repositories never share one.
    pub storage_namespace: String,
    pub default_branch: String,
    pub read_only: bool,
    pub metadata: Metadata,
}

/// Of the commit that every repository begins with.
pub const FIRST_MESSAGE: &str = "Repository created";

impl Repositories {
    /// Makes a repository with its default branch and a first commit of nothing.
    ///
    /// Errors: `RepositoryExists`, `NamespaceTaken`, `BadName`.
    pub async fn create_repository(&self, actor: &Actor, new: NewRepository) -> Result<Repository, Error> {
        names::repository(&new.name)?;
        names::branch(&new.default_branch)?;
        if new.storage_namespace.is_empty() {
            return Err(Error::BadName(new.storage_namespace, "storage namespace"));
        }
        self.ledger()
            .write(actor, move |tx| {
                if store::repositories::find(tx, &new.name)?.is_some() {
                    return Err(Error::RepositoryExists(new.name.clone()));
                }
                if store::repositories::namespace_taken(tx, &new.storage_namespace)? {
                    return Err(Error::NamespaceTaken(new.storage_namespace.clone()));
                }
                let uid = tx.new_id();
                let by = tx.actor().to_string();
                let id = store::repositories::insert(tx, &uid, &new, &by)?;
                let first = Commit {
                    parents: Vec::new(),
                    committer: tx.actor().name.clone(),
                    message: FIRST_MESSAGE.to_owned(),
                    created_at: crate::commit::whole_seconds(tx.time()),
                    metadata: Metadata::new(),
                    root: tree::empty(),
                    generation: 1,
                    id: tree::empty(),
                }
                .named(&uid);
                store::commits::insert(tx, id, &first)?;
                let branch = store::refs::insert_branch(tx, id, &new.default_branch, &first.id, false)?;
                store::layers::open(tx, id, branch)?;
                crate::advance::node(tx, &uid, &new.name, &first)?;
                let payload = json!({
                    "repository": uid, "name": new.name, "branch": new.default_branch, "commit": first.id.hex(),
                });
                tx.event("repository.created", &format!("repository:{uid}"), payload)?;
                tx.own(ResourceKind::Repository, &new.name)?;
                Ok(store::repositories::get(tx, &new.name)?.repository)
            })
            .await
    }

    pub async fn repository(&self, actor: &Actor, name: &str) -> Result<Repository, Error> {
        let name = name.to_owned();
        self.ledger()
            .read(actor.workspace, move |rx| Ok(store::repositories::get(rx, &name)?.repository))
            .await
    }

    /// By name.
    pub async fn repositories(&self, actor: &Actor, paging: Paging) -> Result<Page<Repository>, Error> {
        self.ledger()
            .read(actor.workspace, move |rx| {
                let limit = paging.limit.clamp(1, crate::LONGEST_PAGE);
                let found = store::repositories::list(rx, &paging, limit + 1)?;
                let items: Vec<Repository> = found.into_iter().map(|found| found.repository).collect();
                Ok(page(items, limit, |repository| repository.name.clone()))
            })
            .await
    }

    /// `force`: also a read-only one. Its objects go with the next garbage collection.
    pub async fn delete_repository(&self, actor: &Actor, name: &str, force: bool) -> Result<(), Error> {
        let name = name.to_owned();
        self.ledger()
            .write(actor, move |tx| {
                let found = store::repositories::get_writable(tx, &name, force)?;
                store::repositories::delete(tx, found.id)?;
                tx.disown(ResourceKind::Repository, &name)?;
                let uid = found.repository.uid;
                let payload = json!({ "repository": uid, "name": name });
                Ok(tx.event("repository.deleted", &format!("repository:{uid}"), payload)?)
            })
            .await
    }

    pub async fn set_repository_metadata(
        &self,
        actor: &Actor,
        name: &str,
        set: Metadata,
        remove: Vec<String>,
    ) -> Result<(), Error> {
        let name = name.to_owned();
        self.ledger()
            .write(actor, move |tx| {
                let found = store::repositories::get_writable(tx, &name, false)?;
                let mut metadata = found.repository.metadata;
                metadata.extend(set.clone());
                metadata.retain(|key, _| !remove.contains(key));
                store::repositories::set_metadata(tx, found.id, &metadata)?;
                let uid = found.repository.uid;
                let keys: Vec<&String> = set.keys().chain(&remove).collect();
                let payload = json!({ "repository": uid, "keys": keys });
                Ok(tx.event("repository.metadata_changed", &format!("repository:{uid}"), payload)?)
            })
            .await
    }

    /// The bytes of a node of the index, if the tree of a commit of the repository begins with it.
    pub async fn node(
        &self,
        actor: &Actor,
        repository: &str,
        id: &types::Digest,
    ) -> Result<bytes::Bytes, Error> {
        let (name, root) = (repository.to_owned(), *id);
        let known = self
            .ledger()
            .read(actor.workspace, move |rx| {
                let found = store::repositories::get(rx, &name)?;
                Ok::<_, Error>(store::commits::has_root(rx, found.id, &root)?)
            })
            .await?;
        if !known {
            return Err(Error::RefNotFound(id.hex()));
        }
        self.nodes().bytes(id).await
    }
}

/// Cuts what was read beyond the page off, and says where the next one begins.
pub(crate) fn page<T>(mut items: Vec<T>, limit: usize, key: impl Fn(&T) -> String) -> Page<T> {
    let more = items.len() > limit;
    items.truncate(limit);
    let next = if more { items.last().map(key) } else { None };
    Page { items, next }
}

/// The commit that a ref leads to.
///
/// Errors: as of the ref; `BadRef` for `branch$`.
pub(crate) fn commit_of(
    db: &mut impl store::Reads,
    repository: store::repositories::Found,
    reference: &str,
) -> Result<Commit, Error> {
    let view = view_in(db, repository, reference)?;
    view.need_commit(reference)?;
    Ok(view.commit)
}
