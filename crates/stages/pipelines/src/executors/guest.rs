//! What the process on a cluster's machine (`guest.py`) asks of this server, and gives back.
//!
//! It shows the token of its attempt, and a mark that it made up: the first mark that comes runs the attempt, any other is
//! refused, so that a job that a cluster starts twice works once.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use types::{Actor, Digest, Role, Timestamp, Uid, WorkspaceId, io};

use super::bundle::{ATTEMPT, BUNDLE, Remote};
use super::is_remote;
use crate::engine::system;
use crate::error::blocking;
use crate::shim::{self, Cause, Exit};
use crate::{Engine, Error, snapshot};

/// The process on the cluster's machine, for a Python that has its standard library and nothing else.
pub const GUEST: &str = concat!(
    include_str!("guest_output.py"),
    "\n\n",
    include_str!("guest_image.py"),
    "\n\n",
    include_str!("guest.py")
);

/// How tokens of attempts begin.
const PREFIX: &str = "mlw-task-";
/// Which process runs the attempt.
const CLAIM: &str = "claim.json";
/// How the container of an image ended, as its cluster says.
pub(crate) const ENDED: &str = "ended.json";
/// Its time of change is when the process was heard last.
pub(crate) const CONTACT: &str = "contact";
/// Names below the attempt's directory that a result may fill.
const OUTPUTS: &str = "outputs";
/// How names of what is not taken in yet begin.
const INCOMING: &str = "incoming.";

/// Who runs an attempt.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claim {
    /// Made up by the process: no two have the same.
    pub mark: String,
    /// For people.
    #[serde(default)]
    pub host: String,
    #[serde(default)]
    pub pid: i64,
}

#[derive(Serialize, Deserialize)]
struct Claimed {
    mark: String,
    host: String,
    pid: i64,
    at: Timestamp,
}

/// What the server has of the log, and whether the attempt should end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    pub size: u64,
    pub cancel: bool,
    /// Beside an image that is the task: it has ended, and what it made may be given back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
}

/// How an attempt ended, by the word of its process, or of a cluster for an image that is the task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    pub(crate) cause: Cause,
    #[serde(default)]
    pub(crate) code: Option<i32>,
    #[serde(default)]
    pub(crate) signal: Option<i32>,
    #[serde(default)]
    pub(crate) error: Option<String>,
    #[serde(default)]
    pub(crate) output_bytes: u64,
    #[serde(default)]
    pub(crate) cut_bytes: u64,
}

/// An attempt whose token was shown.
struct Known {
    dir: PathBuf,
    remote: Remote,
    step: Uid,
    attempt: i64,
}

/// A token for an attempt: whose it is, and a secret.
pub(crate) fn new_token(workspace: WorkspaceId, run: Uid, step: Uid, attempt: i64) -> String {
    let secret: [u8; 32] = rand::random();
    let secret: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{PREFIX}{}.{}.{}.{attempt}.{secret}", workspace.0, run.hex(), step.hex())
}

impl Engine {
    /// Errors: `NoTask` if the token is none; `TaskOver` if its attempt has ended; `TaskElsewhere` if another server, whose
    /// disk cannot be reached, attends to it.
    async fn known(&self, token: &str) -> Result<Known, Error> {
        let mut parts = token.strip_prefix(PREFIX).ok_or(Error::NoTask)?.split('.');
        let mut next = || parts.next().ok_or(Error::NoTask);
        let workspace = WorkspaceId(next()?.parse().map_err(|_| Error::NoTask)?);
        let run: Uid = next()?.parse().map_err(|_| Error::NoTask)?;
        let step: Uid = next()?.parse().map_err(|_| Error::NoTask)?;
        let attempt: i64 = next()?.parse().map_err(|_| Error::NoTask)?;
        let mut dir = self.attempt_dir(run, step, &step.hex(), attempt);
        if !is_remote(&dir) {
            let found = self.find_attempt(&system(workspace), step).await?;
            let found = found.filter(|found| found.step.attempt == attempt && found.run.uid == run);
            let found = found.ok_or(Error::TaskOver { attempt })?;
            if !is_remote(&found.dir) {
                let is_ours = found.step.server.as_deref() == Some(&self.0.membership.own.uid);
                return Err(if is_ours {
                    Error::TaskOver { attempt }
                } else {
                    Error::TaskElsewhere { attempt }
                });
            }
            dir = found.dir;
        }
        let remote = Remote::read(&dir)?;
        // Digests are compared, so that timing tells nothing about the token.
        if Digest::of(&remote.token) != Digest::of(token) {
            return Err(Error::NoTask);
        }
        Ok(Known { dir, remote, step, attempt })
    }

    /// Whom the token of a running attempt stands for: a process that may do what steps on this machine may.
    pub async fn actor_of_task(&self, token: &str) -> Option<Actor> {
        let known = self.known(token).await.ok()?;
        let over = known.dir.join(shim::EXIT).exists();
        let actor = Actor { workspace: known.remote.workspace, ..Actor::system("pipeline-step") };
        (!over).then_some(Actor { role: Role::Editor, ..actor })
    }

