//! What attempts printed: from this server's disk, the blob store, or the server whose attempt it is.

use std::io::{Read as _, Seek as _, SeekFrom};

use outbound::{Body, Call, Client, Method, Policy};
use serde::{Deserialize, Serialize};
use types::{Actor, Timestamp, Uid, WorkspaceId, io};

use crate::engine::{attempt_dir, system};
use crate::error::blocking;
use crate::servers::Server;
use crate::{Engine, Error, LogPart, StepRun, shim, store};

/// The most that one read of a log gives.
const LOG_PART: u64 = 256 * 1024;
/// What tokens are for that servers show each other.
const PURPOSE: &str = "pipeline-log";
/// How long such a token is good, in microseconds: as far as the clocks of servers may differ.
const TOKEN_TIME: i64 = 300_000_000;
/// How long another server may take.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

/// What one server asks of another.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Wanted {
    workspace: i64,
    run: Uid,
    step: Uid,
    attempt: i64,
    offset: u64,
}

impl Engine {
    /// Up to 256 KiB of the log of a step, by its name or id, from `offset`, whole characters only: of the attempt that runs, or else of
    /// the last one. It grows while the step runs. Errors: `RunNotFound`, `StepNotFound`.
    pub async fn read_log(&self, actor: &Actor, run: Uid, step: &str, offset: u64) -> Result<LogPart, Error> {
        self.read_attempt_log(actor, run, step, None, offset).await
    }

    /// [`Engine::read_log`], of the attempt with this number. Errors: also `NotFound` if there was none.
    pub async fn read_attempt_log(
        &self,
        actor: &Actor,
        run: Uid,
        step: &str,
        attempt: Option<i64>,
        offset: u64,
    ) -> Result<LogPart, Error> {
        let name = step.to_owned();
        let found = self
            .0
            .ledger
            .read(actor.workspace, move |rx| {
                store::runs::find(rx, run)?.ok_or_else(|| Error::RunNotFound(run.to_string()))?;
                let found = match name.parse() {
                    Ok(uid) => store::steps::find(rx, uid)?.filter(|step| step.run == run),
                    Err(_) => store::steps::find_name(rx, run, &name)?,
                };
                let mut found = found.ok_or(Error::StepNotFound { run, step: name })?;
                if let Some(attempt) = attempt.filter(|attempt| *attempt != found.attempt) {
                    let earlier = store::attempts::find(rx, found.uid, attempt)?.ok_or_else(|| {
                        Error::NotFound { what: "attempt", name: format!("{attempt} of {}", found.name) }
                    })?;
                    (found.attempt, found.log_digest) = (attempt, earlier.log_digest);
                    (found.state, found.server, found.disk) = (earlier.state, earlier.server, None);
                }
                let place = found.disk.as_ref().or(found.server.as_ref());
                let place = place.filter(|_| found.log_digest.is_none());
                Ok::<_, Error>((place.map(|uid| store::servers::find(rx, uid)).transpose()?.flatten(), found))
            })
            .await?;
        let (place, found) = found;
        if let Some(part) = self.own_log(place.as_ref(), run, &found, offset).await? {
            return Ok(part);
        }
        if let Some(digest) = found.log_digest {
            let bytes = self.0.blobs.get_bytes(&digest).await?;
            let start = (offset as usize).min(bytes.len());
            let end = (start + LOG_PART as usize).min(bytes.len());
            return Ok(part(&bytes[start..end], start as u64, end == bytes.len()));
        }
        if let Some(server) = place.filter(|server| server.uid != self.0.membership.own.uid)
            && let Some(part) = self.log_of_peer(&server, actor.workspace, &found, offset).await
        {
            return Ok(part);
        }
        Ok(nothing_at(offset, found.state.is_final()))
    }

    /// Of an attempt whose disk this server reaches.
    async fn own_log(
        &self,
        place: Option<&Server>,
        run: Uid,
        step: &StepRun,
        offset: u64,
    ) -> Result<Option<LogPart>, Error> {
        let root = place.and_then(|server| self.0.membership.reach(server));
        let root = root.unwrap_or_else(|| self.0.config.attempts());
        let path = attempt_dir(&root, run, step.uid, &step.name, step.attempt).join(shim::LOG);
        let is_over = step.state.is_final();
        blocking(move || if path.exists() { read_part(&path, offset, is_over).map(Some) } else { Ok(None) })
            .await
    }

