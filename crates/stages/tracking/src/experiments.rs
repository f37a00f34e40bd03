use ledger::{Ledger, Tx};
use serde_json::json;
use types::{Actor, ResourceKind};

use crate::error::Error;
use crate::location::Location;
use crate::model::{Experiment, ExperimentRef};
use crate::search::{ExperimentQuery, Found, Lifecycle};
use crate::store::experiments::{self as store, Stored};

/// The new experiment's number. Errors: `ExperimentExists`, also if one of that name is deleted.
pub async fn create_experiment(
    ledger: &Ledger,
    actor: &Actor,
    name: String,
    location: Location,
    tags: Vec<(String, String)>,
) -> Result<i64, Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            if store::find(tx, &ExperimentRef::Name(name.clone()))?.is_some() {
                return Err(Error::ExperimentExists { name: name.clone() });
            }
            create(tx, &name, &location, &tags)
        })
        .await
}

fn create(tx: &mut Tx<'_>, name: &str, location: &Location, tags: &[(String, String)]) -> Result<i64, Error> {
    let (id, number) = store::insert(tx, name)?;
    if let Some(location) = location.of_experiment(number) {
        store::set_location(tx, id, &location)?;
    }
    for (key, value) in tags {
        store::set_tag(tx, id, key, value)?;
    }
    event(tx, "experiment.created", number, json!({ "experiment": number, "name": name }))?;
    tx.own(ResourceKind::Experiment, &number.to_string())?;
    Ok(number)
}

/// Completes the experiment that was there from the start: when it came to be, and a place below `root` unless it has
/// one or has runs.
pub async fn prepare_default_experiment(
    ledger: &Ledger,
    actor: &Actor,
    root: Option<String>,
) -> Result<(), Error> {
    const DEFAULT: i64 = 0;
    let by = ExperimentRef::Number(DEFAULT);
    let reading = by.clone();
    let found = ledger.read(actor.workspace, move |rx| Ok::<_, Error>(store::find(rx, &reading)?)).await?;
    let Some(Stored { experiment: found, .. }) = found else { return Ok(()) };
    if found.created_at.is_some() && (root.is_none() || found.artifact_location.is_some()) {
        return Ok(());
    }
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let found = store::find(tx, &by)?.ok_or_else(|| Error::ExperimentNotFound(by.to_string()))?;
            if found.experiment.created_at.is_none() {
                store::set_created(tx, found.id)?;
                event(tx, "experiment.created", DEFAULT, json!({ "experiment": DEFAULT }))?;
            }
            let location = root.clone().and_then(|root| Location::Below(root).of_experiment(DEFAULT));
            if let Some(location) = location.filter(|_| found.experiment.artifact_location.is_none())
                && !store::has_runs(tx, found.id)?
            {
                store::set_location(tx, found.id, &location)?;
                event(
                    tx,
                    "experiment.placed",
                    DEFAULT,
                    json!({ "experiment": DEFAULT, "location": location }),
                )?;
            }
            Ok(())
        })
        .await
}

/// The experiment of that name, made if there is none. A deleted one is restored.
pub async fn ensure_experiment(ledger: &Ledger, actor: &Actor, name: &str) -> Result<Experiment, Error> {
    let by = ExperimentRef::Name(name.to_owned());
    let reading = by.clone();
    let found =
        ledger.read(actor.workspace, move |rx| Ok::<_, Error>(store::find_with_tags(rx, &reading)?)).await?;
    if let Some(found) = found.filter(|e| !e.deleted) {
        return Ok(found);
    }
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let ExperimentRef::Name(name) = &by else {
                return Err(Error::ExperimentNotFound(by.to_string()));
            };
            match store::find(tx, &by)? {
                None => {
                    create(tx, name, &Location::Own, &[])?;
                }
                Some(found) if found.experiment.deleted => {
                    store::set_deleted(tx, found.id, false)?;
                    let number = found.experiment.number;
                    event(tx, "experiment.restored", number, json!({ "experiment": number }))?;
                }
                Some(_) => {}
            }
            store::find_with_tags(tx, &by)?.ok_or_else(|| Error::ExperimentNotFound(by.to_string()))
        })
        .await
}

/// Experiment 0 of the actor's workspace, which every workspace has; the first one has it from the start.
pub async fn ensure_default_experiment(ledger: &Ledger, actor: &Actor) -> Result<(), Error> {
    let by = ExperimentRef::Number(0);
    if ledger.read(actor.workspace, move |rx| store::find(rx, &by)).await?.is_some() {
        return Ok(());
    }
    ledger
        .write(actor, |tx: &mut Tx<'_>| {
            if store::insert_default(tx)? == 0 {
                return Ok(());
            }
            event(tx, "experiment.created", 0, json!({ "experiment": 0 }))
        })
        .await
}

