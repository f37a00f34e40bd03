//! Packages and images: making, checking, serving, pushing them.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use outbound::{Client, Policy};
use packages::image;
use serde_json::Value;

use crate::api::{Api, segment};
use crate::args::{Connection, Package, PackageCommand};
use crate::failure::Failure;
use crate::screen::say;

/// Where SageMaker and Vertex AI ask, unless they say otherwise.
const PORT: u16 = 8080;

pub async fn run(connection: &Connection, command: Package) -> Result<ExitCode, Failure> {
    match (command.command, command.model) {
        (Some(PackageCommand::Verify { file, key }), _) => verify(&file, key.as_deref()),
        (Some(PackageCommand::Key), _) => {
            let found = Api::new(connection)?.get("package-key").await?;
            say(found["public_key"].as_str().unwrap_or_default());
            Ok(ExitCode::SUCCESS)
        }
        (Some(PackageCommand::Check { model }), _) => {
            let api = Api::new(connection)?;
            let path = path_of(&api, &model).await?;
            judged(&api.post(&format!("{path}/trial"), Value::Null).await?)
        }
        (Some(PackageCommand::Push { image, to, plain_http }), _) => push(&image, &to, plain_http).await,
        (None, Some(model)) => {
            let api = Api::new(connection)?;
            make(&api, &model, command.out, command.oci, command.python, command.baseline.as_deref()).await
        }
        (None, None) => Err(Failure::new("no model was named")),
    }
}

pub async fn parity(api: &Api, model: &str) -> Result<ExitCode, Failure> {
    let path = path_of(api, model).await?;
    let found = api.post(&format!("{path}/parity"), Value::Null).await?;
    if found["verdicts"].as_array().is_none_or(Vec::is_empty) {
        say("only Python can open it: there is nothing to compare");
    }
    judged(&found)
}

