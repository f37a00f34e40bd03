use ledger::{Ledger, Tx};
use serde_json::json;
use types::{Actor, Timestamp, Uid};

use crate::error::Error;
use crate::location;
use crate::model::{ExperimentRef, Run, RunStatus};
use crate::names::friendly_name;
use crate::search::{Found, RunQuery};
use crate::store::runs::{self as store, NewRun, Stored};
use crate::store::{self as base};

#[derive(Clone, Debug)]
pub struct CreateRun {
    pub experiment: ExperimentRef,
    /// A friendly name is made up if absent.
    pub name: Option<String>,
    /// Who started it, as the client says.
    pub owner: String,
    /// Now, if absent.
    pub started_at: Option<Timestamp>,
    pub status: RunStatus,
    pub tags: Vec<(String, String)>,
    /// The tag that carries the run's name as well, for protocols that expect one.
    pub name_tag: Option<&'static str>,
    /// A run made before its process starts gets its id from whoever starts the process.
    pub uid: Option<Uid>,
}

impl CreateRun {
    pub fn in_experiment(experiment: ExperimentRef) -> Self {
        Self {
            experiment,
            name: None,
            owner: String::new(),
            started_at: None,
            status: RunStatus::Running,
            tags: Vec::new(),
            name_tag: None,
            uid: None,
        }
    }
}

/// Errors: `ExperimentNotFound`, `ExperimentState` if it is deleted, `RunExists` if the id is taken.
pub async fn create_run(ledger: &Ledger, actor: &Actor, request: CreateRun) -> Result<Run, Error> {
    ledger.write(actor, move |tx: &mut Tx<'_>| create_run_in(tx, &request)).await
}

/// [`create_run`] as a part of the caller's transaction; nothing is written where it errs.
pub fn create_run_in(tx: &mut Tx<'_>, request: &CreateRun) -> Result<Run, Error> {
    let experiment = base::experiments::find(tx, &request.experiment)?
        .ok_or_else(|| Error::ExperimentNotFound(request.experiment.to_string()))?;
    let number = experiment.experiment.number;
    if experiment.experiment.deleted {
        return Err(Error::ExperimentState { number, deleted: true });
    }
    let uid = request.uid.unwrap_or_else(|| tx.new_id());
    let name = request.name.clone().filter(|n| !n.is_empty()).unwrap_or_else(|| friendly_name(&uid));
    let artifact_location = experiment
        .experiment
        .artifact_location
        .as_ref()
        .map(|root| location::below(root, &format!("{uid}/artifacts")));
    let new = NewRun {
        uid,
        experiment_id: experiment.id,
        name: &name,
        status: request.status,
        owner: &request.owner,
        started_at: request.started_at.unwrap_or_else(|| tx.now()),
        artifact_location,
    };
    let id = store::insert(tx, &new)?.ok_or(Error::RunExists { uid })?;
    let mut tags: Vec<(&str, &str)> = request.tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    if let Some(tag) = request.name_tag
        && !tags.iter().any(|(key, _)| *key == tag)
    {
        tags.push((tag, &name));
    }
    set_tags(tx, id, &tags)?;
    tx.node("run", &uid.hex(), json!({ "name": name, "experiment": experiment.experiment.name }))?;
    tx.event(
        "run.created",
        &format!("run:{uid}"),
        json!({ "run": uid, "experiment": number, "name": name }),
    )?;
    whole(tx, &uid)
}

pub(crate) fn set_tags(tx: &mut Tx<'_>, run: i64, tags: &[(&str, &str)]) -> Result<(), Error> {
    if tags.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = tags.iter().map(|(key, _)| *key).collect();
    let keys = base::ensure_keys(tx, &names)?;
    let rows: Vec<(i64, &str)> =
        tags.iter().filter_map(|(key, value)| Some((*keys.get(*key)?, *value))).collect();
    store::set_tags(tx, run, &rows)?;
    Ok(())
}

/// The run with everything that it logged. Errors: `RunNotFound`.
pub(crate) fn whole(on: &mut impl base::Reads, uid: &Uid) -> Result<Run, Error> {
    let found = store::find(on, uid)?.ok_or_else(|| Error::RunNotFound(uid.to_string()))?;
    let mut runs = [found];
    store::load(on, &mut runs)?;
    let [found] = runs;
    Ok(found.run)
}

/// Errors: `RunNotFound`, `RunDeleted`.
pub(crate) fn active(on: &mut impl base::Reads, uid: &Uid) -> Result<Stored, Error> {
    let found = store::find(on, uid)?.ok_or_else(|| Error::RunNotFound(uid.to_string()))?;
    if found.run.deleted {
        return Err(Error::RunDeleted { uid: *uid });
    }
    Ok(found)
}

/// Deleted ones too. Errors: `RunNotFound`.
pub async fn run(ledger: &Ledger, actor: &Actor, uid: Uid) -> Result<Run, Error> {
    ledger.read(actor.workspace, move |rx| whole(rx, &uid)).await
}

pub async fn search_runs(ledger: &Ledger, actor: &Actor, mut query: RunQuery) -> Result<Found<Run>, Error> {
    let visible = crate::homes::visible(actor, types::ResourceKind::Run);
    ledger
        .read(actor.workspace, move |rx| {
            query.experiments = crate::homes::restrict(rx, &visible, query.experiments.take())?;
            Ok(base::search::runs(rx, &query)?)
        })
        .await
}

/// What changes; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct UpdateRun {
    pub status: Option<RunStatus>,
    pub ended_at: Option<Timestamp>,
    pub name: Option<String>,
    /// The tag that carries the run's name as well, for protocols that expect one.
    pub name_tag: Option<&'static str>,
}

