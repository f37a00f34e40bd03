//! The model of a version: its files on this machine, opened by the runtime that may serve it.

use std::path::{Component, Path, PathBuf};

use blobs::Blobs;
use ledger::Ledger;
use types::{Actor, Permission, Uid, io};

use crate::open::{Engine, Engines, Opened, engines_of, open};
use crate::{Error, Kind, latest};

/// Written last into a folder that is complete.
const COMPLETE: &str = ".mlwright-complete";

/// The folder with the files of a version; written at first use, one for each content.
/// Errors: `NoFiles`.
pub async fn directory(
    ledger: &Ledger,
    blobs: &Blobs,
    engines: &Engines,
    actor: &Actor,
    version: Uid,
) -> Result<PathBuf, Error> {
    let about = models::get_version(ledger, actor, version).await?;
    let files = models::files(ledger, actor, version).await?;
    let Some(digest) = about.digest.filter(|_| !files.is_empty()) else {
        return Err(Error::NoFiles { model: about.model, number: about.number });
    };
    let whole = engines.folder.join(digest.hex());
    if whole.join(COMPLETE).exists() {
        return Ok(whole);
    }
    // Beside it, then moved: two that do it at once do no harm.
    let part = engines.folder.join(format!(
        "{}.{}.{}",
        digest.hex(),
        std::process::id(),
        types::new_id(ledger.clock().now())
    ));
    for file in &files {
        let path = Path::new(&file.path);
        if !path.components().all(|c| matches!(c, Component::Normal(_))) {
            return Err(Error::NoRuntime(format!("its file `{}` lies outside of its folder", file.path)));
        }
        let place = part.join(path);
        io::create_dir_all(place.parent().unwrap_or(&part))?;
        blobs.materialize(&file.digest, &place).await?;
    }
    let (moved, part) = (whole.clone(), part);
    tokio::task::spawn_blocking(move || {
        readable(&part)?;
        io::write(
            part.join(COMPLETE),
            format!("{}\n", types::Digest::of(moved.as_os_str().as_encoded_bytes())),
        )?;
        if std::fs::rename(&part, &moved).is_err() && !moved.join(COMPLETE).exists() {
            let _ = std::fs::remove_dir_all(&moved);
            std::fs::rename(&part, &moved).map_err(|e| io::Error::new("move", &part, e))?;
        }
        let _ = std::fs::remove_dir_all(&part);
        Ok::<_, Error>(())
    })
    .await
    .map_err(|_| Error::Interrupted)??;
    Ok(whole)
}

/// Workers read it as another user.
fn readable(folder: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt as _;
    let at = |e| io::Error::new("open up", folder, e);
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).map_err(at)?;
    for entry in std::fs::read_dir(folder).map_err(at)?.flatten() {
        if entry.path().is_dir() {
            readable(&entry.path())?;
        } else {
            std::fs::set_permissions(entry.path(), std::fs::Permissions::from_mode(0o644)).map_err(at)?;
        }
    }
    Ok(())
}

/// Opens a version with the first runtime that may serve it: one that failed its parity gate may not, and Python needs the
/// permission to run code. A native runtime that refuses a model (it would not be exact) gives way to Python.
///
/// Errors: `NoFiles`, `Forbidden`, whatever the last runtime says.
pub async fn open_version(
    ledger: &Ledger,
    blobs: &Blobs,
    engines: &Engines,
    actor: &Actor,
    version: Uid,
) -> Result<Opened, Error> {
    let directory = directory(ledger, blobs, engines, actor, version).await?;
    let (_, choices) = engines_of(&directory)?;
    let mut refused: Option<Error> = None;
    for engine in choices {
        match engine {
            Engine::Python if !actor.may(Permission::RunCode) => {
                return Err(refused.filter(|e| !matches!(e, Error::Runtime(_))).unwrap_or(Error::Forbidden));
            }
            Engine::Python => {}
            Engine::Native | Engine::Onnx => {
                let verdict = latest(ledger, actor, version, Kind::Parity, engine.name()).await?;
                if let Some(verdict) = verdict.filter(|verdict| !verdict.passed) {
                    let reason = verdict.detail["reason"].as_str().unwrap_or("see its verdict").to_owned();
                    refused = Some(Error::NotEqual { engine: engine.name(), reason });
                    continue;
                }
            }
        }
        let (engines, directory) = (engines.clone(), directory.clone());
        let opened = tokio::task::spawn_blocking(move || open(&engines, &directory, engine))
            .await
            .map_err(|_| Error::Interrupted)?;
        match opened {
            Ok(opened) => return Ok(opened),
            // The first reason is the one that helps, unless only Python is left to say why.
            Err(error) => {
                refused = Some(
                    refused
                        .filter(|_| engine == Engine::Python && matches!(error, Error::NoRuntime(_)))
                        .unwrap_or(error),
                )
            }
        }
    }
    Err(refused.unwrap_or_else(|| Error::NoRuntime("it has no model file".into())))
}
