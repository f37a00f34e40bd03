//! One attempt of a task, from its claim to the state that it ends in. Every file of it lies in the attempt's
//! directory, so that an engine that starts later finds out where it stands.

use std::collections::{BTreeMap, HashSet};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use types::{Actor, Class, Fault as _, Uid, WorkspaceId, io};

use crate::compiled::Compiled;
use crate::engine::system;
use crate::error::{blocking, told};
use crate::prepare::Prepared;
use crate::shim::{self, Exit};
use crate::store::tree;
use crate::{Datum, Engine, Error, PipelineRun, StepRun, StepState, Task, Work, store};

/// A shim that ends before it says that it started is started again this often.
const STARTS: usize = 3;
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
    /// It was started again on request: what a cache knows is not wanted.
    pub anew: bool,
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
                let dir = engine.attempt_dir(run.uid, uid, &step.name, step.attempt);
                let workspace = engine.run_dir(run.uid).join(WORKSPACE);
                let anew = node.attempts_before > 0;
                Ok(Some(Attempt { run, step, task, work, inputs, dir, workspace, anew }))
            })
            .await
    }

    async fn cancel_requested(&self, actor: &Actor, run: Uid) -> Result<bool, Error> {
        self.0
            .ledger
            .read(actor.workspace, move |rx| {
                Ok(store::runs::head(rx, run)?.is_none_or(|head| head.cancel_requested))
            })
            .await
    }

    async fn attend(&self, actor: &Actor, uid: Uid) -> Result<Option<Uid>, Error> {
        let Some(mut attempt) = self.find_attempt(actor, uid).await? else { return Ok(None) };
        let dir = attempt.dir.clone();
        let mut starts = 0;
        let mut exit = None;
        while shim::untouched(&dir) {
            if shim::task_of(&dir).is_none() {
                if attempt.run.cancel_requested {
                    return self.end_cancelled(actor, attempt).await;
                }
                if let Prepared::Cached(cached) = self.prepare(actor, &mut attempt).await? {
                    attempt.step = *cached;
                    return self.end(actor, attempt, false, None).await;
                }
            }
            // A request that comes in between reaches the shim as a file.
            if starts > 0 && self.cancel_requested(actor, attempt.run.uid).await? {
                return self.end_cancelled(actor, attempt).await;
            }
            if starts == STARTS {
                let reason = io::read_to_string(dir.join(shim::TROUBLE)).unwrap_or_default();
                return Err(Error::Command { command: "the step's shim".into(), output: reason });
            }
            starts += 1;
            self.start(&dir).await?;
            exit = shim::exit_of(&dir);
        }
        let exit = match exit {
            Some(exit) => Some(exit),
            None => wait(&dir).await,
        };
        self.collect(actor, attempt, exit).await
    }

    async fn end_cancelled(&self, actor: &Actor, mut attempt: Attempt) -> Result<Option<Uid>, Error> {
        attempt.step.state = StepState::Cancelled;
        attempt.step.message = Some("the run was cancelled".into());
        self.end(actor, attempt, false, None).await
    }

    /// Starts the shim and waits for it. It has a session of its own; nothing of this process goes with it.
    async fn start(&self, dir: &Path) -> Result<(), Error> {
        let Some((program, arguments)) = self.0.config.shim.split_first() else {
            return Err(Error::Stopped("no command for the shim is configured".into()));
        };
        let mut command = tokio::process::Command::new(program);
        command.args(arguments).arg(dir).current_dir(dir).env_clear();
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|e| io::Error::new("start", program, e))?;
        child.wait().await.map_err(|e| io::Error::new("wait for", program, e))?;
        Ok(())
    }
}

/// How the attempt of a shim ended that another process started; `None` if the shim is gone without saying so.
async fn wait(dir: &Path) -> Option<Exit> {
    loop {
        if let Some(exit) = shim::exit_of(dir) {
            return Some(exit);
        }
        let process = shim::process_of(dir);
        if !shim::is_alive(dir) {
            // It may have written its last word between the two looks.
            return shim::exit_of(dir);
        }
        // It was alive after its process was opened, so this is its process.
        let most = Duration::from_millis(500);
        let looked = blocking(move || {
            shim::wait_for_end(process.as_ref().map(AsFd::as_fd), most);
            Ok(())
        })
        .await;
        if looked.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
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
