//! Several servers may share a PostgreSQL database: each looks now and then whether another one changed who may do what.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::{Error, Ledger, Place};

/// How long changes that other servers made may go unnoticed.
const PEERS: Duration = Duration::from_secs(1);

/// When other servers' changes were last looked for, and what was found.
#[derive(Debug)]
pub(super) struct Look {
    started: Instant,
    /// Milliseconds after `started`.
    at: AtomicU64,
    /// -1: never.
    version: AtomicI64,
}

impl Default for Look {
    fn default() -> Self {
        Self { started: Instant::now(), at: AtomicU64::new(0), version: AtomicI64::new(-1) }
    }
}

impl Ledger {
    /// Forgets what this server knows about access if another one changed it; looks at most once a second, and never
    /// where the database cannot be shared. Ask before you trust [`Ledger::access_generation`].
    pub async fn look_at_peers(&self) -> Result<(), Error> {
        if matches!(self.place(), Place::Sqlite(_)) {
            return Ok(());
        }
        let look = &self.0.access.peers;
        let now = u64::try_from(look.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let at = look.at.load(Ordering::Relaxed);
        let first = look.version.load(Ordering::Relaxed) < 0;
        let due = first || now.saturating_sub(at) >= PEERS.as_millis() as u64;
        // One request looks; the others go on with what is known.
        if !due || look.at.compare_exchange(at, now, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            return Ok(());
        }
        let version = self.access_version().await?;
        if look.version.swap(version, Ordering::AcqRel) != version {
            self.forget_access();
        }
        Ok(())
    }
}
