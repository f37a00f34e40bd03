//! `RunService`.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::{Path, State as Shared};
use pipelines::{Datum, PipelineRun, RunFilter, RunState, SubmitPlan};
use serde_json::{Value, json};
use types::{Actor, Level, Permission, ResourceKind, Uid};

use crate::call::{Answer, Body, Params, Reader, Runner, empty, id, ok};
use crate::errors::{Code, Failure};
use crate::experiments::{self, storage_state};
use crate::filters::Field;
use crate::ir::{Document, convert};
use crate::listing::{Listed, page};
use crate::{State, details, versions, wire};

/// Keys in the labels of runs that came through this door.
const DOOR: &str = "door";
pub(crate) const EXPERIMENT: &str = "experiment_id";
const DOCUMENT: &str = "document";
const INLINE: &str = "inline";
const PIPELINE: &str = "pipeline_id";
const VERSION: &str = "pipeline_version_id";
const DESCRIPTION: &str = "description";
const SERVICE_ACCOUNT: &str = "service_account";
const CONFIG: &str = "runtime_config";

/// How long a run that is deleted may take to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// What both runs and recurring runs say of the pipeline.
pub(crate) struct Asked<'a> {
    pub experiment_id: &'a str,
    pub display_name: &'a str,
    pub description: &'a str,
    pub service_account: &'a str,
    pub spec: &'a Value,
    pub reference: Option<&'a wire::PipelineVersionReference>,
    pub version_id: &'a str,
    pub config: &'a wire::RuntimeConfig,
}

pub(crate) async fn create(
    Shared(state): Shared<State>,
    Runner(actor): Runner,
    Body(new): Body<wire::Run>,
) -> Answer {
    let asked = Asked {
        experiment_id: &new.experiment_id,
        display_name: &new.display_name,
        description: &new.description,
        service_account: &new.service_account,
        spec: &new.pipeline_spec,
        reference: new.pipeline_version_reference.as_ref(),
        version_id: &new.pipeline_version_id,
        config: &new.runtime_config,
    };
    let submit = submission(&state, &actor, &asked).await?;
    let run = pipelines::submit_plan(&state.ledger, &state.blobs, &actor, submit).await?;
    ok(&view(&state, &run).await?)
}

/// What to submit. Errors: no such experiment, pipeline or version; a document that cannot be converted.
pub(crate) async fn submission(
    state: &State,
    actor: &Actor,
    asked: &Asked<'_>,
) -> Result<SubmitPlan, Failure> {
    let experiment = experiments::of_run(state, actor, asked.experiment_id).await?;
    let mut labels = json!({
        DOOR: crate::KIND, EXPERIMENT: experiment.to_string(), DESCRIPTION: asked.description,
        SERVICE_ACCOUNT: asked.service_account, CONFIG: asked.config,
    });
    let (document, listed) = if asked.spec.is_null() {
        let (version, name) = referenced(state, actor, asked).await?;
        labels[PIPELINE] = json!(version.pipeline.to_string());
        labels[VERSION] = json!(version.uid.to_string());
        labels[DOCUMENT] = json!(version.source.to_string());
        (Document::of_body(&versions::source(state, &version.source).await?)?, Some(name))
    } else {
        let document = Document::of_body(asked.spec)?;
        labels[INLINE] = json!(true);
        (document, None)
    };
    let converted = convert(&document)?;
    if asked.spec.is_object() {
        labels[DOCUMENT] = json!(versions::keep(state, &document).await?.to_string());
    }
    let given = asked.config.parameters.iter().filter(|(_, value)| !value.is_null());
    let inputs: BTreeMap<String, Datum> =
        given.map(|(name, value)| (name.clone(), Datum::Value(value.clone()))).collect();
    let root = Some(asked.config.pipeline_root.clone()).filter(|root| !root.is_empty());
    let name = if asked.display_name.is_empty() { &converted.info.name } else { asked.display_name };
    Ok(SubmitPlan {
        name: name.to_owned(),
        pipeline: listed.unwrap_or_else(|| converted.info.name.clone()),
        plan: converted.plan,
        inputs,
        trigger: json!({ "kind": "api", "door": crate::KIND }),
        use_cache: true,
        pipeline_root: root.or(converted.pipeline_root),
        labels,
    })
}

