use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header;
use serde_json::{Value, json};
use traces::{DeleteTraces, StoredSpan, Trace, TraceQuery};
use types::Timestamp;

use super::info::{self, Locations};
use super::query;
use super::{SIZE_STATS, SPANS_LOCATION, TRACE_NAME, assessments, otel};
use crate::call::{Answer, Cx, empty, reply};
use crate::convert::{experiment_number, next_token, offset};
use crate::errors::{Code, Failure};
use crate::limits;
use crate::request::Fields;
use crate::wire::Double;

/// Traces a page holds if the request does not say, and at most.
pub(super) const DEFAULT_PAGE: i64 = 100;
const MAX_PAGE: i64 = 500;
/// Traces that one request links at most.
const MAX_LINKS: usize = 100;
/// How long `get` waits for spans that are on their way, and how often it looks.
const WAIT: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(100);
/// Tags that only the server sets.
const KEPT_TAGS: [&str; 3] =
    ["mlflow.trace.spansLocation", "mlflow.trace.archiveLocation", "mlflow.trace.archivalFailure"];

pub(super) async fn start(cx: Cx, f: Fields) -> Answer {
    let trace = f.inner("trace")?.ok_or_else(|| f.missing("trace"))?;
    let info = trace.inner("trace_info")?.unwrap_or_default();
    let mut request = info::start(&info)?;
    let now = cx.state.ledger.clock().now();
    request.assessments.iter_mut().for_each(|a| assessments::stamp(a, now));
    let trace = traces::start_trace(&cx.state.ledger, &cx.actor, request).await?;
    one(&cx, trace).await
}

async fn one(cx: &Cx, trace: Trace) -> Answer {
    let info = Locations::new(cx).v3(trace).await?;
    reply(&json!({ "trace": { "trace_info": info } }))
}

pub(super) async fn get_info(cx: Cx, f: Fields) -> Answer {
    let uid = f.required_text("trace_id")?;
    let trace = traces::trace(&cx.state.ledger, &cx.actor, uid).await?;
    one(&cx, trace).await
}

/// Whether every span is there that the client said there are.
fn is_whole(trace: &Trace, spans: &[StoredSpan]) -> bool {
    let stats = trace.metadata.get(SIZE_STATS).and_then(|text| serde_json::from_str::<Value>(text).ok());
    let wanted = stats.and_then(|stats| stats["num_spans"].as_u64()).unwrap_or(0);
    spans.len() as u64 >= wanted && !spans.is_empty()
}

pub(super) async fn get(cx: Cx, f: Fields) -> Answer {
    let uid = f.required_text("trace_id")?;
    let partly = f.boolean("allow_partial")?.unwrap_or(false);
    let mut waited = Duration::ZERO;
    loop {
        let found = traces::spans(&cx.state.ledger, &cx.actor, vec![uid.clone()]).await?;
        let Some((trace, spans)) = found.into_iter().next() else {
            return Err(Failure::missing(format!("Trace with ID {uid} is not found.")));
        };
        let elsewhere = trace.tags.contains_key(SPANS_LOCATION);
        let coming = !partly && !elsewhere && trace.metadata.contains_key(SIZE_STATS);
        if !trace.has_spans && !coming {
            return Err(Failure::new(Code::InternalError, "Trace data not stored in tracking store"));
        }
        if partly || is_whole(&trace, &spans) {
            let info = Locations::new(&cx).v3(trace).await?;
            let mut whole = render(vec![(info, spans)]).await?;
            return Ok(format!("{{\"trace\":{}}}", whole.pop().unwrap_or_default()).into_bytes());
        }
        if waited >= WAIT {
            return Err(Failure::missing(format!(
                "Trace with ID {uid} is not fully exported yet, please try again later."
            )));
        }
        tokio::time::sleep(LOOK).await;
        waited += LOOK;
    }
}

/// Traces with their spans as messages. Spans can be large: they are rewritten on the pool for blocking work.
async fn render(traces: Vec<(Value, Vec<StoredSpan>)>) -> Result<Vec<String>, Failure> {
    let work = move || traces.iter().map(|(info, spans)| message(info, spans)).collect();
    let failed = |e: tokio::task::JoinError| Failure::new(Code::InternalError, e.to_string());
    tokio::task::spawn_blocking(work).await.map_err(failed)?
}

