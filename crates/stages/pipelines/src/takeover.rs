//! What becomes of the attempts of a server that has fallen silent, and of those that were taken away from this one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ledger::Tx;
use serde_json::json;
use types::{Uid, WorkspaceId, io};

use crate::engine::system;
use crate::error::blocking;
use crate::executors::is_remote;
use crate::finish::{end_tracking_run, lose};
use crate::servers::Server;
use crate::{Engine, Error, StepRun, StepState, advance, engine, shim, store};

impl Engine {
    /// Attempts that this server reaches go on under it; the others are lost, and follow by new ones.
    pub(crate) async fn take_over(&self, silent: &Server) -> Result<(), Error> {
        let owner = silent.uid.clone();
        let left =
            self.0.ledger.read(WorkspaceId::DEFAULT, move |rx| store::servers::left(rx, &owner)).await?;
        if !left.is_empty() {
            tracing::warn!(
                server = silent.uid,
                url = silent.url,
                tasks = left.len(),
                "a server has fallen silent; taking over"
            );
        }
        for (workspace, task) in left {
            self.take_task(silent, workspace, task).await?;
        }
        Ok(())
    }

    async fn take_task(&self, silent: &Server, workspace: WorkspaceId, task: Uid) -> Result<(), Error> {
        let actor = system(workspace);
        let read = move |rx: &mut ledger::Rx<'_>| {
            let Some(step) = store::steps::find(rx, task)? else { return Ok(None) };
            let disk = match &step.disk {
                Some(disk) => store::servers::find(rx, disk)?,
                None => None,
            };
            Ok::<_, ledger::Error>(Some((step, disk)))
        };
        let Some((step, disk)) = self.0.ledger.read(workspace, read).await? else { return Ok(()) };
        if step.state != StepState::Running || step.server.as_deref() != Some(&silent.uid) {
            return Ok(());
        }
        let disk = if step.disk.is_some() { disk } else { Some(silent.clone()) };
        let reached = disk.and_then(|disk| Some((self.0.membership.reach(&disk)?, disk.uid)));
        let (own, from, beat) = (self.0.membership.own.uid.clone(), silent.uid.clone(), silent.beat);
        let Some((root, disk)) = reached else {
            let (name, url) = (step.name.clone(), silent.url.clone());
            let why = format!(
                "lost: the server that ran attempt {} ({url}) has fallen silent, and what it holds cannot be reached",
                step.attempt
            );
            tracing::warn!(step_run = %task, step = name, "an attempt is lost with its server");
            let (fence, run) = (step.fence(), step.run);
            let failed = StepRun { state: StepState::Failed, ..step.clone() };
            let lost = move |tx: &mut Tx<'_>| {
                if store::servers::is_silent(tx, &from, beat)? && lose(tx, run, fence, &why)? {
                    end_tracking_run(tx, &failed, &BTreeMap::new())?;
                }
                Ok::<_, Error>(())
            };
            return self.0.ledger.write(&actor, lost).await;
        };
        let dir = engine::attempt_dir(&root, step.run, task, &step.name, step.attempt);
        // What was not begun begins here.
        let begun = !shim::untouched(&dir) || is_remote(&dir);
        let disk = (begun && disk != own).then_some(disk);
        let take = move |tx: &mut Tx<'_>| {
            advance::lock(tx, step.run)?;
            if !store::servers::is_silent(tx, &from, beat)?
                || !store::servers::take(tx, task, step.token, &own, disk.as_deref())?
            {
                return Ok(());
            }
            let payload = json!({
                "step_run": task, "run": step.run, "step": step.name, "attempt": step.attempt, "from": from, "by": own,
            });
            tx.event("step.taken_over", &format!("step_run:{task}"), payload).map_err(Error::from)
        };
        self.0.ledger.write(&actor, take).await
    }

    /// Ends what runs on this disk though it was given to another server, or to nobody.
    pub(crate) async fn sweep(&self) -> Result<(), Error> {
        let root = self.0.config.attempts();
        let alive = blocking(move || Ok(living(&root))).await?;
        if alive.is_empty() {
            return Ok(());
        }
        let tasks: Vec<Uid> = alive.keys().map(|(task, _)| *task).collect();
        let running = self
            .0
            .ledger
            .read(WorkspaceId::DEFAULT, move |rx| store::servers::where_running(rx, &tasks))
            .await?;
        for ((task, attempt), dir) in alive {
            let is_ours = running
                .get(&task)
                .is_some_and(|(now, place)| *now == attempt && *place == self.0.membership.own.uid);
            if !is_ours && !dir.join(shim::CANCEL).exists() {
                tracing::warn!(step_run = %task, attempt, "ending an attempt that is not this server's any more");
                io::write(dir.join(shim::CANCEL), "")?;
            }
        }
        Ok(())
    }
}

/// Attempts that a shim attends to at this moment. Blocks.
fn living(root: &Path) -> BTreeMap<(Uid, i64), PathBuf> {
    let below = |dir: &Path| -> Vec<PathBuf> {
        std::fs::read_dir(dir)
            .map(|entries| entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect())
            .unwrap_or_default()
    };
    let named = |path: &Path| path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    let mut found = BTreeMap::new();
    for task in below(root).iter().flat_map(|run| below(run)) {
        let Some(uid) = named(&task).and_then(|name| name.parse::<Uid>().ok()) else { continue };
        for dir in below(&task) {
            let Some(attempt) = named(&dir).and_then(|name| name.parse().ok()) else { continue };
            if dir.join(shim::TASK).exists() && shim::is_alive(&dir) {
                found.insert((uid, attempt), dir);
            }
        }
    }
    found
}
