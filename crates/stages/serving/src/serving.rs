use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use blobs::Blobs;
use ledger::Ledger;
use parking_lot::Mutex;
use predictions::Log;
use runtimes::Runtime;
use tokio::sync::Notify;
use types::{Actor, Uid, WorkspaceId};

use crate::checks::{Baselines, Learned};
use crate::endpoint::{Endpoint, Key, ServingTable};
use crate::features::Features;
use crate::gates::{Gates, Judging};
use crate::guard::Guard;
use crate::load::Loaded;
use crate::meter::Meter;
use crate::rollout::Rollout;
use crate::settings::Settings;
use crate::shadow::{Shadows, Tally};
use crate::stats::Stats;
use crate::{Error, Revision, Select, Target, nap};

#[derive(Clone, Debug)]
pub struct ServingConfig {
    /// Answer only once the prediction is on disk, and fail the request if it cannot be stored.
    pub durable_log: bool,
    /// Rows in one request.
    pub most_rows: usize,
    /// How long a deployment waits for the requests of the revision it replaced.
    pub drain: Duration,
    /// Models that nobody asked for so long leave memory until the next request; `None`: never.
    pub idle_unload: Option<Duration>,
    /// Bytes that models may hold in memory at once; beyond, those asked longest ago leave it.
    pub memory: Option<u64>,
    /// After a start models that were loaded here before stay out of memory until their first request.
    pub lazy_load: bool,
    /// The runtimes beside ONNX; without, only ONNX is served.
    pub engines: Option<packages::Engines>,
    /// What model versions learned from, which rows are held against; without, only what needs no training data is checked.
    pub baselines: Option<Arc<dyn Baselines>>,
    pub gates: Gates,
}

impl Default for ServingConfig {
    fn default() -> Self {
        Self {
            durable_log: false,
            most_rows: 100_000,
            drain: Duration::from_secs(30),
            idle_unload: None,
            memory: None,
            lazy_load: false,
            engines: None,
            baselines: None,
            gates: Gates::default(),
        }
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
    /// By endpoint, variant and model version.
    pub variant_stats: Mutex<HashMap<(Key, String, Uid), Arc<Stats>>>,
    pub settings: Mutex<HashMap<Key, Arc<Settings>>>,
    /// Tables of features in memory.
    pub features: Mutex<HashMap<Key, Arc<Features>>>,
    /// What the settings' limits have counted.
    pub guards: Mutex<HashMap<Key, Arc<Guard>>>,
    /// By endpoint and model version.
    pub learned: Mutex<HashMap<(Key, Uid), Learned>>,
    /// Those that are running or paused.
    pub rollouts: Mutex<HashMap<Key, Rollout>>,
    pub shadows: Shadows,
    /// What shadows did on this server.
    pub tallies: Mutex<Vec<Arc<Tally>>>,
    pub judging: Judging,
    /// Told when a model came back into memory.
    pub woken: Arc<Notify>,
    /// This server, where several share a database.
    pub holder: Uid,
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
            variant_stats: Mutex::default(),
            settings: Mutex::default(),
            features: Mutex::default(),
            guards: Mutex::default(),
            learned: Mutex::default(),
            rollouts: Mutex::default(),
            shadows: Shadows::start(),
            tallies: Mutex::default(),
            judging: Judging::default(),
            woken: Arc::default(),
            holder: types::new_id(ledger.clock().now()),
            changing: tokio::sync::Mutex::new(()),
        }));
        serving.sync().await?;
        Ok(serving)
    }

    pub fn log(&self) -> &Log {
        &self.0.log
    }

    /// By the server's clock.
    pub fn new_id(&self) -> Uid {
        types::new_id(self.0.ledger.clock().now())
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
    pub fn target(&self, actor: &Actor, endpoint: &str, select: Select<'_>) -> Result<Target, Error> {
        let found = self.endpoint(actor.workspace, endpoint)?;
        match (select, &found.models) {
            (Select::Any, Ok(models)) => found.of(models, found.main()),
            _ => found.target(select, None),
        }
    }

    /// An endpoint of this revision, with the statistics and settings that outlive revisions.
    pub(crate) fn made(
        &self,
        key: &Key,
        revision: Revision,
        models: Result<Vec<Arc<Loaded>>, String>,
    ) -> Endpoint {
        let variant_stats = {
            let mut known = self.0.variant_stats.lock();
            let name = |v: &crate::VariantView| (key.clone(), v.name.clone(), v.model_version);
            // Of variants that are gone, and that nobody holds any more.
            known.retain(|of, stats| {
                of.0 != *key
                    || Arc::strong_count(stats) > 1
                    || revision.variants.iter().any(|v| name(v) == *of)
            });
            revision.variants.iter().map(|v| Arc::clone(known.entry(name(v)).or_default())).collect()
        };
        Endpoint {
            meters: revision.variants.iter().map(|v| Meter::of(&revision.endpoint, v)).collect(),
            checkers: models.as_ref().map(|m| self.checkers(key, m)).unwrap_or_default(),
            tallies: self.tallies_of(key, &revision),
            models,
            stats: self.stats(key),
            variant_stats,
            settings: self.0.settings.lock().get(key).map(Arc::clone).unwrap_or_default(),
            guard: Arc::clone(self.0.guards.lock().entry(key.clone()).or_default()),
            tried_at: Instant::now(),
            revision: Arc::new(revision),
        }
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

    /// Lets models leave memory that were idle for long, or that the budget has no room for.
    pub(crate) fn let_sleep(&self) {
        let config = &self.0.config;
        if config.idle_unload.is_none() && config.memory.is_none() {
            return;
        }
        let table = self.0.table.load();
        let models = table.endpoints.values().filter_map(|e| e.models.as_ref().ok()).flatten();
        let parts = models.flat_map(|model| model.parts()).map(|part| Arc::clone(&part.nap));
        nap::let_sleep(parts.collect(), config.idle_unload, config.memory);
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
