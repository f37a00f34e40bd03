//! What another tracking server recorded, taken over with its own ids and times.
//!
//! Importing is idempotent: what is there already is brought up to date, and a run that was taken over whole is
//! known again by its fingerprint.

use std::collections::BTreeMap;

use ledger::{Ledger, Tx};
use serde_json::json;
use types::{Actor, Timestamp, Uid};

use crate::error::Error;
use crate::model::{ExperimentRef, LoggedModel, RunStatus};
use crate::store::runs::NewRun;
use crate::store::{experiments, import as store, logged_models, runs};

/// Whose ids the fingerprints are kept under.
const DOOR: &str = "import";

#[derive(Clone, Debug)]
pub struct ImportExperiment {
    /// Kept if it is free here.
    pub number: i64,
    pub name: String,
    /// Where clients keep artifacts themselves; `None` if they are brought here.
    pub artifact_location: Option<String>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
    pub tags: BTreeMap<String, String>,
}

/// The experiment's number here. One of the same name is the same experiment; tags are added to it.
pub async fn import_experiment(
    ledger: &Ledger,
    actor: &Actor,
    experiment: ImportExperiment,
) -> Result<i64, Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let by_name = ExperimentRef::Name(experiment.name.clone());
            let (id, number) = match experiments::find(tx, &by_name)? {
                Some(found) => (found.id, found.experiment.number),
                None => {
                    let taken = experiments::find(tx, &ExperimentRef::Number(experiment.number))?.is_some();
                    let number = (!taken && experiment.number > 0).then_some(experiment.number);
                    store::insert_experiment(tx, number, &experiment)?
                }
            };
            for (key, value) in &experiment.tags {
                experiments::set_tag(tx, id, key, value)?;
            }
            let payload = json!({ "experiment": number, "name": experiment.name });
            tx.event("experiment.imported", &format!("experiment:{number}"), payload)?;
            Ok(number)
        })
        .await
}

/// Deletes the experiment as it was deleted where it comes from; its runs keep their own states.
pub async fn import_experiment_deleted(ledger: &Ledger, actor: &Actor, number: i64) -> Result<(), Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let found = experiments::find(tx, &ExperimentRef::Number(number))?
                .ok_or_else(|| Error::ExperimentNotFound(number.to_string()))?;
            if found.experiment.deleted || number == 0 {
                return Ok(());
            }
            store::delete_experiment(tx, found.id)?;
            let payload = json!({ "experiment": number });
            Ok(tx.event("experiment.deleted", &format!("experiment:{number}"), payload)?)
        })
        .await
}

#[derive(Clone, Debug)]
pub struct ImportRun {
    pub uid: Uid,
    /// The experiment's number here.
    pub experiment: i64,
    pub name: String,
    pub owner: String,
    pub started_at: Timestamp,
    /// Where the client keeps artifacts itself; `None` if they are brought here.
    pub artifact_location: Option<String>,
    /// Tells this state of the run from every other one.
    pub fingerprint: String,
}

/// Whether there is more to import: false if the run was taken over in this very state before. A run that is to be
/// imported is open for logging until [`finish_import`].
///
/// Errors: `ExperimentNotFound`.
pub async fn start_import(ledger: &Ledger, actor: &Actor, run: ImportRun) -> Result<bool, Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            if tx.find_external_id(DOOR, "run", &mark(&run.uid, &run.fingerprint))?.is_some() {
                return Ok(false);
            }
            let experiment = experiments::find(tx, &ExperimentRef::Number(run.experiment))?
                .ok_or_else(|| Error::ExperimentNotFound(run.experiment.to_string()))?;
            let uid = run.uid;
            let new = NewRun {
                uid,
                experiment_id: experiment.id,
                name: &run.name,
                status: RunStatus::Running,
                owner: &run.owner,
                started_at: run.started_at,
                artifact_location: run.artifact_location.clone(),
            };
            if runs::insert(tx, &new)?.is_none()
                && let Some(found) = runs::find(tx, &uid)?
            {
                runs::set_deleted(tx, found.id, false)?;
            }
            tx.node(
                "run",
                &uid.hex(),
                json!({ "name": run.name, "experiment": experiment.experiment.name }),
            )?;
            let payload = json!({ "run": uid, "experiment": run.experiment, "name": run.name });
            tx.event("run.import_started", &format!("run:{uid}"), payload)?;
            Ok(true)
        })
        .await
}

/// Gives an imported run the state that it had, and remembers its fingerprint.
///
/// Errors: `RunNotFound`.
pub async fn finish_import(
    ledger: &Ledger,
    actor: &Actor,
    uid: Uid,
    status: RunStatus,
    ended_at: Option<Timestamp>,
    deleted: bool,
    fingerprint: String,
) -> Result<(), Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let found = runs::find(tx, &uid)?.ok_or_else(|| Error::RunNotFound(uid.to_string()))?;
            runs::update(tx, found.id, status, ended_at, &found.run.name)?;
            runs::set_deleted(tx, found.id, deleted)?;
            let mark = mark(&uid, &fingerprint);
            if tx.find_external_id(DOOR, "run", &mark)?.is_none() {
                tx.set_external_id(DOOR, "run", &mark, &uid)?;
            }
            let payload = json!({ "run": uid, "experiment": found.run.experiment, "status": status });
            Ok(tx.event("run.imported", &format!("run:{uid}"), payload)?)
        })
        .await
}

fn mark(uid: &Uid, fingerprint: &str) -> String {
    format!("{uid} {fingerprint}")
}

/// Takes over a logged model with its id; one that is there already gets its parameters, tags and status. Its metrics
/// are logged with the points of runs.
///
/// Errors: `ExperimentNotFound`.
pub async fn import_logged_model(ledger: &Ledger, actor: &Actor, model: LoggedModel) -> Result<(), Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let experiment = experiments::find(tx, &ExperimentRef::Number(model.experiment))?
                .ok_or_else(|| Error::ExperimentNotFound(model.experiment.to_string()))?;
            let id = match logged_models::find_id(tx, &model.uid)? {
                Some(id) => id,
                None => logged_models::insert(tx, experiment.id, &model)?,
            };
            logged_models::set_params(tx, id, &model.params)?;
            logged_models::set_tags(tx, id, &model.tags)?;
            logged_models::set_status(tx, id, model.status, model.updated_at)?;
            if model.deleted {
                logged_models::delete(tx, id, model.updated_at)?;
            }
            let payload = json!({ "logged_model": model.uid, "run": model.source_run });
            Ok(tx.event("logged_model.imported", &format!("logged_model:{}", model.uid), payload)?)
        })
        .await
}
