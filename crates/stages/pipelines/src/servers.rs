//! Servers that share a database. Each counts up a number while it lives. The others watch it by their own clocks, so
//! that no two clocks have to agree; one whose number stands still for its lease has lost what it was doing to whoever
//! comes first. A server that could not count up for so long starts nothing until it can again.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ledger::{FactTx, Ledger, Place};
use serde::Serialize;
use tasks::CancellationToken;
use types::{Actor, Digest, Timestamp, WorkspaceId, io};

use crate::config::ATTEMPTS;
use crate::{Config, Engine, Error, store};

/// How many times a server says that it lives within its lease.
const BEATS: u32 = 6;
/// In the directory of attempts: whose disk it is.
const OWNER: &str = "owner";
const LOCK: &str = "server.lock";

/// How long the steps of a silent server are let in by others, in microseconds.
const TOKEN_TIME: i64 = 30 * 24 * 3_600_000_000;

/// A server, as its peers see it.
#[derive(Clone, Debug, Serialize)]
pub struct Server {
    #[serde(rename = "id")]
    pub uid: String,
    #[serde(skip)]
    pub host: String,
    pub data_dir: String,
    /// Where its steps reach it.
    pub url: String,
    /// Where the other servers reach it; `None` of one that is older than this was.
    #[serde(skip)]
    pub address: Option<String>,
    pub started_at: Timestamp,
    /// Counts up while it lives.
    pub beat: i64,
    /// By its own clock.
    pub beat_at: Timestamp,
    /// How long it may be silent before others take over.
    pub lease_ms: i64,
}

/// The servers that share the database, those that are gone included; none where it cannot be shared.
pub async fn servers(ledger: &Ledger) -> Result<Vec<Server>, Error> {
    Ok(ledger.read(WorkspaceId::DEFAULT, store::servers::all).await?)
}

/// Whether one of the servers that share the database gives its steps a token with this digest.
pub async fn is_step_token(ledger: &Ledger, token: Digest) -> Result<bool, ledger::Error> {
    if !matches!(ledger.place(), Place::Postgres(_)) {
        return Ok(false);
    }
    let since = Timestamp(ledger.clock().now().0 - TOKEN_TIME);
    ledger.read(WorkspaceId::DEFAULT, move |rx| store::servers::knows_token(rx, token, since)).await
}

/// Who this server is, and whether it may start anything.
pub(crate) struct Membership {
    pub own: Server,
    /// Whether there may be peers at all.
    pub is_shared: bool,
    lease: Duration,
    state: Mutex<State>,
    /// Held as long as this server lives.
    _lock: Option<File>,
}

#[derive(Default)]
struct State {
    renewed: Option<Instant>,
    /// Counts the lapses.
    generation: u64,
    /// What was taken away in the meantime may still run here.
    must_sweep: bool,
    peers: HashMap<String, (i64, Instant)>,
}

impl Membership {
    /// Errors: `DataDirInUse` if another server with the same database works there.
    pub fn new(config: &Config, place: &Place, now: Timestamp) -> Result<Self, Error> {
        let attempts = config.attempts();
        let path = attempts.join(OWNER);
        let uid = match io::read_to_string(&path) {
            Ok(owner) => owner.trim().to_owned(),
            Err(_) => {
                let owner = types::new_id(now).to_string();
                io::write_atomic(&path, &owner)?;
                owner
            }
        };
        let is_shared = matches!(place, Place::Postgres(_));
        let lock = if is_shared {
            let lock = io::create(attempts.join(LOCK))?;
            if lock.try_lock().is_err() {
                return Err(Error::DataDirInUse(config.data_dir.clone()));
            }
            Some(lock)
        } else {
            None
        };
        let own = Server {
            uid,
            host: host(),
            data_dir: config.data_dir.display().to_string(),
            url: config.url.clone(),
            address: Some(config.address.clone()),
            started_at: now,
            beat: 0,
            beat_at: now,
            lease_ms: config.lease.as_millis() as i64,
        };
        let state = Mutex::new(State { must_sweep: is_shared, ..State::default() });
        Ok(Self { own, is_shared, lease: config.lease, state, _lock: lock })
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` while others may take away what this server does; else a number that changes whenever they could have.
    pub fn generation(&self) -> Option<u64> {
        if !self.is_shared {
            return Some(0);
        }
        let state = self.state();
        state.renewed.filter(|renewed| renewed.elapsed() < self.lease).map(|_| state.generation)
    }

    /// `asked` is the moment before this server said that it lives.
    fn renewed(&self, asked: Instant) {
        let mut state = self.state();
        let lapsed = state.renewed.is_none_or(|renewed| asked.duration_since(renewed) >= self.lease);
        if lapsed {
            state.generation += 1;
            state.must_sweep = true;
        }
        state.renewed = Some(asked);
    }

    /// True once after each lapse.
    pub fn take_sweep(&self) -> bool {
        std::mem::take(&mut self.state().must_sweep)
    }

    /// Those of the peers that have been silent for their lease.
    fn silent(&self, peers: Vec<Server>) -> Vec<Server> {
        let now = Instant::now();
        let mut state = self.state();
        let known = peers.iter().map(|peer| peer.uid.clone()).collect::<std::collections::HashSet<_>>();
        state.peers.retain(|uid, _| known.contains(uid));
        let mut silent = Vec::new();
        for peer in peers {
            let seen = state.peers.entry(peer.uid.clone()).or_insert((peer.beat, now));
            if seen.0 != peer.beat {
                *seen = (peer.beat, now);
            } else if now.duration_since(seen.1) >= Duration::from_millis(peer.lease_ms.max(0) as u64) {
                silent.push(peer);
            }
        }
        silent
    }

    /// The attempts of a server, if this one reaches them as its own: the same boot of the same machine.
    pub fn reach(&self, server: &Server) -> Option<PathBuf> {
        let attempts = Path::new(&server.data_dir).join(ATTEMPTS);
        let is_there =
            || io::read_to_string(attempts.join(OWNER)).is_ok_and(|owner| owner.trim() == server.uid);
        (server.uid == self.own.uid || (server.host == self.own.host && is_there())).then_some(attempts)
    }
}

/// Names a boot of a machine, and the name space of its process ids.
fn host() -> String {
    let boot = io::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let space = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    format!("{} {}", boot.trim(), space.display())
}

impl Engine {
    /// Says that this server lives, and takes over from those that do not, until `token` is cancelled.
    pub(crate) async fn stay(&self, token: &CancellationToken) {
        let pause = self.0.membership.lease / BEATS;
        while !token.is_cancelled() {
            if let Err(error) = self.beat().await {
                tracing::warn!(%error, "cannot tell the other servers that this one lives");
            } else if let Err(error) = self.look_at_peers().await {
                tracing::warn!(%error, "cannot look after the other servers; trying again");
            }
            tokio::select! {
                () = token.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    pub(crate) async fn beat(&self) -> Result<(), Error> {
        let asked = Instant::now();
        let own = self.0.membership.own.clone();
        let token = self.0.config.token.as_deref().map(Digest::of);
        let write = move |tx: &mut FactTx<'_>| store::servers::beat(tx, &own, token);
        self.0.ledger.record(&Actor::system("pipelines"), write).await?;
        self.0.membership.renewed(asked);
        Ok(())
    }

    async fn look_at_peers(&self) -> Result<(), Error> {
        let own = self.0.membership.own.uid.clone();
        let mut peers = servers(&self.0.ledger).await?;
        peers.retain(|peer| peer.uid != own);
        for peer in self.0.membership.silent(peers) {
            self.take_over(&peer).await?;
        }
        Ok(())
    }
}
