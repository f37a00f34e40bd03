use std::sync::Arc;
use std::time::Instant;

use predictions::Batch;
use runtimes::json::Json;
use runtimes::{Column, Frame, Params, Tensor, Values, tabular};
use spans::Open;
use types::{Actor, Class, Digest, Fault, Hasher, Timestamp, Uid, new_id};

use crate::checks::{Checker, Noticed};
use crate::endpoint::Endpoint;
use crate::features;
use crate::guard::cache_key;
use crate::load::Loaded;
use crate::record::keep_if_there_is_room;
use crate::shadow::Answered;
use crate::traced::{self, Timing};
use crate::{Error, Select, Serving, Target};

#[derive(Clone)]
pub enum Input {
    Tensors(Vec<Tensor>),
    Columns(Frame),
}

pub struct Request<'r> {
    pub endpoint: &'r str,
    pub select: Select<'r>,
    /// Requests with the same key get the same variant.
    pub routing_key: Option<&'r str>,
    pub input: Input,
    /// What is said beside the rows, by name; each variant holds it against its own signature.
    pub params: Option<Json>,
    /// Outputs that are wanted, in order; none = all.
    pub outputs: &'r [String],
    /// After this the caller does not wait any more; a call that has to queue is not run then.
    pub deadline: Option<Instant>,
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
    /// Rows about which something was noticed.
    pub flagged: usize,
    /// The output that MLflow's pyfunc returns as a bare array; `None` where it returns a frame of all outputs.
    pub pyfunc_output: Option<String>,
}

/// What one variant is asked.
struct Asked {
    input: Input,
    params: Params,
    rows: usize,
    deadline: Option<Instant>,
}

/// What one run gave.
struct Ran {
    outputs: Vec<Tensor>,
    noticed: Noticed,
    params: Params,
    logged_inputs: Frame,
    logged_outputs: Frame,
    /// `None` for an answer that was remembered.
    timing: Option<Timing>,
}

/// Rows up to which columns become tensors on the network's threads.
const FEW_ROWS: usize = 256;

impl Serving {
    /// Predicts and logs. Touches no database.
    ///
    /// Errors: `NoEndpoint`, `NoVersion`, `NoVariant`, `NotServing`, `NotForYou`, `Limited`, `Busy`, `TooLate`,
    /// `TooManyRows`, `Refused`, wrong input as the runtime says it; with a durable log, also when the prediction could not be stored.
    pub async fn infer(&self, actor: &Actor, request: Request<'_>) -> Result<Answer, Error> {
        let start = Instant::now();
        let endpoint = self.endpoint(actor.workspace, request.endpoint)?;
        let now = self.0.ledger.clock().now();
        let mut span = traced::begin(request.endpoint);
        let result = self.answer(actor, &endpoint, request, (now, start), &mut span).await;
        let failed = result.as_ref().is_err_and(is_failure);
        endpoint.stats.count(now, start.elapsed(), failed);
        traced::end(span, &result);
        result
    }

    async fn answer(
        &self,
        actor: &Actor,
        endpoint: &Arc<Endpoint>,
        request: Request<'_>,
        (now, start): (Timestamp, Instant),
        span: &mut Option<Open>,
    ) -> Result<Answer, Error> {
        let target = endpoint.target(request.select, request.routing_key)?;
        let rows = rows(&request.input)?;
        if rows > self.0.config.most_rows {
            return Err(Error::TooManyRows { rows, most: self.0.config.most_rows });
        }
        endpoint.guard.admit(&endpoint.settings, actor, &endpoint.revision.endpoint, rows, now)?;
        known_outputs(&target.model, request.outputs)?;
        let instead = match request.select {
            Select::Any => endpoint.instead_of(target.variant),
            _ => None,
        };
        let Request { input, params: told, deadline, .. } = request;
        let copy = (instead.is_some() || endpoint.shadows().next().is_some()).then(|| input.clone());
        let (mut target, mut started) = (target, start);
        let params = target.model.params.enforce(told.as_ref())?;
        let mut ran = self.ran(endpoint, &target, Asked { input, params, rows, deadline }, now).await;
        if let (Some(instead), Ok(models), Some(copy), true) =
            (instead, &endpoint.models, &copy, ran.as_ref().is_err_and(is_failure))
        {
            tracing::warn!(
                endpoint = endpoint.revision.endpoint,
                "a candidate failed; the stable variant answers"
            );
            target = endpoint.of(models, instead)?;
            started = Instant::now();
            let params = target.model.params.enforce(told.as_ref())?;
            let asked = Asked { input: copy.clone(), params, rows, deadline };
            ran = self.ran(endpoint, &target, asked, now).await;
        }
        let mut ran = ran?;
        traced::ran(span.as_ref(), &target, ran.timing);
        traced::about(span.as_mut(), &target, ran.timing, rows);
        let answered = endpoint
            .shadows()
            .next()
            .is_some()
            .then(|| Answered { outputs: Arc::new(ran.logged_outputs.clone()), took: started.elapsed() });
        let ids: Vec<Uid> = (0..rows).map(|_| new_id(now)).collect();
        if let Some(checker) = endpoint.checker(target.variant) {
            checker.choose(&ran.logged_outputs, &mut ran.noticed);
        }
        let flagged = ran.noticed.flags.iter().filter(|flags| !flags.is_empty()).count();
        let logged = (ran.params, ran.logged_inputs, ran.logged_outputs);
        let batch = batch(actor, &target, &ids, now, started, logged, ran.noticed.flags);
        let recording = Instant::now();
        self.keep(&endpoint.settings.record, batch).await?;
        traced::recorded(span.as_ref(), recording);
        if let (Some(copy), Some(answered)) = (copy, answered) {
            self.shadow(actor, endpoint, (copy, told), rows, now, &answered);
        }
        Ok(Answer {
            outputs: select(ran.outputs, request.outputs),
            ids,
            model: target.model.model_name.clone(),
            version: target.model.number,
            revision: target.revision.uid,
            variant: target.name().to_owned(),
            flagged,
            pyfunc_output: target.model.pyfunc_output.clone(),
        })
    }

