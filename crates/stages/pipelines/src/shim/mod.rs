//! The process that stands between the server and one attempt of a step, and after that perhaps the next. It has a session of its own, so that it
//! outlives the server; it keeps the log within its limit, ends the step at its timeout or on request, and writes
//! how it ended. It talks to the server through files in the attempt's directory only:
//!
//! | file | written by | says |
//! |---|---|---|
//! | `task.json` | engine | what to run; everything else in the directory is ready |
//! | `shim.lock` | shim | locked for as long as the shim lives: no process id has to be trusted |
//! | `started.json` | shim | from here on the attempt counts as started, and is never started again |
//! | `cancel` | engine | end the step |
//! | `log` | shim | what the step printed |
//! | `exit.json` | shim | how it ended; written last, in one rename |

mod log;
mod mask;
mod process;
mod zygote;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use types::{Clock as _, SystemClock, Timestamp, io};

pub(crate) use log::{CappedLog, last_line};
pub use log::{LOG, seal};
pub use mask::Mask;
pub(crate) use process::wait_for_end;
pub use process::{MARK, signal_marked};
use zygote::{Ended, Forked};

pub const TASK: &str = "task.json";
pub const LOCK: &str = "shim.lock";
pub const STARTED: &str = "started.json";
pub const CANCEL: &str = "cancel";
pub const EXIT: &str = "exit.json";
/// Why the shim itself could not do its work.
pub const TROUBLE: &str = "shim.error";
/// An exit code.
const FAILED: u8 = 1;
const LONGEST_CLEARING: Duration = Duration::from_secs(30);

/// What the shim has to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Task {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// The socket of a warm Python from which `python3 -m …` is forked, if that works.
    #[serde(default)]
    pub zygote: Option<PathBuf>,
    pub directory: PathBuf,
    /// The whole environment of the step: nothing is inherited.
    pub env: BTreeMap<String, String>,
    /// Run once the step has ended: see [`crate::Launch::clear`].
    #[serde(default)]
    pub clear: Vec<String>,
    pub timeout_ms: Option<u64>,
    /// From the request to end (SIGTERM) to the end (SIGKILL).
    pub grace_ms: u64,
    /// Bytes of output that are kept.
    pub log_limit: u64,
    /// The value of [`MARK`]: the step run and its attempt.
    pub mark: String,
    /// Texts that the log does not show.
    #[serde(default)]
    pub mask: Vec<String>,
    /// First lines of the log.
    #[serde(default)]
    pub notes: Vec<String>,
    /// The engine's own: what it wants to know once the attempt has ended.
    #[serde(default)]
    pub note: serde_json::Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// It ended by itself.
    Exited,
    TimedOut,
    Cancelled,
    /// It could not be started.
    NotStarted,
}

/// How an attempt ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Exit {
    pub cause: Cause,
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub error: Option<String>,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    /// Bytes that the step printed.
    pub output_bytes: u64,
    /// Bytes of these that the log does not hold.
    pub cut_bytes: u64,
    /// Why the log is incomplete, if writing it failed.
    pub log_error: Option<String>,
}

