//! Models of providers, with the credentials to use them.

use ledger::{Ledger, Tx};
use serde_json::json;
use types::{Actor, Uid};

use crate::Error;
use crate::model::{Model, NewModel};
use crate::store::{models as store, secrets};

/// What changes; None leaves it.
#[derive(Clone, Debug, Default)]
pub struct ModelChange {
    pub name: Option<String>,
    pub secret: Option<Uid>,
    pub provider: Option<String>,
    pub model: Option<String>,
    pub updated_by: Option<String>,
}

fn subject(uid: Uid) -> String {
    format!("gateway_model:{uid}")
}

fn secret(tx: &mut Tx<'_>, uid: Uid) -> Result<(Uid, String), Error> {
    secrets::find(tx, uid)?.map(|s| (s.uid, s.name)).ok_or(Error::SecretNotFound(uid))
}

/// Errors: `ModelExists`, `SecretNotFound`.
pub async fn create_model(ledger: &Ledger, actor: &Actor, new: NewModel) -> Result<Model, Error> {
    ledger
        .write(actor, move |tx| {
            let secret = secret(tx, new.secret)?;
            if store::named(tx, &new.name)?.is_some() {
                return Err(Error::ModelExists(new.name.clone()));
            }
            let model = Model {
                uid: tx.new_id(),
                name: new.name.clone(),
                secret: Some(secret),
                provider: new.provider.clone(),
                model: new.model.clone(),
                created_at: tx.now(),
                updated_at: tx.now(),
                created_by: new.created_by.clone(),
                updated_by: new.created_by.clone(),
            };
            store::insert(tx, &model)?;
            tx.event("gateway_model.created", &subject(model.uid), json!({}))?;
            Ok(model)
        })
        .await
}

/// Errors: `ModelNotFound`.
pub async fn model(ledger: &Ledger, actor: &Actor, uid: Uid) -> Result<Model, Error> {
    ledger.read(actor.workspace, move |rx| store::find(rx, uid)?.ok_or(Error::ModelNotFound(uid))).await
}

/// Oldest first.
pub async fn models(
    ledger: &Ledger,
    actor: &Actor,
    provider: Option<String>,
    secret: Option<Uid>,
) -> Result<Vec<Model>, Error> {
    ledger.read(actor.workspace, move |rx| Ok(store::list(rx, provider.as_deref(), secret)?)).await
}

/// Errors: `ModelNotFound`, `SecretNotFound`, `ModelExists`.
pub async fn update_model(
    ledger: &Ledger,
    actor: &Actor,
    uid: Uid,
    change: ModelChange,
) -> Result<Model, Error> {
    ledger
        .write(actor, move |tx| {
            let mut model = store::find(tx, uid)?.ok_or(Error::ModelNotFound(uid))?;
            if let Some(name) = &change.name {
                if store::named(tx, name)?.is_some_and(|other| other != uid) {
                    return Err(Error::ModelExists(name.clone()));
                }
                model.name.clone_from(name);
            }
            if let Some(id) = change.secret {
                model.secret = Some(secret(tx, id)?);
            }
            if let Some(provider) = &change.provider {
                model.provider.clone_from(provider);
            }
            if let Some(name) = &change.model {
                model.model.clone_from(name);
            }
            if change.updated_by.is_some() {
                model.updated_by.clone_from(&change.updated_by);
            }
            model.updated_at = tx.now();
            store::update(tx, &model)?;
            tx.event("gateway_model.updated", &subject(uid), json!({}))?;
            Ok(model)
        })
        .await
}

/// Errors: `ModelNotFound`, `ModelInUse`.
pub async fn delete_model(ledger: &Ledger, actor: &Actor, uid: Uid) -> Result<(), Error> {
    ledger
        .write(actor, move |tx| {
            if store::find(tx, uid)?.is_none() {
                return Err(Error::ModelNotFound(uid));
            }
            if store::in_use(tx, uid)? {
                return Err(Error::ModelInUse(uid));
            }
            store::delete(tx, uid)?;
            Ok(tx.event("gateway_model.deleted", &subject(uid), json!({}))?)
        })
        .await
}
