//! `ExperimentService`: Kubeflow's experiments are those of tracking, so that MLflow's clients and the web app see them.

use axum::extract::{Path, State as Shared};
use pipelines::RunFilter;
use serde_json::Value;
use tracking::search::Lifecycle;
use tracking::{ExperimentQuery, ExperimentRef, Location};
use types::{Actor, Level, ResourceKind};

use crate::call::{Answer, Body, Params, Reader, Writer, empty, ok};
use crate::errors::Failure;
use crate::filters::Field;
use crate::listing::{Listed, page};
use crate::runs::EXPERIMENT;
use crate::{State, wire};

/// The number of the experiment that is there from the start, as upstream has one called `Default`.
pub(crate) const DEFAULT: i64 = 0;
/// MLflow shows this tag as the description.
const DESCRIPTION: &str = "mlflow.note.content";
const ARCHIVED: &str = "mlwright.archived";

pub(crate) async fn create(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Body(new): Body<wire::Experiment>,
) -> Answer {
    let name = new.display_name.trim();
    if name.is_empty() {
        return Err(Failure::invalid("the experiment has no display_name"));
    }
    let found = tracking::experiment(&state.ledger, &actor, ExperimentRef::Name(name.to_owned())).await;
    let number = match found {
        // A deleted one keeps its name; upstream's is gone, so it may come again.
        Ok(found) if found.deleted => {
            tracking::restore_experiment(&state.ledger, &actor, found.number).await?;
            unmark(&state, &actor, &found).await?;
            found.number
        }
        Ok(_) => {
            return Err(Failure::new(
                crate::errors::Code::AlreadyExists,
                format!("already exists: an experiment called {name}"),
            ));
        }
        Err(tracking::Error::ExperimentNotFound(_)) => {
            tracking::create_experiment(&state.ledger, &actor, name.to_owned(), Location::Own, Vec::new())
                .await?
        }
        Err(error) => return Err(error.into()),
    };
    if !new.description.is_empty() {
        let key = DESCRIPTION.to_owned();
        tracking::set_experiment_tag(&state.ledger, &actor, number, key, new.description).await?;
    }
    ok(&view(&state, &actor, find(&state, &actor, number).await?).await?)
}

pub(crate) async fn list(Shared(state): Shared<State>, Reader(actor): Reader, params: Params) -> Answer {
    tracking::ensure_default_experiment(&state.ledger, &actor).await?;
    let query =
        ExperimentQuery { lifecycle: Lifecycle::Active, limit: i64::from(i32::MAX), ..Default::default() };
    let found = tracking::search_experiments(&state.ledger, &actor, query).await?;
    let mut rows = Vec::with_capacity(found.items.len());
    for experiment in found.items {
        rows.push(Row(experiment));
    }
    let page = page(rows, &params)?;
    let mut experiments = Vec::with_capacity(page.items.len());
    for Row(experiment) in page.items {
        experiments.push(view(&state, &actor, experiment).await?);
    }
    ok(&wire::ListExperimentsResponse { experiments, next_page_token: page.next, total_size: page.total })
}

pub(crate) async fn get(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(id): Path<String>,
) -> Answer {
    let found = find(&state, &actor, number(&id)?).await?;
    ok(&view(&state, &actor, found).await?)
}

pub(crate) async fn delete(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path(id): Path<String>,
) -> Answer {
    let number = number(&id)?;
    if number == DEFAULT {
        return Err(Failure::invalid("the default experiment cannot be deleted"));
    }
    let found = find(&state, &actor, number).await?;
    may_edit(&actor, number)?;
    tracking::delete_experiment(&state.ledger, &actor, found.number).await?;
    empty()
}

/// `{experiment_id}:archive` and `:unarchive`. Archiving takes its runs along and disables its recurring runs.
pub(crate) async fn act(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path(call): Path<String>,
) -> Answer {
    let (id, verb) = call.rsplit_once(':').unwrap_or((&call, ""));
    let found = find(&state, &actor, number(id)?).await?;
    may_edit(&actor, found.number)?;
    match verb {
        "archive" => {
            let (key, value) = (ARCHIVED.to_owned(), "true".to_owned());
            tracking::set_experiment_tag(&state.ledger, &actor, found.number, key, value).await?;
            crate::runs::archive_all(&state, &actor, found.number).await?;
            crate::recurring::disable_all(&state, &actor, found.number).await?;
        }
        "unarchive" => unmark(&state, &actor, &found).await?,
        other => return Err(Failure::not_found("method", other)),
    }
    empty()
}