/// The run as it is then. Errors: `RunNotFound`, `RunDeleted`.
pub async fn update_run(ledger: &Ledger, actor: &Actor, uid: Uid, change: UpdateRun) -> Result<Run, Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let found = active(tx, &uid)?;
            let status = change.status.unwrap_or(found.run.status);
            let name = change.name.as_deref().filter(|n| !n.is_empty()).unwrap_or(&found.run.name);
            store::update(tx, found.id, status, change.ended_at.or(found.run.ended_at), name)?;
            if let (Some(tag), true) = (change.name_tag, name != found.run.name) {
                set_tags(tx, found.id, &[(tag, name)])?;
            }
            let finished = status.is_final() && !found.run.status.is_final();
            let kind = if finished { "run.finished" } else { "run.updated" };
            tx.event(
                kind,
                &format!("run:{uid}"),
                json!({ "run": uid, "experiment": found.run.experiment, "status": status }),
            )?;
            whole(tx, &uid)
        })
        .await
}

/// Ends a run now. Errors: `RunNotFound`, `RunDeleted`.
pub async fn finish_run(ledger: &Ledger, actor: &Actor, uid: Uid, status: RunStatus) -> Result<Run, Error> {
    let ended_at = Some(ledger.clock().now());
    update_run(ledger, actor, uid, UpdateRun { status: Some(status), ended_at, ..Default::default() }).await
}

/// Ends a run as a part of the caller's transaction, unless it has ended, is deleted or is no more. A run that its client
/// ended stays as it is where it would only be `Finished`.
pub fn end_run_in(tx: &mut Tx<'_>, uid: Uid, status: RunStatus) -> Result<(), Error> {
    let Some(found) = store::find(tx, &uid)? else { return Ok(()) };
    let run = &found.run;
    if run.deleted || run.status == status || (run.status.is_final() && status == RunStatus::Finished) {
        return Ok(());
    }
    let now = tx.now();
    store::update(tx, found.id, status, Some(now), &run.name)?;
    let kind = if status.is_final() && !run.status.is_final() { "run.finished" } else { "run.updated" };
    let payload = json!({ "run": uid, "experiment": run.experiment, "status": status });
    Ok(tx.event(kind, &format!("run:{uid}"), payload)?)
}

/// Can be restored. Deleting twice is no error.
pub async fn delete_run(ledger: &Ledger, actor: &Actor, uid: Uid) -> Result<(), Error> {
    set_deleted(ledger, actor, uid, true).await
}

pub async fn restore_run(ledger: &Ledger, actor: &Actor, uid: Uid) -> Result<(), Error> {
    set_deleted(ledger, actor, uid, false).await
}

async fn set_deleted(ledger: &Ledger, actor: &Actor, uid: Uid, deleted: bool) -> Result<(), Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let found = store::find(tx, &uid)?.ok_or_else(|| Error::RunNotFound(uid.to_string()))?;
            if found.run.deleted == deleted {
                return Ok(());
            }
            store::set_deleted(tx, found.id, deleted)?;
            let kind = if deleted { "run.deleted" } else { "run.restored" };
            let payload = json!({ "run": uid, "experiment": found.run.experiment });
            Ok(tx.event(kind, &format!("run:{uid}"), payload)?)
        })
        .await
}
