use std::collections::BTreeMap;

use ledger::Ledger;
use types::Actor;

use crate::error::Error;
use crate::store::counts as store;

/// How many versions a model has, deleted ones left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionCount {
    pub versions: i64,
    /// The highest number.
    pub newest: i64,
}

/// By model; models without a version are left out.
pub async fn version_counts(ledger: &Ledger, actor: &Actor) -> Result<BTreeMap<String, VersionCount>, Error> {
    ledger.read(actor.workspace, move |rx| Ok(store::versions(rx)?)).await
}
