use std::collections::BTreeMap;

use ledger::{Ledger, Tx};
use serde_json::json;
use tracking::artifacts::{self, ArtifactPath};
use types::{Actor, Uid};

use crate::error::Error;
use crate::files::{ModelFile, manifest_digest};
use crate::model::ModelVersion;
use crate::registry::{event, find};
use crate::store::versions::{self as store, NewVersion};
use crate::store::{Reads, registry};

#[derive(Clone, Debug, Default)]
pub struct CreateVersion {
    pub model: String,
    /// Where the files come from, as the client says.
    pub source: String,
    /// Where clients load them from.
    pub location: String,
    /// The folder of the server's own store that holds the files now, if they are there.
    pub folder: Option<ArtifactPath>,
    /// The run that made it, as the client names it.
    pub run: Option<String>,
    pub run_link: Option<String>,
    pub logged_model: Option<String>,
    pub description: Option<String>,
    pub tags: BTreeMap<String, String>,
}

/// Adds a version. If its files are in the server's own store, they are pinned by digest: files written there later
/// do not change the version.
///
/// Errors: `ModelNotFound`.
pub async fn create_version(
    ledger: &Ledger,
    actor: &Actor,
    request: CreateVersion,
) -> Result<ModelVersion, Error> {
    let files: Vec<ModelFile> = match &request.folder {
        Some(folder) => artifacts::tree(ledger, actor, folder.clone())
            .await?
            .into_iter()
            .map(|f| ModelFile { path: f.path, digest: f.digest, bytes: f.bytes })
            .collect(),
        None => Vec::new(),
    };
    let digest = (!files.is_empty()).then(|| manifest_digest(&files));
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let model = find(tx, &request.model)?;
            registry::touch(tx, model.id)?;
            let uid = tx.new_id();
            let new = NewVersion {
                model_id: model.id,
                uid,
                source: &request.source,
                location: &request.location,
                run: request.run.as_deref(),
                run_link: request.run_link.as_deref(),
                logged_model: request.logged_model.as_deref(),
                description: request.description.as_deref(),
                digest,
            };
            let (id, number) = store::insert(tx, &new)?;
            for (key, value) in &request.tags {
                store::set_tag(tx, id, key, value)?;
            }
            store::insert_files(tx, id, &files)?;
            let props = json!({ "model": request.model, "number": number, "digest": digest });
            let node = tx.node("model_version", &uid.hex(), props)?;
            let run: Option<Uid> = request.run.as_deref().and_then(|text| text.parse().ok());
            if let Some(run) = run
                && let Some(run_node) = tx.find_node("run", &run.hex())?
            {
                tx.edge(node, "produced_by", run_node)?;
            }
            let payload = json!({ "number": number, "version": uid, "run": run, "digest": digest });
            event(tx, "model.version_created", &request.model, payload)?;
            found(tx, &request.model, number)
        })
        .await
}

fn missing(model: &str, version: impl ToString) -> Error {
    Error::VersionNotFound { model: model.to_owned(), version: version.to_string() }
}

fn found(on: &mut impl Reads, model: &str, number: i64) -> Result<ModelVersion, Error> {
    Ok(store::find(on, model, number)?.ok_or_else(|| missing(model, number))?.version)
}

/// Errors: `VersionNotFound`, also if it or its model is deleted.
pub async fn version(
    ledger: &Ledger,
    actor: &Actor,
    model: String,
    number: i64,
) -> Result<ModelVersion, Error> {
    ledger.read(actor.workspace, move |rx| found(rx, &model, number)).await
}

/// Deleted ones too. Errors: `VersionNotFound`.
pub async fn get_version(ledger: &Ledger, actor: &Actor, uid: Uid) -> Result<ModelVersion, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            Ok(store::find_uid(rx, &uid)?.ok_or_else(|| missing("?", uid))?.version)
        })
        .await
}

