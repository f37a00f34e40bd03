use std::collections::BTreeMap;

use ledger::{Ledger, Tx};
use serde_json::json;
use types::Actor;

use crate::error::Error;
use crate::experiments;
use crate::location;
use crate::model::{LoggedModel, LoggedModelStatus};
use crate::names::friendly_name;
use crate::search::{Found, LoggedModelQuery};
use crate::store::logged_models as store;

#[derive(Clone, Debug, Default)]
pub struct CreateLoggedModel {
    /// The experiment's number.
    pub experiment: i64,
    /// A friendly name is made up if absent.
    pub name: Option<String>,
    pub model_type: String,
    pub source_run: Option<String>,
    pub params: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
}

/// Errors: `ExperimentNotFound`, `ExperimentState` if it is deleted.
pub async fn create_logged_model(
    ledger: &Ledger,
    actor: &Actor,
    request: CreateLoggedModel,
) -> Result<LoggedModel, Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let experiment = experiments::active(tx, request.experiment)?;
            let (id, now) = (tx.new_id(), tx.now());
            let uid = format!("m-{id}");
            let root = experiment.experiment.artifact_location;
            let model = LoggedModel {
                name: request.name.clone().filter(|n| !n.is_empty()).unwrap_or_else(|| friendly_name(&id)),
                artifact_location: root
                    .map(|root| location::below(&root, &format!("models/{uid}/artifacts"))),
                uid,
                experiment: request.experiment,
                model_type: request.model_type.clone(),
                status: LoggedModelStatus::Pending,
                source_run: request.source_run.clone(),
                deleted: false,
                created_at: now,
                updated_at: now,
                params: request.params.clone(),
                tags: request.tags.clone(),
                metrics: Vec::new(),
            };
            let row = store::insert(tx, experiment.id, &model)?;
            store::set_params(tx, row, &model.params)?;
            store::set_tags(tx, row, &model.tags)?;
            event(tx, "logged_model.created", &model.uid, json!({ "run": model.source_run }))?;
            Ok(model)
        })
        .await
}

/// Errors: `LoggedModelNotFound`, also if it is deleted and `deleted_too` is false.
pub async fn logged_model(
    ledger: &Ledger,
    actor: &Actor,
    uid: String,
    deleted_too: bool,
) -> Result<LoggedModel, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            let found = store::find(rx, &uid)?.filter(|m| deleted_too || !m.model.deleted);
            Ok(found.ok_or_else(|| Error::LoggedModelNotFound(uid.clone()))?.model)
        })
        .await
}

pub async fn search_logged_models(
    ledger: &Ledger,
    actor: &Actor,
    mut query: LoggedModelQuery,
) -> Result<Found<LoggedModel>, Error> {
    let visible = crate::homes::visible(actor, types::ResourceKind::LoggedModel);
    query.experiments.retain(|number| visible.includes(&number.to_string()));
    ledger.read(actor.workspace, move |rx| Ok(store::search(rx, &query)?)).await
}

pub async fn set_logged_model_status(
    ledger: &Ledger,
    actor: &Actor,
    uid: String,
    status: LoggedModelStatus,
) -> Result<LoggedModel, Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let mut found = find(tx, &uid)?;
            let now = tx.now();
            store::set_status(tx, found.id, status, now)?;
            event(tx, "logged_model.updated", &uid, json!({ "status": status }))?;
            found.model.status = status;
            found.model.updated_at = now;
            Ok(found.model)
        })
        .await
}

/// Can be read still by those who ask for deleted ones.
pub async fn delete_logged_model(ledger: &Ledger, actor: &Actor, uid: String) -> Result<(), Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let found = find(tx, &uid)?;
            let now = tx.now();
            store::delete(tx, found.id, now)?;
            event(tx, "logged_model.deleted", &uid, json!({}))
        })
        .await
}

pub async fn log_model_params(
    ledger: &Ledger,
    actor: &Actor,
    uid: String,
    params: BTreeMap<String, String>,
) -> Result<(), Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let found = find(tx, &uid)?;
            if store::set_params(tx, found.id, &params)? == 0 {
                return Ok(());
            }
            let keys: Vec<_> = params.keys().collect();
            event(tx, "logged_model.logged", &uid, json!({ "params": keys }))
        })
        .await
}

pub async fn set_logged_model_tags(
    ledger: &Ledger,
    actor: &Actor,
    uid: String,
    tags: BTreeMap<String, String>,
) -> Result<LoggedModel, Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let mut found = find(tx, &uid)?;
            if store::set_tags(tx, found.id, &tags)? > 0 {
                let keys: Vec<_> = tags.keys().collect();
                event(tx, "logged_model.tagged", &uid, json!({ "tags": keys }))?;
            }
            found.model.tags.extend(tags.clone());
            Ok(found.model)
        })
        .await
}

/// Errors: `LoggedModelNotFound`, `TagNotFound`.
pub async fn delete_logged_model_tag(
    ledger: &Ledger,
    actor: &Actor,
    uid: String,
    key: String,
) -> Result<(), Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let found = find(tx, &uid)?;
            if store::delete_tag(tx, found.id, &key)? == 0 {
                return Err(Error::TagNotFound { owner: format!("logged model {uid}"), key: key.clone() });
            }
            event(tx, "logged_model.untagged", &uid, json!({ "tags": [key] }))
        })
        .await
}

fn find(tx: &mut Tx<'_>, uid: &str) -> Result<store::Stored, Error> {
    store::find(tx, uid)?.ok_or_else(|| Error::LoggedModelNotFound(uid.to_owned()))
}

fn event(tx: &mut Tx<'_>, kind: &str, uid: &str, mut payload: serde_json::Value) -> Result<(), Error> {
    payload["logged_model"] = uid.into();
    Ok(tx.event(kind, &format!("logged_model:{uid}"), payload)?)
}
