//! One attempt of a step, from its claim to the state that it ends in. Every file of it lies in the attempt's
//! directory, so that an engine that starts later finds out where it stands.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use types::{Actor, Class, Fault as _, Uid, io};

use crate::error::{blocking, told};
use crate::prepare::Prepared;
use crate::shim::{self, Exit};
use crate::{Engine, Error, PipelineRun, StepRun, StepState, store};

/// A shim that ends before it says that it started is started again this often.
const STARTS: usize = 3;

impl Engine {
    /// Attends to a running step until it has ended. Trouble of the server itself (its database, a full disk)
    /// leaves the step as it is, for the next look.
    pub(crate) async fn drive(&self, actor: &Actor, uid: Uid) {
        let Err(error) = self.attend(actor, uid).await else { return };
        let passing = error.class() == Class::Unavailable
            && !matches!(error, Error::NoUv { .. } | Error::Command { .. });
        if !passing && !matches!(error, Error::Ledger(_)) && self.give_up(actor, uid, &error).await.is_ok() {
            return;
        }
        tracing::error!(step_run = %uid, %error, "cannot attend to a step; trying again");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }

    async fn give_up(&self, actor: &Actor, uid: Uid, error: &Error) -> Result<(), Error> {
        let (run, mut step) = self.find_step(actor, uid).await?;
        step.state = StepState::Failed;
        step.message = Some(told(error));
        // What is wrong before the start is wrong the next time: no retry.
        self.end(actor, &run, step, false).await
    }

    pub(crate) async fn find_step(&self, actor: &Actor, uid: Uid) -> Result<(PipelineRun, StepRun), Error> {
        self.0
            .ledger
            .read(actor.workspace, move |rx| {
                let step = store::steps::find(rx, uid)?.ok_or_else(|| Error::RunNotFound(uid.to_string()))?;
                let run = store::runs::find(rx, step.run)?;
                Ok((run.ok_or_else(|| Error::RunNotFound(step.run.to_string()))?, step))
            })
            .await
    }

    async fn attend(&self, actor: &Actor, uid: Uid) -> Result<(), Error> {
        let (run, mut step) = self.find_step(actor, uid).await?;
        if step.state != StepState::Running {
            return Ok(());
        }
        let dir = self.attempt_dir(run.uid, &step.name, step.attempt);
        let untouched =
            || !dir.join(shim::STARTED).exists() && !dir.join(shim::EXIT).exists() && !shim::is_alive(&dir);
        let mut starts = 0;
        while untouched() {
            if !dir.join(shim::TASK).exists() {
                if run.cancel_requested {
                    return self.end_cancelled(actor, &run, step).await;
                }
                if let Prepared::Cached(cached) = self.prepare(actor, &run, &mut step, &dir).await? {
                    return self.end(actor, &run, *cached, false).await;
                }
            }
            if self.find_step(actor, uid).await?.0.cancel_requested {
                return self.end_cancelled(actor, &run, step).await;
            }
            if starts == STARTS {
                let reason = io::read_to_string(dir.join(shim::TROUBLE)).unwrap_or_default();
                return Err(Error::Command { command: "the step's shim".into(), output: reason });
            }
            starts += 1;
            self.start(&dir).await?;
        }
        let exit = self.wait(&dir).await;
        self.collect(actor, &run, step, &dir, exit).await
    }

    async fn end_cancelled(&self, actor: &Actor, run: &PipelineRun, mut step: StepRun) -> Result<(), Error> {
        step.state = StepState::Cancelled;
        step.message = Some("the run was cancelled".into());
        self.end(actor, run, step, false).await
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

    /// How the attempt ended; `None` if its shim is gone without saying so.
    async fn wait(&self, dir: &Path) -> Option<Exit> {
        let mut pause = Duration::from_millis(1);
        loop {
            if let Some(exit) = shim::exit_of(dir) {
                return Some(exit);
            }
            if !shim::is_alive(dir) {
                // It may have written its last word between the two looks.
                return shim::exit_of(dir);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(100));
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
        shim::seal(&dir)?;
        Ok(())
    })
    .await
}