fn message(info: &Value, spans: &[StoredSpan]) -> Result<String, Failure> {
    let mut out = format!("{{\"trace_info\":{info}");
    for (place, span) in spans.iter().enumerate() {
        out.push_str(if place == 0 { ",\"spans\":[" } else { "," });
        let json = otel::to_proto_json(&span.document)
            .ok_or_else(|| Failure::new(Code::InternalError, format!("span {} cannot be read", span.uid)))?;
        out.push_str(&json);
    }
    out.push_str(if spans.is_empty() { "}" } else { "]}" });
    Ok(out)
}

/// Ids of a batch, and the experiments that it is limited to.
fn batch(f: &Fields) -> Result<(Vec<String>, Option<Vec<i64>>), Failure> {
    let uids = f.texts("trace_ids")?;
    if uids.is_empty() {
        return Err(f.missing("trace_ids"));
    }
    let experiments = match f.has("experiment_ids") {
        false => None,
        true => Some(numbers(&f.texts("experiment_ids")?)?),
    };
    Ok((uids, experiments))
}

fn numbers(ids: &[String]) -> Result<Vec<i64>, Failure> {
    ids.iter().map(|id| experiment_number(id)).collect()
}

fn is_of(trace: &Trace, experiments: &Option<Vec<i64>>) -> bool {
    experiments.as_ref().is_none_or(|numbers| numbers.contains(&trace.experiment))
}

/// Only traces whose spans are all there.
pub(super) async fn batch_get(cx: Cx, f: Fields) -> Answer {
    let (uids, experiments) = batch(&f)?;
    let found = traces::spans(&cx.state.ledger, &cx.actor, uids).await?;
    let mut locations = Locations::new(&cx);
    let mut whole = Vec::new();
    for (trace, spans) in found {
        if is_of(&trace, &experiments) && is_whole(&trace, &spans) {
            whole.push((locations.v3(trace).await?, spans));
        }
    }
    if whole.is_empty() {
        return empty();
    }
    Ok(format!("{{\"traces\":[{}]}}", render(whole).await?.join(",")).into_bytes())
}

pub(super) async fn batch_get_infos(cx: Cx, f: Fields) -> Answer {
    let (uids, experiments) = batch(&f)?;
    let found = traces::traces(&cx.state.ledger, &cx.actor, uids).await?;
    let found = found.into_iter().filter(|t| is_of(t, &experiments)).collect();
    list(&cx, "trace_infos", found, None).await
}

/// A list of infos; left out where it is empty.
async fn list(cx: &Cx, name: &str, found: Vec<Trace>, next: Option<String>) -> Answer {
    let mut locations = Locations::new(cx);
    let mut infos = Vec::with_capacity(found.len());
    for trace in found {
        infos.push(locations.v3(trace).await?);
    }
    let mut out = json!({});
    if !infos.is_empty() {
        out[name] = infos.into();
    }
    if let Some(next) = next {
        out["next_page_token"] = next.into();
    }
    reply(&out)
}

pub(super) async fn search(cx: Cx, f: Fields) -> Answer {
    let locations = f.messages("locations")?;
    if locations.is_empty() {
        return Err(f.missing("locations"));
    }
    let mut experiments = Vec::new();
    for location in &locations {
        if let Some(experiment) = location.inner("mlflow_experiment")? {
            experiments.push(experiment_number(&experiment.text_or_empty("experiment_id")?)?);
        }
    }
    let (found, next) = page(&cx, &f, experiments).await?;
    list(&cx, "traces", found, next).await
}

/// One page of a search, and the token of the next.
pub(super) async fn page(
    cx: &Cx,
    f: &Fields,
    experiments: Vec<i64>,
) -> Result<(Vec<Trace>, Option<String>), Failure> {
    let limit = f.integer("max_results")?.unwrap_or(DEFAULT_PAGE);
    if limit > MAX_PAGE {
        return Err(Failure::invalid(format!(
            "Invalid value {limit} for parameter 'max_results' supplied:  Hint: Value was of type 'int'. See the API \
             docs for more information about request parameters."
        )));
    }
    let limit = limits::max_results(limit)?;
    let offset = offset(f.text("page_token")?.as_deref())?;
    let query = TraceQuery {
        experiments,
        filter: query::filter(&f.text_or_empty("filter")?)?,
        order: query::order(&f.texts("order_by")?)?,
        limit,
        offset,
    };
    let found = traces::search_traces(&cx.state.ledger, &cx.actor, query).await?;
    let next = next_token(found.len() as i64 == limit, offset, limit);
    Ok((found, next))
}

