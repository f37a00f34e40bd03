//! Commits that are there: one, the log of a ref, and where two histories met last.

use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::Arc;

use tokio::runtime::Handle;
use types::{Actor, Digest, Timestamp};

use crate::commit::differs;
use crate::store;
use crate::view::View;
use crate::{Commit, Error, Object, Page, Repositories};

#[derive(Clone, Debug, Default)]
pub struct LogOptions {
    /// Only commits that changed one of these paths (ending in `/`: prefixes). Merges are left out then.
    pub paths: Vec<String>,
    pub first_parent: bool,
    /// Only commits from then on.
    pub since: Option<Timestamp>,
    /// A ref: the log ends with its commit.
    pub stop_at: Option<String>,
    /// Exclusive: a commit's hexadecimal id.
    pub after: String,
    pub limit: usize,
}

/// Reads commits of one repository. Blocking.
pub(crate) struct Commits<'a> {
    pub stage: &'a Repositories,
    pub handle: &'a Handle,
    pub view: &'a View,
}

impl Commits<'_> {
    pub fn get(&self, id: &Digest) -> Result<Arc<Commit>, Error> {
        let (workspace, repository) = (self.view.workspace, self.view.repository.id);
        if let Some(known) = self.stage.known_commit(workspace, repository, id) {
            return Ok(known);
        }
        let id = *id;
        let read = self.stage.ledger().read(workspace, move |rx| store::commits::get(rx, repository, &id));
        let commit = self.handle.block_on(read)?;
        Ok(self.stage.remember_commit(workspace, repository, commit))
    }

    /// The best common ancestor: of all, one with the highest generation, which no other descends from.
    pub fn merge_base(&self, left: &Digest, right: &Digest) -> Result<Option<Arc<Commit>>, Error> {
        const LEFT: u8 = 1;
        const RIGHT: u8 = 2;
        let mut reached: HashMap<Digest, u8> = HashMap::new();
        let mut queue = BinaryHeap::new();
        for (id, side) in [(left, LEFT), (right, RIGHT)] {
            let flags = reached.entry(*id).or_default();
            if *flags == 0 {
                queue.push((self.get(id)?.generation, *id));
            }
            *flags |= side;
        }
        // All children of a commit have a higher generation, so its flags are whole when its turn comes.
        while let Some((_, id)) = queue.pop() {
            let flags = reached.get(&id).copied().unwrap_or_default();
            let commit = self.get(&id)?;
            if flags == LEFT | RIGHT {
                return Ok(Some(commit));
            }
            for parent in &commit.parents {
                let seen = reached.entry(*parent).or_default();
                if *seen == 0 {
                    queue.push((self.get(parent)?.generation, *parent));
                }
                *seen |= flags;
            }
        }
        Ok(None)
    }
}

impl Repositories {
    /// Errors: as of the ref; `BadRef` for `branch$`.
    pub async fn get_commit(
        &self,
        actor: &Actor,
        repository: &str,
        reference: &str,
    ) -> Result<Commit, Error> {
        let view = self.view(actor, repository, reference).await?;
        view.need_commit(reference)?;
        Ok(view.commit)
    }

    /// Newest first, children before parents of the same second.
    pub async fn log(
        &self,
        actor: &Actor,
        repository: &str,
        reference: &str,
        options: LogOptions,
    ) -> Result<Page<Commit>, Error> {
        let view = self.view(actor, repository, reference).await?;
        view.need_commit(reference)?;
        let stop_at = match &options.stop_at {
            Some(stop) => Some(self.get_commit(actor, repository, stop).await?.id),
            None => None,
        };
        let after = match options.after.as_str() {
            "" => None,
            after => Some(self.get_commit(actor, repository, after).await?.id),
        };
        self.blocking(move |stage, handle| {
            let commits = Commits { stage, handle, view: &view };
            walk(&commits, &options, stop_at, after)
        })
        .await
    }

    /// The best common ancestor, if there is one.
    pub async fn merge_base(
        &self,
        actor: &Actor,
        repository: &str,
        left: &str,
        right: &str,
    ) -> Result<Option<Digest>, Error> {
        let from = self.get_commit(actor, repository, right).await?.id;
        let view = self.view(actor, repository, left).await?;
        view.need_commit(left)?;
        self.blocking(move |stage, handle| {
            let commits = Commits { stage, handle, view: &view };
            Ok(commits.merge_base(&view.commit.id, &from)?.map(|commit| commit.id))
        })
        .await
    }
}

fn walk(
    commits: &Commits<'_>,
    options: &LogOptions,
    stop_at: Option<Digest>,
    mut after: Option<Digest>,
) -> Result<Page<Commit>, Error> {
    let limit = options.limit.clamp(1, crate::LONGEST_PAGE);
    let recent = |commit: &Commit| options.since.is_none_or(|since| commit.created_at >= since);
    let mut seen = HashSet::new();
    let mut queue = BinaryHeap::new();
    let mut items: Vec<Commit> = Vec::new();
    let start = commits.get(&commits.view.commit.id)?;
    seen.insert(start.id);
    if recent(&start) {
        queue.push((start.created_at, start.generation, start.id));
    }
    while let Some((_, _, id)) = queue.pop() {
        let commit = commits.get(&id)?;
        let followed = if options.first_parent { 1 } else { usize::MAX };
        for parent in commit.parents.iter().take(followed) {
            if seen.insert(*parent) {
                let parent = commits.get(parent)?;
                if recent(&parent) {
                    queue.push((parent.created_at, parent.generation, parent.id));
                }
            }
        }
        if after.is_some() {
            if after == Some(id) {
                after = None;
            }
        } else if options.paths.is_empty() || touches(commits, &commit, &options.paths)? {
            if items.len() == limit {
                let next = items.last().map(|commit| commit.id.hex());
                return Ok(Page { items, next });
            }
            items.push((*commit).clone());
        }
        if stop_at == Some(id) {
            break;
        }
    }
    Ok(Page { items, next: None })
}

/// Whether a commit of one parent changed one of the paths.
fn touches(commits: &Commits<'_>, commit: &Commit, paths: &[String]) -> Result<bool, Error> {
    let [parent] = commit.parents.as_slice() else { return Ok(false) };
    let (stage, before) = (commits.stage, commits.get(parent)?);
    for path in paths {
        let key = path.as_bytes();
        if path.ends_with('/') {
            for change in tree::diff(stage.nodes(), &before.root, &commit.root, key, key)? {
                let change = change?;
                let object = |item: Option<tree::Item>| item.map(|i| Object::decode(&i.value)).transpose();
                if differs(object(change.left)?.as_ref(), object(change.right)?.as_ref()) {
                    return Ok(true);
                }
            }
        } else {
            let (left, right) = (stage.tree_get(&before.root, key)?, stage.tree_get(&commit.root, key)?);
            if differs(left.as_ref(), right.as_ref()) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
