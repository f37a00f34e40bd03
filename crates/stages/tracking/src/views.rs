//! Ways of looking at runs (filter, columns, order, groups) that people gave a name.

use ledger::{Ledger, Tx};
use serde_json::json;
use types::{Actor, Timestamp};

use crate::error::Error;
use crate::store::views as store;

/// Bytes of a name, and of an address, at most.
pub(crate) const NAME: usize = 200;
pub(crate) const ADDRESS: usize = 20_000;

#[derive(Clone, Debug, PartialEq)]
pub struct SavedView {
    pub name: String,
    /// The part of the page's address after `?`.
    pub address: String,
    pub saved_by: String,
    pub saved_at: Timestamp,
}

/// By name.
pub async fn views(ledger: &Ledger, actor: &Actor) -> Result<Vec<SavedView>, Error> {
    ledger.read(actor.workspace, move |rx| Ok(store::all(rx)?)).await
}

/// Replaces the view of that name. Errors: `BadView`.
pub async fn save_view(ledger: &Ledger, actor: &Actor, name: String, address: String) -> Result<(), Error> {
    if name.trim().is_empty() || name.len() > NAME || address.len() > ADDRESS {
        return Err(Error::BadView);
    }
    let by = actor.to_string();
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            store::save(tx, &name, &address, &by)?;
            Ok(tx.event(
                "run_view.saved",
                &format!("run_view:{name}"),
                json!({ "name": name, "address": address }),
            )?)
        })
        .await
}

/// Errors: `ViewNotFound`.
pub async fn delete_view(ledger: &Ledger, actor: &Actor, name: String) -> Result<(), Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            if !store::delete(tx, &name)? {
                return Err(Error::ViewNotFound(name.clone()));
            }
            Ok(tx.event("run_view.deleted", &format!("run_view:{name}"), json!({ "name": name }))?)
        })
        .await
}
