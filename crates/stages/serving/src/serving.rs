use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use blobs::Blobs;
use ledger::Ledger;
use parking_lot::Mutex;
use predictions::Log;
use runtimes::Runtime;
use types::{Actor, WorkspaceId};

use crate::endpoint::{Endpoint, Key, ServingTable};
use crate::stats::Stats;
use crate::{Error, Target};

#[derive(Clone, Debug)]
pub struct ServingConfig {
    /// Answer only once the prediction is on disk, and fail the request if it cannot be stored.
    pub durable_log: bool,
    /// Rows in one request.
    pub most_rows: usize,
    /// How long a deployment waits for the requests of the revision it replaced.
    pub drain: Duration,
}

impl Default for ServingConfig {
    fn default() -> Self {
        Self { durable_log: false, most_rows: 100_000, drain: Duration::from_secs(30) }
    }
}

/// All endpoints. Cheap to clone.
#[derive(Clone)]
pub struct Serving(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub config: ServingConfig,
    pub ledger: Ledger,
    pub blobs: Blobs,
    pub runtime: Runtime,
    pub log: Log,
    pub table: ArcSwap<ServingTable>,
    /// Outlive revisions, so that a swap does not reset the curves.
    pub stats: Mutex<HashMap<Key, Arc<Stats>>>,
    /// One change of the table at a time.
    pub changing: tokio::sync::Mutex<()>,
}

impl Serving {
    /// Loads what the ledger says is deployed. A revision that cannot be loaded leaves its endpoint failed, and
    /// the others serve.
    pub async fn start(
        config: ServingConfig,
        ledger: &Ledger,
        blobs: &Blobs,
        runtime: Runtime,
        log: Log,
    ) -> Result<Self, Error> {
        let serving = Self(Arc::new(Inner {
            config,
            ledger: ledger.clone(),
            blobs: blobs.clone(),
            runtime,
            log,
            table: ArcSwap::default(),
            stats: Mutex::default(),
            changing: tokio::sync::Mutex::new(()),
        }));
        serving.sync().await?;
        Ok(serving)
    }

    pub fn log(&self) -> &Log {
        &self.0.log
    }

    pub fn config(&self) -> &ServingConfig {
        &self.0.config
    }

    /// Names of all endpoints of the workspace, in order, with whether they serve.
    pub fn names(&self, workspace: WorkspaceId) -> Vec<(String, bool)> {
        let table = self.0.table.load();
        let mut names: Vec<_> = table
            .endpoints
            .iter()
            .filter(|(key, _)| key.0 == workspace)
            .map(|(key, endpoint)| (key.1.clone(), endpoint.models.is_ok()))
            .collect();
        names.sort();
        names
    }

    /// Who would answer; for metadata and readiness.
    pub fn target(&self, actor: &Actor, endpoint: &str, version: Option<&str>) -> Result<Target, Error> {
        self.endpoint(actor.workspace, endpoint)?.target(version, Some(""))
    }

    pub(crate) fn endpoint(&self, workspace: WorkspaceId, name: &str) -> Result<Arc<Endpoint>, Error> {
        let table = self.0.table.load();
        let found = table.endpoints.get(&(workspace, name.to_owned())).map(Arc::clone);
        found.ok_or_else(|| Error::NoEndpoint(name.to_owned()))
    }

    pub(crate) fn stats(&self, key: &Key) -> Arc<Stats> {
        Arc::clone(self.0.stats.lock().entry(key.clone()).or_default())
    }

    /// Puts `endpoint` in the place of what the key had (or takes it away); what it had is returned.
    pub(crate) fn publish(&self, key: &Key, endpoint: Option<Endpoint>) -> Option<Arc<Endpoint>> {
        let mut endpoints = self.0.table.load().endpoints.clone();
        let old = match endpoint {
            Some(endpoint) => endpoints.insert(key.clone(), Arc::new(endpoint)),
            None => endpoints.remove(key),
        };
        self.0.table.store(Arc::new(ServingTable { endpoints }));
        old
    }

    /// Waits for the last request of a replaced endpoint, then frees its models away from the network's threads.
    pub(crate) async fn drain(&self, old: Arc<Endpoint>) {
        let until = tokio::time::Instant::now() + self.0.config.drain;
        while Arc::strong_count(&old) > 1 && tokio::time::Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        // A failed join would only mean that the process ends.
        let _ = tokio::task::spawn_blocking(move || drop(old)).await;
    }
}