    async fn running(&self, token: &str) -> Result<Known, Error> {
        let known = self.known(token).await?;
        let over = || Error::TaskOver { attempt: known.attempt };
        let found = self.find_attempt(&system(known.remote.workspace), known.step).await?.ok_or_else(over)?;
        if found.step.attempt != known.attempt || known.dir.join(shim::EXIT).exists() {
            return Err(over());
        }
        Ok(known)
    }

    /// The first process that comes gets the attempt, and with it what it has to do.
    ///
    /// Errors: `NoTask`, `TaskOver`, `TaskTaken`.
    pub async fn claim_task(&self, token: &str, claim: Claim) -> Result<Value, Error> {
        let known = self.running(token).await?;
        if known.dir.join(shim::CANCEL).exists() {
            return Err(Error::TaskOver { attempt: known.attempt });
        }
        let at = self.0.ledger.clock().now();
        blocking(move || {
            let Known { dir, remote, attempt, .. } = known;
            let claimed = Claimed { mark: claim.mark, host: claim.host, pid: claim.pid, at };
            let bytes = serde_json::to_vec(&claimed)
                .map_err(|e| io::Error::new("write", dir.join(CLAIM), e.into()))?;
            if !first(&dir, CLAIM, &bytes)? && claim_of(&dir)?.mark != claimed.mark {
                return Err(Error::TaskTaken { attempt, host: claim_of(&dir)?.host });
            }
            if !dir.join(shim::LOG).exists() {
                io::create(dir.join(shim::LOG))?;
            }
            io::write(dir.join(CONTACT), "")?;
            let Some(task) = shim::task_of(&dir) else { return Err(Error::TaskOver { attempt }) };
            Ok(json!({
                "argv": task.argv,
                "env": task.env,
                "timeout_ms": task.timeout_ms,
                "grace_ms": task.grace_ms,
                "log_limit": task.log_limit,
                "mark": task.mark,
                "mask": task.mask,
                "notes": task.notes,
                "attempt": ATTEMPT,
                "directory": format!("{ATTEMPT}/work"),
                "python": remote.python,
                "folders": remote.folders,
                "paths_in": remote.paths_in,
            }))
        })
        .await
    }

    /// The file that holds what travels. Errors: as [`Engine::told_by_task`].
    pub async fn task_bundle(&self, token: &str, mark: &str) -> Result<PathBuf, Error> {
        let known = self.held(token, mark).await?;
        Ok(known.dir.join(BUNDLE))
    }

    /// `NoTask`, `TaskOver`, or `TaskTaken` if the mark is another process's.
    async fn held(&self, token: &str, mark: &str) -> Result<Known, Error> {
        let known = self.running(token).await?;
        check_mark(&known, mark)?;
        Ok(known)
    }

