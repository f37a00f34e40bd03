//! Garbage collection, in the server and beside its work.
//!
//! A pass marks what is reached from the commits that are kept, from what is staged, from parts of uploads and from
//! gates' candidates, and condemns what is neither marked nor new. What an earlier pass condemned, at least `grace`
//! ago, and this one finds unneeded too, is removed. So a pass may be stopped anywhere and run again, and whatever is
//! under way during a pass (an upload that nothing points to yet, a commit that builds on a head) has `grace` to finish.
//! Anything that makes a path point to old bytes makes them new first, and nothing can stand at a released commit.
//!
//! The store is the stage's own, so no other stage's objects can be met; imported objects are not in it.

mod fresh;
mod mark;
mod plan;
mod schedule;
mod sweep;
#[cfg(test)]
mod tests;

use std::time::Duration;

use ledger::Tx;
use serde_json::json;
use tasks::CancellationToken;
use types::{Actor, Digest, WorkspaceId};

use crate::store::{self, gc as rows};
use crate::{Error, Physical, Received, Repositories};

pub(crate) use fresh::Fresh;
use mark::Marks;
pub(crate) use plan::{History, Known};
use plan::{Plan, plan};
use sweep::Times;

/// What one pass did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Collected {
    /// Commits that nothing came from and retention did not keep.
    pub commits: u64,
    /// Nodes of indexes that were removed.
    pub nodes: u64,
    /// Blobs that were removed.
    pub blobs: u64,
    /// Bytes of these blobs.
    pub bytes: u64,
    /// Blobs that a later pass removes if nothing needs them then.
    pub condemned: u64,
}

/// How long things are left alone that nothing needs.
pub const GRACE: Duration = Duration::from_secs(24 * 3600);
/// Rows that are read at once.
const PAGE: usize = 5_000;
/// One pass at a time, on all servers.
const LEASE: &str = "repositories.gc";
const LEASE_TIME: Duration = Duration::from_secs(900);

impl Repositories {
    /// One pass. `None` if another server is at it. With objects in an object store, `grace` is two hours at least.
    ///
    /// Errors: if anything that is kept cannot be read; nothing is removed then.
    pub async fn collect_garbage(&self, grace: Duration) -> Result<Option<Collected>, Error> {
        self.alone(&CancellationToken::new(), self.pass(grace)).await
    }

