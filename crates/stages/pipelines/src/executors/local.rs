//! Attempts on this machine: under a shim, which starts a process or has it forked from a warm Python.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream as Line;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
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
    let shims = &engine.0.shims;
    let mut shim = match shims.told(dir).await {
        Some(shim) => shim,
        None => {
            let mut shim = Shim::spawn(engine)?;
            shim.tell(dir).await.map_err(|e| io::Error::new("tell a shim of", dir, e))?;
            shim
        }
    };
    // The next one starts while this one's step runs.
    shims.fill(|| Shim::spawn(engine));
    if shim.answer().await {
        shims.keep(shim);
    } else {
        shim.process.wait().await.map_err(|e| io::Error::new("wait for the shim of", dir, e))?;
    }
    Ok(())
}

/// A process that attends to one attempt after the other, see [`READY`]. It ends when this is dropped, but for its attempt.
struct Shim {
    process: Child,
    line: UnixStream,
}

impl Shim {
    fn spawn(engine: &Engine) -> Result<Self, Error> {
        let Some((program, arguments)) = engine.0.config.shim.split_first() else {
            return Err(Error::Stopped("no command for the shim is configured".into()));
        };
        let failed = |e| io::Error::new("start", program, e);
        let (here, there) = Line::pair().map_err(failed)?;
        here.set_nonblocking(true).map_err(failed)?;
        let line = UnixStream::from_std(here).map_err(failed)?;
        let mut command = Command::new(program);
        command.args(arguments).arg(READY).env_clear().current_dir(&engine.0.config.data_dir);
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command.stdin(OwnedFd::from(there)).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Self { process: command.spawn().map_err(failed)?, line })
    }

    async fn tell(&mut self, dir: &Path) -> std::io::Result<()> {
        let path = dir.as_os_str().as_bytes();
        let length = u32::try_from(path.len()).map_err(std::io::Error::other)?;
        self.line.write_all(&[&length.to_be_bytes()[..], path].concat()).await
    }

    /// Waits for its word that it is done with the directory. False: it is gone.
    async fn answer(&mut self) -> bool {
        matches!(self.line.read(&mut [0; 1]).await, Ok(1))
    }
}

/// Shims that have no attempt: loading a program takes longer than what it does then. They end with the server.
pub(crate) struct ReadyShims {
    /// How many are started before there is a step for them.
    ahead: usize,
    /// How many of those that are done with an attempt are kept for another.
    most: usize,
    waiting: Mutex<Vec<Shim>>,
}

impl ReadyShims {
    /// `steps` run at the same time.
    pub fn new(ahead: usize, steps: usize) -> Self {
        Self { ahead, most: ahead + steps, waiting: Mutex::default() }
    }

    /// One of them, which knows its directory now.
    async fn told(&self, dir: &Path) -> Option<Shim> {
        loop {
            let mut shim = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            // One that was killed meanwhile is passed over.
            if matches!(shim.process.try_wait(), Ok(None)) && shim.tell(dir).await.is_ok() {
                return Some(shim);
            }
        }
    }

    fn keep(&self, shim: Shim) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < self.most {
            waiting.push(shim);
        }
    }

    fn fill(&self, spawn: impl FnOnce() -> Result<Shim, Error>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < self.ahead {
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
