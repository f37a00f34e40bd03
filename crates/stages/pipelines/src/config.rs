use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// What the engine needs to know about its server.
#[derive(Clone, Debug)]
pub struct Config {
    /// Attempts lie in `pipelines/`, environments in `environments/`.
    pub data_dir: PathBuf,
    /// The command that becomes [`crate::shim::main`]; the attempt's directory is appended.
    pub shim: Vec<OsString>,
    /// Where steps reach this server.
    pub url: String,
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
    /// Added to the environment of every step.
    pub env: BTreeMap<String, String>,
}

impl Config {
    pub fn new(data_dir: PathBuf, shim: Vec<OsString>, url: String) -> Self {
        Self {
            data_dir,
            shim,
            url,
            token: None,
            uv: None,
            parallel: std::thread::available_parallelism().map_or(2, std::num::NonZero::get),
            log_limit: 64 << 20,
            grace: Duration::from_secs(5),
            env: BTreeMap::new(),
        }
    }

    pub fn environments(&self) -> PathBuf {
        self.data_dir.join("environments")
    }

    pub(crate) fn attempts(&self) -> PathBuf {
        self.data_dir.join("pipelines")
    }
}
