//! Which stages and doors there are, what each is given, and what runs beside the requests.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use automation::Automation;
use blobs::{BlobConfig, Blobs};
use kit::{AccessKeys, Door};
use ledger::{Component, Ledger, Options, Place};
use monitoring::{Mails, Monitoring};
use pipelines::Engine;
use predictions::{Log, LogConfig};
use repositories::Repositories;
use runtimes::{Runtime, RuntimeConfig};
use serving::{Serving, ServingConfig};
use tables::Tables;
use tasks::{OnStop, Supervisor};
use types::{Actor, Level, Reader, ResourceKind, SystemClock};
use vault::Vault;
use webhooks::Webhooks;

use crate::baselines::Baselines;
use crate::config::{Config, Role};
use crate::notices::Notices;
use crate::projects::Port;
use crate::{Error, engines};

/// The tables of every stage, in lifecycle order.
pub const COMPONENTS: &[Component] = &[
    repositories::COMPONENT,
    datasets::COMPONENT,
    curation::COMPONENT,
    tracking::COMPONENT,
    traces::COMPONENT,
    models::COMPONENT,
    packages::COMPONENT,
    pipelines::COMPONENT,
    predictions::COMPONENT,
    evaluation::COMPONENT,
    reports::COMPONENT,
    review::COMPONENT,
    serving::COMPONENT,
    gateway::COMPONENT,
    monitoring::COMPONENT,
    automation::COMPONENT,
    webhooks::COMPONENT,
];

/// The names of the doors, as `--listen` takes them.
pub const DOORS: &[&str] = &[
    "native",
    "mlflow",
    "oip",
    "tfserving",
    "scoring",
    "sagemaker",
    "vertex",
    "bentoml",
    "lakefs",
    "kfp",
    "evidently",
    "s3",
];

/// Those that answer prediction requests.
pub const SERVING: &[&str] = &["oip", "tfserving", "scoring", "sagemaker", "vertex", "bentoml"];

/// The hidden command of this program under which a pipeline step runs.
const STEP_SHIM: &str = "internal-step-shim";

/// The ground that everything stands on.
#[derive(Clone)]
pub struct Ground {
    pub ledger: Ledger,
    pub blobs: Blobs,
    pub vault: Vault,
    pub keys: AccessKeys,
    /// Of repositories alone: garbage collection removes what no repository needs.
    pub data: Blobs,
}

impl Ground {
    pub async fn open(config: &Config) -> Result<Self, Error> {
        let data_dir = &config.server.data_dir;
        types::io::create_dir_all(data_dir)?;
        let place = match config.database.url.as_str() {
            "" => Place::Sqlite(data_dir.join("ledger.sqlite")),
            url => Place::Postgres(url.to_owned()),
        };
        let options = Options { place, readers: config.database.readers };
        let opened =
            tokio::task::spawn_blocking(move || Ledger::open(options, Arc::new(SystemClock), COMPONENTS));
        let (blobs, data) = stores(config);
        let ledger = opened.await.map_err(|e| Error::Task(e.to_string()))??;
        let vault = Vault::open(data_dir, std::env::var(vault::VARIABLE).ok().as_deref())?;
        let keys = AccessKeys::new(&ledger, &vault);
        let (blobs, data) = (Blobs::open(&blobs).await?, Blobs::open(&data).await?);
        Ok(Self { ledger, blobs, vault, keys, data })
    }
}

/// 0 is never.
fn seconds(of: u64) -> Option<Duration> {
    Some(Duration::from_secs(of)).filter(|time| !time.is_zero())
}

