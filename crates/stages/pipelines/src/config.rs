use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use vault::Vault;

use crate::Adapter;

/// Below a server's data directory.
pub(crate) const ATTEMPTS: &str = "pipelines";

/// What the engine needs to know about its server.
#[derive(Clone)]
pub struct Config {
    /// Attempts lie in `pipelines/`, environments in `environments/`.
    pub data_dir: PathBuf,
    /// The command that becomes [`crate::shim::main`]; [`crate::shim::READY`] is appended.
    pub shim: Vec<OsString>,
    /// Shims that wait for a step, from the first step on.
    pub ready_shims: usize,
    /// Where steps reach this server, and clusters whose declaration says nothing else.
    pub url: String,
    /// Where the other servers that share the database reach this one, and no other.
    pub address: String,
    /// What steps show there, if the server asks.
    pub token: Option<String>,
    /// `uv` of the search path if `None`.
    pub uv: Option<PathBuf>,
    /// Steps that run at the same time on this server.
    pub parallel: usize,
    /// Bytes of output that are kept of each attempt.
    pub log_limit: u64,
    /// From asking a step to end to ending it.
    pub grace: Duration,
    /// Where servers share the database: how long one may be silent before others take over what it does.
    pub lease: Duration,
    /// How long what a run left on this server's disk is kept after its end; for ever if `None`.
    pub keep: Option<Duration>,
    /// Opens secrets that steps want; none are given if `None`.
    pub vault: Option<Vault>,
    /// Added to the environment of every step.
    pub env: BTreeMap<String, String>,
    /// Kinds of work other than `step`, which the engine knows itself.
    pub adapters: Vec<Arc<dyn Adapter>>,
    /// How many tasks of a pool run at the same time, on all servers; a pool that is not here has no limit.
    pub pools: BTreeMap<String, usize>,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("data_dir", &self.data_dir)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl Config {
    pub fn new(data_dir: PathBuf, shim: Vec<OsString>, url: String) -> Self {
        Self {
            data_dir,
            shim,
            ready_shims: 0,
            address: url.clone(),
            url,
            token: None,
            uv: None,
            parallel: std::thread::available_parallelism().map_or(2, std::num::NonZero::get),
            log_limit: 64 << 20,
            grace: Duration::from_secs(5),
            lease: Duration::from_secs(20),
            keep: None,
            vault: None,
            env: BTreeMap::new(),
            adapters: Vec::new(),
            pools: BTreeMap::new(),
        }
    }

    pub fn environments(&self) -> PathBuf {
        self.data_dir.join("environments")
    }

    pub(crate) fn attempts(&self) -> PathBuf {
        self.data_dir.join(ATTEMPTS)
    }
}