    /// One variant's run, counted as its own.
    async fn ran(
        &self,
        endpoint: &Endpoint,
        target: &Target,
        asked: Asked,
        now: Timestamp,
    ) -> Result<Ran, Error> {
        let (start, rows) = (Instant::now(), asked.rows);
        let ran = run(endpoint, target, asked).await;
        let (took, failed) = (start.elapsed(), ran.as_ref().is_err_and(is_failure));
        if let Some(stats) = endpoint.variant_stats.get(target.variant) {
            stats.count(now, took, failed);
        }
        if let Some(meter) = endpoint.meters.get(target.variant) {
            meter.count(rows, took, failed);
        }
        ran
    }

    /// The same request for each shadow variant, when the answer is on its way. Its predictions are logged under the
    /// shadow's name and have ids of their own.
    fn shadow(
        &self,
        actor: &Actor,
        endpoint: &Arc<Endpoint>,
        (input, told): (Input, Option<Json>),
        rows: usize,
        now: Timestamp,
        answered: &Answered,
    ) {
        for variant in endpoint.shadows() {
            let Ok(models) = &endpoint.models else { return };
            let Ok(target) = endpoint.of(models, variant) else { return };
            let (endpoint, actor, log) = (Arc::clone(endpoint), actor.clone(), self.0.log.clone());
            let (input, told, answered) = (input.clone(), told.clone(), answered.clone());
            self.0.shadows.send(Box::new(move || {
                let start = Instant::now();
                // What there is to notice was noticed about the request that it is a copy of.
                let params = target.model.params.enforce(told.as_ref()).map_err(Error::from);
                let ran = params.and_then(|params| run_now(&target.model, None, (input, params), rows));
                let failed = ran.is_err();
                if let Some(Some(tally)) = endpoint.tallies.get(variant) {
                    let ran = ran.as_ref().ok().map(|r| (&r.logged_outputs, start.elapsed()));
                    tally.count(&answered, ran);
                }
                if let Some(stats) = endpoint.variant_stats.get(variant) {
                    stats.count(now, start.elapsed(), failed);
                }
                if let Some(meter) = endpoint.meters.get(variant) {
                    meter.count(rows, start.elapsed(), failed);
                }
                if let Ok(ran) = ran {
                    let ids: Vec<Uid> = (0..rows).map(|_| new_id(now)).collect();
                    let logged = (ran.params, ran.logged_inputs, ran.logged_outputs);
                    let batch = batch(&actor, &target, &ids, now, start, logged, Vec::new());
                    keep_if_there_is_room(&log, &endpoint.settings.record, batch);
                }
            }));
        }
    }
}

/// Whether the model or the server failed, and not the request.
fn is_failure(error: &Error) -> bool {
    // Limits are the caller's affair: a variant is not to blame for them.
    !matches!(error, Error::Limited { .. }) && matches!(error.class(), Class::Internal | Class::Unavailable)
}