async fn unmark(state: &State, actor: &Actor, found: &tracking::Experiment) -> Result<(), Failure> {
    if found.tags.contains_key(ARCHIVED) {
        let key = ARCHIVED.to_owned();
        tracking::delete_experiment_tag(&state.ledger, actor, found.number, key).await?;
    }
    Ok(())
}

fn number(id: &str) -> Result<i64, Failure> {
    id.parse().map_err(|_| Failure::not_found("experiment", id))
}

fn may_edit(actor: &Actor, number: i64) -> Result<(), Failure> {
    if kit::reaches(actor, ResourceKind::Experiment, &number.to_string(), Level::Edit) {
        return Ok(());
    }
    let permission = types::Permission::Write;
    Err(kit::Denied::Forbidden { actor: actor.to_string(), permission }.into())
}

/// Errors: there is none, it is deleted, or the actor may not see it.
async fn find(state: &State, actor: &Actor, number: i64) -> Result<tracking::Experiment, Failure> {
    if number == DEFAULT {
        tracking::ensure_default_experiment(&state.ledger, actor).await?;
    }
    let id = number.to_string();
    let found = tracking::experiment(&state.ledger, actor, ExperimentRef::Number(number)).await?;
    let seen = kit::reaches(actor, ResourceKind::Experiment, &id, Level::Read);
    if found.deleted || !seen { Err(Failure::not_found("experiment", &id)) } else { Ok(found) }
}

/// The experiment that a run is for; the default one if it says none. Errors: as [`find`]; who may not edit it.
pub(crate) async fn of_run(state: &State, actor: &Actor, id: &str) -> Result<i64, Failure> {
    let number = if id.is_empty() { DEFAULT } else { number(id)? };
    let found = find(state, actor, number).await?;
    may_edit(actor, number)?;
    Ok(found.number)
}

async fn view(
    state: &State,
    actor: &Actor,
    experiment: tracking::Experiment,
) -> Result<wire::Experiment, Failure> {
    let id = experiment.number.to_string();
    let filter = RunFilter {
        labels: [(EXPERIMENT.to_owned(), Value::String(id.clone()))].into(),
        limit: Some(1),
        ..RunFilter::default()
    };
    let last = pipelines::find_runs(&state.ledger, actor, filter).await?;
    Ok(wire::Experiment {
        experiment_id: id,
        display_name: experiment.name.clone(),
        description: experiment.tags.get(DESCRIPTION).cloned().unwrap_or_default(),
        created_at: experiment.created_at.map(|at| at.rfc3339()),
        namespace: String::new(),
        storage_state: storage_state(experiment.tags.contains_key(ARCHIVED)),
        last_run_created_at: last.first().map(|run| run.created_at.rfc3339()),
    })
}

pub(crate) fn storage_state(archived: bool) -> &'static str {
    if archived { "ARCHIVED" } else { "AVAILABLE" }
}

struct Row(tracking::Experiment);

impl Listed for Row {
    const KEYS: &'static [&'static str] = &[
        "experiment_id",
        "id",
        "display_name",
        "name",
        "created_at",
        "description",
        "namespace",
        "storage_state",
    ];

    fn id(&self) -> String {
        format!("{:020}", self.0.number)
    }

    fn field(&self, key: &str) -> Option<Field> {
        let Row(experiment) = self;
        Some(match key {
            "experiment_id" | "id" => Field::Text(experiment.number.to_string()),
            "display_name" | "name" => Field::Text(experiment.name.clone()),
            "created_at" => Field::Time(experiment.created_at?),
            "description" => Field::Text(experiment.tags.get(DESCRIPTION)?.clone()),
            "storage_state" => Field::Text(storage_state(experiment.tags.contains_key(ARCHIVED)).to_owned()),
            _ => return None,
        })
    }
}
