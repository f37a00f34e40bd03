use std::collections::BTreeMap;

use ledger::{Ledger, Tx};
use serde_json::json;
use types::{Actor, ResourceKind};

use crate::error::Error;
use crate::model::{ModelDetail, RegisteredModel};
use crate::search::{ModelQuery, search_models};
use crate::store::registry::{self as store, Stored};
use crate::store::{Reads, versions};

/// What a registered name can be granted as. Names are unique over all of them.
pub(crate) const KINDS: [ResourceKind; 2] = [ResourceKind::Model, ResourceKind::Prompt];

/// Errors: `ModelExists`.
pub async fn create_model(
    ledger: &Ledger,
    actor: &Actor,
    name: String,
    description: Option<String>,
    tags: BTreeMap<String, String>,
) -> Result<RegisteredModel, Error> {
    create_kind(ledger, actor, ResourceKind::Model, name, description, tags).await
}

/// The same for what is granted as another kind of thing, such as a prompt.
pub async fn create_kind(
    ledger: &Ledger,
    actor: &Actor,
    kind: ResourceKind,
    name: String,
    description: Option<String>,
    tags: BTreeMap<String, String>,
) -> Result<RegisteredModel, Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            if store::find(tx, &name)?.is_some() {
                return Err(Error::ModelExists { name: name.clone() });
            }
            let id = store::insert(tx, &name, description.as_deref())?;
            for (key, value) in &tags {
                store::set_tag(tx, id, key, value)?;
            }
            event(tx, "model.created", &name, json!({}))?;
            tx.own(kind, &name)?;
            whole(tx, &name)
        })
        .await
}

/// Errors: `ModelNotFound`.
pub(crate) fn find(on: &mut impl Reads, name: &str) -> Result<Stored, Error> {
    store::find(on, name)?.ok_or_else(|| Error::ModelNotFound(name.to_owned()))
}

fn whole(on: &mut impl Reads, name: &str) -> Result<RegisteredModel, Error> {
    let mut models = [find(on, name)?];
    store::load(on, &mut models)?;
    let [found] = models;
    Ok(found.model)
}

pub(crate) fn event(
    tx: &mut Tx<'_>,
    kind: &str,
    model: &str,
    mut payload: serde_json::Value,
) -> Result<(), Error> {
    payload["model"] = model.into();
    Ok(tx.event(kind, &format!("model:{model}"), payload)?)
}

/// Errors: `ModelNotFound`.
pub async fn model(ledger: &Ledger, actor: &Actor, name: String) -> Result<RegisteredModel, Error> {
    ledger.read(actor.workspace, move |rx| whole(rx, &name)).await
}

/// The model with all of its versions. Errors: `ModelNotFound`.
pub async fn get(ledger: &Ledger, actor: &Actor, name: String) -> Result<ModelDetail, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            let mut models = [find(rx, &name)?];
            store::load(rx, &mut models)?;
            let [found] = models;
            let versions = versions::of_model(rx, found.id)?.into_iter().map(|v| v.version).collect();
            Ok(ModelDetail { model: found.model, versions })
        })
        .await
}

/// All models, by name.
pub async fn list(ledger: &Ledger, actor: &Actor) -> Result<Vec<RegisteredModel>, Error> {
    let query = ModelQuery { limit: i64::from(i32::MAX), ..Default::default() };
    Ok(search_models(ledger, actor, query).await?.items)
}

pub async fn update_model(
    ledger: &Ledger,
    actor: &Actor,
    name: String,
    description: Option<String>,
) -> Result<RegisteredModel, Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let found = find(tx, &name)?;
            store::set_description(tx, found.id, description.as_deref())?;
            event(tx, "model.updated", &name, json!({}))?;
            whole(tx, &name)
        })
        .await
}

/// Versions, tags and aliases go with it. Errors: `ModelNotFound`, `ModelExists`.
pub async fn rename_model(
    ledger: &Ledger,
    actor: &Actor,
    name: String,
    new_name: String,
) -> Result<RegisteredModel, Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let found = find(tx, &name)?;
            if let Some(other) = store::find(tx, &new_name)?
                && other.id != found.id
            {
                return Err(Error::ModelExists { name: new_name.clone() });
            }
            store::rename(tx, found.id, &new_name, false)?;
            event(tx, "model.renamed", &name, json!({ "to": new_name }))?;
            for kind in KINDS {
                tx.rename_grants(kind, &name, &new_name)?;
            }
            whole(tx, &new_name)
        })
        .await
}

/// The name is free again; the versions can still be explained by their ids.
pub async fn delete_model(ledger: &Ledger, actor: &Actor, name: String) -> Result<(), Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let found = find(tx, &name)?;
            store::clear(tx, found.id)?;
            store::rename(tx, found.id, &format!("{name}:deleted:{}", found.id), true)?;
            event(tx, "model.deleted", &name, json!({}))?;
            for kind in KINDS {
                tx.disown(kind, &name)?;
            }
            Ok(())
        })
        .await
}

pub async fn set_model_tag(
    ledger: &Ledger,
    actor: &Actor,
    name: String,
    key: String,
    value: String,
) -> Result<(), Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let found = find(tx, &name)?;
            store::set_tag(tx, found.id, &key, &value)?;
            event(tx, "model.tagged", &name, json!({ "tags": [key] }))
        })
        .await
}

/// No error if there is no such tag. Errors: `ModelNotFound`.
pub async fn delete_model_tag(
    ledger: &Ledger,
    actor: &Actor,
    name: String,
    key: String,
) -> Result<(), Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let found = find(tx, &name)?;
            if store::delete_tag(tx, found.id, &key)? == 0 {
                return Ok(());
            }
            event(tx, "model.untagged", &name, json!({ "tags": [key] }))
        })
        .await
}
