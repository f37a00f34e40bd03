//! Making a package.

use std::io::Write;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blobs::Blobs;
use ledger::Ledger;
use serde_json::{Value, json};
use types::{Actor, Uid, io};
use vault::Vault;

use crate::keys::signing_key;
use crate::manifest::{FORMAT, File, Manifest, SIGNATURE, STATEMENT, Signature};
use crate::open::{Engine, Engines, engines_of};
use crate::{Baseline, Error, Kind, directory, latest};

/// What a package carries beside the model.
#[derive(Clone, Debug, Default)]
pub struct Extras {
    pub baseline: Option<Baseline>,
}

/// Writes the package of a version into the file `to`. The same version gives the same bytes, until people change what they
/// wrote about it.
///
/// Errors: `NoFiles`, `NoRuntime`.
#[expect(clippy::too_many_arguments, reason = "the stage's whole ground, and what is asked")]
pub async fn write(
    ledger: &Ledger,
    blobs: &Blobs,
    vault: &Vault,
    engines: &Engines,
    actor: &Actor,
    version: Uid,
    extras: Extras,
    to: &Path,
) -> Result<Manifest, Error> {
    let folder = directory(ledger, blobs, engines, actor, version).await?;
    let about = models::get_version(ledger, actor, version).await?;
    let files = models::files(ledger, actor, version).await?;
    let (mlmodel, choices) = engines_of(&folder)?;
    let mut chosen = None;
    let mut parity = Value::Null;
    for engine in choices {
        let verdict = latest(ledger, actor, version, Kind::Parity, engine.name()).await?;
        if verdict.as_ref().is_some_and(|v| !v.passed) {
            continue;
        }
        parity = verdict.map_or(Value::Null, |v| v.detail);
        chosen = Some(engine);
        break;
    }
    let engine = chosen.ok_or_else(|| Error::NoRuntime("no runtime passed its parity gate".into()))?;
    let environment = environment_lock(&folder, engine, engines);
    let spec = models::load_spec(ledger, blobs, actor, version).await.ok();
    let side = |name: &str| -> Value {
        let text = spec.as_ref().and_then(|s| s.mlmodel["signature"].get(name)?.as_str());
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    };
    let signature = match spec.as_ref().map(|s| &s.mlmodel["signature"]) {
        Some(Value::Object(_)) => {
            json!({ "inputs": side("inputs"), "outputs": side("outputs"), "params": side("params") })
        }
        _ => Value::Null,
    };
    let mut files: Vec<File> = files
        .iter()
        .map(|f| File { path: format!("model/{}", f.path), digest: f.digest, bytes: f.bytes.unsigned_abs() })
        .collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let digest =
        about.digest.ok_or_else(|| Error::NoFiles { model: about.model.clone(), number: about.number })?;
    let manifest = Manifest {
        format: FORMAT,
        model: about.model.clone(),
        version: about.number,
        model_version: about.uid.to_string(),
        digest,
        engine: engine.name().to_owned(),
        signature,
        flavors: mlmodel.flavors.clone(),
        example: mlmodel.serving_example.as_ref().map(|path| format!("model/{path}")),
        parity,
        card: json!({
            "description": about.description, "tags": about.tags, "run": about.run_text, "source": about.source,
            "created_by": about.created_by, "created_at": about.created_at,
            "mlflow_version": spec.as_ref().and_then(|s| s.mlmodel.get("mlflow_version")),
        }),
        baseline: extras.baseline,
        environment,
        files,
    };
    let mut statement = serde_json::to_vec_pretty(&manifest).map_err(|_| Error::Interrupted)?;
    statement.push(b'\n');
    let key = signing_key(ledger, vault, actor).await?;
    let signature = Signature {
        algorithm: "ed25519".into(),
        public_key: STANDARD.encode(key.public()),
        signature: STANDARD.encode(key.sign(&statement)),
    };
    let (listed, to) = (manifest.files.clone(), to.to_owned());
    tokio::task::spawn_blocking(move || {
        let mut out = tar::Builder::new(std::io::BufWriter::new(io::create(&to)?));
        let signature = serde_json::to_vec_pretty(&signature).map_err(|_| Error::Interrupted)?;
        add(&mut out, &to, STATEMENT, statement.len() as u64, statement.as_slice())?;
        add(&mut out, &to, SIGNATURE, signature.len() as u64, signature.as_slice())?;
        for file in &listed {
            let path = folder.join(file.path.strip_prefix("model/").unwrap_or(&file.path));
            add(&mut out, &to, &file.path, file.bytes, io::open(&path)?)?;
        }
        let at = |e| io::Error::new("write", &to, e);
        let file = out.into_inner().map_err(at)?.into_inner().map_err(|e| at(e.into_error()))?;
        Ok::<_, Error>(file.sync_all().map_err(at)?)
    })
    .await
    .map_err(|_| Error::Interrupted)??;
    Ok(manifest)
}

/// What the environment was resolved to, if it was built here; else what the model asks for.
fn environment_lock(folder: &Path, engine: Engine, engines: &Engines) -> Option<String> {
    if engine != Engine::Python {
        return None;
    }
    let asked = io::read_to_string(folder.join("requirements.txt")).ok()?;
    let python = io::read_to_string(folder.join("python_env.yaml")).ok();
    let wanted = workers::environment::Requirements::parse(&asked, python.as_deref());
    workers::environment::lock_of(&engines.environments, &wanted).or(Some(asked))
}

/// One file, without anything that differs from machine to machine.
pub(crate) fn add<W: Write>(
    out: &mut tar::Builder<W>,
    place: &Path,
    path: &str,
    bytes: u64,
    data: impl std::io::Read,
) -> Result<(), Error> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_entry_type(tar::EntryType::Regular);
    out.append_data(&mut header, path, data).map_err(|e| io::Error::new("write", place, e).into())
}
