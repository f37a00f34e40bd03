use ledger::Ledger;
use types::{Actor, Uid};

use crate::{Error, Retraining, store};

/// With its history. Errors: `NoRetraining`.
pub async fn get(ledger: &Ledger, actor: &Actor, uid: Uid) -> Result<Retraining, Error> {
    let found = ledger.read(actor.workspace, move |rx| store::retrainings::find(rx, uid)).await?;
    found.ok_or(Error::NoRetraining(uid))
}

/// Newest first, without their histories.
pub async fn list(ledger: &Ledger, actor: &Actor, limit: i64) -> Result<Vec<Retraining>, Error> {
    Ok(ledger.read(actor.workspace, move |rx| store::retrainings::list(rx, limit)).await?)
}
