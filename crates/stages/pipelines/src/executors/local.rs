//! Attempts on this machine: under a shim, which starts a process or has it forked from a warm Python.

use std::ffi::OsStr;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};
use types::{Actor, Clock as _, SystemClock, io};

use super::Executor;
use crate::attempt::Attempt;
use crate::error::blocking;
use crate::shim::{self, Cause, Exit, READY};
use crate::{Engine, Error};

/// A shim that ends before it says that it started is started again this often.
const STARTS: usize = 3;

pub(super) struct Local;

#[async_trait]
impl Executor for Local {
    async fn run(&self, engine: &Engine, actor: &Actor, attempt: &Attempt) -> Result<Option<Exit>, Error> {
        let dir = attempt.dir.as_path();
        let mut starts = 0;
        let mut exit = None;
        while shim::untouched(dir) {
            // A request that comes in between reaches the shim as a file.
            if starts > 0 && engine.cancel_requested(actor, attempt.run.uid).await? {
                return Ok(Some(cancelled()));
            }
            if starts == STARTS {
                let reason = io::read_to_string(dir.join(shim::TROUBLE)).unwrap_or_default();
                return Err(Error::Command { command: "the step's shim".into(), output: reason });
            }
            starts += 1;
            engine.still_ours(attempt)?;
            start(engine, dir).await?;
            exit = shim::exit_of(dir);
        }
        Ok(match exit {
            Some(exit) => Some(exit),
            None => wait(dir).await,
        })
    }
}

fn cancelled() -> Exit {
    let now = SystemClock.now();
    Exit {
        cause: Cause::Cancelled,
        code: None,
        signal: None,
        error: None,
        started_at: now,
        ended_at: now,
        output_bytes: 0,
        cut_bytes: 0,
        log_error: None,
    }
}

/// Has a shim attend to the directory and waits for it. It has a session of its own; nothing of this process goes with it.
async fn start(engine: &Engine, dir: &Path) -> Result<(), Error> {
    let mut shim = match engine.0.shims.told(dir).await {
        Some(shim) => shim,
        None => spawn(engine, dir.as_os_str())?,
    };
    // The next one starts while this one's step runs.
    engine.0.shims.fill(|| spawn(engine, READY.as_ref()));
    shim.wait().await.map_err(|e| io::Error::new("wait for the shim of", dir, e))?;
    Ok(())
}

/// `directory` may be [`READY`]: then the shim waits to be told one.
fn spawn(engine: &Engine, directory: &OsStr) -> Result<Child, Error> {
    let Some((program, arguments)) = engine.0.config.shim.split_first() else {
        return Err(Error::Stopped("no command for the shim is configured".into()));
    };
    let mut command = Command::new(program);
    command.args(arguments).arg(directory).env_clear();
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command.stdout(Stdio::null()).stderr(Stdio::null());
    if directory == READY {
        command.stdin(Stdio::piped()).current_dir(&engine.0.config.data_dir);
    } else {
        command.stdin(Stdio::null()).current_dir(directory);
    }
    Ok(command.spawn().map_err(|e| io::Error::new("start", program, e))?)
}

/// Shims that were started before there was a step for them: loading a program takes longer than what it does then.
/// They end with the server, whose end of their standard input they wait at.
pub(crate) struct ReadyShims {
    most: usize,
    waiting: Mutex<Vec<Child>>,
}

impl ReadyShims {
    pub fn new(most: usize) -> Self {
        Self { most, waiting: Mutex::default() }
    }

    /// One of them, which knows its directory now.
    async fn told(&self, dir: &Path) -> Option<Child> {
        loop {
            let mut shim = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            let mut input = shim.stdin.take()?;
            // One that was killed meanwhile is passed over.
            if matches!(shim.try_wait(), Ok(None))
                && input.write_all(dir.as_os_str().as_bytes()).await.is_ok()
            {
                return Some(shim);
            }
        }
    }

    fn fill(&self, spawn: impl FnOnce() -> Result<Child, Error>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < self.most {
            // If it cannot be started, the step that needs one says so.
            waiting.extend(spawn());
        }
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