fn judged(found: &Value) -> Result<ExitCode, Failure> {
    let verdicts = found["verdicts"].as_array().cloned().unwrap_or_default();
    let mut passed = true;
    for verdict in &verdicts {
        let good = verdict["passed"] == true;
        passed &= good;
        let detail = &verdict["detail"];
        let mut line = format!(
            "{} {}: {}",
            verdict["kind"].as_str().unwrap_or_default(),
            verdict["engine"].as_str().unwrap_or_default(),
            if good { "passed" } else { "failed" }
        );
        if let Some(rows) = detail["rows"].as_i64() {
            line.push_str(&format!(", {rows} rows"));
        }
        for (name, unit) in [
            ("load_ms", "ms to load"),
            ("p50_ms", "ms an answer"),
            ("p99_ms", "ms at p99"),
            ("resident_mib", "MiB resident"),
        ] {
            if let Some(value) = detail[name].as_f64() {
                line.push_str(&format!(", {value:.1} {unit}"));
            }
        }
        if let Some(reason) = detail["reason"].as_str() {
            line.push_str(&format!(": {reason}"));
        }
        say(line);
        for output in detail["outputs"].as_array().into_iter().flatten() {
            say(format!(
                "  {}: {} rows, {} differ in their last bits, at most by {:e}",
                output["output"].as_str().unwrap_or_default(),
                output["rows"],
                output["different"],
                output["largest_difference"].as_f64().unwrap_or_default()
            ));
        }
    }
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// `models/<name>/versions/<number>` of `models:/name/3`, `models:/name@alias`, or without the scheme.
async fn path_of(api: &Api, model: &str) -> Result<String, Failure> {
    let text = model.strip_prefix("models:/").unwrap_or(model);
    if let Some((name, number)) = text.rsplit_once('/')
        && let Ok(number) = number.parse::<i64>()
    {
        return Ok(format!("models/{}/versions/{number}", segment(name)));
    }
    let Some((name, alias)) = text.rsplit_once('@') else {
        return Err(Failure::new(format!(
            "`{model}` names no version: models:/name/3 or models:/name@alias"
        )));
    };
    let found = api.get(&format!("models/{}", segment(name))).await?;
    let aliases = &found["aliases"];
    let number = match aliases.get(alias).and_then(Value::as_i64) {
        Some(number) => number,
        None => return Err(Failure::new(format!("model `{name}` has no alias `{alias}`"))),
    };
    Ok(format!("models/{}/versions/{number}", segment(name)))
}

async fn make(
    api: &Api,
    model: &str,
    out: Option<PathBuf>,
    oci: bool,
    python: Option<PathBuf>,
    baseline: Option<&Path>,
) -> Result<ExitCode, Failure> {
    let path = path_of(api, model).await?;
    let words: Vec<&str> = path.split('/').collect();
    let plain: String = words[1]
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' })
        .collect();
    let name = format!("{plain}-{}", words[3]);
    let file = match &out {
        Some(out) if !oci => out.clone(),
        Some(out) => out.with_extension("package.tar"),
        None => PathBuf::from(format!("{name}.tar")),
    };
    let query = match baseline {
        Some(data) => {
            let digest = types::Digest::of(types::io::read(data)?);
            api.put_file(&digest, data).await?;
            let name = data.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            format!("?baseline={digest}&format={}", segment(&name))
        }
        None => String::new(),
    };
    if !api.download(&format!("/api/v1/{path}/package{query}"), &file).await? {
        return Err(Failure::new(format!("there is no {path}")));
    }
    let verified = packages::verify(&file, None).map_err(|e| Failure::of(&e))?;
    if !oci {
        say(format!("{} ({}, signed by {})", file.display(), verified.manifest.engine, verified.public_key));
        return Ok(ExitCode::SUCCESS);
    }
    let to = out.unwrap_or_else(|| PathBuf::from(format!("{name}.oci")));
    let manifest = verified.manifest;
    let package = file.clone();
    let built = tokio::task::spawn_blocking(move || {
        let library = library(&manifest)?;
        let python = interpreter(&manifest, &package, python)?;
        let with = match (&library, &python) {
            (Some(library), _) => image::With::Onnx(library),
            (None, Some(python)) => image::With::Python(python),
            (None, None) => image::With::Nothing,
        };
        let program =
            std::env::current_exe().map_err(|e| Failure::new(format!("this program is not found: {e}")))?;
        image::build(&program, &package, &manifest, with, &to).map_err(|e| Failure::of(&e))
    })
    .await
    .map_err(|e| Failure::new(e.to_string()))??;
    // It is a layer of the image now.
    let _ = std::fs::remove_file(&file);
    say(format!("{} {}@{}", built.folder.display(), built.name, built.digest));
    for layer in &built.layers {
        say(format!("  {} {:>12} bytes  {}", layer.digest, layer.size, layer.title));
    }
    if !built.missing.is_empty() {
        say(format!(
            "its Python asks for libraries that this system does not have: {}",
            built.missing.join(", ")
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// The interpreter of a model that only Python serves: the one that was named, or an environment that is built from what the
/// package was resolved to.
fn interpreter(
    manifest: &packages::Manifest,
    package: &Path,
    named: Option<PathBuf>,
) -> Result<Option<PathBuf>, Failure> {
    if manifest.engine != "python" || named.is_some() {
        return Ok(named.filter(|_| manifest.engine == "python"));
    }
    let scratch = std::env::temp_dir().join(format!("mlwright-image-{}", std::process::id()));
    let unpacked = packages::unpack(package, None, &scratch);
    let text = |name: &str| types::io::read_to_string(scratch.join("model").join(name)).ok();
    let (asked, python) = (text("requirements.txt"), text("python_env.yaml"));
    // A leftover in the temporary directory harms nobody.
    let _ = std::fs::remove_dir_all(&scratch);
    unpacked.map_err(|e| Failure::of(&e))?;
    let asked = manifest.environment.clone().or(asked).ok_or_else(|| {
        Failure::new("the package does not say which packages of Python it needs; --python names an interpreter that has them")
    })?;
    let wanted = workers::environment::Requirements::parse(&asked, python.as_deref());
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")));
    let root = cache.unwrap_or_else(std::env::temp_dir).join("mlwright/environments");
    let built = workers::environment::build(None, &root, &wanted).map_err(|e| Failure::of(&e))?;
    Ok(Some(built.python))
}

/// ONNX Runtime, loaded into this process, so that what it needs is known.
fn library(manifest: &packages::Manifest) -> Result<Option<PathBuf>, Failure> {
    if manifest.engine != "onnx" {
        return Ok(None);
    }
    let path = runtimes::library::find(None, &[]).map_err(|e| Failure::of(&e))?;
    let config = runtimes::RuntimeConfig { onnxruntime: Some(path.clone()), ..Default::default() };
    runtimes::Runtime::new(config).check().map_err(|e| Failure::of(&e))?;
    Ok(Some(std::fs::canonicalize(&path).unwrap_or(path)))
}

fn verify(file: &Path, key: Option<&str>) -> Result<ExitCode, Failure> {
    let verified = packages::verify(file, key).map_err(|e| Failure::of(&e))?;
    let manifest = &verified.manifest;
    say(format!(
        "{} {}, served by {}, {} files",
        manifest.model,
        manifest.version,
        manifest.engine,
        manifest.files.len()
    ));
    say(format!("digest    {}", manifest.digest));
    say(format!("signed by {}", verified.public_key));
    if key.is_none() {
        say("whether that is somebody to trust, --key says");
    }
    Ok(ExitCode::SUCCESS)
}

async fn push(folder: &Path, to: &str, plain: bool) -> Result<ExitCode, Failure> {
    let reference: image::Reference = to.parse().map_err(|e: packages::Error| Failure::of(&e))?;
    let variable = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    let credential = variable("MLWRIGHT_REGISTRY_USER").zip(variable("MLWRIGHT_REGISTRY_PASSWORD"));
    let policy = Policy { timeout: std::time::Duration::from_secs(600), ..Policy::local() };
    let client = Client::new(policy)?;
    let (digest, sent) =
        image::push(&client, folder, reference, credential, plain).await.map_err(|e| Failure::of(&e))?;
    say(format!("{to} is {digest} ({sent} blobs sent)"));
    Ok(ExitCode::SUCCESS)
}

pub async fn serve(options: server::Options, package: server::PackageOptions) -> Result<ExitCode, Failure> {
    let config = options.resolve().map_err(|e| Failure::of(&e))?;
    serve_with(config, options, package).await
}

async fn serve_with(
    mut config: server::config::Config,
    options: server::Options,
    package: server::PackageOptions,
) -> Result<ExitCode, Failure> {
    if options.data_dir.is_none() {
        // Nothing is kept unless a place for it is named.
        config.server.data_dir = PathBuf::new();
    }
    match server::run_package(config, package).await.map_err(|e| Failure::of(&e))? {
        None => Ok(ExitCode::SUCCESS),
        Some(report) => {
            say(serde_json::to_string_pretty(&report).unwrap_or_default());
            Ok(if report["passed"] == true { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

/// In an image: the package that lies in it, on the port and paths that the surroundings name.
/// SageMaker: `SAGEMAKER_BIND_TO_PORT`; Vertex AI: `AIP_HTTP_PORT`, `AIP_HEALTH_ROUTE`, `AIP_PREDICT_ROUTE`. `MLWRIGHT_PYTHON` is the
/// image's own Python; `MLWRIGHT_ALLOW_UNSANDBOXED=true` lets it run where the container is the only wall around it.
pub async fn container() -> Result<ExitCode, Failure> {
    let variable = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    let port = ["SAGEMAKER_BIND_TO_PORT", "AIP_HTTP_PORT", "PORT"].into_iter().find_map(variable);
    let port = match &port {
        Some(text) => text.parse().map_err(|_| Failure::new(format!("`{text}` is not a port")))?,
        None => PORT,
    };
    let package =
        variable("MLWRIGHT_PACKAGE").ok_or_else(|| Failure::new("MLWRIGHT_PACKAGE names no package"))?;
    let options = server::Options {
        host: Some(variable("MLWRIGHT_HOST").unwrap_or_else(|| "0.0.0.0".into())),
        port: Some(port),
        data_dir: variable("MLWRIGHT_DATA").map(PathBuf::from),
        ..server::Options::default()
    };
    let route = |name: &str| variable(name).filter(|path| path.starts_with('/'));
    let package = server::PackageOptions {
        package: PathBuf::from(package),
        key: variable("MLWRIGHT_PACKAGE_KEY"),
        home: variable("MLWRIGHT_HOME").map(|url| (url, variable("MLWRIGHT_TOKEN"))),
        any_host: true,
        health_path: route("AIP_HEALTH_ROUTE"),
        predict_path: route("AIP_PREDICT_ROUTE"),
        ..server::PackageOptions::default()
    };
    let mut config = options.resolve().map_err(|e| Failure::of(&e))?;
    if let Some(python) = variable("MLWRIGHT_PYTHON") {
        config.workers.python = PathBuf::from(python);
    }
    config.workers.allow_unsandboxed =
        variable("MLWRIGHT_ALLOW_UNSANDBOXED").is_some_and(|word| matches!(word.as_str(), "1" | "true"));
    serve_with(config, options, package).await
}