pub(super) async fn correlate(cx: Cx, f: Fields) -> Answer {
    let ids = f.body_texts("experiment_ids")?;
    if ids.is_empty() {
        return Err(f.missing("experiment_ids"));
    }
    let (first, second) = (f.required_text("filter_string1")?, f.required_text("filter_string2")?);
    let base = query::filter(&f.text_or_empty("base_filter")?)?;
    let (first, second) = (query::filter(&first)?, query::filter(&second)?);
    let counts = traces::correlate(&cx.state.ledger, &cx.actor, numbers(&ids)?, base, first, second).await?;
    let (npmi, smoothed) = correlation(&counts);
    reply(&json!({
        "npmi": Double(npmi),
        "npmi_smoothed": Double(smoothed),
        "filter1_count": counts.first,
        "filter2_count": counts.second,
        "joint_count": counts.both,
        "total_count": counts.total,
    }))
}

/// Normalised pointwise mutual information, between -1 and 1, plain and with half a count added to every cell
/// (`mlflow/store/analytics/trace_correlation.py`). NaN where a filter matches nothing.
fn correlation(counts: &traces::Counts) -> (f64, f64) {
    let both = counts.both as f64;
    let (first, second) = (counts.first as f64 - both, counts.second as f64 - both);
    let neither = counts.total as f64 - both - first - second;
    if counts.first == 0 || counts.second == 0 || first.min(second).min(neither) < 0.0 {
        return (f64::NAN, f64::NAN);
    }
    let npmi = |smoothing: f64| {
        if first == 0.0 && second == 0.0 && neither == 0.0 {
            return 1.0;
        }
        let (n11, n10, n01) = (both + smoothing, first + smoothing, second + smoothing);
        let all = n11 + n10 + n01 + neither + smoothing;
        let pmi = (n11.ln() + all.ln()) - ((n11 + n10).ln() + (n11 + n01).ln());
        (pmi / (all.ln() - n11.ln())).clamp(-1.0, 1.0)
    };
    (if counts.both == 0 { -1.0 } else { npmi(0.0) }, npmi(0.5))
}

pub(super) async fn delete(cx: Cx, f: Fields) -> Answer {
    let experiment = experiment_number(&f.required_text("experiment_id")?)?;
    let until = f.integer("max_timestamp_millis")?;
    let limit = f.integer("max_traces")?;
    let uids = f.body_texts("request_ids")?;
    let which = match (until, uids.is_empty()) {
        (None, true) => {
            return Err(Failure::invalid("Either `max_timestamp_millis` or `trace_ids` must be specified."));
        }
        (Some(_), false) => {
            return Err(Failure::invalid(
                "Only one of `max_timestamp_millis` and `trace_ids` can be specified.",
            ));
        }
        (None, false) if limit.is_some() => {
            return Err(Failure::invalid("`max_traces` can't be specified if `trace_ids` is specified."));
        }
        (None, false) => DeleteTraces::These(uids),
        (Some(until), true) => {
            if let Some(limit) = limit.filter(|n| *n <= 0) {
                return Err(Failure::invalid(format!(
                    "`max_traces` must be a positive integer, received {limit}."
                )));
            }
            // The whole of that millisecond.
            let until = Timestamp(Timestamp::from_millis(until).0.saturating_add(999));
            DeleteTraces::Until(until, limit)
        }
    };
    let deleted = traces::delete_traces(&cx.state.ledger, &cx.actor, experiment, which).await?;
    reply(&json!({ "traces_deleted": deleted }))
}

fn kept(key: &str, operation: &str) -> Result<(), Failure> {
    let may = operation == "deleted" && key == KEPT_TAGS[2];
    if KEPT_TAGS.contains(&key) && !may {
        return Err(Failure::invalid(format!(
            "Tag '{key}' is immutable and cannot be {operation} on a trace."
        )));
    }
    Ok(())
}