/// The first dimension; all inputs must agree on it. A scalar is one row.
pub(crate) fn rows(input: &Input) -> Result<usize, Error> {
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

/// Short calls run here and now, long ones on threads of the model.
async fn run(endpoint: &Endpoint, target: &Target, asked: Asked) -> Result<Ran, Error> {
    let Asked { input, params, rows, deadline } = asked;
    let (settings, face) = (&endpoint.settings, &target.model);
    let model = face.running();
    let checker = endpoint.checker(target.variant);
    if settings.batching.is_none() && settings.cache.is_none() && is_short(model, rows) {
        return run_now(face, checker.map(Arc::as_ref), (input, params), rows);
    }
    let (tensors, logged_inputs, noticed) = if rows <= FEW_ROWS {
        prepared(face, checker.map(Arc::as_ref), input, rows)?
    } else {
        let (face, checker) = (Arc::clone(face), checker.cloned());
        let preparing = tokio::task::spawn_blocking(move || prepared(&face, checker.as_deref(), input, rows));
        preparing.await.map_err(|_| Error::Interrupted)??
    };
    let cache = settings.cache.map(|cache| (cache, cache_key(&model.identity(), &tensors, &params)));
    if let Some((cache, key)) = &cache
        && let Some(outputs) = endpoint.guard.remembered(*cache, key)
    {
        metrics::counter!("mlwright_cache_hits_total").increment(1);
        let logged_outputs = tabular::to_frame(&outputs, rows)?;
        return Ok(Ran { outputs, noticed, params, logged_inputs, logged_outputs, timing: None });
    }
    let (outputs, timing) = if settings.batching.is_none() && is_short(model, rows) {
        let started = Instant::now();
        let outputs = model.model.run_with(&tensors, &params, &[])?;
        let ended = Instant::now();
        model.cost.learn(rows, ended - started);
        (outputs, Timing { came: None, started, ended, requests: 1 })
    } else {
        model.lane()?.run((tensors, params.clone()), rows, settings.batching, deadline).await?
    };
    if let Some((cache, key)) = cache {
        endpoint.guard.remember(cache, key, outputs.clone());
    }
    let logged_outputs = tabular::to_frame(&outputs, rows)?;
    Ok(Ran { outputs, noticed, params, logged_inputs, logged_outputs, timing: Some(timing) })
}

/// Whether a call may run on the network's threads. A model that was in memory a moment ago is taken to be there still:
/// one that nobody asked for so long is let go, not this one.
fn is_short(model: &Loaded, rows: usize) -> bool {
    model.cost.is_short(rows) && model.is_awake()
}

/// The model's inputs, what of them is logged, and what the checks noticed. Errors: also `Refused`.
pub(crate) fn prepared(
    model: &Loaded,
    checker: Option<&Checker>,
    input: Input,
    rows: usize,
) -> Result<(Vec<Tensor>, Frame, Noticed), Error> {
    if let Some(fed) = &model.fed {
        return features::prepared(fed, model, checker, input);
    }
    let mut unknown = Vec::new();
    let (tensors, logged) = match input {
        Input::Tensors(tensors) => {
            let columns = model.tabular.as_ref().and_then(|t| t.columns_of(&tensors));
            let logged = columns.unwrap_or_else(|| digest_of(&tensors, rows));
            (tensors, logged)
        }
        Input::Columns(frame) => {
            let tabular = model.tabular.as_ref().ok_or(Error::NotTabular)?;
            let tensors = tabular.inputs(&frame)?;
            unknown = checker.map(|c| c.unknown(&frame)).unwrap_or_default();
            // What the model saw, not what was sent: extra columns are not part of the prediction.
            let logged = tabular.columns_of(&tensors).unwrap_or(frame);
            (tensors, logged)
        }
    };
    let noticed = match checker {
        Some(checker) => checker.look(&logged, &unknown)?,
        None => Noticed::default(),
    };
    Ok((tensors, logged, noticed))
}

fn run_now(
    face: &Loaded,
    checker: Option<&Checker>,
    (input, params): (Input, Params),
    rows: usize,
) -> Result<Ran, Error> {
    let start = Instant::now();
    let (tensors, logged_inputs, noticed) = prepared(face, checker, input, rows)?;
    let model = face.running();
    let started = Instant::now();
    let outputs = model.model.run_with(&tensors, &params, &[])?;
    let ended = Instant::now();
    let logged_outputs = tabular::to_frame(&outputs, rows)?;
    model.cost.learn(rows, start.elapsed());
    let timing = Some(Timing { came: None, started, ended, requests: 1 });
    Ok(Ran { outputs, noticed, params, logged_inputs, logged_outputs, timing })
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

pub(crate) fn batch(
    actor: &Actor,
    target: &Target,
    ids: &[Uid],
    at: Timestamp,
    start: Instant,
    (params, inputs, outputs): (Params, Frame, Frame),
    flags: Vec<Vec<String>>,
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
        principal: actor.to_string(),
        flags,
        params,
        inputs,
        outputs,
    }
}
