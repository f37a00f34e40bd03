use ledger::{Ledger, Tx};
use serde::Serialize;
use serde_json::json;
use types::{Actor, Uid};

use crate::error::Error;
use crate::model::DatasetInput;
use crate::runs::active;
use crate::store::inputs as store;

/// Says what a run read: datasets as the client describes them, and logged models.
pub async fn log_inputs(
    ledger: &Ledger,
    actor: &Actor,
    uid: Uid,
    datasets: Vec<DatasetInput>,
    models: Vec<String>,
) -> Result<(), Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let run = active(tx, &uid)?;
            let mut digests = Vec::new();
            for input in &datasets {
                if store::add(tx, run.id, run.experiment_id, input)? {
                    digests.push(input.digest.as_str());
                }
            }
            let mut read = Vec::new();
            for model in &models {
                if store::add_model(tx, run.id, "input", model, 0)? > 0 {
                    read.push(model.as_str());
                }
            }
            if digests.is_empty() && read.is_empty() {
                return Ok(());
            }
            let payload = json!({ "run": uid, "datasets": digests, "models": read });
            Ok(tx.event("run.inputs_logged", &format!("run:{uid}"), payload)?)
        })
        .await
}

/// Says which logged models a run made, and at which step.
pub async fn log_outputs(
    ledger: &Ledger,
    actor: &Actor,
    uid: Uid,
    models: Vec<(String, i64)>,
) -> Result<(), Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let run = active(tx, &uid)?;
            let mut made = Vec::new();
            for (model, step) in &models {
                if store::add_model(tx, run.id, "output", model, *step)? > 0 {
                    made.push(model.as_str());
                }
            }
            if made.is_empty() {
                return Ok(());
            }
            Ok(tx.event(
                "run.outputs_logged",
                &format!("run:{uid}"),
                json!({ "run": uid, "models": made }),
            )?)
        })
        .await
}

/// A dataset that runs of an experiment read.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DatasetSummary {
    pub experiment: i64,
    pub name: String,
    pub digest: String,
    /// What the relation's context tag says, such as `training`.
    pub context: Option<String>,
}

/// Datasets of these experiments; at most 1,000. `context_tag` is the tag that says what the data was used for.
pub async fn dataset_summaries(
    ledger: &Ledger,
    actor: &Actor,
    experiments: Vec<i64>,
    context_tag: &'static str,
) -> Result<Vec<DatasetSummary>, Error> {
    if experiments.is_empty() {
        return Ok(Vec::new());
    }
    ledger.read(actor.workspace, move |rx| Ok(store::summaries(rx, &experiments, context_tag, 1_000)?)).await
}
