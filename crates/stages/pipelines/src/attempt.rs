//! One attempt of a task, from its claim to the state that it ends in. Every file of it lies in the attempt's
//! directory, so that an engine that starts later finds out where it stands.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use types::{Actor, Class, Fault as _, Uid, WorkspaceId};

use crate::compiled::Compiled;
use crate::config::ATTEMPTS;
use crate::engine::{attempt_dir, system};
use crate::error::{blocking, told};
use crate::prepare::Prepared;
use crate::shim;
use crate::store::tree;
use crate::{Datum, Engine, Error, PipelineRun, StepRun, StepState, Task, Work, store};

/// Beside the attempts of a run.
const WORKSPACE: &str = "workspace";

/// Steps that somebody attends to.
#[derive(Debug, Default)]
pub(crate) struct Active(Mutex<HashSet<Uid>>);

impl Active {
    /// False if somebody attends to it already.
    pub fn enter(&self, step: Uid) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(step)
    }

    pub fn leave(&self, step: Uid) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&step);
    }

    pub fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// What an attempt is about.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub run: PipelineRun,
    pub step: StepRun,
    pub task: Task,
    pub work: Work,
    /// With what an iteration shares with its loop; addresses are durable.
    pub inputs: BTreeMap<String, Datum>,
    pub dir: PathBuf,
    /// Shared by the run.
    pub workspace: PathBuf,
    /// See [`crate::resource_name`].
    pub resource_name: String,
    /// It was started again on request: what a cache knows is not wanted.
    pub anew: bool,
    /// Of this server's lease when the attempt was read.
    pub generation: Option<u64>,
}

impl Engine {
    /// Attends to a running step until it has ended, then to one that was taken in its place, and so on.
    pub(crate) async fn drive(&self, active: Arc<Active>, workspace: WorkspaceId, step: Uid) {
        let actor = system(workspace);
        let mut next = Some(step);
        while let Some(step) = next.take() {
            let taken = self.attend_or_tell(&actor, step).await;
            active.leave(step);
            next = taken.filter(|taken| active.enter(*taken));
        }
    }

    /// Trouble of the server itself (its database, a full disk) leaves the step as it is, for the next look.
    async fn attend_or_tell(&self, actor: &Actor, uid: Uid) -> Option<Uid> {
        let error = match self.attend(actor, uid).await {
            Ok(taken) => return taken,
            // It goes on elsewhere.
            Err(Error::Fenced(_)) => return None,
            Err(error) => error,
        };
        let passing = error.class() == Class::Unavailable
            && !matches!(error, Error::NoUv { .. } | Error::Command { .. });
        if !passing
            && !matches!(error, Error::Ledger(_))
            && let Ok(taken) = self.give_up(actor, uid, &error).await
        {
            return taken;
        }
        tracing::error!(step_run = %uid, %error, "cannot attend to a step; trying again");
        tokio::time::sleep(Duration::from_secs(1)).await;
        None
    }

    async fn give_up(&self, actor: &Actor, uid: Uid, error: &Error) -> Result<Option<Uid>, Error> {
        let Some(mut attempt) = self.find_attempt(actor, uid).await? else { return Ok(None) };
        attempt.step.state = StepState::Failed;
        attempt.step.message = Some(told(error));
        // What is wrong before the start is wrong the next time: no retry.
        self.end(actor, attempt, false, None).await
    }