/// Where objects live: those of the server, and those of repositories.
fn stores(config: &Config) -> (BlobConfig, BlobConfig) {
    let data_dir = &config.server.data_dir;
    let url = config.blobs.url.as_str();
    if url.is_empty() {
        return (BlobConfig::Local(data_dir.join("blobs")), BlobConfig::Local(data_dir.join("repositories")));
    }
    // Another folder beside it: `s3://bucket/prefix?options` becomes `s3://bucket/prefix/repositories?options`.
    let (place, options) = url.split_once('?').map_or((url, String::new()), |(p, o)| (p, format!("?{o}")));
    let beside = format!("{}/repositories{options}", place.trim_end_matches('/'));
    (BlobConfig::Url(url.to_owned()), BlobConfig::Url(beside))
}

/// The stages that have a life of their own.
#[derive(Clone)]
pub struct Stages {
    pub ground: Ground,
    pub engine: Engine,
    pub log: Log,
    pub serving: Serving,
    pub baselines: Baselines,
    pub engines: packages::Engines,
    pub trials: packages::Trials,
    pub monitoring: Monitoring,
    pub mails: Mails,
    pub automation: Automation,
    pub webhooks: Webhooks,
    pub repositories: Repositories,
    pub tables: Tables,
}

impl Stages {
    /// `url` is where pipeline steps find this server; `token` lets them in.
    pub async fn start(ground: Ground, config: &Config, url: &str, token: &str) -> Result<Self, Error> {
        let data_dir = std::path::absolute(&config.server.data_dir)
            .map_err(|e| types::io::Error::new("find", &config.server.data_dir, e))?;
        let Ground { ledger, blobs, vault, .. } = &ground;
        let engine =
            Engine::new(ledger.clone(), blobs.clone(), steps(config, blobs, vault, &data_dir, url, token)?)
                .map_err(Error::stage)?;
        let runtime = Runtime::new(RuntimeConfig {
            onnxruntime: Some(config.runtimes.onnxruntime.clone()).filter(|p| !p.as_os_str().is_empty()),
            environments: vec![data_dir.join("environments")],
            intra_threads: config.runtimes.threads,
            ..RuntimeConfig::default()
        });
        let log_config = LogConfig { dir: data_dir.join("predictions"), ..LogConfig::default() };
        let log = Log::open(log_config, ledger, blobs).await.map_err(Error::stage)?;
        let engines = engines::engines(config, &data_dir, &runtime).await?;
        let trials = engines::trials(config, &data_dir, vault)?;
        let baselines = Baselines::new(ledger);
        let serving_config = ServingConfig {
            durable_log: config.predictions.durable,
            engines: Some(engines.clone()),
            baselines: Some(Arc::new(baselines.clone())),
            idle_unload: seconds(config.serving.idle_unload_seconds),
            memory: Some(config.serving.memory_budget_mib << 20).filter(|bytes| *bytes > 0),
            lazy_load: config.serving.lazy_load,
            gates: serving::Gates {
                parity: config.serving.parity,
                trial: config.serving.trial,
                trials: Some(trials.clone()),
            },
            ..ServingConfig::default()
        };
        let serving = Serving::start(serving_config, ledger, blobs, runtime.clone(), log.clone())
            .await
            .map_err(Error::stage)?;
        // What an older master key sealed; a secret that does not open is told when it is used.
        if let Err(error) = gateway::reseal(ledger, vault, &Actor::system("vault")).await {
            tracing::warn!(%error, "gateway secrets were not sealed again under the newest master key");
        }
        let monitoring = Monitoring::new(ledger, blobs, &log);
        let mails = Mails::new(ledger, vault, crate::mail::settings(&config.email, url)?);
        let policy = outbound::Policy {
            private_addresses: config.webhooks.private_addresses,
            timeout: Duration::from_secs(30),
            largest_answer: 1 << 20,
            ..outbound::Policy::default()
        };
        let client = outbound::Client::new(policy).map_err(Error::stage)?;
        let repositories = Repositories::open(
            ledger.clone(),
            ground.data.clone(),
            repositories::Options {
                local_roots: config.repositories.local_roots.clone(),
                outbound: Some(client.clone()),
                ..repositories::Options::default()
            },
        );
        repositories.add_gate(Arc::new(project::DataGate::new(&repositories, ledger, blobs)));
        repositories.set_readers(Arc::new(Runs(ledger.clone())));
        let automation = Automation::new(ledger, blobs, &runtime, &log, &serving, &repositories);
        let tables = tables(config, &repositories)?;
        let composer = Arc::new(Notices(door_mlflow::Composer::new(ledger)));
        let webhooks = Webhooks::new(ledger, vault, client, door_mlflow::STYLE, composer);
        Ok(Self {
            ground,
            engine,
            log,
            serving,
            baselines,
            engines,
            trials,
            monitoring,
            mails,
            automation,
            webhooks,
            repositories,
            tables,
        })
    }