impl Exit {
    pub fn succeeded(&self) -> bool {
        self.cause == Cause::Exited && self.code == Some(0)
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Started {
    pub pid: u32,
    pub at: Timestamp,
}

/// In place of a directory: directories are told, one after the other, on the socket that is its standard input: the length
/// (4 bytes, big-endian) and the path. One byte answers, what its exit code would be. Such a shim is started before there is a step
/// for it, attends to one attempt at a time, and ends when the server does and no attempt goes on.
pub const READY: &str = "-";

/// The entry of the shim process. `dir` is the attempt's directory, or [`READY`]. Exit code 0: `exit.json` is written,
/// or no directory was told; 3: this attempt belongs to another shim; 1: see `shim.error`.
pub fn main(dir: &Path) -> ExitCode {
    if dir != Path::new(READY) {
        return ExitCode::from(work(dir));
    }
    let Ok(line) = std::io::stdin().as_fd().try_clone_to_owned() else { return ExitCode::FAILURE };
    let mut line = UnixStream::from(line);
    // Without another word, whoever started it is gone.
    while let Some(dir) = told(&mut line) {
        let code = if std::env::set_current_dir(&dir).is_ok() { work(&dir) } else { FAILED };
        process::reap();
        if line.write_all(&[code]).is_err() {
            break;
        }
    }
    ExitCode::SUCCESS
}

fn told(line: &mut UnixStream) -> Option<PathBuf> {
    let mut length = [0; 4];
    line.read_exact(&mut length).ok()?;
    let mut path = vec![0; u32::from_be_bytes(length) as usize];
    line.read_exact(&mut path).ok()?;
    Some(PathBuf::from(OsString::from_vec(path)))
}

fn work(dir: &Path) -> u8 {
    match attend(dir) {
        Ok(true) => 0,
        Ok(false) => 3,
        Err(error) => {
            let _ = io::write(dir.join(TROUBLE), error.to_string());
            FAILED
        }
    }
}

/// Whether a shim works in `dir` at this moment.
pub fn is_alive(dir: &Path) -> bool {
    let Ok(lock) = File::open(dir.join(LOCK)) else { return false };
    lock.try_lock_shared().is_err()
}

/// How the attempt in `dir` ended, if it did.
pub fn exit_of(dir: &Path) -> Option<Exit> {
    serde_json::from_slice(&io::read(dir.join(EXIT)).ok()?).ok()
}

fn attend(dir: &Path) -> Result<bool, io::Error> {
    // Fails only for the leader of a process group, which is apart already.
    let _ = rustix::process::setsid();
    let path = dir.join(LOCK);
    let lock = io::create(&path)?;
    // Two servers that crashed one after the other may have started two shims: one works, once.
    if !locked(&lock) || dir.join(STARTED).exists() || dir.join(EXIT).exists() {
        return Ok(false);
    }
    let task = io::read(dir.join(TASK))?;
    let task: Task = serde_json::from_slice(&task)
        .map_err(|e| io::Error::new("understand", dir.join(TASK), std::io::Error::other(e)))?;
    let started_at = SystemClock.now();
    let mut log = CappedLog::create(dir, task.log_limit)?;
    for note in &task.notes {
        log.append(format!("[mlwright] {note}\n").as_bytes());
    }
    write_json(&dir.join(STARTED), &Started { pid: std::process::id(), at: started_at })?;
    process::adopt_orphans();

    let exit = match start(&task) {
        Ok((process, output)) => watch(dir, &task, process, output, log, started_at),
        Err(error) => Exit {
            cause: Cause::NotStarted,
            code: None,
            signal: None,
            error: Some(error.to_string()),
            started_at,
            ended_at: SystemClock.now(),
            output_bytes: 0,
            cut_bytes: 0,
            log_error: None,
        },
    };
    // A full disk must not lose the result of hours of work: keep trying for a while.
    for _ in 0..600 {
        if write_json(&dir.join(EXIT), &exit).is_ok() {
            return Ok(true);
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    write_json(&dir.join(EXIT), &exit).map(|()| true)
}

/// Notes that the attempt in `dir` was begun, by no shim of this machine.
pub(crate) fn begun(dir: &Path) -> Result<(), io::Error> {
    write_json(&dir.join(STARTED), &Started { pid: 0, at: SystemClock.now() })
}

/// Whether no shim has begun the attempt in `dir`.
pub(crate) fn untouched(dir: &Path) -> bool {
    !dir.join(STARTED).exists() && !dir.join(EXIT).exists() && !is_alive(dir)
}

/// The process of the shim in `dir`, if it said which that is. Look whether it is alive afterwards: its id may be
/// somebody else's by now.
pub(crate) fn process_of(dir: &Path) -> Option<std::os::fd::OwnedFd> {
    let started: Started = serde_json::from_slice(&io::read(dir.join(STARTED)).ok()?).ok()?;
    process::open(started.pid)
}

/// The task in `dir`, if it is there as a whole.
pub fn task_of(dir: &Path) -> Option<Task> {
    serde_json::from_slice(&io::read(dir.join(TASK)).ok()?).ok()
}

/// Somebody who only looks whether a shim is alive holds the lock for a moment.
fn locked(lock: &File) -> bool {
    for _ in 0..20 {
        if lock.try_lock().is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}

/// Whole or not at all, for every process that looks. A power cut may undo it: then the attempt counts as lost, as
/// the process does that it was.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), io::Error> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let sibling = path.with_file_name(name);
    io::write(&sibling, bytes)?;
    std::fs::rename(&sibling, path).map_err(|e| io::Error::new("replace", path, e))
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), io::Error> {
    let bytes = serde_json::to_vec(value).map_err(|e| io::Error::new("write", path, e.into()))?;
    write_whole(path, &bytes)
}

/// What the shim looks after.
enum Process {
    Own(Child, Option<OwnedFd>),
    /// A child of a warm Python, in a session of its own.
    Forked(Forked),
}

impl Process {
    /// Leads a process group.
    fn pid(&self) -> u32 {
        match self {
            Self::Own(child, _) => child.id(),
            Self::Forked(forked) => forked.pid,
        }
    }

    fn try_wait(&mut self) -> std::io::Result<Option<Ended>> {
        match self {
            Self::Own(child, _) => Ok(child.try_wait()?.map(|status| (status.code(), status.signal()))),
            Self::Forked(forked) => forked.try_wait(),
        }
    }

    /// Its end wakes this at once.
    fn wait(&self, most: Duration) {
        let end = match self {
            Self::Own(_, end) => end.as_ref().map(AsFd::as_fd),
            Self::Forked(forked) => forked.end(),
        };
        process::wait_for_end(end, most);
    }

    fn signal(&self, mark: &str, signal: Signal) {
        process::signal_group(self.pid(), signal);
        match self {
            Self::Own(..) => process::signal_marked(mark, Some(std::process::id()), signal),
            Self::Forked(forked) => process::signal_left(forked.parent, forked.pid, mark, signal),
        };
    }

    /// Ends what it has left behind. False if there was nothing.
    fn clear(&self, mark: &str) -> bool {
        match self {
            // Orphans are children of this process.
            Self::Own(..) => {
                process::has_children()
                    && process::signal_marked(mark, Some(std::process::id()), Signal::KILL) > 0
            }
            Self::Forked(forked) => process::signal_left(forked.parent, forked.pid, mark, Signal::KILL) > 0,
        }
    }
}

fn start(task: &Task) -> std::io::Result<(Process, std::io::PipeReader)> {
    let (reader, writer) = std::io::pipe()?;
    if let (Some(socket), [_, _, module, arguments @ ..]) = (&task.zygote, task.argv.as_slice()) {
        let mut env = task.env.clone();
        env.insert(MARK.to_owned(), task.mark.clone());
        // Whatever is wrong with it: the step starts by itself.
        if let Ok(forked) = zygote::fork(socket, module, arguments, &task.directory, &env, &writer) {
            process::offer(forked.pid);
            return Ok((Process::Forked(forked), reader));
        }
    }
    let Some((program, arguments)) = task.argv.split_first() else {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "there is nothing to start"));
    };
    let child = Command::new(program)
        .args(arguments)
        .current_dir(&task.directory)
        .env_clear()
        .envs(&task.env)
        .env(MARK, &task.mark)
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .process_group(0)
        .spawn()?;
    process::offer(child.id());
    let end = process::open(child.id());
    Ok((Process::Own(child, end), reader))
}

fn watch(
    dir: &Path,
    task: &Task,
    mut process: Process,
    output: std::io::PipeReader,
    log: CappedLog,
    started_at: Timestamp,
) -> Exit {
    let log = Arc::new(Mutex::new(Some(log)));
    let end_of_output = copy_output(output, log.clone(), Mask::new(&task.mask));
    let (ended, cause) = wait(dir, task, &mut process);
    let ended_at = SystemClock.now();
    // Whatever the step left behind would hold its log, its files and its memory.
    process::signal_group(process.pid(), Signal::KILL);
    for _ in 0..50 {
        if !process.clear(&task.mark) {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    clear_elsewhere(task);
    let _ = end_of_output.recv_timeout(Duration::from_secs(2));
    let log = log.lock().unwrap_or_else(PoisonError::into_inner).take();
    let (output_bytes, mut log_error) = log.as_ref().map_or((0, None), |l| (l.seen, l.error.clone()));
    let cut_bytes = match log.map(CappedLog::finish) {
        Some(Ok(cut)) => cut,
        Some(Err(error)) => {
            log_error.get_or_insert(error.to_string());
            0
        }
        None => 0,
    };
    let (code, signal, error) = match ended {
        Ok((code, signal)) => (code, signal, None),
        Err(error) => (None, None, Some(error.to_string())),
    };
    Exit { cause, code, signal, error, started_at, ended_at, output_bytes, cut_bytes, log_error }
}

/// Runs the task's own command for what no signal from here reaches.
pub(crate) fn clear_elsewhere(task: &Task) {
    let Some((program, arguments)) = task.clear.split_first() else { return };
    let started = Command::new(program)
        .args(arguments)
        .current_dir(&task.directory)
        .env_clear()
        .envs(&task.env)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn();
    let Ok(mut child) = started else { return };
    let until = Instant::now() + LONGEST_CLEARING;
    while let Ok(None) = child.try_wait() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            process::signal_group(child.id(), Signal::KILL);
            let _ = child.wait();
            return;
        }
        process::wait_for_end(process::open(child.id()).as_ref().map(AsFd::as_fd), left);
    }
}

/// Copies until the last process closes the pipe; then the receiver disconnects.
fn copy_output(
    mut output: std::io::PipeReader,
    log: Arc<Mutex<Option<CappedLog>>>,
    mut mask: Mask,
) -> Receiver<()> {
    let (ended, end_of_output) = channel::<()>();
    std::thread::spawn(move || {
        let _ended = ended;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match output.read(&mut buffer) {
                Ok(0) => {
                    if let Some(log) = log.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
                        log.append(&mask.rest());
                    }
                    return;
                }
                Ok(n) => match log.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
                    Some(log) if mask.is_empty() => log.append(&buffer[..n]),
                    Some(log) => log.append(&mask.pass(&buffer[..n])),
                    None => return,
                },
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    });
    end_of_output
}

/// Waits for the step itself, and ends it at its timeout or on request: SIGTERM, then SIGKILL after the grace.
fn wait(dir: &Path, task: &Task, process: &mut Process) -> (std::io::Result<Ended>, Cause) {
    let deadline = task.timeout_ms.map(|ms| Instant::now() + Duration::from_millis(ms));
    let mut cause = Cause::Exited;
    let mut kill_at = None;
    let mut pause = Duration::from_millis(5);
    loop {
        match process.try_wait() {
            Ok(None) => {}
            Ok(Some(ended)) => return (Ok(ended), cause),
            Err(error) => return (Err(error), cause),
        }
        let now = Instant::now();
        match kill_at {
            None => {
                if deadline.is_some_and(|deadline| now >= deadline) {
                    cause = Cause::TimedOut;
                } else if dir.join(CANCEL).exists() {
                    cause = Cause::Cancelled;
                }
                if cause != Cause::Exited {
                    kill_at = Some(now + Duration::from_millis(task.grace_ms));
                    process.signal(&task.mark, Signal::TERM);
                }
            }
            Some(at) if now >= at => process.signal(&task.mark, Signal::KILL),
            Some(_) => {}
        }
        let until = deadline.filter(|_| kill_at.is_none()).into_iter().chain(kill_at).min();
        let until = until.map(|at| at.saturating_duration_since(now)).filter(|until| !until.is_zero());
        process.wait(until.map_or(pause, |until| until.min(pause)));
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}
