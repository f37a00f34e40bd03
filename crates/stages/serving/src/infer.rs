use std::sync::Arc;
use std::time::Instant;

use predictions::Batch;
use runtimes::{Column, Frame, Tensor, Values, tabular};
use types::{Actor, Class, Digest, Fault, Hasher, Timestamp, Uid, new_id};

use crate::endpoint::Endpoint;
use crate::load::Loaded;
use crate::{Error, Serving, Target};

pub enum Input {
    Tensors(Vec<Tensor>),
    Columns(Frame),
}

pub struct Request<'r> {
    pub endpoint: &'r str,
    /// The number of a model version that the endpoint serves; `None` lets the weights decide.
    pub version: Option<&'r str>,
    /// Requests with the same key get the same variant.
    pub routing_key: Option<&'r str>,
    pub input: Input,
    /// Outputs that are wanted, in order; none = all.
    pub outputs: &'r [String],
}

#[derive(Debug)]
pub struct Answer {
    pub outputs: Vec<Tensor>,
    /// One a row: under these the predictions are in the log.
    pub ids: Vec<Uid>,
    pub model: String,
    pub version: i64,
    pub revision: Uid,
    pub variant: String,
}

/// What one run gave.
struct Ran {
    outputs: Vec<Tensor>,
    logged_inputs: Frame,
    logged_outputs: Frame,
}

impl Serving {
    /// Predicts and logs. Touches no database.
    ///
    /// Errors: `NoEndpoint`, `NoVersion`, `NotServing`, `TooManyRows`, wrong input as the runtime says it; with a
    /// durable log, also when the prediction could not be stored.
    pub async fn infer(&self, actor: &Actor, request: Request<'_>) -> Result<Answer, Error> {
        let start = Instant::now();
        let endpoint = self.endpoint(actor.workspace, request.endpoint)?;
        let now = self.0.ledger.clock().now();
        let result = self.answer(actor, &endpoint, request, now, start).await;
        let failed =
            result.as_ref().is_err_and(|e| matches!(e.class(), Class::Internal | Class::Unavailable));
        let took = start.elapsed();
        endpoint.stats.count(now, took, failed);
        let name = endpoint.revision.endpoint.clone();
        metrics::counter!("mlwright_inference_requests_total", "endpoint" => name.clone()).increment(1);
        metrics::histogram!("mlwright_inference_seconds", "endpoint" => name.clone())
            .record(took.as_secs_f64());
        if failed {
            metrics::counter!("mlwright_inference_errors_total", "endpoint" => name).increment(1);
        }
        result
    }

    async fn answer(
        &self,
        actor: &Actor,
        endpoint: &Endpoint,
        request: Request<'_>,
        now: Timestamp,
        start: Instant,
    ) -> Result<Answer, Error> {
        let target = endpoint.target(request.version, request.routing_key)?;
        let rows = rows(&request.input)?;
        if rows > self.0.config.most_rows {
            return Err(Error::TooManyRows { rows, most: self.0.config.most_rows });
        }
        known_outputs(&target.model, request.outputs)?;
        let ran = run(&target.model, request.input, rows).await?;
        let ids: Vec<Uid> = (0..rows).map(|_| new_id(now)).collect();
        let batch = batch(actor, &target, &ids, now, start, ran.logged_inputs, ran.logged_outputs);
        if self.0.config.durable_log {
            self.0.log.record_durable(batch).await?;
        } else if !self.0.log.record(batch) {
            metrics::counter!("mlwright_predictions_dropped_total").increment(rows as u64);
        }
        Ok(Answer {
            outputs: select(ran.outputs, request.outputs),
            ids,
            model: target.model.model_name.clone(),
            version: target.model.number,
            revision: target.revision.uid,
            variant: target.name().to_owned(),
        })
    }
}

