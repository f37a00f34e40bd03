//! Three-way merges, and what is made of them: merging refs, reverting and picking commits.

use tokio::runtime::Handle;
use types::{Actor, Digest};

use crate::advance::{Prepared, Purpose};
use crate::commit::{Changes, NewCommit, TRIES, differs, is_dirty};
use crate::fail::Step;
use crate::history::Commits;
use crate::hooks::{Event, Hooked};
use crate::{Commit, Error, Metadata, Object, Repositories};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// Conflicts are an error.
    #[default]
    None,
    SourceWins,
    DestinationWins,
}

#[derive(Clone, Debug, Default)]
pub struct MergeOptions {
    /// Empty: `Merge '<source>' into '<destination>'`.
    pub message: String,
    pub metadata: Metadata,
    pub strategy: Strategy,
    /// Also where the source has nothing that the destination has not.
    pub allow_empty: bool,
    /// The source is no parent of the merge.
    pub squash: bool,
    /// Also in a read-only repository.
    pub force: bool,
}

/// Most conflicts that are told.
const TOLD: usize = 1_000;

impl Repositories {
    /// Merges what `source` leads to into a branch. Commits and merges of a branch wait for each other, so that none
    /// is lost. Protection does not hold merges up: they are the way into protected branches.
    ///
    /// Errors: `Conflict`, `DirtyBranch`, `NoChanges`, `NoMergeBase`, `Refused` by a gate.
    pub async fn merge(
        &self,
        actor: &Actor,
        repository: &str,
        source: &str,
        destination: &str,
        options: MergeOptions,
    ) -> Result<Commit, Error> {
        let message = match options.message.as_str() {
            "" => format!("Merge '{source}' into '{destination}'"),
            message => message.to_owned(),
        };
        let new = NewCommit { message, metadata: options.metadata.clone(), ..NewCommit::default() };
        let turn = self.turn(actor, repository, destination).await;
        let purpose = Purpose { force: options.force, commits: false, writes: false };
        for _ in 0..TRIES {
            let mut prepared = self.prepare(actor, repository, destination, purpose).await?;
            self.0.options.fail.at(Step::Sealed)?;
            let theirs = self.view(actor, repository, source).await?;
            theirs.need_commit(source)?;
            let (from, picked, refs) =
                (prepared.clone(), options.clone(), (source.to_owned(), destination.to_owned()));
            let (root, theirs) = self
                .blocking(move |stage, handle| {
                    clean(stage, handle, &from)?;
                    let commits = Commits { stage, handle, view: &theirs };
                    let base = commits.merge_base(&from.head.id, &theirs.commit.id)?;
                    let base = base.ok_or(Error::NoMergeBase(refs.0, refs.1))?;
                    // lakeFS's first commit has no tree at all, so that an empty one differs from it.
                    let first = base.parents.is_empty() && base.id != theirs.commit.id;
                    let same = base.root == theirs.commit.root && !first;
                    if same && !picked.allow_empty && !picked.force {
                        return Err(Error::NoChanges);
                    }
                    let sides = Sides { base: base.root, ours: from.head.root, theirs: theirs.commit.root };
                    let root = three_way(stage, handle, &sides, picked.strategy)?;
                    Ok((root, theirs.commit.clone()))
                })
                .await?;
            prepared.sources.push(theirs.id);
            let mut commit = self.child(actor, &prepared, &new, root);
            if !options.squash {
                commit.parents.push(theirs.id);
            }
            commit.generation = prepared.head.generation.max(theirs.generation) + 1;
            let commit = commit.named(&prepared.repository.repository.uid);
            let commit = self.gated(actor, &prepared, commit, Event::PreMerge, source).await?;
            self.0.options.fail.at(Step::Kept)?;
            if self.advance(actor, &prepared, &commit, "merge").await? {
                drop(turn);
                self.sweep_staging(actor).await?;
                let hooked = Hooked::commit(Event::PostMerge, &prepared, &commit, source);
                self.tell_hooks(actor, hooked).await;
                return Ok(commit);
            }
        }
        Err(Error::Busy(destination.to_owned()))
    }

    /// Undoes a commit on a branch. `parent` (from 1) says against which parent of a merge; 0: the only one. Without a
    /// message it is `Revert <reference>`.
    ///
    /// Errors: `BadParent`, `Conflict`, `DirtyBranch`, `NoChanges` unless empty ones are allowed.
    pub async fn revert(
        &self,
        actor: &Actor,
        repository: &str,
        branch: &str,
        reference: &str,
        parent: usize,
        mut new: NewCommit,
    ) -> Result<Commit, Error> {
        if new.message.is_empty() {
            new.message = format!("Revert {reference}");
        }
        let patch = Patch { reference, parent: (parent > 0).then_some(parent), undo: true };
        self.patch(actor, repository, branch, patch, new).await
    }

    /// Makes the changes of a commit on a branch once more. `parent` as in [`Repositories::revert`]. Message and
    /// metadata are those of the commit unless `new` has others.
    ///
    /// Errors: `BadParent`, `Conflict`, `DirtyBranch`, `NoChanges` unless empty ones are allowed.
    pub async fn cherry_pick(
        &self,
        actor: &Actor,
        repository: &str,
        branch: &str,
        reference: &str,
        parent: Option<usize>,
        mut new: NewCommit,
    ) -> Result<Commit, Error> {
        let picked = self.get_commit(actor, repository, reference).await?;
        if new.message.is_empty() {
            new.message.clone_from(&picked.message);
        }
        if new.metadata.is_empty() {
            new.metadata.clone_from(&picked.metadata);
        }
        new.metadata.insert("cherry-pick-origin".into(), picked.id.hex());
        new.metadata.insert("cherry-pick-committer".into(), picked.committer.clone());
        let id = picked.id.hex();
        let patch = Patch { reference: &id, parent, undo: false };
        self.patch(actor, repository, branch, patch, new).await
    }

