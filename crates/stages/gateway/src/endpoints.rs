//! Endpoints: names under which requests reach models.

use ledger::{Ledger, Tx};
use serde_json::json;
use types::{Actor, Uid};

use crate::Error;
use crate::model::{Endpoint, Fallback, Link, NewEndpoint, NewLink};
use crate::store::{endpoints as store, models};

/// What changes; None leaves it.
#[derive(Clone, Debug, Default)]
pub struct EndpointChange {
    pub name: Option<String>,
    /// Replaces all of them.
    pub links: Option<Vec<NewLink>>,
    pub routing: Option<String>,
    pub fallback: Option<Fallback>,
    pub experiment: Option<i64>,
    pub usage_tracking: Option<bool>,
    pub updated_by: Option<String>,
}

fn subject(uid: Uid) -> String {
    format!("gateway_endpoint:{uid}")
}

fn missing(uid: Uid) -> Error {
    Error::EndpointNotFound(uid.hex())
}

fn need(tx: &mut Tx<'_>, uid: Uid) -> Result<Endpoint, Error> {
    store::find(tx, uid)?.ok_or_else(|| missing(uid))
}

fn link(tx: &mut Tx<'_>, endpoint: Uid, new: &NewLink, user: Option<&String>) -> Result<Link, Error> {
    let model = models::find(tx, new.model)?.ok_or(Error::ModelNotFound(new.model))?;
    let link = Link {
        uid: tx.new_id(),
        endpoint,
        model,
        is_fallback: new.is_fallback,
        weight: new.weight,
        place: new.place,
        created_at: tx.now(),
        created_by: user.cloned(),
    };
    if store::is_linked(tx, &link)? {
        return Err(Error::Attached { endpoint, model: new.model });
    }
    store::insert_link(tx, &link)?;
    Ok(link)
}

/// Errors: `EndpointExists`, `ModelNotFound`, `Attached` if a model comes twice.
pub async fn create_endpoint(ledger: &Ledger, actor: &Actor, new: NewEndpoint) -> Result<Endpoint, Error> {
    ledger
        .write(actor, move |tx| {
            if store::named(tx, &new.name)?.is_some() {
                return Err(Error::EndpointExists(new.name.clone()));
            }
            let falls_back = new.fallback.is_some() || new.links.iter().any(|l| l.is_fallback);
            let endpoint = Endpoint {
                uid: new.uid,
                name: new.name.clone(),
                links: Vec::new(),
                tags: Default::default(),
                routing: new.routing.clone(),
                fallback: falls_back.then(|| new.fallback.clone().unwrap_or_default()),
                experiment: new.experiment,
                usage_tracking: new.usage_tracking,
                created_at: tx.now(),
                updated_at: tx.now(),
                created_by: new.created_by.clone(),
                updated_by: new.created_by.clone(),
            };
            store::insert(tx, &endpoint)?;
            for one in &new.links {
                link(tx, new.uid, one, new.created_by.as_ref())?;
            }
            tx.event("gateway_endpoint.created", &subject(new.uid), json!({ "models": new.links.len() }))?;
            need(tx, new.uid)
        })
        .await
}

/// By id (hexadecimal) or by name. Errors: `EndpointNotFound`.
pub async fn endpoint(ledger: &Ledger, actor: &Actor, by: Result<Uid, String>) -> Result<Endpoint, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            let uid = match &by {
                Ok(uid) => Some(*uid),
                Err(name) => store::named(rx, name)?,
            };
            let found = match uid {
                Some(uid) => store::find(rx, uid)?,
                None => None,
            };
            found.ok_or_else(|| Error::EndpointNotFound(by.map_or_else(|name| name, |uid| uid.hex())))
        })
        .await
}

/// Those with a model of the provider, or all; oldest first.
pub async fn endpoints(
    ledger: &Ledger,
    actor: &Actor,
    provider: Option<String>,
) -> Result<Vec<Endpoint>, Error> {
    ledger.read(actor.workspace, move |rx| Ok(store::list(rx, provider.as_deref())?)).await
}