    /// What runs beside the requests where one package is served.
    pub fn run_outpost(&self, supervisor: &Supervisor) {
        let (log, token) = (self.log.clone(), supervisor.token());
        supervisor.spawn_restarting("predictions.seal", OnStop::Wait, move || {
            let (log, token) = (log.clone(), token.clone());
            async move { log.run(token).await }
        });
    }

    /// Starts what runs beside the requests, by role.
    pub fn run(&self, supervisor: &Supervisor, config: &Config) {
        let log = self.log.clone();
        let token = supervisor.token();
        supervisor.spawn_restarting("predictions.seal", OnStop::Wait, move || {
            let (log, token) = (log.clone(), token.clone());
            async move { log.run(token).await }
        });
        let (serving, token) = (self.serving.clone(), supervisor.token());
        supervisor.spawn_restarting("serving", OnStop::Abort, move || {
            let (serving, token) = (serving.clone(), token.clone());
            async move { serving.run(token).await }
        });
        let (serving, token) = (self.serving.clone(), supervisor.token());
        supervisor.spawn_restarting("serving.gates", OnStop::Abort, move || {
            let (serving, token) = (serving.clone(), token.clone());
            async move { serving.judge(token).await }
        });
        let (repositories, token) = (self.repositories.clone(), supervisor.token());
        supervisor.spawn_restarting("repositories.reads", OnStop::Wait, move || {
            repositories.clone().follow_reads(token.clone())
        });
        if config.has(Role::Worker) {
            let (ledger, token) = (self.ground.ledger.clone(), supervisor.token());
            supervisor.spawn_restarting("tracking.seal", OnStop::Abort, move || {
                tracking::seal_ended_runs(ledger.clone(), token.clone())
            });
            let (engine, token) = (self.engine.clone(), supervisor.token());
            supervisor.spawn_restarting("pipelines.engine", OnStop::Abort, move || {
                let (engine, token) = (engine.clone(), token.clone());
                async move { engine.run(token).await }
            });
        }
        if config.has(Role::Monitor) {
            let (monitoring, token) = (self.monitoring.clone(), supervisor.token());
            supervisor.spawn_restarting("monitoring", OnStop::Abort, move || {
                let (monitoring, token) = (monitoring.clone(), token.clone());
                async move { monitoring.run(token).await }
            });
        }
        let (reviews, token) = (review::Collector::new(&self.ground.ledger, &self.log), supervisor.token());
        supervisor.spawn_restarting("review.predictions", OnStop::Abort, move || {
            let (reviews, token) = (reviews.clone(), token.clone());
            async move { reviews.run(token).await }
        });
        if config.has(Role::Scheduler) {
            let (repositories, token) = (self.repositories.clone(), supervisor.token());
            supervisor.spawn_restarting("repositories.staging", OnStop::Abort, move || {
                repositories.clone().follow_staging(token.clone())
            });
        }
        if config.has(Role::Scheduler)
            && let Some(every) = config.repositories.gc_every.time()
        {
            let (repositories, token) = (self.repositories.clone(), supervisor.token());
            supervisor.spawn_restarting("repositories.garbage", OnStop::Wait, move || {
                repositories.clone().follow_garbage(every, token.clone())
            });
        }
        if config.has(Role::Scheduler) {
            let (webhooks, token) = (self.webhooks.clone(), supervisor.token());
            supervisor.spawn_restarting("webhooks", OnStop::Abort, move || {
                let (webhooks, token) = (webhooks.clone(), token.clone());
                async move { webhooks.run(token).await }
            });
        }
        if config.has(Role::Scheduler) {
            let (mails, token) = (self.mails.clone(), supervisor.token());
            supervisor.spawn_restarting("monitoring.mail", OnStop::Abort, move || {
                let (mails, token) = (mails.clone(), token.clone());
                async move { mails.run(token).await }
            });
        }
        if config.has(Role::Scheduler) {
            let (automation, token) = (self.automation.clone(), supervisor.token());
            supervisor.spawn_restarting("automation", OnStop::Abort, move || {
                let (automation, token) = (automation.clone(), token.clone());
                async move { automation.run(token).await }
            });
        }
    }