    /// `None` if it cannot be asked: it is gone, or has other keys.
    async fn log_of_peer(
        &self,
        server: &Server,
        workspace: WorkspaceId,
        step: &StepRun,
        offset: u64,
    ) -> Option<LogPart> {
        let vault = self.0.config.vault.as_ref()?;
        let wanted =
            Wanted { workspace: workspace.0, run: step.run, step: step.uid, attempt: step.attempt, offset };
        let until = Timestamp(self.0.ledger.clock().now().0.saturating_add(TOKEN_TIME));
        let token = vault.sign(PURPOSE, until, &wanted).ok()?;
        for place in server.address.iter().chain([&server.url]) {
            let url = format!("{}/api/v1/servers/log?token={token}", place.trim_end_matches('/'));
            let call = Call { method: Method::Get, url, headers: Vec::new(), body: Body::Empty };
            match self.peers()?.send(&call).await {
                Ok(answer) if answer.status == 200 => return answer.json().ok(),
                Ok(answer) => {
                    tracing::debug!(place, status = answer.status, "a server keeps a log to itself");
                }
                Err(error) => tracing::debug!(place, %error, "a server cannot be asked for a log"),
            }
        }
        None
    }

    /// Servers that share a database may stand in a private network.
    fn peers(&self) -> Option<&Client> {
        if let Some(client) = self.0.peers.get() {
            return Some(client);
        }
        let policy = Policy { private_addresses: true, timeout: PATIENCE, retries: 0, ..Policy::default() };
        let client = Client::new(policy).ok()?;
        Some(self.0.peers.get_or_init(|| client))
    }

    /// What another server asks for, with the token that it shows. It is answered from this server's disk alone.
    /// Errors: `NoTask` if the token is none, `NotFound` if the log lies elsewhere.
    pub async fn read_log_for_peer(&self, token: &str) -> Result<LogPart, Error> {
        let vault = self.0.config.vault.as_ref().ok_or(Error::NoTask)?;
        let now = self.0.ledger.clock().now();
        let wanted: Wanted = vault.read_signed(PURPOSE, now, token).ok_or(Error::NoTask)?;
        let actor = system(WorkspaceId(wanted.workspace));
        let step = wanted.step;
        let found = self.0.ledger.read(actor.workspace, move |rx| store::steps::find_row(rx, step)).await?;
        let missing = || Error::NotFound { what: "log of task", name: step.to_string() };
        let mut found = found.filter(|found| found.run == wanted.run).ok_or_else(missing)?;
        let is_ours = found.server.as_deref() == Some(&self.0.membership.own.uid);
        found.attempt = wanted.attempt;
        match self.own_log(None, wanted.run, &found, wanted.offset).await? {
            Some(part) => Ok(part),
            // It has not printed anything yet.
            None if is_ours => Ok(nothing_at(wanted.offset, found.state.is_final())),
            None => Err(missing()),
        }
    }
}

fn nothing_at(offset: u64, eof: bool) -> LogPart {
    LogPart { next_offset: offset, eof, ..LogPart::nothing_yet() }
}

fn read_part(path: &std::path::Path, offset: u64, ended: bool) -> Result<LogPart, Error> {
    let mut file = io::open(path)?;
    let failed = |e| io::Error::new("read", path, e);
    let length = file.metadata().map_err(failed)?.len();
    let start = offset.min(length);
    file.seek(SeekFrom::Start(start)).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(LOG_PART).read_to_end(&mut bytes).map_err(failed)?;
    let last = ended && start + bytes.len() as u64 >= length;
    Ok(part(&bytes, start, last))
}

/// Leaves a character that is not there as a whole for the next read, unless nothing more will come.
fn part(bytes: &[u8], start: u64, last: bool) -> LogPart {
    let mut whole = bytes.len();
    if !last {
        for back in 1..=bytes.len().min(3) {
            let byte = bytes[bytes.len() - back];
            let wants = match byte {
                0xC0..=0xDF => 2,
                0xE0..=0xEF => 3,
                0xF0..=0xF7 => 4,
                0x80..=0xBF => continue,
                _ => 1,
            };
            if wants > back {
                whole = bytes.len() - back;
            }
            break;
        }
    }
    let text = String::from_utf8_lossy(&bytes[..whole]).into_owned();
    LogPart { text, next_offset: start + whole as u64, eof: last }
}