/// The version that is named, or the newest of the pipeline that is; and what the pipeline is called.
async fn referenced(
    state: &State,
    actor: &Actor,
    asked: &Asked<'_>,
) -> Result<(pipelines::PipelineVersion, String), Failure> {
    let (pipeline, version) = match asked.reference {
        Some(reference) => (reference.pipeline_id.as_str(), reference.pipeline_version_id.as_str()),
        None => ("", asked.version_id),
    };
    if !version.is_empty() {
        let version = versions::find(state, actor, pipeline, version).await?;
        let pipeline = pipelines::get_published(&state.ledger, actor, version.pipeline).await?;
        return Ok((version, pipeline.name));
    }
    if pipeline.is_empty() {
        return Err(Failure::invalid(
            "the run names no pipeline: give `pipeline_spec` or `pipeline_version_reference`",
        ));
    }
    let pipeline = crate::pipelines::find(state, actor, pipeline).await?;
    let all = pipelines::versions(&state.ledger, actor, pipeline.uid).await?;
    let newest = all.into_iter().next();
    let none = || Failure::invalid(format!("pipeline {} has no version", pipeline.uid));
    Ok((newest.ok_or_else(none)?, pipeline.name))
}

pub(crate) async fn list(Shared(state): Shared<State>, Reader(actor): Reader, params: Params) -> Answer {
    let mut labels = BTreeMap::from([(DOOR.to_owned(), json!(crate::KIND))]);
    labels.extend(params.get(EXPERIMENT).map(|id| (EXPERIMENT.to_owned(), json!(id))));
    let filter = RunFilter { labels, ..RunFilter::default() };
    let all = pipelines::find_runs(&state.ledger, &actor, filter).await?;
    let seen = all.into_iter().filter(|run| may(&actor, run, Level::Read)).map(Row);
    let page = page(seen.collect(), &params)?;
    let mut runs = Vec::with_capacity(page.items.len());
    for Row(run) in &page.items {
        runs.push(view(&state, run).await?);
    }
    ok(&wire::ListRunsResponse { runs, total_size: page.total, next_page_token: page.next })
}

pub(crate) async fn get(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(run_id): Path<String>,
) -> Answer {
    let run = find(&state, &actor, &run_id, Level::Read).await?;
    let tasks = pipelines::tasks(&state.ledger, &actor, run.uid).await?;
    let mut view = view(&state, &run).await?;
    view.run_details = Some(details::of(&run, &tasks));
    ok(&view)
}

/// Ends the run first if it has not ended.
pub(crate) async fn delete(
    Shared(state): Shared<State>,
    Runner(actor): Runner,
    Path(run_id): Path<String>,
) -> Answer {
    let mut run = find(&state, &actor, &run_id, Level::Edit).await?;
    if !run.state.is_final() {
        stop(&state, &actor, run.uid).await?;
        let step = Duration::from_millis(50);
        let mut waited = Duration::ZERO;
        while !run.state.is_final() {
            if waited > PATIENCE {
                let what = "the run is being cancelled and has not ended yet: try again";
                return Err(Failure::new(Code::Unavailable, what));
            }
            tokio::time::sleep(step).await;
            waited += step;
            run = find(&state, &actor, &run_id, Level::Edit).await?;
        }
    }
    state.engine.delete_run(&actor, run.uid).await?;
    empty()
}

/// `{run_id}:terminate`, `:retry`, `:archive` and `:unarchive`.
pub(crate) async fn act(
    Shared(state): Shared<State>,
    Runner(actor): Runner,
    Path(call): Path<String>,
) -> Answer {
    let (run_id, verb) = call.rsplit_once(':').unwrap_or((&call, ""));
    let run = find(&state, &actor, run_id, Level::Edit).await?;
    match verb {
        "terminate" => stop(&state, &actor, run.uid).await?,
        "retry" => {
            pipelines::retry(&state.ledger, &actor, run.uid).await?;
        }
        "archive" | "unarchive" => {
            pipelines::archive_run(&state.ledger, &actor, run.uid, verb == "archive").await?;
        }
        other => return Err(Failure::not_found("method", other)),
    }
    empty()
}

