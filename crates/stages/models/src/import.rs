//! Models that another registry recorded, taken over with their version numbers and times. Idempotent.

use std::collections::BTreeMap;

use ledger::{Ledger, Tx};
use serde_json::json;
use tracking::artifacts;
use types::{Actor, Timestamp, Uid};

use crate::error::Error;
use crate::files::{ModelFile, manifest_digest};
use crate::registry::{event, find};
use crate::store::{import as store, registry, versions};
use crate::versions::CreateVersion;

/// Makes the model if there is none of that name, and adds the tags.
pub async fn import_model(
    ledger: &Ledger,
    actor: &Actor,
    name: String,
    description: Option<String>,
    tags: BTreeMap<String, String>,
) -> Result<(), Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let id = match registry::find(tx, &name)? {
                Some(found) => found.id,
                None => registry::insert(tx, &name, description.as_deref())?,
            };
            for (key, value) in &tags {
                registry::set_tag(tx, id, key, value)?;
            }
            event(tx, "model.imported", &name, json!({}))
        })
        .await
}

#[derive(Clone, Debug)]
pub struct ImportVersion {
    pub version: CreateVersion,
    pub number: i64,
    pub stage: String,
    pub created_by: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Whether the version was new. One that has the number already is left as it is.
///
/// Errors: `ModelNotFound`.
pub async fn import_version(ledger: &Ledger, actor: &Actor, request: ImportVersion) -> Result<bool, Error> {
    let files: Vec<ModelFile> = match &request.version.folder {
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
            let model = find(tx, &request.version.model)?;
            if store::has_number(tx, model.id, request.number)? {
                return Ok(false);
            }
            registry::touch(tx, model.id)?;
            let uid = tx.new_id();
            let id = store::insert(tx, model.id, uid, &request, digest)?;
            for (key, value) in &request.version.tags {
                versions::set_tag(tx, id, key, value)?;
            }
            versions::insert_files(tx, id, &files)?;
            let props = json!({ "model": request.version.model, "number": request.number, "digest": digest });
            let node = tx.node("model_version", &uid.hex(), props)?;
            let run: Option<Uid> = request.version.run.as_deref().and_then(|text| text.parse().ok());
            if let Some(run) = run
                && let Some(run_node) = tx.find_node("run", &run.hex())?
            {
                tx.edge(node, "produced_by", run_node)?;
            }
            let payload = json!({ "number": request.number, "version": uid, "run": run, "digest": digest });
            event(tx, "model.version_imported", &request.version.model, payload)?;
            Ok(true)
        })
        .await
}
