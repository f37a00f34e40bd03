//! Attempts on this machine: under a shim, which starts a process or has it forked from a warm Python.

use std::os::fd::AsFd;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use types::{Actor, Clock as _, SystemClock, io};

use super::Executor;
use crate::attempt::Attempt;
use crate::error::blocking;
use crate::shim::{self, Cause, Exit};
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

/// Starts the shim and waits for it. It has a session of its own; nothing of this process goes with it.
async fn start(engine: &Engine, dir: &Path) -> Result<(), Error> {
    let Some((program, arguments)) = engine.0.config.shim.split_first() else {
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
