//! The clusters of a workspace.

use ledger::{Ledger, Tx};
use serde_json::json;
use types::{Actor, Digest};

use crate::{Error, ExecutorSpec, store};

/// Declares a cluster, or changes it; declaring the same again changes nothing. Attempts that are there keep the
/// declaration they were started with. Errors: `Executor` if it cannot work.
pub async fn define_executor(
    ledger: &Ledger,
    actor: &Actor,
    spec: ExecutorSpec,
) -> Result<ExecutorSpec, Error> {
    spec.check()?;
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            if store::executors::find(tx, &spec.name)?.as_ref() == Some(&spec) {
                return Ok(spec.clone());
            }
            store::executors::put(tx, &spec)?;
            let digest = Digest::of(store::text(&spec)?);
            let payload = json!({ "executor": spec.name, "kind": spec.kind, "spec": digest });
            tx.event("executor.defined", &format!("executor:{}", spec.name), payload)?;
            Ok(spec.clone())
        })
        .await
}

/// By name.
pub async fn executors(ledger: &Ledger, actor: &Actor) -> Result<Vec<ExecutorSpec>, Error> {
    ledger.read(actor.workspace, |rx| Ok(store::executors::all(rx)?)).await
}

/// Errors: `NotFound`.
pub async fn get_executor(ledger: &Ledger, actor: &Actor, name: &str) -> Result<ExecutorSpec, Error> {
    let name = name.to_owned();
    ledger
        .read(actor.workspace, move |rx| {
            let found = store::executors::find(rx, &name)?;
            found.ok_or_else(|| Error::NotFound { what: "executor", name: name.clone() })
        })
        .await
}

/// Takes a declaration away; attempts that are there go on. Errors: `NotFound`.
pub async fn remove_executor(ledger: &Ledger, actor: &Actor, name: &str) -> Result<(), Error> {
    let name = name.to_owned();
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            if !store::executors::delete(tx, &name)? {
                return Err(Error::NotFound { what: "executor", name: name.clone() });
            }
            Ok(tx.event("executor.removed", &format!("executor:{name}"), json!({ "executor": name }))?)
        })
        .await
}
