//! Judging a version, and keeping the verdict.

use blobs::Blobs;
use ledger::Ledger;
use serde_json::{Value, json};
use types::{Actor, Permission, Uid};

use crate::open::{Engine, Engines, engines_of, open};
use crate::parity::{Parity, compare};
use crate::{Error, Kind, Verdict, directory, store};

/// Compares every runtime that could serve the version with its Python original. One verdict each; none where only Python
/// can open it. Takes as long as building its environment.
///
/// Errors: `Forbidden`, whatever keeps Python from opening it, `NothingToCompare`.
pub async fn judge_parity(
    ledger: &Ledger,
    blobs: &Blobs,
    engines: &Engines,
    actor: &Actor,
    version: Uid,
) -> Result<Vec<Verdict>, Error> {
    if !actor.may(Permission::RunCode) {
        return Err(Error::Forbidden);
    }
    let folder = directory(ledger, blobs, engines, actor, version).await?;
    let engines = engines.clone();
    let found = tokio::task::spawn_blocking(move || judge(&engines, &folder))
        .await
        .map_err(|_| Error::Interrupted)??;
    let mut verdicts = Vec::with_capacity(found.len());
    for parity in found {
        let (engine, passed) = (parity.engine.name(), parity.passed);
        let detail = serde_json::to_value(&parity).unwrap_or_default();
        verdicts.push(keep(ledger, actor, version, Parity::KIND, engine, passed, detail).await?);
    }
    Ok(verdicts)
}

fn judge(engines: &Engines, folder: &std::path::Path) -> Result<Vec<Parity>, Error> {
    let (_, choices) = engines_of(folder)?;
    let others: Vec<Engine> = choices.into_iter().filter(|engine| *engine != Engine::Python).collect();
    if others.is_empty() {
        return Ok(Vec::new());
    }
    let reference = open(engines, folder, Engine::Python)?;
    let mut found = Vec::new();
    for engine in others {
        found.push(match open(engines, folder, engine) {
            Ok(candidate) => compare(&candidate, &reference, 1)?,
            Err(error) => Parity {
                engine,
                passed: false,
                reason: Some(format!("it does not open the model: {error}")),
                rows: 0,
                refused: Vec::new(),
                outputs: Vec::new(),
            },
        });
    }
    Ok(found)
}

/// Takes over what was found out where the package was made: which runtimes may not serve it.
pub async fn adopt(
    ledger: &Ledger,
    actor: &Actor,
    version: Uid,
    manifest: &crate::Manifest,
) -> Result<(), Error> {
    for engine in [Engine::Native, Engine::Onnx] {
        if engine.name() == manifest.engine {
            return Ok(());
        }
        let detail = json!({ "reason": "it did not pass where the package was made" });
        keep(ledger, actor, version, Kind::Parity, engine.name(), false, detail).await?;
    }
    Ok(())
}

/// Stores a verdict on the files of a version, with its event and its place in the graph.
pub(crate) async fn keep(
    ledger: &Ledger,
    actor: &Actor,
    version: Uid,
    kind: Kind,
    engine: &str,
    passed: bool,
    detail: Value,
) -> Result<Verdict, Error> {
    let about = models::get_version(ledger, actor, version).await?;
    let (subject, engine, by) = (format!("model:{}", about.model), engine.to_owned(), actor.clone());
    let detail = if detail.is_null() { json!({}) } else { detail };
    let new = store::NewVerdict { version, digest: about.digest, kind, engine, passed, detail };
    let verdict = ledger
        .write(actor, move |tx| {
            let verdict = store::insert_verdict(tx, new.clone())?;
            store::remember(tx, &verdict, &subject, &by)?;
            Ok::<_, Error>(verdict)
        })
        .await?;
    Ok(verdict)
}
