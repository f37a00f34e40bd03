//! Serving one package, far from the server that made it: the same doors, a private registry that holds this one model, and
//! nothing else. Nobody signs in here; what can be asked is prediction, labels and figures.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use kit::Door;
use metrics_exporter_prometheus::PrometheusHandle;
use packages::{Gate, Manifest, Verified};
use serde_json::{Value, json};
use spans::Tracer;
use tasks::Supervisor;
use tower::ServiceExt as _;
use types::{Actor, ActorKind, Role as Person, io};

use crate::compose::{Ground, SERVING, Stages};
use crate::config::{Config, Role};
use crate::health::{self, Health};
use crate::otlp::Exporter;
use crate::{Error, check, listen, outpost, telemetry};

/// What the command line says of a package.
#[derive(Clone, Debug, Default)]
pub struct PackageOptions {
    pub package: PathBuf,
    /// The signer that is trusted; any if `None`.
    pub key: Option<String>,
    /// Do this with it and end, instead of serving it.
    pub once: Option<Once>,
    /// Where records are handed: the address of a server, and an access token.
    pub home: Option<(String, Option<String>)>,
    /// Answer to any host name: the container's network decides who comes.
    pub any_host: bool,
    /// Paths at which health and predictions are asked too, beside the doors' own.
    pub health_path: Option<String>,
    pub predict_path: Option<String>,
}

/// What is done with a package that is not served.
#[derive(Clone, Debug)]
pub enum Once {
    /// Load it, ask it with its input example, and report.
    Check,
    /// Ask it with this body, and give what it answers.
    Predict { content_type: String, body: Vec<u8> },
}

/// Everything that a package being served needs.
pub(crate) struct Outpost {
    pub verified: Verified,
    pub stages: Stages,
    pub endpoint: String,
    pub actor: Actor,
}

/// Serves the package until SIGTERM or SIGINT; with `once`, does that and ends.
pub async fn run(mut config: Config, options: PackageOptions) -> Result<Option<Value>, Error> {
    let started = Instant::now();
    let scratch = config.server.data_dir.as_os_str().is_empty();
    if scratch {
        let name = format!("mlwright-package-{}", std::process::id());
        config.server.data_dir = std::env::temp_dir().join(name);
    }
    let outcome = serve(&config, &options, started).await;
    if scratch {
        // A leftover in the temporary directory harms nobody.
        let _ = std::fs::remove_dir_all(&config.server.data_dir);
    }
    match outcome {
        Err(error) if matches!(options.once, Some(Once::Check)) => {
            Ok(Some(json!({ "passed": false, "reason": error.to_string() })))
        }
        other => other,
    }
}

