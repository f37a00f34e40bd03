use ledger::{Ledger, Tx};
use serde_json::json;
use types::{Actor, Uid};

use crate::error::Error;
use crate::runs::active;

/// Says that the run came about through something else of the graph, such as `used` a `dataset_version` or
/// `part_of` a `step_run`. Saying it again changes nothing.
///
/// Errors: `RunNotFound`, `RunDeleted`, `NodeNotFound` if the graph has no such node.
pub async fn link(
    ledger: &Ledger,
    actor: &Actor,
    run: Uid,
    edge: &str,
    kind: &str,
    key: &str,
) -> Result<(), Error> {
    let (edge, kind, key) = (edge.to_owned(), kind.to_owned(), key.to_owned());
    ledger.write(actor, move |tx: &mut Tx<'_>| link_in(tx, run, &edge, &kind, &key)).await
}

/// [`link`] as a part of the caller's transaction.
pub fn link_in(tx: &mut Tx<'_>, run: Uid, edge: &str, kind: &str, key: &str) -> Result<(), Error> {
    active(tx, &run)?;
    let from = tx.node("run", &run.hex(), json!({}))?;
    let to = tx
        .find_node(kind, key)?
        .ok_or_else(|| Error::NodeNotFound { kind: kind.to_owned(), key: key.to_owned() })?;
    tx.edge(from, edge, to)?;
    let payload = json!({ "run": run, "edge": edge, "kind": kind, "key": key });
    Ok(tx.event("run.linked", &format!("run:{run}"), payload)?)
}