pub(super) async fn set_tag(cx: Cx, f: Fields) -> Answer {
    let (uid, key) = (f.required_text("trace_id")?, f.required_text("key")?);
    kept(&key, "set")?;
    let (key, value) = limits::trace_tag(key, f.text_or_empty("value")?)?;
    if key == TRACE_NAME {
        limits::length("Trace name", limits::TRACE_TAG_SHOWN, &value)?;
    }
    traces::set_tag(&cx.state.ledger, &cx.actor, uid, key, value, TRACE_NAME).await?;
    empty()
}

pub(super) async fn delete_tag(cx: Cx, f: Fields) -> Answer {
    let (uid, key) = (f.required_text("trace_id")?, f.required_text("key")?);
    kept(&key, "deleted")?;
    traces::delete_tag(&cx.state.ledger, &cx.actor, uid, key, TRACE_NAME).await?;
    empty()
}

pub(super) async fn link_to_run(cx: Cx, f: Fields) -> Answer {
    let uids = f.body_texts("trace_ids")?;
    if uids.is_empty() {
        return Err(f.missing("trace_ids"));
    }
    let run = f.required_text("run_id")?;
    if uids.len() > MAX_LINKS {
        return Err(Failure::invalid(format!(
            "Cannot link more than {MAX_LINKS} traces to a run in a single request. Provided {} traces.",
            uids.len()
        )));
    }
    traces::link_to_run(&cx.state.ledger, &cx.actor, uids, run).await?;
    empty()
}

pub(super) async fn link_prompts(cx: Cx, f: Fields) -> Answer {
    let uid = f.required_text("trace_id")?;
    let given = f.messages("prompt_versions")?;
    if given.is_empty() {
        return Err(f.missing("prompt_versions"));
    }
    let mut prompts = Vec::new();
    for prompt in &given {
        let version = limits::model_version(&prompt.text_or_empty("version")?)?;
        prompts.push(format!("{}/{version}", prompt.text_or_empty("name")?));
    }
    traces::link_to_prompts(&cx.state.ledger, &cx.actor, uid, prompts).await?;
    empty()
}

/// `GET get-trace-artifact?request_id=`: the spans as one file, finished or not.
pub(super) async fn artifact(
    cx: Cx,
    _: Vec<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    let query = Fields::from_query(request.uri().query().unwrap_or_default());
    let uid = query.text("request_id")?.filter(|id| !id.is_empty()).ok_or_else(|| {
        Failure::new(Code::BadRequest, "Request must include the \"request_id\" query parameter.")
    })?;
    let found = traces::spans(&cx.state.ledger, &cx.actor, vec![uid.clone()]).await?;
    let Some((trace, spans)) = found.into_iter().next() else {
        return Err(Failure::missing(format!("Trace with ID {uid} is not found.")));
    };
    if let Some(path) = query.text("path")?.filter(|path| !path.is_empty()) {
        return Err(no_file(&format!("attachments/{path}")));
    }
    if !trace.has_spans {
        return Err(no_file("traces.json"));
    }
    let documents: Vec<&str> = spans.iter().map(|s| s.document.as_str()).collect();
    let body = format!("{{\"spans\":[{}]}}", documents.join(","));
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CONTENT_DISPOSITION, "attachment; filename=traces.json"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((headers, Body::from(body)).into_response())
}

/// Files that clients put beside a trace are not served: the answer says so, and the door's README.
fn no_file(path: &str) -> Failure {
    Failure::missing(format!("No such artifact: '{path}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlation_is_upstreams() {
        let counts = |total, first, second, both| traces::Counts { total, first, second, both };
        let (npmi, smoothed) = correlation(&counts(100, 20, 15, 10));
        assert!(
            (npmi - 0.522_878_745).abs() < 1e-6 && (smoothed - 0.495_5).abs() < 2e-2,
            "{npmi} {smoothed}"
        );
        assert_eq!(correlation(&counts(10, 5, 5, 0)).0, -1.0);
        assert_eq!(correlation(&counts(5, 5, 5, 5)), (1.0, 1.0));
        assert!(correlation(&counts(5, 0, 5, 0)).0.is_nan());
    }
}