async fn serve(config: &Config, options: &PackageOptions, started: Instant) -> Result<Option<Value>, Error> {
    telemetry::start_logging(&config.log);
    let mut config = config.clone();
    config.server.roles = vec![Role::Gateway];
    config.database.url.clear();
    config.blobs.url.clear();
    config.listen.clear();
    // What it carries was judged where it was made; and a trial must not try itself.
    config.serving.parity = Gate::Off;
    config.serving.trial = Gate::Off;
    let address =
        if options.once.is_some() { SocketAddr::from(([127, 0, 0, 1], 0)) } else { config.address()? };
    if !address.ip().is_loopback() && !options.any_host {
        return Err(Error::Exposed { address });
    }
    // Before the endpoint is made: what counts its requests is taken from here.
    let metrics = telemetry::start_metrics();
    let (tracer, exporter) = Exporter::start(&config.telemetry)?;
    let outpost = open(&config, options).await?;
    let loaded = started.elapsed();
    let listener = listen::bind(address).await?;
    let bound = listener.local_addr().map_err(|source| Error::Bind { address, source })?;
    let router = router(&outpost, &config, options, metrics.clone(), tracer)?;
    let supervisor = Supervisor::new();
    let grace = Duration::from_secs(config.server.stop_grace_seconds);
    listen::serve(&supervisor, listener, router, grace);
    outpost.stages.run_outpost(&supervisor);
    exporter.run(&supervisor);
    telemetry::keep_up(&supervisor, metrics);
    if let Some((url, token)) = options.home.clone() {
        let handing = outpost::Handing {
            url,
            token,
            log: outpost.stages.log.clone(),
            actor: outpost.actor.clone(),
            endpoint: outpost.endpoint.clone(),
            manifest: outpost.verified.manifest.clone(),
            cursor: config.server.data_dir.join("handed"),
        };
        let stop = supervisor.token();
        supervisor.spawn_restarting("package.home", tasks::OnStop::Wait, move || {
            outpost::hand_home(handing.clone(), stop.clone())
        });
    }
    if let Some(once) = options.once.clone() {
        let outcome = match once {
            Once::Check => Ok(check::check(bound, &outpost, loaded).await),
            Once::Predict { content_type, body } => check::predict(bound, content_type, body).await,
        };
        supervisor.shutdown(Duration::from_secs(1)).await;
        exporter.flush().await;
        return outcome.map(Some);
    }
    let manifest = &outpost.verified.manifest;
    tracing::info!(
        model = manifest.model,
        version = manifest.version,
        engine = manifest.engine,
        signer = outpost.verified.public_key,
        "listening on http://{bound} after {} ms",
        started.elapsed().as_millis()
    );
    crate::run::wait_for_stop(&supervisor).await?;
    supervisor.shutdown(grace).await;
    exporter.flush().await;
    let _ = outpost.stages.ground.ledger.checkpoint();
    Ok(None)
}

/// Checks the package, and puts its model into the private registry unless it is there from before.
async fn open(config: &Config, options: &PackageOptions) -> Result<Outpost, Error> {
    let data_dir = &config.server.data_dir;
    io::create_dir_all(data_dir)?;
    let folder = data_dir.join("package");
    let _ = std::fs::remove_dir_all(&folder);
    let (package, key, to) = (options.package.clone(), options.key.clone(), folder.clone());
    let unpack = move || packages::unpack(&package, key.as_deref(), &to).map_err(Error::stage);
    let verified = tokio::task::spawn_blocking(unpack).await.map_err(|e| Error::Task(e.to_string()))??;
    let ground = Ground::open(config).await?;
    let stages = Stages::start(ground, config, "", "").await?;
    let system = Actor::system("package");
    let endpoint = endpoint_name(&verified.manifest.model);
    if let Some(profile) = verified.manifest.baseline.as_ref().and_then(|b| b.row_profile.clone()) {
        stages.baselines.package(profile);
        // One that is deployed from before was taken up without it.
        stages.serving.learn_again().await;
    }
    register(&stages, &system, &verified.manifest, &folder, &endpoint).await?;
    let _ = std::fs::remove_dir_all(&folder);
    let actor = Actor { kind: ActorKind::Local, name: "client".into(), role: Person::Client, ..system };
    Ok(Outpost { verified, stages, endpoint, actor })
}

/// Endpoints have plainer names than models.
fn endpoint_name(model: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' };
    let name: String = model.chars().map(plain).collect();
    let name = name.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    if name.is_empty() { "model".into() } else { name.chars().take(128).collect() }
}