    /// `None` if the step is not running.
    pub(crate) async fn find_attempt(&self, actor: &Actor, uid: Uid) -> Result<Option<Attempt>, Error> {
        let engine = self.clone();
        self.0
            .ledger
            .read(actor.workspace, move |rx| {
                let Some(step) = store::steps::find(rx, uid)? else { return Ok(None) };
                if step.state != StepState::Running {
                    return Ok(None);
                }
                let missing = || Error::RunNotFound(step.run.to_string());
                let run = store::runs::find(rx, step.run)?.ok_or_else(missing)?;
                let node = tree::find(rx, uid)?.ok_or_else(missing)?;
                let digest = run.plan.ok_or_else(missing)?;
                let plan = match engine.plan(digest) {
                    Some(plan) => plan,
                    None => {
                        let text = store::runs::plan(rx, digest)?.ok_or_else(missing)?;
                        engine.keep_plan(Compiled::read(&text)?)
                    }
                };
                let graph = tree::graph_of(rx, &node)?;
                let task = plan.task(graph.as_deref(), &node.task)?.clone();
                let work = plan.work(&task.component)?.clone();
                let inputs = match node.iteration {
                    Some(_) => tree::scope(rx, uid)?.map(|scope| scope.inputs).unwrap_or_default(),
                    None => step.inputs.clone(),
                };
                let disk = match &step.disk {
                    Some(disk) => store::servers::find(rx, disk)?,
                    None => None,
                };
                let own = || engine.0.config.attempts();
                let root = disk.map_or_else(own, |disk| PathBuf::from(disk.data_dir).join(ATTEMPTS));
                let dir = attempt_dir(&root, run.uid, uid, &step.name, step.attempt);
                let workspace = root.join(run.uid.hex()).join(WORKSPACE);
                let anew = node.attempts_before > 0;
                let resource_name = crate::resource_name(&plan.plan.name, run.uid);
                Ok(Some(Attempt {
                    run,
                    step,
                    task,
                    work,
                    inputs,
                    dir,
                    workspace,
                    resource_name,
                    anew,
                    generation: None,
                }))
            })
            .await
    }

    pub(crate) async fn cancel_requested(&self, actor: &Actor, run: Uid) -> Result<bool, Error> {
        self.0
            .ledger
            .read(actor.workspace, move |rx| {
                Ok(store::runs::head(rx, run)?.is_none_or(|head| head.cancel_requested))
            })
            .await
    }

    async fn attend(&self, actor: &Actor, uid: Uid) -> Result<Option<Uid>, Error> {
        let generation = self.0.membership.generation();
        let Some(mut attempt) = self.find_attempt(actor, uid).await? else { return Ok(None) };
        if attempt.step.server.as_deref() != Some(&self.0.membership.own.uid) {
            return Err(Error::Fenced(attempt.step.fence()));
        }
        attempt.generation = generation;
        if shim::untouched(&attempt.dir) && shim::task_of(&attempt.dir).is_none() {
            if attempt.run.cancel_requested {
                return self.end_cancelled(actor, attempt).await;
            }
            if let Prepared::Cached(cached) = self.prepare(actor, &mut attempt).await? {
                attempt.step = *cached;
                return self.end(actor, attempt, false, None).await;
            }
        }
        let executor = self.executor_of(&attempt);
        let exit = executor.run(self, actor, &attempt).await?;
        self.collect(actor, attempt, exit).await
    }

    /// Since the attempt was read, nobody can have taken it away. Errors: `NoLease` if that is not sure.
    pub(crate) fn still_ours(&self, attempt: &Attempt) -> Result<(), Error> {
        let now = self.0.membership.generation();
        if now.is_some() && now == attempt.generation { Ok(()) } else { Err(Error::NoLease) }
    }

    async fn end_cancelled(&self, actor: &Actor, mut attempt: Attempt) -> Result<Option<Uid>, Error> {
        attempt.step.state = StepState::Cancelled;
        attempt.step.message = Some("the run was cancelled".into());
        self.end(actor, attempt, false, None).await
    }
}

/// Ends what a dead shim left running, and puts its log together. Blocks.
pub(crate) async fn clear_lost(dir: &Path, mark: String) -> Result<(), Error> {
    let dir = dir.to_owned();
    blocking(move || {
        for _ in 0..100 {
            if shim::signal_marked(&mark, None, rustix::process::Signal::KILL) == 0 {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        if let Some(task) = shim::task_of(&dir) {
            shim::clear_elsewhere(&task);
        }
        shim::seal(&dir)?;
        Ok(())
    })
    .await
}
