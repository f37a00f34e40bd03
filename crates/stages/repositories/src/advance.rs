//! Moving the head of a branch: the last step of commits, merges and all that makes a commit.

use ledger::Tx;
use serde_json::json;
use types::{Actor, Digest, Uid};

use crate::fail::Step;
use crate::store::repositories::Found;
use crate::store::{self, Writes};
use crate::{Commit, Error, Repositories, gc, names};

/// Most entries that one transaction sweeps.
const SWEEP: usize = 2_000;
/// How long entries of dropped layers are kept for readers that began before (seconds).
pub(crate) const KEPT: i64 = 60;

/// More sealed layers, which commits and merges that were refused leave, are made one.
const MOST_LAYERS: usize = 12;

/// A branch whose turn it is: its head, and the staged layers that nothing writes to any more.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub workspace: types::WorkspaceId,
    pub repository: Found,
    pub branch: i64,
    pub name: String,
    pub head: Commit,
    /// Newest first.
    pub sealed: Vec<i64>,
    /// Commits beside the head that objects are taken from.
    pub sources: Vec<Digest>,
}

/// What a branch is prepared for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Purpose {
    /// Also in a read-only repository.
    pub force: bool,
    /// Refused on branches that take no commits.
    pub commits: bool,
    /// Refused on branches that take no writes.
    pub writes: bool,
}

impl Repositories {
    /// Seals what is staged on a branch, if something is. Errors: `Protected`, `ReadOnly`, `BranchNotFound`.
    pub(crate) async fn prepare(
        &self,
        actor: &Actor,
        repository: &str,
        branch: &str,
        purpose: Purpose,
    ) -> Result<Prepared, Error> {
        let (repository, name) = (repository.to_owned(), branch.to_owned());
        self.ledger()
            .record(actor, move |tx| {
                let found = store::repositories::get_writable(tx, &repository, purpose.force)?;
                let rules = store::rules::protections(tx, found.id)?;
                for rule in rules.iter().filter(|rule| names::matches(&rule.pattern, &name)) {
                    if rule.commits && purpose.commits {
                        return Err(Error::Protected { branch: name.clone(), what: "it takes no commits" });
                    }
                    if rule.staging && purpose.writes {
                        return Err(Error::Protected {
                            branch: name.clone(),
                            what: "nothing can be written to it",
                        });
                    }
                }
                let branch = store::refs::get_branch(tx, found.id, &name)?.id;
                tx.hold_branch(branch)?;
                // Only now, as another server may have moved it just before.
                let row = store::refs::get_branch(tx, found.id, &name)?;
                let mut layers = store::layers::of_branch(tx, row.id)?;
                let open = layers.first().copied().ok_or_else(|| store::absent("the open layer"))?;
                if store::layers::any_entry(tx, &[open])? {
                    store::layers::seal(tx, found.id, row.id)?;
                } else {
                    layers.remove(0);
                }
                if layers.len() > MOST_LAYERS {
                    let old = layers.split_off(1);
                    store::layers::compact(tx, layers[0], &old)?;
                }
                let head = store::commits::get(tx, found.id, &row.branch.commit)?;
                let workspace = tx.workspace();
                Ok(Prepared {
                    workspace,
                    repository: found,
                    branch: row.id,
                    name: name.clone(),
                    head,
                    sealed: layers,
                    sources: Vec::new(),
                })
            })
            .await
    }

    /// Points the branch to `commit` and drops the sealed layers, unless the head is another one meanwhile.
    /// Whether it moved. `kind` is what made the commit.
    pub(crate) async fn advance(
        &self,
        actor: &Actor,
        from: &Prepared,
        commit: &Commit,
        kind: &'static str,
    ) -> Result<bool, Error> {
        let (before, commit) = (from.clone(), commit.clone());
        let moved = self
            .ledger()
            .write(actor, move |tx| {
                tx.hold_branch(before.branch)?;
                let found = store::refs::find_branch(tx, before.repository.id, &before.name)?;
                let Some(found) = found.filter(|found| found.id == before.branch) else {
                    return Err(Error::BranchNotFound(before.name.clone()));
                };
                if found.branch.commit != before.head.id {
                    return Ok(false);
                }
                gc::need_retained(tx, before.repository.id, &before.sources)?;
                store::commits::insert(tx, before.repository.id, &commit)?;
                store::refs::move_branch(tx, before.branch, &before.head.id, &commit.id)?;
                store::layers::drop_layers(tx, &before.sealed)?;
                let repository = &before.repository.repository;
                node(tx, &repository.uid, &repository.name, &commit)?;
                let payload = json!({
                    "repository": repository.uid,
                    "branch": before.name,
                    "commit": commit.id.hex(),
                    "parents": commit.parents.iter().map(Digest::hex).collect::<Vec<_>>(),
                    "root": commit.root.hex(),
                    "by": kind,
                });
                tx.event("commit.created", &format!("repository:{}", repository.uid), payload)?;
                Ok(true)
            })
            .await?;
        if moved {
            self.0.options.fail.at(Step::Moved)?;
        }
        Ok(moved)
    }

    /// Forgets staged layers that turned out to change nothing, unless the head is another one meanwhile.
    pub(crate) async fn forget_sealed(&self, actor: &Actor, from: &Prepared) -> Result<(), Error> {
        if from.sealed.is_empty() {
            return Ok(());
        }
        let from = from.clone();
        self.ledger()
            .record(actor, move |tx| {
                tx.hold_branch(from.branch)?;
                let row = store::refs::find_branch(tx, from.repository.id, &from.name)?;
                if row.is_some_and(|row| row.id == from.branch && row.branch.commit == from.head.id) {
                    store::layers::drop_layers(tx, &from.sealed)?;
                }
                Ok(())
            })
            .await
    }

    /// Removes entries of layers that were dropped a while ago, a part of them at a time. Whether more are left.
    pub async fn sweep_staging(&self, actor: &Actor) -> Result<bool, Error> {
        let until = self.ledger().clock().now().plus_seconds(-KEPT).0;
        // Most often there is nothing, which costs no commit of the database.
        let dropped =
            self.ledger().read(actor.workspace, move |rx| store::layers::dropped(rx, until)).await?;
        if dropped.is_none() {
            return Ok(false);
        }
        self.ledger()
            .record(actor, move |tx| {
                let Some(layer) = store::layers::dropped(tx, until)? else { return Ok(false) };
                store::layers::sweep(tx, layer, SWEEP)?;
                Ok(store::layers::dropped(tx, until)?.is_some())
            })
            .await
    }
}

/// The commit in the graph: made on its parents, holding the data that its tree is.
pub(crate) fn node(tx: &mut Tx<'_>, uid: &Uid, name: &str, commit: &Commit) -> Result<(), ledger::Error> {
    let props = json!({ "repository": uid, "name": name, "root": commit.root });
    let this = tx.node("commit", &commit.id.hex(), props)?;
    for parent in &commit.parents {
        let parent = tx.node("commit", &parent.hex(), json!({}))?;
        tx.edge(this, "parent", parent)?;
    }
    let data = tx.node("data", &commit.root.to_string(), json!({}))?;
    tx.edge(this, "holds", data)
}
