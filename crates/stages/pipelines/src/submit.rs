use std::collections::BTreeMap;
use std::sync::Arc;

use blobs::Blobs;
use ledger::{Ledger, Tx};
use serde_json::{Value, json};
use types::{Actor, Timestamp, Uid};

use crate::advance::{self, Advance};
use crate::compiled::Compiled;
use crate::{
    CodeSnapshot, Datum, Error, PipelineRun, PipelineSpec, Replay, ReplayState, RunState, declared, get,
    get_run, store,
};

/// What to run, on which data and code.
#[derive(Clone, Debug)]
pub struct Submit {
    pub pipeline: String,
    /// Instead of the declared defaults.
    pub params: BTreeMap<String, Value>,
    /// The latest version of the pipeline's dataset if `None`.
    pub dataset_version: Option<Uid>,
    pub code: CodeSnapshot,
    /// Why, as JSON: it comes back with the run.
    pub trigger: Value,
    /// Whether steps that would do the same as an earlier one take its outputs instead.
    pub use_cache: bool,
    /// Where steps run that do not say it themselves; where the pipeline says if `None`.
    pub executor: Option<String>,
}

/// Puts a run in line; the engine does the rest.
///
/// Errors: `PipelineNotFound`, `UnknownParam`, `NoCode` if the snapshot is not stored, `NoDataset`, `OtherDataset`.
pub async fn submit(
    ledger: &Ledger,
    blobs: &Blobs,
    actor: &Actor,
    request: Submit,
) -> Result<PipelineRun, Error> {
    let mut spec = get(ledger, actor, &request.pipeline).await?.spec;
    spec.executor = request.executor.clone().or(spec.executor);
    if let Some(name) = request.params.keys().find(|name| !spec.params.contains_key(*name)) {
        return Err(Error::UnknownParam { pipeline: request.pipeline, name: name.clone() });
    }
    if !blobs.exists(&request.code.digest).await? {
        return Err(Error::NoCode(request.code.digest));
    }
    let dataset_version = dataset_version(ledger, actor, &spec, request.dataset_version).await?;
    let mut params = spec.params.clone();
    params.extend(request.params);
    let mut draft = Draft::declared(spec, params, dataset_version, request.code, request.trigger)?;
    draft.use_cache = request.use_cache;
    ledger.write(actor, move |tx: &mut Tx<'_>| insert(tx, &draft)).await
}

async fn dataset_version(
    ledger: &Ledger,
    actor: &Actor,
    spec: &PipelineSpec,
    given: Option<Uid>,
) -> Result<Option<Uid>, Error> {
    let (pipeline, wanted) = (spec.name.clone(), spec.dataset.as_ref());
    match (given, wanted) {
        (Some(uid), _) => {
            let version = datasets::get(ledger, actor, uid).await?;
            match wanted {
                Some(wanted) if *wanted != version.dataset => {
                    Err(Error::OtherDataset { pipeline, wanted: wanted.clone(), given: version.dataset })
                }
                _ => Ok(Some(uid)),
            }
        }
        (None, Some(dataset)) => match datasets::latest(ledger, actor, dataset).await? {
            Some(version) => Ok(Some(version.uid)),
            None => Err(Error::NoDataset { pipeline, dataset: dataset.clone() }),
        },
        (None, None) => Ok(None),
    }
}

/// Everything that a run is made from.
pub(crate) struct Draft {
    pub name: String,
    pub pipeline: String,
    pub spec: Option<PipelineSpec>,
    pub plan: Arc<Compiled>,
    pub inputs: BTreeMap<String, Datum>,
    pub params: BTreeMap<String, Value>,
    pub dataset_version: Option<Uid>,
    pub code: Option<CodeSnapshot>,
    pub trigger: Value,
    pub use_cache: bool,
    pub replay_of: Option<Uid>,
    pub pipeline_root: Option<String>,
    pub labels: Value,
    pub schedule: Option<Uid>,
    pub scheduled_at: Option<Timestamp>,
    pub backfill: Option<Uid>,
    pub interval_end: Option<Timestamp>,
}

impl Draft {
    fn declared(
        spec: PipelineSpec,
        params: BTreeMap<String, Value>,
        dataset_version: Option<Uid>,
        code: CodeSnapshot,
        trigger: Value,
    ) -> Result<Self, Error> {
        Ok(Self {
            name: spec.name.clone(),
            pipeline: spec.name.clone(),
            plan: Arc::new(Compiled::new(declared::plan(&spec))?),
            spec: Some(spec),
            inputs: BTreeMap::new(),
            params,
            dataset_version,
            code: Some(code),
            trigger,
            use_cache: false,
            replay_of: None,
            pipeline_root: None,
            labels: Value::Null,
            schedule: None,
            scheduled_at: None,
            backfill: None,
            interval_end: None,
        })
    }
}

impl Draft {
    /// The plan of a run with the inputs that it had. Errors: `NotFound` if it has no plan.
    async fn of_plan(
        ledger: &Ledger,
        actor: &Actor,
        run: &PipelineRun,
        trigger: Value,
    ) -> Result<Self, Error> {
        let (uid, digest) = (run.uid, run.plan);
        let (text, root) = ledger
            .read(actor.workspace, move |rx| {
                let text = digest.map(|digest| store::runs::plan(rx, digest)).transpose()?.flatten();
                Ok::<_, Error>((text, store::steps::find(rx, uid)?))
            })
            .await?;
        let text = text.ok_or_else(|| Error::NotFound { what: "plan of run", name: uid.to_string() })?;
        Ok(Self {
            name: run.name.clone(),
            pipeline: run.pipeline.clone(),
            spec: None,
            plan: Compiled::read(&text)?,
            inputs: root.map(|root| root.inputs).unwrap_or_default(),
            params: run.params.clone(),
            dataset_version: run.dataset_version,
            code: run.code.clone(),
            trigger,
            use_cache: false,
            replay_of: None,
            pipeline_root: run.pipeline_root.clone(),
            labels: run.labels.clone(),
            schedule: None,
            scheduled_at: None,
            backfill: None,
            interval_end: None,
        })
    }
}

/// Puts the run in line and starts what is free.
pub(crate) fn insert(tx: &mut Tx<'_>, draft: &Draft) -> Result<PipelineRun, Error> {
    let uid = tx.new_id();
    let run = PipelineRun {
        uid,
        workspace: tx.workspace(),
        name: draft.name.clone(),
        pipeline: draft.pipeline.clone(),
        spec: draft.spec.clone(),
        plan: Some(draft.plan.digest),
        state: RunState::Queued,
        params: draft.params.clone(),
        dataset_version: draft.dataset_version,
        code: draft.code.clone(),
        pipeline_root: draft.pipeline_root.clone(),
        labels: draft.labels.clone(),
        schedule: draft.schedule,
        scheduled_at: draft.scheduled_at,
        backfill: draft.backfill,
        interval_end: draft.interval_end,
        archived: false,
        trigger: draft.trigger.clone(),
        use_cache: draft.use_cache,
        cancel_requested: false,
        replay_of: draft.replay_of,
        message: None,
        created_at: tx.now(),
        created_by: tx.actor().to_string(),
        started_at: None,
        ended_at: None,
    };
    store::runs::put_plan(tx, draft.plan.digest, &draft.plan.text)?;
    store::runs::insert(tx, &run, draft.plan.plan.deadline_ms)?;
    let node =
        tx.node("pipeline_run", &uid.hex(), json!({ "pipeline": run.pipeline, "replay_of": run.replay_of }))?;
    if let Some(code) = &run.code {
        let code = tx.node("code", &code.digest.to_string(), json!(code))?;
        tx.edge(node, "used", code)?;
    }
    if let Some(version) = run.dataset_version
        && let Some(version) = tx.find_node("dataset_version", &version.hex())?
    {
        tx.edge(node, "used", version)?;
    }
    let payload = json!({
        "run": uid, "pipeline": run.pipeline, "plan": draft.plan.digest, "dataset_version": run.dataset_version,
        "code": run.code.as_ref().map(|code| code.digest), "replay_of": run.replay_of, "schedule": run.schedule,
    });
    tx.event("pipeline.run_submitted", &format!("pipeline_run:{uid}"), payload)?;
    Advance::start(tx, uid, Arc::clone(&draft.plan), &draft.inputs)?;
    // What needs no process may have ended already.
    store::runs::find(tx, uid)?.ok_or_else(|| Error::RunNotFound(uid.to_string()))
}

/// Runs a run again from what was recorded: code, declaration, parameters, dataset version; no cached result is
/// taken. The engine compares the two when it has ended. Errors: `RunNotFound`, `RunState` if it did not succeed.
pub async fn replay(ledger: &Ledger, actor: &Actor, run: Uid) -> Result<Replay, Error> {
    let original = get_run(ledger, actor, run).await?;
    if original.state != RunState::Succeeded {
        return Err(Error::RunState { run, state: original.state.name(), what: "replayed" });
    }
    let trigger = json!({ "replay_of": run });
    let mut draft = match (original.spec.clone(), original.code.clone()) {
        (Some(spec), Some(code)) => {
            Draft::declared(spec, original.params.clone(), original.dataset_version, code, trigger)?
        }
        _ => Draft::of_plan(ledger, actor, &original, trigger).await?,
    };
    // What it reads of its moment is what it read before.
    (draft.scheduled_at, draft.interval_end) = (original.scheduled_at, original.interval_end);
    draft.replay_of = Some(run);
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let again = insert(tx, &draft)?;
            let replay = Replay {
                uid: tx.new_id(),
                run,
                replay_run: again.uid,
                state: ReplayState::Running,
                verdict: None,
                first: None,
                message: None,
                created_at: tx.now(),
                ended_at: None::<Timestamp>,
            };
            store::replays::insert(tx, &replay)?;
            let effect = tx.node("pipeline_run", &again.uid.hex(), json!({}))?;
            let cause = tx.node("pipeline_run", &run.hex(), json!({}))?;
            tx.edge(effect, "evaluated", cause)?;
            let payload = json!({ "replay": replay.uid, "run": run, "replay_run": again.uid });
            tx.event("replay.started", &format!("replay:{}", replay.uid), payload)?;
            Ok(replay)
        })
        .await
}

/// Asks a run to end: steps that have not started never will, and running ones are ended with everything that
/// they started. Asking again changes nothing. Errors: `RunNotFound`, `RunState` if it has ended.
pub async fn cancel(ledger: &Ledger, actor: &Actor, run: Uid) -> Result<PipelineRun, Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let missing = || Error::RunNotFound(run.to_string());
            advance::lock(tx, run)?;
            let found = store::runs::find(tx, run)?.ok_or_else(missing)?;
            if found.state.is_final() {
                return Err(Error::RunState { run, state: found.state.name(), what: "cancelled" });
            }
            if found.cancel_requested {
                return Ok(found);
            }
            store::runs::request_cancel(tx, run)?;
            let payload = json!({ "run": run, "pipeline": found.pipeline });
            tx.event("pipeline.cancel_requested", &format!("pipeline_run:{run}"), payload)?;
            Advance::open(tx, run)?.cancel()?;
            store::runs::find(tx, run)?.ok_or_else(missing)
        })
        .await
}
