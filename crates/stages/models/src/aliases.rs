use ledger::{Ledger, Tx};
use serde_json::json;
use types::Actor;

use crate::error::Error;
use crate::model::ModelVersion;
use crate::registry::{event, find};
use crate::store::{registry as store, versions};

/// Points an alias at a version, in one step: whoever asks sees the old version or the new one. Pointing it where
/// it points already changes nothing and leaves no event.
///
/// Errors: `ModelNotFound`, `VersionNotFound`, and `Guarded` if a guard on `model.alias_moved` refuses.
pub async fn set_alias(
    ledger: &Ledger,
    actor: &Actor,
    model: String,
    alias: String,
    number: i64,
) -> Result<(), Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let found = find(tx, &model)?;
            let version = versions::find(tx, &model, number)?.ok_or_else(|| Error::VersionNotFound {
                model: model.clone(),
                version: number.to_string(),
            })?;
            let there = |alias: Option<&(i64, i64, String)>| alias.is_some_and(|(id, ..)| *id == version.id);
            if there(store::alias(tx, found.id, &alias)?.as_ref()) {
                return Ok(());
            }
            // Takes the model's row before it looks again: movers on two servers go one after the other, so that
            // each event says truly where the alias was.
            store::touch(tx, found.id)?;
            let before = store::alias(tx, found.id, &alias)?;
            store::set_alias(tx, found.id, &alias, version.id)?;
            let (from, from_version) = before.map(|(_, number, uid)| (number, uid)).unzip();
            let payload = json!({
                "alias": alias, "from": from, "to": number,
                "from_version": from_version, "to_version": version.version.uid,
            });
            event(tx, "model.alias_moved", &model, payload)
        })
        .await
}

/// No error if there is no such alias. Errors: `ModelNotFound`.
pub async fn delete_alias(ledger: &Ledger, actor: &Actor, model: String, alias: String) -> Result<(), Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let found = find(tx, &model)?;
            let Some((_, from, from_version)) = store::alias(tx, found.id, &alias)? else { return Ok(()) };
            store::delete_alias(tx, found.id, &alias)?;
            let payload = json!({
                "alias": alias, "from": from, "to": null, "from_version": from_version, "to_version": null,
            });
            event(tx, "model.alias_moved", &model, payload)
        })
        .await
}

/// `None` if the model has no such alias. Errors: `ModelNotFound`.
pub async fn version_by_alias(
    ledger: &Ledger,
    actor: &Actor,
    model: String,
    alias: String,
) -> Result<Option<ModelVersion>, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            let found = find(rx, &model)?;
            let Some((_, number, _)) = store::alias(rx, found.id, &alias)? else { return Ok(None) };
            Ok(versions::find(rx, &model, number)?.map(|v| v.version))
        })
        .await
}