async fn register(
    stages: &Stages,
    actor: &Actor,
    manifest: &Manifest,
    folder: &Path,
    endpoint: &str,
) -> Result<(), Error> {
    use tracking::artifacts::{self, ArtifactPath};
    let (ledger, blobs) = (&stages.ground.ledger, &stages.ground.blobs);
    let known = models::list(ledger, actor).await.map_err(Error::stage)?;
    if known
        .iter()
        .any(|m| m.name == manifest.model && m.latest.iter().any(|v| v.digest == Some(manifest.digest)))
    {
        return Ok(());
    }
    if known.iter().all(|m| m.name != manifest.model) {
        let create = models::create_model(ledger, actor, manifest.model.clone(), None, Default::default());
        create.await.map_err(Error::stage)?;
    }
    let home = format!("models/{}", manifest.digest.hex());
    for file in &manifest.files {
        let inner = file.path.strip_prefix("model/").unwrap_or(&file.path);
        let (digest, bytes) = blobs.put_file(&folder.join(&file.path)).await?;
        let path = ArtifactPath::parse(&format!("{home}/{inner}")).map_err(Error::stage)?;
        artifacts::put(ledger, actor, path, digest, bytes as i64).await.map_err(Error::stage)?;
    }
    let request = models::CreateVersion {
        model: manifest.model.clone(),
        folder: Some(ArtifactPath::parse(&home).map_err(Error::stage)?),
        source: format!("package of {} {}", manifest.model, manifest.version),
        ..Default::default()
    };
    let version = models::create_version(ledger, actor, request).await.map_err(Error::stage)?;
    packages::adopt(ledger, actor, version.uid, manifest).await.map_err(Error::stage)?;
    let deploy = serving::Deploy {
        endpoint: endpoint.to_owned(),
        variants: vec![serving::NewVariant::new(version.uid, 1.0)],
        causes: Vec::new(),
    };
    stages.serving.deploy(actor, deploy).await.map_err(Error::stage)?;
    Ok(())
}

fn router(
    outpost: &Outpost,
    config: &Config,
    options: &PackageOptions,
    metrics: PrometheusHandle,
    tracer: Option<Tracer>,
) -> Result<Router, Error> {
    let health = Health { ledger: outpost.stages.ground.ledger.clone(), metrics };
    let doors: Vec<Door> =
        outpost.stages.doors(config)?.into_iter().filter(|door| SERVING.contains(&door.name)).collect();
    let own = outpost::routes(outpost::Shared {
        log: outpost.stages.log.clone(),
        serving: outpost.stages.serving.clone(),
        endpoint: outpost.endpoint.clone(),
        verified: Arc::new(outpost.verified.clone()),
    });
    let inner =
        doors.into_iter().fold(health::router(health).merge(own), |router, door| router.merge(door.router));
    let guard = Guard { actor: outpost.actor.clone(), any_host: options.any_host, tracer };
    let inner = inner.layer(from_fn_with_state(guard, front));
    let predict = format!("/v1/projects/local/locations/local/endpoints/{}:predict", outpost.endpoint);
    let paths = Paths {
        inner,
        health: options.health_path.clone(),
        predict: options.predict_path.clone().map(|path| (path, predict)),
    };
    Ok(Router::new().fallback(named).with_state(paths))
}

#[derive(Clone)]
struct Paths {
    inner: Router,
    health: Option<String>,
    /// A path, and the one that it stands for.
    predict: Option<(String, String)>,
}

/// Paths that an environment variable names lead to the doors' own.
async fn named(State(paths): State<Paths>, mut request: Request) -> Response {
    let path = request.uri().path();
    let real = match &paths.predict {
        _ if paths.health.as_deref() == Some(path) => Some("/ping".to_owned()),
        Some((from, to)) if from == path => Some(to.clone()),
        _ => None,
    };
    if let Some(uri) = real.and_then(|path| path.parse().ok()) {
        *request.uri_mut() = uri;
    }
    paths.inner.oneshot(request).await.into_response()
}

#[derive(Clone)]
struct Guard {
    actor: Actor,
    any_host: bool,
    tracer: Option<Tracer>,
}

async fn front(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let tracer = guard.tracer.clone();
    telemetry::measure(tracer.as_ref(), request, |request| let_in(guard, request, next)).await
}

/// Whoever reaches this may ask. A web page may not make a browser ask in its name.
async fn let_in(guard: Guard, mut request: Request, next: Next) -> Response {
    let headers = request.headers();
    let text = |name: http::HeaderName| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let host = text(http::header::HOST).to_ascii_lowercase();
    let origin = text(http::header::ORIGIN).to_ascii_lowercase();
    let foreign_page = !origin.is_empty() && origin.split_once("://").is_none_or(|(_, rest)| rest != host);
    let foreign_host =
        !guard.any_host && !host.is_empty() && !crate::access::is_loopback(crate::access::host_name(&host));
    if foreign_page || foreign_host {
        return http::StatusCode::FORBIDDEN.into_response();
    }
    request.extensions_mut().insert(guard.actor);
    next.run(request).await
}