    async fn patch(
        &self,
        actor: &Actor,
        repository: &str,
        branch: &str,
        patch: Patch<'_>,
        new: NewCommit,
    ) -> Result<Commit, Error> {
        let (before, after, kind) = match patch.undo {
            true => (Event::PreRevert, Event::PostRevert, "revert"),
            false => (Event::PreCherryPick, Event::PostCherryPick, "cherry_pick"),
        };
        let turn = self.turn(actor, repository, branch).await;
        let purpose = Purpose { force: new.force, commits: false, writes: false };
        for _ in 0..TRIES {
            let mut prepared = self.prepare(actor, repository, branch, purpose).await?;
            // Only now: the reference may be relative to the branch.
            let view = self.view(actor, repository, patch.reference).await?;
            view.need_commit(patch.reference)?;
            let parent = patch.parent_of(&view.commit)?;
            prepared.sources.push(view.commit.id);
            prepared.sources.extend(parent);
            let (from, undo, allow_empty) = (prepared.clone(), patch.undo, new.allow_empty);
            let root = self
                .blocking(move |stage, handle| {
                    clean(stage, handle, &from)?;
                    let commits = Commits { stage, handle, view: &view };
                    let before = match parent {
                        Some(parent) => commits.get(&parent)?.root,
                        None => tree::empty(),
                    };
                    let after = view.commit.root;
                    let (base, theirs) = if undo { (after, before) } else { (before, after) };
                    let sides = Sides { base, ours: from.head.root, theirs };
                    let root = three_way(stage, handle, &sides, Strategy::None)?;
                    let empty = if undo { root == from.head.root } else { base == theirs };
                    if empty && !allow_empty { Err(Error::NoChanges) } else { Ok(root) }
                })
                .await?;
            let commit = self.child(actor, &prepared, &new, root);
            let commit = self.gated(actor, &prepared, commit, before, branch).await?;
            if self.advance(actor, &prepared, &commit, kind).await? {
                drop(turn);
                self.tell_hooks(actor, Hooked::commit(after, &prepared, &commit, branch)).await;
                return Ok(commit);
            }
        }
        Err(Error::Busy(branch.to_owned()))
    }
}

struct Patch<'a> {
    reference: &'a str,
    /// From 1.
    parent: Option<usize>,
    undo: bool,
}

impl Patch<'_> {
    /// The parent to compare with; none of a first commit.
    fn parent_of(&self, commit: &Commit) -> Result<Option<Digest>, Error> {
        let bad = |what| Error::BadParent { commit: commit.id.hex(), parents: commit.parents.len(), what };
        match self.parent {
            None if commit.parents.len() > 1 => Err(bad("one of them must be named")),
            None => Ok(commit.parents.first().copied()),
            Some(0) => Err(bad("they are counted from 1")),
            Some(number) => match commit.parents.get(number - 1) {
                Some(parent) => Ok(Some(*parent)),
                None => Err(bad("it has no such parent")),
            },
        }
    }
}

/// Errors: `DirtyBranch`. Blocking.
pub(crate) fn clean(stage: &Repositories, handle: &Handle, from: &Prepared) -> Result<(), Error> {
    if is_dirty(stage, handle, from)? { Err(Error::DirtyBranch(from.name.clone())) } else { Ok(()) }
}

/// Roots of a three-way merge.
pub(crate) struct Sides {
    pub base: Digest,
    pub ours: Digest,
    pub theirs: Digest,
}

/// Ours with what theirs changed since the base; its nodes are kept. Blocking.
pub(crate) fn three_way(
    stage: &Repositories,
    handle: &Handle,
    sides: &Sides,
    strategy: Strategy,
) -> Result<Digest, Error> {
    if sides.theirs == sides.base || sides.theirs == sides.ours {
        return Ok(sides.ours);
    }
    if sides.ours == sides.base {
        return Ok(sides.theirs);
    }
    let mut changes = Changes::new(stage, handle, sides.ours);
    let mut conflicts = Vec::new();
    for merge in tree::merge(stage.nodes(), &sides.base, &sides.ours, &sides.theirs)? {
        let merge = merge?;
        match Side::of(&merge)? {
            Side::Ours => {}
            Side::Theirs => changes.push((merge.key, merge.theirs))?,
            Side::Conflict => match strategy {
                Strategy::DestinationWins => {}
                Strategy::SourceWins => changes.push((merge.key, merge.theirs))?,
                Strategy::None if conflicts.len() < TOLD => {
                    conflicts.push(String::from_utf8_lossy(&merge.key).into_owned());
                }
                Strategy::None => break,
            },
        }
    }
    if conflicts.is_empty() { Ok(changes.finish()?.0) } else { Err(Error::Conflict(conflicts)) }
}

/// Which side's object a merge takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Ours,
    Theirs,
    Conflict,
}

impl Side {
    /// Objects that look the same to clients are the same.
    pub fn of(merge: &tree::Merge) -> Result<Self, Error> {
        let object = |item: &Option<tree::Item>| item.as_ref().map(|i| Object::decode(&i.value)).transpose();
        let (base, ours, theirs) = (object(&merge.base)?, object(&merge.ours)?, object(&merge.theirs)?);
        Ok(if !differs(theirs.as_ref(), base.as_ref()) || !differs(theirs.as_ref(), ours.as_ref()) {
            Self::Ours
        } else if !differs(ours.as_ref(), base.as_ref()) {
            Self::Theirs
        } else {
            Self::Conflict
        })
    }
}
