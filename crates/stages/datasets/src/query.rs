use ledger::Ledger;
use types::{Actor, Uid};

use crate::{Error, Summary, Version, store};

/// All data sets of the workspace, by name, each with its latest version.
pub async fn list(ledger: &Ledger, actor: &Actor) -> Result<Vec<Summary>, Error> {
    ledger.read(actor.workspace, |rx| store::summaries(rx)).await
}

/// Newest first. Errors: `NotFound`.
pub async fn versions(ledger: &Ledger, actor: &Actor, dataset: &str) -> Result<Vec<Version>, Error> {
    let dataset = dataset.to_owned();
    ledger
        .read(actor.workspace, move |rx| match store::dataset_id(rx, &dataset)? {
            Some(_) => store::versions(rx, &dataset),
            None => Err(Error::NotFound(dataset)),
        })
        .await
}

/// The newest version, if the data set exists.
pub async fn latest(ledger: &Ledger, actor: &Actor, dataset: &str) -> Result<Option<Version>, Error> {
    let dataset = dataset.to_owned();
    ledger.read(actor.workspace, move |rx| store::latest(rx, &dataset)).await
}

/// Errors: `NoSuchVersion`.
pub async fn get(ledger: &Ledger, actor: &Actor, uid: Uid) -> Result<Version, Error> {
    ledger.read(actor.workspace, move |rx| store::by_uid(rx, &uid)?.ok_or(Error::NoSuchVersion(uid))).await
}

/// Errors: `NotFound`, `VersionNotFound`.
pub async fn version(ledger: &Ledger, actor: &Actor, dataset: &str, number: i64) -> Result<Version, Error> {
    let dataset = dataset.to_owned();
    ledger
        .read(actor.workspace, move |rx| {
            if store::dataset_id(rx, &dataset)?.is_none() {
                return Err(Error::NotFound(dataset));
            }
            store::by_number(rx, &dataset, number)?.ok_or(Error::VersionNotFound { dataset, number })
        })
        .await
}
