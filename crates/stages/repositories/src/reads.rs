//! Who read what: edges from runs and steps to the commits that they read and to the content of the folders.
//!
//! Reads never wait for these edges: they are gathered in memory, each once, and kept by a task beside. Where no task
//! runs, as at the stop of the server, whoever notes a read keeps it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use serde_json::json;
use tasks::CancellationToken;
use tokio::sync::Notify;
use types::{Actor, Digest, Reader, Uid, WorkspaceId};

use crate::store::layers;
use crate::view::{View, view};
use crate::{Error, GateError, Repositories};

/// Folders of a commit that are told apart for one reader; then it has read the whole commit.
const MOST_FOLDERS: usize = 100;
/// Readers and commits that are remembered; all are forgotten when there are more, and edges are then said again.
const MOST_KNOWN: usize = 10_000;
/// How long reads are gathered.
const GATHER: Duration = Duration::from_millis(200);

/// Where an object or a folder was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    repository: Uid,
    name: String,
    /// None of a candidate, which is no commit yet.
    commit: Option<Digest>,
    /// None of what is only staged, whose content has no digest yet.
    root: Option<Digest>,
    /// Empty, or ends with `/`.
    folder: String,
}

impl Seen {
    pub(crate) fn of(view: &View, path: &str, is_staged: bool) -> Self {
        let is_candidate = view.root != view.commit.root;
        Self {
            repository: view.repository.repository.uid,
            name: view.repository.repository.name.clone(),
            commit: (!is_candidate).then_some(view.commit.id),
            root: (!is_staged && !view.only_staged).then_some(view.root),
            folder: path.rfind('/').map_or_else(String::new, |at| path[..=at].to_owned()),
        }
    }
}

/// Answers whether somebody may say that they read for a run or a step.
#[async_trait::async_trait]
pub trait Readers: Send + Sync {
    async fn may_read_for(&self, actor: &Actor, reader: &Reader) -> Result<bool, GateError>;
}

#[derive(Default)]
pub(crate) struct Reads {
    waiting: Mutex<Waiting>,
    wake: Notify,
    readers: RwLock<Option<Arc<dyn Readers>>>,
}

#[derive(Default)]
struct Waiting {
    known: HashMap<(WorkspaceId, Reader, Option<Digest>, Option<Digest>), Known>,
    queue: Vec<Noted>,
    /// Whether a task keeps what is in the queue.
    is_followed: bool,
}

#[derive(Default)]
struct Known {
    folders: HashSet<String>,
    is_whole: bool,
}

#[derive(Clone, Debug)]
struct Noted {
    actor: Actor,
    reader: Reader,
    seen: Seen,
}

impl Waiting {
    /// Whether it is new.
    fn add(&mut self, actor: &Actor, reader: &Reader, mut seen: Seen) -> bool {
        if self.known.len() >= MOST_KNOWN {
            self.known.clear();
        }
        let known = self.known.entry((actor.workspace, *reader, seen.commit, seen.root)).or_default();
        if known.is_whole || known.folders.contains(&seen.folder) {
            return false;
        }
        if known.folders.len() >= MOST_FOLDERS {
            seen.folder.clear();
        }
        known.is_whole = seen.folder.is_empty() && known.folders.len() >= MOST_FOLDERS;
        known.folders.insert(seen.folder.clone());
        self.queue.push(Noted { actor: actor.clone(), reader: *reader, seen });
        true
    }
}

impl Reads {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says that nobody follows any more, however the task ends.
struct Following<'a>(&'a Reads);

impl Drop for Following<'_> {
    fn drop(&mut self) {
        self.0.waiting().is_followed = false;
    }
}

impl Repositories {
    /// From now on, asks this about every reader. Without, everybody may read for every run that there is.
    pub fn set_readers(&self, readers: Arc<dyn Readers>) {
        *self.0.reads.readers.write().unwrap_or_else(PoisonError::into_inner) = Some(readers);
    }

    /// Notes that something was read: the graph gets `run read commit` and `run used data`. Readers that there are
    /// not, and those that the actor may not speak for, leave nothing.
    pub async fn note_read(&self, actor: &Actor, reader: &Reader, seen: Seen) {
        let is_followed = {
            let mut waiting = self.0.reads.waiting();
            if !waiting.add(actor, reader, seen) {
                return;
            }
            waiting.is_followed
        };
        if is_followed {
            self.0.reads.wake.notify_one();
        } else {
            self.keep_reads().await;
        }
    }