/// The first dimension; all inputs must agree on it. A scalar is one row.
fn rows(input: &Input) -> Result<usize, Error> {
    let tensors = match input {
        Input::Columns(frame) => return Ok(frame.rows),
        Input::Tensors(tensors) => tensors,
    };
    let Some(first) = tensors.first() else { return Ok(1) };
    // A row of the log is a row of the request only if all inputs have it.
    for other in tensors {
        if other.rows() != first.rows() {
            return Err(Error::RowsDiffer {
                first: first.name.clone(),
                first_rows: first.rows(),
                other: other.name.clone(),
                other_rows: other.rows(),
            });
        }
    }
    Ok(first.rows())
}

fn known_outputs(model: &Loaded, wanted: &[String]) -> Result<(), Error> {
    let outputs = model.model.outputs();
    match wanted.iter().find(|w| !outputs.iter().any(|o| o.name == **w)) {
        None => Ok(()),
        Some(name) => {
            let known: Vec<String> = outputs.iter().map(|o| format!("`{}`", o.name)).collect();
            Err(runtimes::Error::UnknownOutput { name: name.clone(), known: known.join(", ") }.into())
        }
    }
}

/// All outputs are computed, for the log; these are wanted.
fn select(mut outputs: Vec<Tensor>, wanted: &[String]) -> Vec<Tensor> {
    if wanted.is_empty() {
        return outputs;
    }
    let mut selected = Vec::with_capacity(wanted.len());
    for name in wanted {
        if let Some(index) = outputs.iter().position(|o| o.name == *name) {
            selected.push(outputs.swap_remove(index));
        }
    }
    selected
}

/// Short calls run here and now, long ones on the pool for blocking work.
async fn run(model: &Arc<Loaded>, input: Input, rows: usize) -> Result<Ran, Error> {
    if model.cost.is_short(rows) {
        return run_now(model, input, rows);
    }
    let model = Arc::clone(model);
    tokio::task::spawn_blocking(move || run_now(&model, input, rows)).await.map_err(|_| Error::Interrupted)?
}

fn run_now(model: &Loaded, input: Input, rows: usize) -> Result<Ran, Error> {
    let start = Instant::now();
    let (tensors, logged_inputs) = match input {
        Input::Tensors(tensors) => {
            let columns = model.tabular.as_ref().and_then(|t| t.columns_of(&tensors));
            let logged = columns.unwrap_or_else(|| digest_of(&tensors, rows));
            (tensors, logged)
        }
        Input::Columns(frame) => {
            let tabular = model.tabular.as_ref().ok_or(Error::NotTabular)?;
            let tensors = tabular.inputs(&frame)?;
            // What the model saw, not what was sent: extra columns are not part of the prediction.
            let logged = tabular.columns_of(&tensors).unwrap_or(frame);
            (tensors, logged)
        }
    };
    let outputs = model.model.run(&tensors, &[])?;
    let logged_outputs = tabular::to_frame(&outputs, rows)?;
    model.cost.learn(rows, start.elapsed());
    Ok(Ran { outputs, logged_inputs, logged_outputs })
}

/// Stands for inputs that have no column form: the digest of all of them, at each row.
fn digest_of(tensors: &[Tensor], rows: usize) -> Frame {
    let mut hasher = Hasher::new();
    for tensor in tensors {
        hasher.update(format!("{} {:?} ", tensor.name, tensor.shape));
        runtimes::each_data!(&tensor.data, v => {
            for value in v {
                hasher.update(format!("{value:?},"));
            }
        });
    }
    let digest: Digest = hasher.finish();
    let values = Values::Text(vec![Some(digest.to_string()); rows]);
    Frame { columns: vec![Column { name: "digest".into(), values }], rows }
}

fn batch(
    actor: &Actor,
    target: &Target,
    ids: &[Uid],
    at: Timestamp,
    start: Instant,
    inputs: Frame,
    outputs: Frame,
) -> Batch {
    Batch {
        workspace: actor.workspace,
        endpoint: target.revision.endpoint.clone(),
        revision: target.revision.uid,
        variant: target.name().to_owned(),
        model: target.model.model_name.clone(),
        version: target.model.number,
        model_version: target.model.version,
        model_digest: target.model.digest,
        at,
        latency_us: i64::try_from(start.elapsed().as_micros()).unwrap_or(i64::MAX),
        ids: ids.to_vec(),
        inputs,
        outputs,
    }
}