/// Deleted ones too. Errors: `ExperimentNotFound`.
pub async fn experiment(ledger: &Ledger, actor: &Actor, by: ExperimentRef) -> Result<Experiment, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            store::find_with_tags(rx, &by)?.ok_or_else(|| Error::ExperimentNotFound(by.to_string()))
        })
        .await
}

/// All that are not deleted, newest first.
pub async fn experiments(ledger: &Ledger, actor: &Actor) -> Result<Vec<Experiment>, Error> {
    let query =
        ExperimentQuery { lifecycle: Lifecycle::Active, limit: i64::from(i32::MAX), ..Default::default() };
    Ok(search_experiments(ledger, actor, query).await?.items)
}

pub async fn search_experiments(
    ledger: &Ledger,
    actor: &Actor,
    query: ExperimentQuery,
) -> Result<Found<Experiment>, Error> {
    let visible = actor.visible(ResourceKind::Experiment);
    ledger.read(actor.workspace, move |rx| Ok(store::search(rx, &query, &visible)?)).await
}

/// Errors: `ExperimentState` if it is deleted, `ExperimentExists` if another has the name.
pub async fn rename_experiment(
    ledger: &Ledger,
    actor: &Actor,
    number: i64,
    name: String,
) -> Result<(), Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let found = active(tx, number)?;
            if let Some(other) = store::find(tx, &ExperimentRef::Name(name.clone()))?
                && other.id != found.id
            {
                return Err(Error::ExperimentExists { name: name.clone() });
            }
            store::rename(tx, found.id, &name)?;
            event(tx, "experiment.renamed", number, json!({ "experiment": number, "name": name }))
        })
        .await
}

/// Deletes the experiment and its runs; both can be restored. Its name stays taken.
pub async fn delete_experiment(ledger: &Ledger, actor: &Actor, number: i64) -> Result<(), Error> {
    set_deleted(ledger, actor, number, true).await
}

/// Restores the experiment and all of its runs.
pub async fn restore_experiment(ledger: &Ledger, actor: &Actor, number: i64) -> Result<(), Error> {
    set_deleted(ledger, actor, number, false).await
}

async fn set_deleted(ledger: &Ledger, actor: &Actor, number: i64, deleted: bool) -> Result<(), Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let found = find(tx, number)?;
            if found.experiment.deleted == deleted {
                return Err(Error::ExperimentState { number, deleted });
            }
            let runs = store::set_deleted(tx, found.id, deleted)?;
            let kind = if deleted { "experiment.deleted" } else { "experiment.restored" };
            event(tx, kind, number, json!({ "experiment": number, "runs": runs }))
        })
        .await
}

pub async fn set_experiment_tag(
    ledger: &Ledger,
    actor: &Actor,
    number: i64,
    key: String,
    value: String,
) -> Result<(), Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let found = active(tx, number)?;
            store::set_tag(tx, found.id, &key, &value)?;
            event(tx, "experiment.tagged", number, json!({ "experiment": number, "tags": [key] }))
        })
        .await
}

/// Errors: `TagNotFound`.
pub async fn delete_experiment_tag(
    ledger: &Ledger,
    actor: &Actor,
    number: i64,
    key: String,
) -> Result<(), Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let found = active(tx, number)?;
            if store::delete_tag(tx, found.id, &key)? == 0 {
                return Err(Error::TagNotFound { owner: format!("experiment {number}"), key: key.clone() });
            }
            event(tx, "experiment.untagged", number, json!({ "experiment": number, "tags": [key] }))
        })
        .await
}

pub(crate) fn find(tx: &mut Tx<'_>, number: i64) -> Result<Stored, Error> {
    store::find(tx, &ExperimentRef::Number(number))?
        .ok_or_else(|| Error::ExperimentNotFound(number.to_string()))
}

/// Errors: `ExperimentState` if it is deleted.
pub(crate) fn active(tx: &mut Tx<'_>, number: i64) -> Result<Stored, Error> {
    let found = find(tx, number)?;
    if found.experiment.deleted {
        return Err(Error::ExperimentState { number, deleted: true });
    }
    Ok(found)
}

fn event(tx: &mut Tx<'_>, kind: &str, number: i64, payload: serde_json::Value) -> Result<(), Error> {
    Ok(tx.event(kind, &format!("experiment:{number}"), payload)?)
}