    /// The door without paths, which tells its requests by their signature or host.
    pub fn s3(&self, config: &Config) -> door_s3::S3 {
        let Ground { ledger, keys, .. } = &self.ground;
        let clock = Arc::clone(ledger.clock());
        door_s3::S3::new(self.repositories.clone(), keys.clone(), clock, config.s3.domains.clone())
    }

    /// Every door that has paths, in the order of [`DOORS`]. Errors: `NotThePage`.
    pub fn doors(&self, config: &Config) -> Result<Vec<Door>, Error> {
        let Ground { ledger, blobs, vault, .. } = &self.ground;
        let native = door_native::State {
            ledger: ledger.clone(),
            blobs: blobs.clone(),
            keys: self.ground.keys.clone(),
            vault: vault.clone(),
            engine: self.engine.clone(),
            serving: self.serving.clone(),
            log: self.log.clone(),
            repositories: self.repositories.clone(),
            tables: self.tables.clone(),
            projects: Arc::new(Port::new(self)),
            grammar: Arc::new(Grammar),
            packaging: Some(door_native::Packaging {
                engines: self.engines.clone(),
                trials: self.trials.clone(),
            }),
            about: Arc::new(door_native::About {
                version: crate::VERSION,
                started_at: ledger.clock().now(),
                data_dir: config.server.data_dir.display().to_string(),
            }),
        };
        let mlflow = door_mlflow::routes(door_mlflow::State {
            ledger: ledger.clone(),
            blobs: blobs.clone(),
            vault: vault.clone(),
            artifact_root: artifact_root(config),
            workspaces: config.access.workspaces,
            webhooks: self.webhooks.clone(),
            repositories: self.repositories.clone(),
            plain_webhooks: config.webhooks.private_addresses,
        });
        let page = Some(config.mlflow.ui.as_path()).filter(|dir| !dir.as_os_str().is_empty());
        Ok(vec![
            door_native::routes(native),
            door_mlflow::with_page(mlflow, page)?,
            door_oip::routes(door_oip::State::new(self.serving.clone())),
            door_tfserving::routes(door_tfserving::State { serving: self.serving.clone() }),
            door_scoring::routes(door_scoring::State::new(self.serving.clone())),
            door_sagemaker::routes(door_sagemaker::State {
                serving: self.serving.clone(),
                keys: self.ground.keys.clone(),
                clock: Arc::clone(ledger.clock()),
                repositories: self.repositories.clone(),
            }),
            door_vertex::routes(door_vertex::State { serving: self.serving.clone() }),
            door_bentoml::routes(door_bentoml::State::new(self.serving.clone())),
            door_lakefs::routes(door_lakefs::State {
                repositories: self.repositories.clone(),
                ledger: ledger.clone(),
                vault: vault.clone(),
                keys: self.ground.keys.clone(),
                presign: true,
            }),
            door_kfp::routes(door_kfp::State {
                ledger: ledger.clone(),
                blobs: blobs.clone(),
                engine: self.engine.clone(),
            }),
            door_evidently::routes(door_evidently::State { ledger: ledger.clone(), blobs: blobs.clone() }),
        ])
    }
}

