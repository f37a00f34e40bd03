use tracking::{
    CreateRun, DatasetInput, ExperimentRef, LogBatch, MetricPoint, Millis, ParamConflict, RunQuery, UpdateRun,
};
use types::Timestamp;

use crate::call::{Answer, Cx, empty, reply};
use crate::convert::{self, RUN_NAME, STATUSES, experiment_number, run_uid};
use crate::errors::Failure;
use crate::experiments::VIEWS;
use crate::paging::Pages;
use crate::request::Fields;
use crate::wire::service as ws;
use crate::{dataset_sources, filters, limits};

/// The legacy tag that lists the models that a run logged.
const LOGGED_MODELS: &str = "mlflow.log-model.history";

pub(crate) async fn create(cx: Cx, f: Fields) -> Answer {
    let number = experiment_number(&f.text_or_empty("experiment_id")?)?;
    let tags = f.pairs("tags")?;
    let name = f.text("run_name")?.filter(|n| !n.is_empty());
    let name_tag = tags.iter().find(|(key, _)| key == RUN_NAME).map(|(_, value)| value.clone());
    if let (Some(name), Some(tag)) = (&name, &name_tag)
        && name != tag
    {
        return Err(Failure::invalid(format!(
            "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values \
             (run_name='{name}', mlflow.runName='{tag}')."
        )));
    }
    let request = CreateRun {
        name: name.or(name_tag),
        owner: f.text_or_empty("user_id")?,
        started_at: f.integer("start_time")?.map(Timestamp::from_millis),
        tags,
        name_tag: Some(RUN_NAME),
        ..CreateRun::in_experiment(ExperimentRef::Number(number))
    };
    let run = tracking::create_run(&cx.state.ledger, &cx.actor, request).await?;
    reply(&ws::RunResponse { run: ws::Run { outputs: None, ..convert::run(run) } })
}

pub(crate) async fn get(cx: Cx, f: Fields) -> Answer {
    let run = tracking::run(&cx.state.ledger, &cx.actor, run_uid(&f.run_id()?)?).await?;
    reply(&ws::RunResponse { run: convert::run(run) })
}

pub(crate) async fn update(cx: Cx, f: Fields) -> Answer {
    let uid = run_uid(&f.run_id()?)?;
    let change = UpdateRun {
        status: f.choice("status", &STATUSES)?,
        ended_at: f.integer("end_time")?.map(Timestamp::from_millis),
        name: f.text("run_name")?,
        name_tag: Some(RUN_NAME),
    };
    let run = tracking::update_run(&cx.state.ledger, &cx.actor, uid, change).await?;
    reply(&ws::RunInfoResponse { run_info: convert::run_info(&run) })
}

pub(crate) async fn delete(cx: Cx, f: Fields) -> Answer {
    tracking::delete_run(&cx.state.ledger, &cx.actor, run_uid(&f.run_id()?)?).await?;
    empty()
}

pub(crate) async fn restore(cx: Cx, f: Fields) -> Answer {
    tracking::restore_run(&cx.state.ledger, &cx.actor, run_uid(&f.run_id()?)?).await?;
    empty()
}

pub(crate) async fn search(cx: Cx, f: Fields) -> Answer {
    let given = f.integer("max_results")?.unwrap_or(1_000);
    if given > limits::SEARCH_MAX {
        return Err(Failure::invalid(format!(
            "Invalid value {given} for parameter 'max_results' supplied:  Hint: Value was of type 'int'. See the API \
             docs for more information about request parameters."
        )));
    }
    let limit = limits::max_results(given)?;
    let (filter, order) = filters::run_query(&f.text_or_empty("filter")?, &f.body_texts("order_by")?)?;
    let ids = f.body_texts("experiment_ids")?;
    let numbers: Vec<i64> = ids.iter().map(|id| experiment_number(id)).collect::<Result<_, _>>()?;
    let lifecycle = f.choice("run_view_type", &VIEWS)?.unwrap_or_default();
    let search = (&numbers, lifecycle, &filter, &order);
    let mut pages = Pages::of(&search, f.text("page_token")?.as_deref())?;
    let after = pages.after.take();
    let query = RunQuery { experiments: Some(numbers), lifecycle, filter, order, limit, after };
    let page = tracking::search_runs(&cx.state.ledger, &cx.actor, query).await?;
    reply(&ws::SearchRunsResponse {
        next_page_token: pages.next(page.next, page.items.len()),
        runs: page.items.into_iter().map(convert::run).collect(),
    })
}

/// A metric inside a batch, or a request that logs one.
pub(crate) fn metric(f: &Fields) -> Result<MetricPoint, Failure> {
    let key = f.text("key")?.filter(|k| !k.is_empty()).ok_or_else(|| f.missing("key"))?;
    let value = f.number("value")?.ok_or_else(|| f.missing("value"))?;
    let at = f.integer("timestamp")?.ok_or_else(|| f.missing("timestamp"))?;
    let step = f.integer("step")?.unwrap_or(0);
    limits::metric_key(&f.path_of("name"), &key)?;
    if at < 0 {
        return Err(Failure::invalid(format!(
            "Invalid value {at} for parameter '{}' supplied: metric '{key}' (value={value:?}). Timestamp must be a \
             nonnegative long (64-bit integer) ",
            f.path_of("timestamp")
        )));
    }
    let dataset = f
        .text("dataset_name")?
        .filter(|name| !name.is_empty())
        .map(|name| Ok::<_, Failure>((name, f.text("dataset_digest")?.filter(|d| !d.is_empty()))))
        .transpose()?;
    Ok(MetricPoint {
        key,
        value,
        step,
        at: Millis(at),
        model: f.text("model_id")?.filter(|m| !m.is_empty()),
        dataset,
    })
}