/// A run that has ended already is as it was asked to be.
async fn stop(state: &State, actor: &Actor, run: Uid) -> Result<(), Failure> {
    match pipelines::cancel(&state.ledger, actor, run).await {
        Ok(_) | Err(pipelines::Error::RunState { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

pub(crate) async fn archive_all(state: &State, actor: &Actor, experiment: i64) -> Result<(), Failure> {
    let labels = BTreeMap::from([(EXPERIMENT.to_owned(), json!(experiment.to_string()))]);
    let filter = RunFilter { labels, archived: Some(false), ..RunFilter::default() };
    for run in pipelines::find_runs(&state.ledger, actor, filter).await? {
        pipelines::archive_run(&state.ledger, actor, run.uid, true).await?;
    }
    Ok(())
}

pub(crate) async fn find(
    state: &State,
    actor: &Actor,
    run_id: &str,
    least: Level,
) -> Result<PipelineRun, Failure> {
    let found = pipelines::get_run(&state.ledger, actor, id("run", run_id)?).await?;
    if !may(actor, &found, Level::Read) {
        return Err(Failure::not_found("run", run_id));
    }
    if !may(actor, &found, least) {
        let permission = Permission::Write;
        return Err(kit::Denied::Forbidden { actor: actor.to_string(), permission }.into());
    }
    Ok(found)
}

/// Whoever may do so much with the run's experiment.
fn may(actor: &Actor, run: &PipelineRun, least: Level) -> bool {
    let experiment = label(run, EXPERIMENT);
    experiment.is_empty() || kit::reaches(actor, ResourceKind::Experiment, experiment, least)
}

fn label<'a>(run: &'a PipelineRun, key: &str) -> &'a str {
    run.labels.get(key).and_then(Value::as_str).unwrap_or_default()
}

pub(crate) async fn view(state: &State, run: &PipelineRun) -> Result<wire::Run, Failure> {
    let inline = run.labels.get(INLINE).and_then(Value::as_bool).unwrap_or(false);
    let document = label(run, DOCUMENT).parse().ok();
    let pipeline_spec = match &document {
        Some(digest) if inline => versions::source(state, digest).await?,
        _ => Value::Null,
    };
    let config = run.labels.get(CONFIG).cloned().unwrap_or(Value::Null);
    let reference = wire::PipelineVersionReference {
        pipeline_id: label(run, PIPELINE).to_owned(),
        pipeline_version_id: label(run, VERSION).to_owned(),
    };
    Ok(wire::Run {
        experiment_id: label(run, EXPERIMENT).to_owned(),
        run_id: run.uid.to_string(),
        display_name: run.name.clone(),
        storage_state: storage_state(run.archived),
        description: label(run, DESCRIPTION).to_owned(),
        pipeline_version_id: String::new(),
        pipeline_spec,
        pipeline_version_reference: (!reference.pipeline_id.is_empty()).then_some(reference),
        runtime_config: serde_json::from_value(config).unwrap_or_default(),
        service_account: label(run, SERVICE_ACCOUNT).to_owned(),
        created_at: run.created_at.rfc3339(),
        scheduled_at: run.scheduled_at.unwrap_or(run.created_at).rfc3339(),
        finished_at: run.ended_at.map(|at| at.rfc3339()),
        state: state_of(run),
        error: error(run),
        run_details: None,
        recurring_run_id: run.schedule.map(|uid| uid.to_string()).unwrap_or_default(),
        state_history: details::history(
            run.created_at,
            run.started_at,
            run.ended_at,
            state_of(run),
            error(run),
        ),
    })
}

pub(crate) fn state_of(run: &PipelineRun) -> &'static str {
    match run.state {
        RunState::Queued | RunState::Running if run.cancel_requested => "CANCELING",
        RunState::Queued => "PENDING",
        RunState::Running => "RUNNING",
        RunState::Succeeded => "SUCCEEDED",
        RunState::Failed => "FAILED",
        RunState::Cancelled => "CANCELED",
    }
}

fn error(run: &PipelineRun) -> Option<wire::Status> {
    let failed = matches!(run.state, RunState::Failed | RunState::Cancelled);
    let message = run.message.clone().filter(|_| failed)?;
    Some(wire::Status { code: Code::Internal as i32, message })
}

struct Row(PipelineRun);

impl Listed for Row {
    const KEYS: &'static [&'static str] = &[
        "run_id",
        "id",
        "display_name",
        "name",
        "created_at",
        "finished_at",
        "description",
        "scheduled_at",
        "storage_state",
        "status",
        "state",
        "namespace",
        "experiment_id",
        "recurring_run_id",
        "pipeline_version_id",
    ];

    fn id(&self) -> String {
        self.0.uid.to_string()
    }

    fn field(&self, key: &str) -> Option<Field> {
        let Row(run) = self;
        Some(match key {
            "run_id" | "id" => Field::Text(run.uid.to_string()),
            "display_name" | "name" => Field::Text(run.name.clone()),
            "created_at" => Field::Time(run.created_at),
            "finished_at" => Field::Time(run.ended_at?),
            "scheduled_at" => Field::Time(run.scheduled_at?),
            "storage_state" => Field::Text(storage_state(run.archived).to_owned()),
            "status" | "state" => Field::Text(state_of(run).to_owned()),
            "recurring_run_id" => Field::Text(run.schedule?.to_string()),
            "description" | "experiment_id" | "pipeline_version_id" => {
                Field::Text(label(run, key).to_owned())
            }
            _ => return None,
        })
    }
}
