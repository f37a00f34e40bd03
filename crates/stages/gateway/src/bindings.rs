//! What uses an endpoint.

use ledger::{Ledger, Tx};
use serde_json::json;
use types::{Actor, Uid};

use crate::Error;
use crate::model::Binding;
use crate::store::{bindings as store, endpoints};

#[derive(Clone, Debug)]
pub struct NewBinding {
    pub endpoint: Uid,
    pub resource_type: String,
    pub resource_id: String,
    pub display_name: Option<String>,
    pub created_by: Option<String>,
}

fn insert(tx: &mut Tx<'_>, new: &NewBinding) -> Result<Binding, Error> {
    if endpoints::find(tx, new.endpoint)?.is_none() {
        return Err(Error::EndpointNotFound(new.endpoint.hex()));
    }
    let binding = Binding {
        endpoint: new.endpoint,
        resource_type: new.resource_type.clone(),
        resource_id: new.resource_id.clone(),
        display_name: new.display_name.clone(),
        created_at: tx.now(),
        created_by: new.created_by.clone(),
    };
    store::insert(tx, &binding)?;
    event(tx, "gateway_endpoint.bound", new.endpoint, &new.resource_type, &new.resource_id)?;
    Ok(binding)
}

fn event(tx: &mut Tx<'_>, kind: &str, endpoint: Uid, resource: &str, id: &str) -> Result<(), Error> {
    let payload = json!({ "resource_type": resource, "resource_id": id });
    Ok(tx.event(kind, &format!("gateway_endpoint:{endpoint}"), payload)?)
}

/// Errors: `EndpointNotFound`.
pub async fn bind(ledger: &Ledger, actor: &Actor, new: NewBinding) -> Result<Binding, Error> {
    ledger.write(actor, move |tx| insert(tx, &new)).await
}

/// Binds the resource to this endpoint and to no other. Errors: `EndpointNotFound`.
pub async fn rebind(ledger: &Ledger, actor: &Actor, new: NewBinding) -> Result<Binding, Error> {
    ledger
        .write(actor, move |tx| {
            store::delete_of(tx, &new.resource_type, &new.resource_id)?;
            insert(tx, &new)
        })
        .await
}

/// Errors: `BindingNotFound`.
pub async fn unbind(
    ledger: &Ledger,
    actor: &Actor,
    endpoint: Uid,
    resource_type: String,
    resource_id: String,
) -> Result<(), Error> {
    ledger
        .write(actor, move |tx| {
            if !store::delete(tx, endpoint, &resource_type, &resource_id)? {
                let (resource_type, resource_id) = (resource_type.clone(), resource_id.clone());
                return Err(Error::BindingNotFound { endpoint, resource_type, resource_id });
            }
            event(tx, "gateway_endpoint.unbound", endpoint, &resource_type, &resource_id)
        })
        .await
}

/// From every endpoint, when the resource is gone.
pub async fn unbind_resource(
    ledger: &Ledger,
    actor: &Actor,
    resource_type: String,
    resource_id: String,
) -> Result<(), Error> {
    ledger
        .write(actor, move |tx| {
            for endpoint in store::delete_of(tx, &resource_type, &resource_id)? {
                event(tx, "gateway_endpoint.unbound", endpoint, &resource_type, &resource_id)?;
            }
            Ok(())
        })
        .await
}

/// Those that match all that is given; oldest first.
pub async fn bindings(
    ledger: &Ledger,
    actor: &Actor,
    endpoint: Option<Uid>,
    resource_type: Option<String>,
    resource_id: Option<String>,
) -> Result<Vec<Binding>, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            Ok(store::list(rx, endpoint, resource_type.as_deref(), resource_id.as_deref())?)
        })
        .await
}