/// Errors: `EndpointNotFound`, `EndpointExists`, `ModelNotFound`, `Attached`.
pub async fn update_endpoint(
    ledger: &Ledger,
    actor: &Actor,
    uid: Uid,
    change: EndpointChange,
) -> Result<Endpoint, Error> {
    ledger
        .write(actor, move |tx| {
            let mut endpoint = need(tx, uid)?;
            if let Some(name) = &change.name {
                if store::named(tx, name)?.is_some_and(|other| other != uid) {
                    return Err(Error::EndpointExists(name.clone()));
                }
                endpoint.name.clone_from(name);
            }
            if change.routing.is_some() {
                endpoint.routing.clone_from(&change.routing);
            }
            if let Some(on) = change.usage_tracking {
                endpoint.usage_tracking = on;
            }
            endpoint.experiment = change.experiment.or(endpoint.experiment);
            if change.links.is_some() || change.fallback.is_some() {
                endpoint.fallback = Some(change.fallback.clone().unwrap_or_default());
            }
            if change.updated_by.is_some() {
                endpoint.updated_by.clone_from(&change.updated_by);
            }
            endpoint.updated_at = tx.now();
            store::update(tx, &endpoint)?;
            if let Some(links) = &change.links {
                store::delete_links(tx, uid)?;
                for one in links {
                    link(tx, uid, one, change.updated_by.as_ref())?;
                }
            }
            tx.event("gateway_endpoint.updated", &subject(uid), json!({}))?;
            need(tx, uid)
        })
        .await
}

/// With its links, tags and bindings. Errors: `EndpointNotFound`.
pub async fn delete_endpoint(ledger: &Ledger, actor: &Actor, uid: Uid) -> Result<(), Error> {
    ledger
        .write(actor, move |tx| {
            if !store::delete(tx, uid)? {
                return Err(missing(uid));
            }
            Ok(tx.event("gateway_endpoint.deleted", &subject(uid), json!({}))?)
        })
        .await
}

/// Errors: `EndpointNotFound`, `ModelNotFound`, `Attached`.
pub async fn attach(
    ledger: &Ledger,
    actor: &Actor,
    uid: Uid,
    new: NewLink,
    user: Option<String>,
) -> Result<Link, Error> {
    ledger
        .write(actor, move |tx| {
            let mut endpoint = need(tx, uid)?;
            let link = link(tx, uid, &new, user.as_ref())?;
            endpoint.updated_at = tx.now();
            if user.is_some() {
                endpoint.updated_by.clone_from(&user);
            }
            store::update(tx, &endpoint)?;
            let payload = json!({ "model": new.model, "fallback": new.is_fallback });
            tx.event("gateway_endpoint.model_attached", &subject(uid), payload)?;
            Ok(link)
        })
        .await
}

/// Errors: `EndpointNotFound`, `NotAttached`.
pub async fn detach(ledger: &Ledger, actor: &Actor, uid: Uid, model: Uid) -> Result<(), Error> {
    ledger
        .write(actor, move |tx| {
            let endpoint = need(tx, uid)?;
            let link = endpoint.links.iter().find(|link| link.model.uid == model);
            let link = link.ok_or(Error::NotAttached { endpoint: uid, model })?.uid;
            store::delete_link(tx, link)?;
            Ok(tx.event("gateway_endpoint.model_detached", &subject(uid), json!({ "model": model }))?)
        })
        .await
}

/// Errors: `EndpointNotFound`.
pub async fn set_tag(
    ledger: &Ledger,
    actor: &Actor,
    uid: Uid,
    name: String,
    value: Option<String>,
) -> Result<(), Error> {
    ledger
        .write(actor, move |tx| {
            need(tx, uid)?;
            store::set_tag(tx, uid, &name, value.as_deref())?;
            Ok(tx.event("gateway_endpoint.tag_set", &subject(uid), json!({}))?)
        })
        .await
}

/// A tag that is not there is no error. Errors: `EndpointNotFound`.
pub async fn delete_tag(ledger: &Ledger, actor: &Actor, uid: Uid, name: String) -> Result<(), Error> {
    ledger
        .write(actor, move |tx| {
            need(tx, uid)?;
            if store::delete_tag(tx, uid, &name)? {
                tx.event("gateway_endpoint.tag_deleted", &subject(uid), json!({}))?;
            }
            Ok(())
        })
        .await
}
