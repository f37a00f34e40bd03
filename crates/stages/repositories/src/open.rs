use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, Weak};

use blobs::Blobs;
use ledger::Ledger;
use tokio::runtime::Handle;
use types::{Actor, Digest, WorkspaceId};

use crate::actions::Known;
use crate::gate::Gates;
use crate::nodes::Nodes;
use crate::{Commit, Error, FailPoint};

/// How the stage may reach outside.
#[derive(Clone, Default)]
pub struct Options {
    /// Directories that `local://` and `file://` addresses may lie in; empty: none are read.
    pub local_roots: Vec<PathBuf>,
    /// For webhooks; without, none are called.
    pub outbound: Option<outbound::Client>,
    /// For imports, which go on beside.
    pub tasks: tasks::Supervisor,
    /// About how many bytes of decoded nodes are held in memory; `None`: 256 MiB.
    pub node_memory: Option<usize>,
    /// Where tests stop the work.
    pub fail: FailPoint,
}

/// The stage: its ledger, its objects, the nodes of its trees, and a queue a branch. Cheap to clone.
#[derive(Clone)]
pub struct Repositories(pub(crate) Arc<Inner>);

/// The stage, for what it holds itself, such as gates. It does not keep it alive.
#[derive(Clone)]
pub struct WeakRepositories(Weak<Inner>);

impl WeakRepositories {
    /// Nothing once the server has let go of the stage.
    pub fn upgrade(&self) -> Option<Repositories> {
        self.0.upgrade().map(Repositories)
    }
}

pub(crate) struct Inner {
    pub ledger: Ledger,
    pub blobs: Blobs,
    pub nodes: Nodes,
    pub options: Options,
    pub gates: Gates,
    pub actions: Known,
    pub reads: crate::reads::Reads,
    queues: std::sync::Mutex<HashMap<(WorkspaceId, String), Queue>>,
    commits: std::sync::Mutex<HashMap<(WorkspaceId, i64, Digest), Arc<Commit>>>,
    pub small: crate::small::Packer,
    pub fresh: crate::gc::Fresh,
}

/// Commits and merges of one branch, one after the other.
type Queue = Arc<tokio::sync::Mutex<()>>;

/// Commits in memory; all are let go when there are more.
const CACHED_COMMITS: usize = 20_000;

impl Repositories {
    /// `blobs` is this stage's own store: garbage collection removes from it what no repository needs.
    pub fn open(ledger: Ledger, blobs: Blobs, options: Options) -> Self {
        let nodes = Nodes::open(ledger.clone(), blobs.clone(), options.node_memory.unwrap_or(256 << 20));
        Self(Arc::new(Inner {
            ledger,
            blobs,
            nodes,
            options,
            gates: Gates::default(),
            actions: Known::default(),
            reads: crate::reads::Reads::default(),
            queues: std::sync::Mutex::default(),
            commits: std::sync::Mutex::default(),
            small: crate::small::Packer::default(),
            fresh: crate::gc::Fresh::default(),
        }))
    }

    pub fn ledger(&self) -> &Ledger {
        &self.0.ledger
    }

    pub fn weak(&self) -> WeakRepositories {
        WeakRepositories(Arc::downgrade(&self.0))
    }

    pub fn blobs(&self) -> &Blobs {
        &self.0.blobs
    }

    pub(crate) fn nodes(&self) -> &Nodes {
        &self.0.nodes
    }

    /// Waits for its turn with a branch. Those who wait get it in the order in which they came.
    pub(crate) async fn turn(
        &self,
        actor: &Actor,
        repository: &str,
        branch: &str,
    ) -> tokio::sync::OwnedMutexGuard<()> {
        let queue = {
            let mut queues = self.0.queues.lock().unwrap_or_else(PoisonError::into_inner);
            if queues.len() > 1_000 {
                queues.retain(|_, queue| Arc::strong_count(queue) > 1);
            }
            Arc::clone(queues.entry((actor.workspace, format!("{repository}/{branch}"))).or_default())
        };
        queue.lock_owned().await
    }

    /// Runs tree work off the async threads. Inside, `Handle::block_on` may be used.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self, &Handle) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (this, handle) = (self.clone(), Handle::current());
        match tokio::task::spawn_blocking(move || work(&this, &handle)).await {
            Ok(result) => result,
            Err(join) => Err(Error::Stopped(join.to_string())),
        }
    }

    pub(crate) fn known_commit(
        &self,
        workspace: WorkspaceId,
        repository: i64,
        id: &Digest,
    ) -> Option<Arc<Commit>> {
        let commits = self.0.commits.lock().unwrap_or_else(PoisonError::into_inner);
        commits.get(&(workspace, repository, *id)).cloned()
    }

    /// Commits never change, so they may be kept.
    pub(crate) fn remember_commit(
        &self,
        workspace: WorkspaceId,
        repository: i64,
        commit: Commit,
    ) -> Arc<Commit> {
        let commit = Arc::new(commit);
        let mut commits = self.0.commits.lock().unwrap_or_else(PoisonError::into_inner);
        if commits.len() >= CACHED_COMMITS {
            commits.clear();
        }
        commits.insert((workspace, repository, commit.id), Arc::clone(&commit));
        commit
    }
}
