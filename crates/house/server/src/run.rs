//! The life of the server: open, listen, serve, stop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use kit::Door;
use tasks::Supervisor;
use tokio::signal::unix::{SignalKind, signal};

use crate::access::{self, Access};
use crate::compose::{self, DOORS, Ground, Stages};
use crate::config::{self, Config, Role};
use crate::health::{self, Health};
use crate::listen::{self, Route};
use crate::otlp::Exporter;
use crate::{Error, admin, telemetry};

/// What the command line says; it wins over the configuration file.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub config: Option<PathBuf>,
    pub host: Option<String>,
    pub port: Option<u16>,
    /// `ADDRESS=door,door`, each.
    pub listen: Vec<String>,
    pub data_dir: Option<PathBuf>,
    pub database_url: Option<String>,
    pub blob_url: Option<String>,
    pub default_artifact_root: Option<String>,
    pub mlflow_ui: Option<PathBuf>,
}

impl Options {
    /// The configuration that results.
    pub fn resolve(&self) -> Result<Config, Error> {
        let mut config = match &self.config {
            Some(path) => config::read(path)?,
            None => Config::default(),
        };
        if let Some(host) = &self.host {
            config.server.host.clone_from(host);
        }
        if let Some(port) = self.port {
            config.server.port = port;
        }
        if let Some(dir) = &self.data_dir {
            config.server.data_dir.clone_from(dir);
        }
        if let Some(url) = &self.database_url {
            config.database.url.clone_from(url);
        }
        if let Some(url) = &self.blob_url {
            config.blobs.url.clone_from(url);
        }
        if let Some(root) = &self.default_artifact_root {
            config.artifacts.default_root.clone_from(root);
        }
        if let Some(dir) = &self.mlflow_ui {
            config.mlflow.ui.clone_from(dir);
        }
        for text in &self.listen {
            config.listen.push(config::parse_listen(text)?);
        }
        for listen in &config.listen {
            listen::check_names(listen, DOORS)?;
        }
        Ok(config)
    }
}

/// The routes of the address that all doors share.
pub async fn routes(options: &Options) -> Result<Vec<Route>, Error> {
    let scratch = std::env::temp_dir().join(format!("mlwright-routes-{}", std::process::id()));
    let mut config = options.resolve()?;
    config.server.data_dir.clone_from(&scratch);
    config.database.url.clear();
    config.blobs.url.clear();
    let ground = Ground::open(&config).await?;
    let stages = Stages::start(ground, &config, "", "").await?;
    let table = stages.doors(&config).and_then(|doors| listen::table(config.address()?, &doors));
    drop(stages);
    // A leftover in the temporary directory harms nobody.
    let _ = std::fs::remove_dir_all(scratch);
    table
}

/// Serves until SIGTERM or SIGINT, or until a task fails that the server cannot do without.
pub async fn run(options: Options) -> Result<(), Error> {
    let started = Instant::now();
    let config = options.resolve()?;
    telemetry::start_logging(&config.log);
    let address = config.address()?;
    let ground = Ground::open(&config).await?;
    admin::first_admin(&ground.ledger).await?;
    admin::first_access_key(&ground.keys, tell).await?;
    let step_token = access::step_token(&config.server.data_dir)?;
    let access =
        Access::new(ground.ledger.clone(), ground.keys.clone(), &config.access, step_token.clone()).await?;
    for exposed in std::iter::once(address).chain(config.listen.iter().map(|l| l.address)) {
        if !exposed.ip().is_loopback() && !access.login_required().await? {
            return Err(Error::Exposed { address: exposed });
        }
    }
    let main = listen::bind(address).await?;
    let bound = main.local_addr().map_err(|source| Error::Bind { address, source })?;
    let metrics = telemetry::start_metrics();
    let (tracer, exporter) = Exporter::start(&config.telemetry)?;
    let stages = Stages::start(ground, &config, &step_url(bound), &step_token).await?;
    access.let_tasks_in(stages.engine.clone());
    let (root, server) = (compose::artifact_root(&config), types::Actor::system("server"));
    let prepared = tracking::prepare_default_experiment(&stages.ground.ledger, &server, root).await;
    prepared.map_err(Error::stage)?;
    let health = Health { ledger: stages.ground.ledger.clone(), metrics: metrics.clone() };

    let mut listeners = vec![(main, &[][..])];
    for listen in &config.listen {
        listeners.push((listen::bind(listen.address).await?, &listen.doors));
    }
    let supervisor = Supervisor::new();
    let grace = Duration::from_secs(config.server.stop_grace_seconds);
    for (listener, wanted) in listeners {
        let at = listener.local_addr().map_err(|source| Error::Bind { address, source })?;
        let doors: Vec<Door> =
            stages.doors(&config)?.into_iter().filter(|d| is_wanted(&config, wanted, d.name)).collect();
        listen::table(at, &doors)?;
        let s3 = is_wanted(&config, wanted, "s3").then(|| stages.s3(&config));
        let router =
            listen::router(doors, health::router(health.clone()), access.clone(), s3, tracer.clone());
        listen::serve(&supervisor, listener, router, grace);
        tracing::info!("listening on http://{at}");
    }
    stages.run(&supervisor, &config);
    exporter.run(&supervisor);
    telemetry::keep_up(&supervisor, metrics);
    tracing::info!(
        data_dir = %config.server.data_dir.display(),
        database = %stages.ground.ledger.place().display(),
        version = crate::VERSION,
        "ready after {} ms", started.elapsed().as_millis()
    );

    wait_for_stop(&supervisor).await?;
    let stopped = supervisor.shutdown(grace).await;
    exporter.flush().await;
    if let Err(error) = stages.ground.ledger.checkpoint() {
        tracing::warn!("the database keeps its log beside it: {error}");
    }
    if !stopped.aborted.is_empty() {
        tracing::warn!(tasks = ?stopped.aborted, "stopped without waiting any longer for these");
    }
    match stopped.failed {
        Some(reason) => Err(Error::Task(reason)),
        None => {
            tracing::info!("stopped");
            Ok(())
        }
    }
}

/// Says something that must not depend on which log lines are wanted.
fn tell(text: String) {
    use std::io::Write as _;
    // Nobody listens to standard error: then nobody can be told.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Whether this process's roles include answering for a door.
fn answers(config: &Config, door: &str) -> bool {
    config.has(if compose::SERVING.contains(&door) { Role::Gateway } else { Role::Api })
}

/// Whether an address that was given these doors (none: all) answers for a door.
fn is_wanted(config: &Config, doors: &[String], door: &str) -> bool {
    answers(config, door) && (doors.is_empty() || doors.iter().any(|name| name == door))
}

/// Where a step on this machine finds the server.
fn step_url(bound: SocketAddr) -> String {
    let mut at = bound;
    if at.ip().is_unspecified() {
        at.set_ip(if at.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() });
    }
    format!("http://{at}")
}

pub(crate) async fn wait_for_stop(supervisor: &Supervisor) -> Result<(), Error> {
    let watch = |kind| signal(kind).map_err(|e| Error::Task(format!("cannot watch for signals: {e}")));
    let (mut term, mut interrupt) = (watch(SignalKind::terminate())?, watch(SignalKind::interrupt())?);
    tokio::select! {
        _ = term.recv() => tracing::info!("SIGTERM: stopping"),
        _ = interrupt.recv() => tracing::info!("interrupted: stopping"),
        () = supervisor.token().cancelled_owned() => {}
    }
    Ok(())
}
