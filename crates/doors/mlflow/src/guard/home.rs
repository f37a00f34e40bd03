//! In which experiment a thing is, or whether a name is a model's or a prompt's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tracking::ExperimentRef;
use types::{ResourceKind, Uid, WorkspaceId};

use super::table::Of;
use crate::call::Cx;
use crate::errors::Failure;
use crate::filters::IS_PROMPT;
use crate::request::Fields;

/// Most runs whose experiment is remembered.
const MOST: usize = 20_000;

/// Experiments of runs, which never change: a run that logs is asked about at every call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Homes(Arc<Mutex<HashMap<(WorkspaceId, Uid), i64>>>);

impl Homes {
    pub async fn of_run(&self, cx: &Cx, run: &str) -> Result<String, Failure> {
        let Ok(uid) = run.parse::<Uid>() else {
            return Err(Failure::missing(format!("Run with id={run} not found")));
        };
        let key = (cx.actor.workspace, uid);
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
        let number = match known {
            Some(number) => number,
            None => {
                let number = tracking::experiment_of_run(&cx.state.ledger, &cx.actor, uid).await?;
                let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                if map.len() >= MOST {
                    map.clear();
                }
                map.insert(key, number);
                number
            }
        };
        Ok(number.to_string())
    }
}

/// The ids of the experiments that the request is about; `None` if it names none.
pub(super) async fn experiments(cx: &Cx, of: Of, f: &Fields) -> Result<Option<Vec<String>>, Failure> {
    let mut found = Vec::new();
    match of {
        Of::Field(name) => found.push(f.required_text(name)?),
        Of::List(name) => {
            found.extend(f.texts(name)?);
            // No experiment named is all of them, to upstream.
            if found.is_empty() {
                return Ok(None);
            }
        }
        Of::Name(name) => {
            let name = f.required_text(name)?;
            let by = ExperimentRef::Name(name);
            match tracking::experiment(&cx.state.ledger, &cx.actor, by).await {
                Ok(experiment) => found.push(experiment.number.to_string()),
                // The handler says so in its own words.
                Err(tracking::Error::ExperimentNotFound(_)) => {}
                Err(other) => return Err(other.into()),
            }
        }
        Of::Run => found.push(cx.homes.of_run(cx, &f.run_id()?).await?),
        Of::Runs(name) => {
            for run in f.texts(name)? {
                found.push(cx.homes.of_run(cx, &run).await?);
            }
        }
        Of::LoggedModel => found.push(of_logged_model(cx, &f.required_text("model_id")?).await?),
        Of::RunOrLoggedModel => {
            if let Some(model) = f.text("model_id")?.filter(|id| !id.is_empty()) {
                found.push(of_logged_model(cx, &model).await?);
            }
            if let Some(run) = f.text("run_id")?.filter(|id| !id.is_empty()) {
                found.push(cx.homes.of_run(cx, &run).await?);
            }
            if found.is_empty() {
                return Ok(None);
            }
        }
        Of::Traces(name) => {
            let traces = traces::traces(&cx.state.ledger, &cx.actor, f.texts(name)?).await?;
            // Those that do not exist are the handler's to speak of.
            found.extend(traces.iter().map(|t| t.experiment.to_string()));
        }
        Of::Nested(path) => {
            let mut inner = f.clone();
            for name in path {
                inner = inner.inner(name)?.ok_or_else(|| inner.missing(name))?;
            }
            found.push(inner.required_text("experiment_id")?);
        }
        Of::Locations => {
            for location in f.messages("locations")? {
                match location.inner("mlflow_experiment")? {
                    Some(experiment) => found.push(experiment.required_text("experiment_id")?),
                    None => return Ok(None),
                }
            }
            if found.is_empty() {
                return Ok(None);
            }
        }
        Of::Artifact(name) => {
            // `<experiment>/…`; whatever does not begin with a number belongs to none.
            let path = f.text(name)?.unwrap_or_default();
            let first = path.split('/').next().unwrap_or_default();
            if first.is_empty() || !first.bytes().all(|b| b.is_ascii_digit()) {
                return Ok(None);
            }
            found.push(first.to_owned());
        }
    }
    Ok(Some(found))
}

async fn of_logged_model(cx: &Cx, id: &str) -> Result<String, Failure> {
    let found = tracking::experiment_of_logged_model(&cx.state.ledger, &cx.actor, id.to_owned()).await?;
    Ok(found.to_string())
}

/// What a registered name is: a model or a prompt, and what its versions are. `None` if there is none.
pub(super) async fn model_kind(cx: &Cx, name: &str) -> Result<Option<(ResourceKind, ResourceKind)>, Failure> {
    match models::model(&cx.state.ledger, &cx.actor, name.to_owned()).await {
        Ok(model) => {
            let prompt = model.tags.get(IS_PROMPT).is_some_and(|v| v.eq_ignore_ascii_case("true"));
            Ok(Some(if prompt {
                (ResourceKind::Prompt, ResourceKind::PromptVersion)
            } else {
                (ResourceKind::Model, ResourceKind::ModelVersion)
            }))
        }
        Err(models::Error::ModelNotFound(_)) => Ok(None),
        Err(other) => Err(other.into()),
    }
}