pub(crate) async fn log_metric(cx: Cx, f: Fields) -> Answer {
    let id = f.run_id()?;
    let metrics = vec![metric(&f)?];
    let batch = LogBatch { metrics, ..Default::default() };
    tracking::log_batch(&cx.state.ledger, &cx.actor, run_uid(&id)?, batch).await?;
    empty()
}

pub(crate) async fn log_parameter(cx: Cx, f: Fields) -> Answer {
    let id = f.run_id()?;
    let param = limits::param("key", f.required_text("key")?, f.text_or_empty("value")?)?;
    let batch =
        LogBatch { params: vec![param], on_param_conflict: ParamConflict::Refuse, ..Default::default() };
    match tracking::log_batch(&cx.state.ledger, &cx.actor, run_uid(&id)?, batch).await {
        Ok(_) => empty(),
        Err(tracking::Error::ParamChanged { run, changes }) if changes.len() == 1 => {
            let change = &changes[0];
            Err(Failure::invalid(format!(
                "Changing param values is not allowed. Param with key='{}' was already logged with value='{}' for run \
                 ID='{run}'. Attempted logging new value '{}'.",
                change.key, change.old, change.new
            )))
        }
        Err(other) => Err(other.into()),
    }
}

pub(crate) async fn set_tag(cx: Cx, f: Fields) -> Answer {
    let id = f.run_id()?;
    let tag = limits::tag("key", f.required_text("key")?, f.text_or_empty("value")?)?;
    tracking::log_batch(&cx.state.ledger, &cx.actor, run_uid(&id)?, with_tags(vec![tag])).await?;
    empty()
}

/// A batch of tags, one of which may rename the run.
pub(crate) fn with_tags(tags: Vec<(String, String)>) -> LogBatch {
    let name = tags.iter().rev().find(|(key, value)| key == RUN_NAME && !value.is_empty());
    let name = name.map(|(_, value)| value.clone());
    LogBatch { tags, name, ..Default::default() }
}

pub(crate) async fn delete_tag(cx: Cx, f: Fields) -> Answer {
    let id = f.run_id()?;
    let key = f.required_text("key")?;
    tracking::delete_tag(&cx.state.ledger, &cx.actor, run_uid(&id)?, key).await?;
    empty()
}

/// `log_inputs`' dataset message. Absent texts read as empty ones, as protobuf reads them.
fn dataset_input(f: &Fields) -> Result<DatasetInput, Failure> {
    let dataset = f.inner("dataset")?.unwrap_or_default();
    let input = DatasetInput {
        name: dataset.text_or_empty("name")?,
        digest: dataset.text_or_empty("digest")?,
        source_type: dataset.text_or_empty("source_type")?,
        source: dataset.text_or_empty("source")?,
        schema: dataset.text("schema")?,
        profile: dataset.text("profile")?,
        tags: f.pairs("tags")?.into_iter().collect(),
    };
    limits::dataset_input(&input)?;
    Ok(input)
}

pub(crate) async fn log_inputs(cx: Cx, f: Fields) -> Answer {
    let id = f.required_text("run_id")?;
    limits::run_id(&id)?;
    let datasets = f.messages("datasets")?.iter().map(dataset_input).collect::<Result<Vec<_>, _>>()?;
    let models =
        f.messages("models")?.iter().map(|m| m.required_text("model_id")).collect::<Result<_, _>>()?;
    let uid = run_uid(&id)?;
    let sources: Vec<String> = datasets.iter().map(|dataset| dataset.source.clone()).collect();
    tracking::log_inputs(&cx.state.ledger, &cx.actor, uid, datasets, models).await?;
    dataset_sources::note(&cx.state, &cx.actor, uid, &sources).await;
    empty()
}

pub(crate) async fn log_outputs(cx: Cx, f: Fields) -> Answer {
    let id = f.required_text("run_id")?;
    if !f.has("models") {
        return Err(f.missing("models"));
    }
    let models = f
        .messages("models")?
        .iter()
        .map(|m| Ok((m.required_text("model_id")?, m.integer("step")?.unwrap_or(0))))
        .collect::<Result<_, Failure>>()?;
    tracking::log_outputs(&cx.state.ledger, &cx.actor, run_uid(&id)?, models).await?;
    empty()
}

/// The way of MLflow 2: what was logged is a list in a tag of the run.
pub(crate) async fn log_model(cx: Cx, f: Fields) -> Answer {
    let uid = run_uid(&f.required_text("run_id")?)?;
    let text = f.required_text("model_json")?;
    let model: serde_json::Value = serde_json::from_str(&text)
        .map_err(|_| Failure::invalid(format!("Malformed model info. \n {text} \n is not a valid JSON.")))?;
    let needed = ["artifact_path", "flavors", "utc_time_created", "run_id"];
    let absent: Vec<_> =
        needed.iter().filter(|n| model.get(**n).is_none()).map(|n| format!("'{n}'")).collect();
    if !absent.is_empty() {
        return Err(Failure::invalid(format!(
            "Model json is missing mandatory fields: {{{}}}",
            absent.join(", ")
        )));
    }
    let run = tracking::run(&cx.state.ledger, &cx.actor, uid).await?;
    let before = run.tags.get(LOGGED_MODELS).and_then(|tag| serde_json::from_str(tag).ok());
    let mut models: Vec<serde_json::Value> = before.unwrap_or_default();
    models.push(model);
    let tag = (LOGGED_MODELS.to_owned(), convert::python_json(&models.into()));
    tracking::log_batch(&cx.state.ledger, &cx.actor, uid, with_tags(vec![tag])).await?;
    empty()
}