/// In order of creation; deleted ones left out.
pub async fn versions_of_run(ledger: &Ledger, actor: &Actor, run: Uid) -> Result<Vec<ModelVersion>, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            Ok(store::of_run(rx, &run)?.into_iter().map(|v| v.version).collect())
        })
        .await
}

/// Changes one version. `change` gets its row.
async fn change<F>(
    ledger: &Ledger,
    actor: &Actor,
    model: String,
    number: i64,
    change: F,
) -> Result<ModelVersion, Error>
where
    F: Fn(&mut Tx<'_>, &store::Stored) -> Result<(), Error> + Send + 'static,
{
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let stored = store::find(tx, &model, number)?.ok_or_else(|| missing(&model, number))?;
            change(tx, &stored)?;
            match store::find(tx, &model, number)? {
                Some(now) => Ok(now.version),
                None => Ok(stored.version),
            }
        })
        .await
}

pub async fn update_version(
    ledger: &Ledger,
    actor: &Actor,
    model: String,
    number: i64,
    description: Option<String>,
) -> Result<ModelVersion, Error> {
    change(ledger, actor, model, number, move |tx, v| {
        store::set_description(tx, v.id, description.as_deref())?;
        event(
            tx,
            "model.version_updated",
            &v.version.model,
            json!({ "number": number, "version": v.version.uid }),
        )
    })
    .await
}

/// Labels the version with `stage`. Other versions in that stage move to `others_to`, if given.
pub async fn set_stage(
    ledger: &Ledger,
    actor: &Actor,
    model: String,
    number: i64,
    stage: &str,
    others_to: Option<&str>,
) -> Result<ModelVersion, Error> {
    let (stage, others_to) = (stage.to_owned(), others_to.map(str::to_owned));
    change(ledger, actor, model, number, move |tx, v| {
        registry::touch(tx, v.model_id)?;
        if let Some(to) = &others_to {
            store::move_stage(tx, v.model_id, v.id, &stage, to)?;
        }
        store::set_stage(tx, v.id, &stage)?;
        let payload = json!({
            "number": number, "version": v.version.uid, "from": v.version.stage, "to": stage,
        });
        event(tx, "model.stage_moved", &v.version.model, payload)
    })
    .await
}

/// The number is not given again; aliases of the version go.
pub async fn delete_version(ledger: &Ledger, actor: &Actor, model: String, number: i64) -> Result<(), Error> {
    change(ledger, actor, model, number, move |tx, v| {
        registry::touch(tx, v.model_id)?;
        for alias in &v.version.aliases {
            let payload = json!({
                "alias": alias, "from": number, "to": null, "from_version": v.version.uid, "to_version": null,
            });
            event(tx, "model.alias_moved", &v.version.model, payload)?;
        }
        store::delete(tx, v.id)?;
        event(
            tx,
            "model.version_deleted",
            &v.version.model,
            json!({ "number": number, "version": v.version.uid }),
        )
    })
    .await
    .map(drop)
}

pub async fn set_version_tag(
    ledger: &Ledger,
    actor: &Actor,
    model: String,
    number: i64,
    key: String,
    value: String,
) -> Result<(), Error> {
    change(ledger, actor, model, number, move |tx, v| {
        store::set_tag(tx, v.id, &key, &value)?;
        let payload = json!({ "number": number, "version": v.version.uid, "tags": [key] });
        event(tx, "model.version_tagged", &v.version.model, payload)
    })
    .await
    .map(drop)
}

/// No error if there is no such tag.
pub async fn delete_version_tag(
    ledger: &Ledger,
    actor: &Actor,
    model: String,
    number: i64,
    key: String,
) -> Result<(), Error> {
    change(ledger, actor, model, number, move |tx, v| {
        if store::delete_tag(tx, v.id, &key)? == 0 {
            return Ok(());
        }
        let payload = json!({ "number": number, "version": v.version.uid, "tags": [key] });
        event(tx, "model.version_untagged", &v.version.model, payload)
    })
    .await
    .map(drop)
}