/// Who may say what they read for: those who may change the run, and of steps those who may change anything.
struct Runs(Ledger);

#[async_trait::async_trait]
impl repositories::Readers for Runs {
    async fn may_read_for(&self, actor: &Actor, reader: &Reader) -> Result<bool, repositories::GateError> {
        Ok(match reader {
            Reader::Step(_) => actor.creates(),
            Reader::Run(uid) => match tracking::run(&self.0, actor, *uid).await {
                Ok(run) => {
                    let experiment = run.experiment.to_string();
                    kit::reaches(actor, ResourceKind::Experiment, &experiment, Level::Edit)
                }
                Err(tracking::Error::RunNotFound(_)) => false,
                Err(error) => return Err(error.into()),
            },
        })
    }
}

/// Tables of repositories, with SQL on threads of their own.
fn tables(config: &Config, repositories: &Repositories) -> Result<Tables, Error> {
    let of = &config.query;
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let engine = query::DataFusion::new(if of.threads == 0 { threads } else { of.threads }, of.parallel)
        .map_err(|e| Error::Task(format!("the threads of queries cannot start: {e}")))?;
    let limits =
        columns::Limits { rows: of.rows, memory: of.memory_mib << 20, time: Duration::from_secs(of.seconds) };
    let config = tables::Config { limits, ..tables::Config::default() };
    Ok(Tables::new(repositories.clone(), Arc::new(engine), config))
}

/// Gives the table of runs the MLflow door's grammar.
struct Grammar;

impl door_native::RunGrammar for Grammar {
    fn run_query(
        &self,
        filter: &str,
        order_by: &[String],
    ) -> Result<tracking::RunQuery, door_native::Failure> {
        door_mlflow::run_query(filter, order_by).map_err(|error| {
            let hint = "for example: metrics.loss < 0.2 AND params.lr = '0.01' AND run_name LIKE 'night%'";
            door_native::Failure::invalid(error.message, hint)
        })
    }
}

/// Where new experiments keep their files, if not in the server's own store.
pub fn artifact_root(config: &Config) -> Option<String> {
    Some(config.artifacts.default_root.clone()).filter(|root| !root.is_empty())
}

/// How pipeline steps are started: under a shim that is this very program.
fn steps(
    config: &Config,
    blobs: &Blobs,
    vault: &Vault,
    data_dir: &Path,
    url: &str,
    token: &str,
) -> Result<pipelines::Config, Error> {
    let program = engines::program()?;
    let shim = vec![program.into_os_string(), STEP_SHIM.into()];
    let given = config.pipelines.url.trim_end_matches('/');
    let address = Some(config.pipelines.address.as_str()).filter(|address| !address.is_empty());
    let address = address.unwrap_or(url).trim_end_matches('/').to_owned();
    let url = if given.is_empty() { url } else { given };
    let mut steps = pipelines::Config::new(data_dir.to_owned(), shim, url.to_owned());
    steps.address = address;
    steps.ready_shims = 1;
    steps.lease = Duration::from_secs(config.pipelines.lease_seconds.max(3));
    let days = Duration::from_secs(config.pipelines.keep_days.saturating_mul(86_400));
    steps.keep = Some(days).filter(|days| !days.is_zero());
    steps.vault = Some(vault.clone());
    steps.token = Some(token.to_owned());
    steps.parallel = config.pipelines.workers.max(1);
    steps.log_limit = config.pipelines.log_limit_mib << 20;
    steps.adapters.push(Arc::new(door_kfp::Kubeflow));
    steps.adapters.push(Arc::new(pipelines::Python::new(blobs.clone(), data_dir).map_err(Error::stage)?));
    Ok(steps)
}
