//! Commits of what is staged.

use tokio::runtime::Handle;
use types::{Actor, Digest, Hasher, Timestamp, Uid};

use crate::advance::{Prepared, Purpose};
use crate::fail::Step;
use crate::hooks::{Event, Hooked};
use crate::view::Overlay;
use crate::{Commit, Error, Metadata, Object, Repositories};

#[derive(Clone, Debug, Default)]
pub struct NewCommit {
    pub message: String,
    pub metadata: Metadata,
    /// Instead of now.
    pub date: Option<Timestamp>,
    /// Instead of the actor's name.
    pub committer: Option<String>,
    pub allow_empty: bool,
    /// Also in a read-only repository.
    pub force: bool,
}

/// How often a commit is built again when another server moved the branch meanwhile.
pub(crate) const TRIES: usize = 50;
/// Changes that are put into the tree at once.
const CHUNK: usize = 50_000;

/// One change of a tree.
pub(crate) type Put = (Vec<u8>, Option<tree::Item>);

impl Commit {
    /// With the id that follows from the other fields and the repository.
    pub(crate) fn named(mut self, repository: &Uid) -> Self {
        let mut hasher = Hasher::new();
        let mut field = |bytes: &[u8]| {
            hasher.update((bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        field(b"commit:1");
        field(repository.hex().as_bytes());
        field(self.committer.as_bytes());
        field(self.message.as_bytes());
        field(self.root.as_bytes());
        field(&self.created_at.0.to_le_bytes());
        field(&(self.metadata.len() as u64).to_le_bytes());
        for (key, value) in &self.metadata {
            field(key.as_bytes());
            field(value.as_bytes());
        }
        for parent in &self.parents {
            field(parent.as_bytes());
        }
        self.id = hasher.finish();
        self
    }
}

pub(crate) fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp(time.0.div_euclid(1_000_000) * 1_000_000)
}

impl Repositories {
    /// Makes a commit of what is staged on a branch. Commits and merges of a branch wait for each other.
    ///
    /// Errors: `NoChanges` unless empty ones are allowed, `Protected`, `ReadOnly`, `Refused` by a gate.
    pub async fn commit(
        &self,
        actor: &Actor,
        repository: &str,
        branch: &str,
        new: NewCommit,
    ) -> Result<Commit, Error> {
        self.run_hooks(actor, Hooked::branch(Event::PrepareCommit, repository, branch, branch)).await?;
        let turn = self.turn(actor, repository, branch).await;
        let purpose = Purpose { force: new.force, commits: true, writes: false };
        for _ in 0..TRIES {
            let prepared = self.prepare(actor, repository, branch, purpose).await?;
            self.0.options.fail.at(Step::Sealed)?;
            let from = prepared.clone();
            let (root, changed) = self.blocking(move |stage, handle| build(stage, handle, &from)).await?;
            if changed == 0 && !new.allow_empty {
                self.forget_sealed(actor, &prepared).await?;
                return Err(Error::NoChanges);
            }
            let commit = self.child(actor, &prepared, &new, root);
            let commit = self.gated(actor, &prepared, commit, Event::PreCommit, branch).await?;
            self.0.options.fail.at(Step::Kept)?;
            if self.advance(actor, &prepared, &commit, "commit").await? {
                drop(turn);
                self.sweep_staging(actor).await?;
                self.tell_hooks(actor, Hooked::commit(Event::PostCommit, &prepared, &commit, branch)).await;
                return Ok(commit);
            }
        }
        Err(Error::Busy(branch.to_owned()))
    }

    /// The commit that a branch gets next; without an id.
    pub(crate) fn child(&self, actor: &Actor, from: &Prepared, new: &NewCommit, root: Digest) -> Commit {
        let now = self.ledger().clock().now();
        Commit {
            id: root,
            parents: vec![from.head.id],
            committer: new.committer.clone().unwrap_or_else(|| actor.name.clone()),
            message: new.message.clone(),
            created_at: whole_seconds(new.date.unwrap_or(now)),
            metadata: new.metadata.clone(),
            root,
            generation: from.head.generation + 1,
        }
        .named(&from.repository.repository.uid)
    }
}

/// The tree of the head with the sealed changes, kept, and how many paths differ. Blocking.
fn build(stage: &Repositories, handle: &Handle, from: &Prepared) -> Result<(Digest, u64), Error> {
    let mut overlay = overlay(stage, handle, from);
    let mut changes = Changes::new(stage, handle, from.head.root);
    while let Some((path, object)) = overlay.next()? {
        let staged = object.as_deref().map(Object::decode).transpose()?;
        let committed = stage.tree_get(&from.head.root, &path)?;
        if !differs(committed.as_ref(), staged.as_ref()) {
            continue;
        }
        let item = match (staged, object) {
            (Some(staged), Some(value)) => Some(tree::Item { value, weight: staged.size }),
            _ => None,
        };
        changes.push((path, item))?;
    }
    changes.finish()
}

/// What is sealed on a branch.
pub(crate) fn overlay<'a>(stage: &'a Repositories, handle: &'a Handle, from: &Prepared) -> Overlay<'a> {
    Overlay::new(stage, handle, from.workspace, &from.sealed, b"", b"", 5_000)
}

/// Whether a client sees a difference.
pub(crate) fn differs(left: Option<&Object>, right: Option<&Object>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => !left.same_content(right),
        (left, right) => left.is_some() != right.is_some(),
    }
}

/// Whether something is staged that differs from the commit. Blocking.
pub(crate) fn is_dirty(stage: &Repositories, handle: &Handle, from: &Prepared) -> Result<bool, Error> {
    let mut overlay = overlay(stage, handle, from);
    while let Some((path, object)) = overlay.next()? {
        let staged = object.as_deref().map(Object::decode).transpose()?;
        if differs(stage.tree_get(&from.head.root, &path)?.as_ref(), staged.as_ref()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Changes on their way into a tree, in ascending order; a part of them is held at a time. Blocking.
pub(crate) struct Changes<'a> {
    stage: &'a Repositories,
    handle: &'a Handle,
    root: Digest,
    waiting: Vec<Put>,
    count: u64,
}

impl<'a> Changes<'a> {
    pub fn new(stage: &'a Repositories, handle: &'a Handle, root: Digest) -> Self {
        Self { stage, handle, root, waiting: Vec::new(), count: 0 }
    }

    pub fn push(&mut self, put: Put) -> Result<(), Error> {
        self.waiting.push(put);
        self.count += 1;
        if self.waiting.len() >= CHUNK { self.apply() } else { Ok(()) }
    }

    fn apply(&mut self) -> Result<(), Error> {
        let changes = std::mem::take(&mut self.waiting);
        let (root, new) = tree::apply(self.stage.nodes(), &self.root, changes)?;
        self.handle.block_on(self.stage.nodes().keep(new))?;
        self.root = root;
        Ok(())
    }

    /// The root, whose nodes are kept, and the number of changes.
    pub fn finish(mut self) -> Result<(Digest, u64), Error> {
        if !self.waiting.is_empty() {
            self.apply()?;
        }
        Ok((self.root, self.count))
    }
}