    /// Does what only one server may do at a time. `None` if another one is at it. Errors: `Stopped`, also at the stop.
    async fn alone<T>(
        &self,
        stop: &CancellationToken,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<Option<T>, Error> {
        let holder = types::new_id(self.ledger().clock().now()).hex();
        if self.ledger().lease(LEASE, &holder, LEASE_TIME).await?.is_none() {
            return Ok(None);
        }
        let done = tokio::select! {
            done = work => done,
            lost = self.hold_lease(&holder) => Err(lost),
            () = stop.cancelled() => Err(Error::Stopped("the server stops".into())),
        };
        // The next pass need not wait for it to run out.
        self.ledger().lease(LEASE, &holder, Duration::ZERO).await?;
        done.map(Some)
    }

    /// Renews the lease for as long as that goes well; why it did not.
    async fn hold_lease(&self, holder: &str) -> Error {
        loop {
            tokio::time::sleep(LEASE_TIME / 4).await;
            match self.ledger().lease(LEASE, holder, LEASE_TIME).await {
                Ok(Some(_)) => {}
                Ok(None) => return Error::Stopped("another server collects garbage".into()),
                Err(error) => return error.into(),
            }
        }
    }

    async fn pass(&self, grace: Duration) -> Result<Collected, Error> {
        let now = self.ledger().clock().now();
        let grace = i64::try_from(grace.as_secs()).unwrap_or(i64::MAX / 2_000_000);
        let times = Times { now, until: now.plus_seconds(-grace) };
        let mut collected = Collected::default();
        // Marking is on threads of its own: it ends with the pass, whatever ends that.
        let going = CancellationToken::new();
        let mut marks = Marks::new(going.clone())?;
        let _ends = going.drop_guard();
        let workspaces = self.ledger().read(WorkspaceId::DEFAULT, rows::workspaces).await?;
        // What is staged becomes part of a commit, never the other way round: it is looked at first.
        for workspace in &workspaces {
            self.mark_rows(*workspace, &mut marks).await?;
        }
        let (mut kept, mut told) = (Vec::new(), Vec::new());
        for workspace in &workspaces {
            for history in self.ledger().read(*workspace, rows::histories).await? {
                let plan = plan(&history.1, times.now, times.until);
                collected.commits += self.settle(*workspace, history.0, &plan).await?;
                kept.extend(plan.kept);
                told.extend(plan.told);
            }
        }
        marks = self
            .blocking(move |stage, _| {
                kept.iter().try_for_each(|root| marks.tree(stage.nodes(), root))?;
                told.iter().try_for_each(|root| marks.nodes_of(stage.nodes(), root))?;
                Ok(marks)
            })
            .await?;
        for first in 0..=255 {
            self.sweep_nodes(&marks.nodes, first, times, &mut collected).await?;
        }
        for first in 0..=255 {
            self.sweep_blobs(&mut marks, first, times, &mut collected).await?;
        }
        self.tell(collected).await?;
        Ok(collected)
    }

    /// Writes down that a pass ended; an event says what it did, if it did anything.
    async fn tell(&self, collected: Collected) -> Result<(), Error> {
        tracing::info!(?collected, "garbage was collected");
        let actor = Actor::system("repositories");
        if collected == Collected::default() {
            return Ok(self.ledger().record(&actor, |tx| rows::passed(tx)).await?);
        }
        self.ledger()
            .write(&actor, move |tx| {
                rows::passed(tx)?;
                tx.event("garbage.collected", "store:repositories", json!(collected))
            })
            .await?;
        Ok(())
    }

    /// Marks what rows point to: staged objects, parts of uploads, bodies that links took.
    async fn mark_rows(&self, workspace: WorkspaceId, marks: &mut Marks) -> Result<(), Error> {
        let links: Vec<Received> = self.ledger().read(workspace, rows::links).await?;
        for received in links {
            received.physical.blobs().iter().try_for_each(|blob| marks.blob(blob))?;
        }
        let mut after = (String::new(), -1);
        loop {
            let from = after.clone();
            let parts = self.ledger().read(workspace, move |rx| rows::parts(rx, &from, PAGE)).await?;
            for (upload, number, digest) in &parts {
                marks.blob(digest)?;
                after = (upload.clone(), *number);
            }
            if parts.len() < PAGE {
                break;
            }
        }
        let mut after = (0, Vec::new());
        loop {
            let from = after.clone();
            let staged = self.ledger().read(workspace, move |rx| rows::staged(rx, &from, PAGE)).await?;
            for (layer, path, object) in &staged {
                if let Some(bytes) = object {
                    crate::Object::decode(bytes)?.blobs().iter().try_for_each(|blob| marks.blob(blob))?;
                }
                after = (*layer, path.clone());
            }
            if staged.len() < PAGE {
                return Ok(());
            }
        }
    }

    /// Writes down which commits expired, and removes those that were released. How many were removed.
    async fn settle(&self, workspace: WorkspaceId, repository: i64, plan: &Plan) -> Result<u64, Error> {
        let actor = Actor { workspace, ..Actor::system("repositories") };
        if !plan.expired.is_empty() || !plan.returned.is_empty() {
            let (expired, returned) = (plan.expired.clone(), plan.returned.clone());
            self.ledger()
                .record(&actor, move |tx| {
                    rows::expire(tx, repository, &expired)?;
                    rows::unexpire(tx, repository, &returned)
                })
                .await?;
        }
        let mut removed = 0;
        for ids in plan.removed.chunks(500).map(<[Digest]>::to_vec) {
            removed += self
                .ledger()
                .write(&actor, move |tx| {
                    let Some(uid) = rows::uid(tx, repository)? else { return Ok::<_, Error>(0) };
                    let count = rows::remove_commits(tx, repository, &ids)?;
                    if count > 0 {
                        let hex: Vec<String> = ids.iter().map(Digest::hex).collect();
                        let payload = json!({ "repository": uid, "commits": hex });
                        tx.event("commit.expired", &format!("repository:{uid}"), payload)?;
                    }
                    Ok(count)
                })
                .await?;
        }
        Ok(removed)
    }
}

/// Nothing may come to stand at a commit whose objects may be removed, nor take objects from it. Part of every change
/// that makes a ref or a commit. Errors: `Expired`, `RefNotFound`.
pub(crate) fn need_retained(tx: &mut Tx<'_>, repository: i64, commits: &[Digest]) -> Result<(), Error> {
    for commit in commits {
        store::commits::get(tx, repository, commit)?;
        if rows::is_expired(tx, repository, commit)? {
            return Err(Error::Expired(commit.hex()));
        }
    }
    Ok(())
}

impl Physical {
    /// The blobs that its bytes are in; none where they are not ours.
    pub(crate) fn blobs(&self) -> Vec<Digest> {
        match self {
            Self::Blob(digest) => vec![*digest],
            Self::Slice { blob, .. } => vec![*blob],
            Self::Parts(parts) => parts.iter().map(|(digest, _)| *digest).collect(),
            Self::External(_) => Vec::new(),
        }
    }
}