    /// What [`Repositories::note_read`] needs to know of a folder: empty for the whole ref, or ends with `/`. If anything
    /// in it is staged, all of it counts as staged. Errors: `RepositoryNotFound`, `RefNotFound`.
    pub async fn see(
        &self,
        actor: &Actor,
        repository: &str,
        reference: &str,
        folder: &str,
    ) -> Result<Seen, Error> {
        let (name, reference, folder) = (repository.to_owned(), reference.to_owned(), folder.to_owned());
        self.ledger()
            .read(actor.workspace, move |rx| {
                let view = view(rx, &name, &reference)?;
                let (prefix, mut is_staged) = (folder.as_bytes(), false);
                for layer in &view.layers {
                    is_staged = is_staged || !layers::scan(rx, *layer, prefix, prefix, 1)?.is_empty();
                }
                Ok(Seen::of(&view, &folder, is_staged))
            })
            .await
    }

    /// As [`Repositories::note_read`], of a folder or an object at `path`, as it is committed; the empty path is the
    /// whole commit. Errors: `RepositoryNotFound`, `RefNotFound`.
    pub async fn note_read_of(
        &self,
        actor: &Actor,
        reader: &Reader,
        repository: &str,
        reference: &str,
        path: &str,
    ) -> Result<(), Error> {
        let view = self.view(actor, repository, reference).await?;
        self.note_read(actor, reader, Seen::of(&view, path, false)).await;
        Ok(())
    }

    /// Keeps what is read until the stop, and what was noted before it.
    pub async fn follow_reads(self, stop: CancellationToken) {
        let following = Following(&self.0.reads);
        self.0.reads.waiting().is_followed = true;
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.0.reads.wake.notified() => {}
            }
            // A data loader opens many folders one after the other.
            let _ = tokio::time::timeout(GATHER, stop.cancelled()).await;
            self.keep_reads().await;
        }
        drop(following);
        self.keep_reads().await;
    }

    /// Keeps what waits.
    async fn keep_reads(&self) {
        let queue = std::mem::take(&mut self.0.reads.waiting().queue);
        let mut groups: Vec<(Noted, Vec<String>)> = Vec::new();
        for noted in queue {
            let same = |(first, _): &&mut (Noted, Vec<String>)| {
                let (a, b) = (&first.seen, &noted.seen);
                first.reader == noted.reader
                    && first.actor == noted.actor
                    && (a.repository, a.commit, a.root) == (b.repository, b.commit, b.root)
            };
            match groups.iter_mut().find(same) {
                Some((_, folders)) => folders.push(noted.seen.folder),
                None => groups.push((noted.clone(), vec![noted.seen.folder])),
            }
        }
        for (noted, folders) in groups {
            let (reader, key) = (noted.reader, (noted.actor.workspace, noted.reader));
            let (commit, root) = (noted.seen.commit, noted.seen.root);
            if let Err(error) = self.keep_read(noted, folders).await {
                tracing::error!(%error, %reader, "what a run read is not kept");
                self.0.reads.waiting().known.remove(&(key.0, key.1, commit, root));
            }
        }
    }

    async fn keep_read(&self, noted: Noted, folders: Vec<String>) -> Result<(), Error> {
        let Noted { actor, reader, seen } = noted;
        let readers = self.0.reads.readers.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(readers) = readers {
            let may = readers.may_read_for(&actor, &reader).await;
            if !may.map_err(|error| Error::Stopped(error.to_string()))? {
                tracing::warn!(%actor, %reader, "whoever reads may not speak for that run");
                return Ok(());
            }
        }
        let data: Vec<(String, Digest)> = match seen.root {
            None => Vec::new(),
            Some(root) => {
                let digests = move |stage: &Self, _: &_| {
                    let one = |folder: String| {
                        let digest = tree::digest(stage.nodes(), &root, folder.as_bytes())?;
                        Ok((folder, digest))
                    };
                    folders.into_iter().map(one).collect::<Result<_, Error>>()
                };
                self.blocking(digests).await?
            }
        };
        self.ledger()
            .write(&actor, move |tx| {
                let (kind, key) = reader.node();
                let Some(from) = tx.find_node(kind, &key)? else { return Ok(()) };
                if let Some(commit) = &seen.commit {
                    let commit = tx.node("commit", &commit.hex(), json!({}))?;
                    tx.edge(from, "read", commit)?;
                }
                for (folder, digest) in &data {
                    let props =
                        json!({ "repository": seen.repository, "name": seen.name, "folder": folder, "commit": seen.commit });
                    let data = tx.node("data", &digest.to_string(), props)?;
                    tx.edge(from, "used", data)?;
                }
                let data: Vec<_> =
                    data.iter().map(|(folder, digest)| json!({ "folder": folder, "digest": digest })).collect();
                let payload = json!({
                    "repository": seen.repository,
                    "commit": seen.commit.map(|commit| commit.hex()),
                    "reader": { "kind": kind, "key": key },
                    "data": data,
                });
                Ok::<_, Error>(tx.event("data.read", &format!("{kind}:{key}"), payload)?)
            })
            .await
    }
}