    /// Takes in what the process printed, from `offset` on; what is there already is not taken twice, and what would leave
    /// a gap not at all. Without bytes it is a sign of life.
    ///
    /// Errors: `NoTask`; `TaskOver`: the process should end; `TaskTaken`.
    pub async fn told_by_task(
        &self,
        token: &str,
        mark: &str,
        offset: u64,
        bytes: Vec<u8>,
    ) -> Result<Told, Error> {
        let known = self.held(token, mark).await?;
        let limit = self.0.config.log_limit.saturating_add(4096);
        blocking(move || {
            let dir = known.dir;
            let path = dir.join(shim::LOG);
            let failed = |e| io::Error::new("write", &path, e);
            let mut log = File::options().write(true).open(&path).map_err(failed)?;
            let mut size = log.metadata().map_err(failed)?.len();
            if offset <= size && offset + bytes.len() as u64 > size {
                let fresh = &bytes[(size - offset) as usize..];
                let room = limit.saturating_sub(size).min(fresh.len() as u64) as usize;
                log.seek(SeekFrom::Start(size)).map_err(failed)?;
                log.write_all(&fresh[..room]).map_err(failed)?;
                size += room as u64;
            }
            io::write(dir.join(CONTACT), "")?;
            let ended = io::read(dir.join(ENDED)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
            Ok(Told { size, cancel: dir.join(shim::CANCEL).exists(), ended })
        })
        .await
    }

    /// Where a result is put while it comes. Errors: as [`Engine::told_by_task`].
    pub async fn incoming_result(&self, token: &str, mark: &str) -> Result<PathBuf, Error> {
        let known = self.held(token, mark).await?;
        Ok(known.dir.join(format!("{INCOMING}{}.tar", plain(mark))))
    }

    /// Takes the result of an attempt: a tar with `exit.json`, `outputs/` and the files that the process left beside them.
    /// Saying it again changes nothing.
    ///
    /// Errors: `NoTask`; `TaskOver` if the attempt has another end; `TaskTaken`; `BadResult`.
    pub async fn take_task_result(&self, token: &str, mark: &str, tar: PathBuf) -> Result<(), Error> {
        let known = self.held(token, mark).await?;
        let now = self.0.ledger.clock().now();
        let mark = plain(mark);
        blocking(move || {
            let taken = take(&known, &mark, &tar, now);
            let _ = std::fs::remove_file(&tar);
            taken
        })
        .await
    }
}

fn take(known: &Known, mark: &str, tar: &Path, now: Timestamp) -> Result<(), Error> {
    let Known { dir, attempt, .. } = known;
    let unpacked = dir.join(format!("{INCOMING}{mark}"));
    remove(&unpacked)?;
    snapshot::unpack_from(Digest::of(mark), io::open(tar)?, &unpacked)?;
    let ended = io::read(unpacked.join(shim::EXIT))
        .map_err(|e| e.to_string())
        .and_then(|bytes| serde_json::from_slice::<Ended>(&bytes).map_err(|e| e.to_string()))
        .map_err(|reason| Error::BadResult { attempt: *attempt, reason })?;
    let started_at = claim_of(dir)?.at;
    // A cluster that was asked to stop the job may have ended the process beside the one that tells of it.
    let is_cancelled = ended.signal.is_some() && dir.join(shim::CANCEL).exists();
    let exit = Exit {
        cause: if is_cancelled && ended.cause == Cause::Exited { Cause::Cancelled } else { ended.cause },
        code: ended.code,
        signal: ended.signal,
        error: ended.error,
        started_at,
        ended_at: now.max(started_at),
        output_bytes: ended.output_bytes,
        cut_bytes: ended.cut_bytes,
        log_error: None,
    };
    for entry in std::fs::read_dir(&unpacked).map_err(|e| io::Error::new("list", &unpacked, e))? {
        let entry = entry.map_err(|e| io::Error::new("list", &unpacked, e))?;
        let name = entry.file_name();
        let is_folder = entry.path().symlink_metadata().is_ok_and(|meta| meta.is_dir());
        // Nothing that this server itself writes there.
        if (is_folder && name != OUTPUTS) || (!is_folder && is_ours(&name)) {
            continue;
        }
        let place = dir.join(&name);
        if is_folder {
            remove(&place)?;
        }
        std::fs::rename(entry.path(), &place).map_err(|e| io::Error::new("replace", &place, e))?;
    }
    remove(&unpacked)?;
    if !finish(dir, &exit)? {
        return Err(Error::TaskOver { attempt: *attempt });
    }
    Ok(())
}

fn is_ours(name: &std::ffi::OsStr) -> bool {
    let ours = [shim::TASK, shim::LOCK, shim::STARTED, shim::CANCEL, shim::EXIT, shim::LOG, shim::TROUBLE];
    let here = [super::bundle::REMOTE, BUNDLE, CLAIM, CONTACT, ENDED];
    let incoming = name.to_str().is_none_or(|name| name.starts_with(INCOMING));
    incoming || ours.iter().chain(&here).any(|own| name == *own)
}

fn remove(dir: &Path) -> Result<(), Error> {
    if dir.exists() {
        std::fs::remove_dir_all(dir).map_err(|e| io::Error::new("remove", dir, e))?;
    }
    Ok(())
}

fn check_mark(known: &Known, mark: &str) -> Result<(), Error> {
    let claimed = claim_of(&known.dir)?;
    if claimed.mark != mark {
        return Err(Error::TaskTaken { attempt: known.attempt, host: claimed.host });
    }
    Ok(())
}

fn claim_of(dir: &Path) -> Result<Claimed, Error> {
    let path = dir.join(CLAIM);
    let bytes = io::read(&path)?;
    serde_json::from_slice(&bytes).map_err(|e| io::Error::new("understand", path, e.into()).into())
}

/// Whether a process has begun the attempt.
pub(crate) fn is_claimed(dir: &Path) -> bool {
    dir.join(CLAIM).exists()
}

/// Writes how the attempt ended, unless that is known. Blocks.
pub(crate) fn finish(dir: &Path, exit: &Exit) -> Result<bool, Error> {
    let bytes =
        serde_json::to_vec(exit).map_err(|e| io::Error::new("write", dir.join(shim::EXIT), e.into()))?;
    first(dir, shim::EXIT, &bytes)
}

/// Writes a file that is not there yet, whole; false if it is there.
fn first(dir: &Path, name: &str, bytes: &[u8]) -> Result<bool, Error> {
    let secret: u64 = rand::random();
    let (own, place) = (dir.join(format!("{name}.{secret:x}.new")), dir.join(name));
    io::write(&own, bytes)?;
    let linked = std::fs::hard_link(&own, &place);
    let _ = std::fs::remove_file(&own);
    match linked {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(e) => Err(io::Error::new("write", place, e).into()),
    }
}

fn plain(mark: &str) -> String {
    mark.chars().filter(char::is_ascii_alphanumeric).take(64).collect()
}
