use std::io::Write as _;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use tracking::{History, Page, Point};
use types::Uid;

use crate::call::{Answer, Cx, json_response};
use crate::convert::{next_token, offset, run_uid};
use crate::errors::Failure;
use crate::request::Fields;
use crate::wire::Double;

/// `mlflow/server/handlers.py`: limits of the bulk endpoints.
const BULK_RUNS: usize = 100;
const BULK_POINTS: i64 = 25_000;
const SAMPLED_POINTS: i64 = 2_500;
/// Points that are read and sent at once.
const PIECE: usize = 25_000;

pub(crate) async fn get_history(
    cx: Cx,
    _: Vec<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    let f = Fields::from_query(request.uri().query().unwrap_or_default());
    let uid = run_uid(&f.run_id()?)?;
    let key = f.required_text("metric_key")?;
    let limit = f.integer("max_results")?;
    if let Some(limit) = limit.filter(|l| *l <= 0) {
        return Err(Failure::invalid(format!(
            "Invalid value {limit} for parameter 'max_results' supplied. It must be a positive integer."
        )));
    }
    let offset = offset(f.text("page_token")?.as_deref())?;
    if limit.is_none() && offset == 0 {
        return whole_history(cx, uid, key).await;
    }
    let query = History { key: key.clone(), limit, offset };
    let page = match tracking::history(&cx.state.ledger, &cx.actor, uid, query).await {
        // Upstream finds no points of an unknown run.
        Err(tracking::Error::RunNotFound(_)) => Page { items: Vec::new(), more: false },
        found => found?,
    };
    let mut metrics = Metrics::new(&key);
    metrics.extend(&page.items);
    let token = limit.and_then(|limit| next_token(page.more, offset, limit));
    Ok(json_response(metrics.finish(token.as_deref())))
}

/// Sends a history of any length in pieces as it is read, so that neither is in memory as a whole.
async fn whole_history(cx: Cx, uid: Uid, key: String) -> Result<Response, Failure> {
    let first =
        match tracking::history_after(&cx.state.ledger, &cx.actor, uid, key.clone(), None, PIECE).await {
            Err(tracking::Error::RunNotFound(_)) => Vec::new(),
            found => found?,
        };
    let mut metrics = Metrics::new(&key);
    metrics.extend(&first);
    if first.len() < PIECE {
        return Ok(json_response(metrics.finish(None)));
    }
    let state = Some((cx, metrics, first.last().copied()));
    let pieces = futures::stream::try_unfold(state, move |state| {
        let key = key.clone();
        async move {
            let Some((cx, mut metrics, after)) = state else { return Ok(None) };
            let sent = metrics.take();
            let points = tracking::history_after(&cx.state.ledger, &cx.actor, uid, key, after, PIECE).await?;
            metrics.extend(&points);
            if points.len() == PIECE {
                return Ok(Some((sent, Some((cx, metrics, points.last().copied())))));
            }
            let sent = [sent, metrics.finish(None)].concat();
            Ok::<_, tracking::Error>(Some((sent, None)))
        }
    });
    Ok(json_response(Body::from_stream(pieces)))
}

/// The JSON of a list of metrics in the making; as `wire::service::MetricsResponse` has it, without its copies.
struct Metrics {
    out: Vec<u8>,
    /// What stands before each value, and after each step.
    head: Vec<u8>,
    tail: Vec<u8>,
    any: bool,
}

impl Metrics {
    fn new(key: &str) -> Self {
        let head = format!("{{\"key\":{},\"value\":", serde_json::Value::from(key)).into_bytes();
        Self { out: b"{".to_vec(), head, tail: b"}".to_vec(), any: false }
    }

    /// The points that follow are this run's, and say so.
    fn of_run(&mut self, run: Uid) {
        self.tail = format!(",\"run_id\":\"{}\"}}", run.hex()).into_bytes();
    }

    fn extend<'a>(&mut self, points: impl IntoIterator<Item = &'a Point>) {
        for point in points {
            self.out.extend_from_slice(if self.any { b"," } else { b"\"metrics\":[" });
            self.any = true;
            self.out.extend_from_slice(&self.head);
            // Writing numbers into memory does not fail.
            let _ = serde_json::to_writer(&mut self.out, &Double(point.value));
            let _ = write!(self.out, ",\"timestamp\":{},\"step\":{}", point.at.0, point.step);
            self.out.extend_from_slice(&self.tail);
        }
    }

    /// What there is so far.
    fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    fn finish(mut self, token: Option<&str>) -> Vec<u8> {
        if self.any {
            self.out.push(b']');
        }
        if let Some(token) = token {
            let comma = if self.any { "," } else { "" };
            let _ = write!(self.out, "{comma}\"next_page_token\":\"{token}\"");
        }
        self.out.push(b'}');
        self.out
    }
}

/// The UI's own endpoint; its answer is made by hand upstream.
pub(crate) async fn get_history_bulk(cx: Cx, f: Fields) -> Answer {
    let ids = f.texts("run_id")?;
    if ids.is_empty() {
        return Err(Failure::invalid("GetMetricHistoryBulk request must specify at least one run_id."));
    }
    if ids.len() > BULK_RUNS {
        return Err(Failure::invalid(format!(
            "GetMetricHistoryBulk request cannot specify more than {BULK_RUNS} run_ids. Received {} run_ids.",
            ids.len()
        )));
    }
    let key = f
        .text("metric_key")?
        .ok_or_else(|| Failure::invalid("GetMetricHistoryBulk request must specify a metric_key."))?;
    let limit = f.integer("max_results")?.unwrap_or(BULK_POINTS).min(BULK_POINTS);
    // Ids that cannot be a run's have no points.
    let uids = ids.iter().filter_map(|id| id.parse().ok()).collect();
    let found = tracking::history_of_runs(&cx.state.ledger, &cx.actor, uids, key.clone(), limit).await?;
    if found.is_empty() {
        return Ok(b"{\"metrics\":[]}".to_vec());
    }
    let mut metrics = Metrics::new(&key);
    for of_run in found.chunk_by(|a, b| a.0 == b.0) {
        metrics.of_run(of_run[0].0);
        metrics.extend(of_run.iter().map(|(_, point)| point));
    }
    Ok(metrics.finish(None))
}

pub(crate) async fn get_history_bulk_interval(cx: Cx, f: Fields) -> Answer {
    let ids = f.texts("run_ids")?;
    if ids.is_empty() {
        return Err(f.missing("run_ids"));
    }
    if ids.len() > BULK_RUNS {
        return Err(Failure::invalid(format!(
            "GetMetricHistoryBulkInterval request must specify at most {BULK_RUNS} run_ids. Received {} run_ids. See \
             the API docs for more information about request parameters.",
            ids.len()
        )));
    }
    let key = f.required_text("metric_key")?;
    let most = f.integer("max_results")?.unwrap_or(SAMPLED_POINTS);
    if !(1..=SAMPLED_POINTS).contains(&most) {
        return Err(Failure::invalid(format!(
            "max_results must be between 1 and {SAMPLED_POINTS}. See the API docs for more information about request \
             parameters."
        )));
    }
    let steps = match (f.integer("start_step")?, f.integer("end_step")?) {
        (Some(start), Some(end)) if start > end => {
            return Err(Failure::invalid(format!(
                "end_step must be greater than start_step. Found start_step={start} and end_step={end}."
            )));
        }
        (Some(start), Some(end)) => Some((start, end)),
        (None, None) => None,
        _ => {
            return Err(Failure::invalid(
                "If either start step or end step are specified, both must be specified.",
            ));
        }
    };
    let mut metrics = Metrics::new(&key);
    // Upstream finds no points of an unknown run.
    for uid in ids.iter().filter_map(|id| run_uid(id).ok()) {
        match tracking::sample(&cx.state.ledger, &cx.actor, vec![uid], key.clone(), steps, most).await {
            Err(tracking::Error::RunNotFound(_)) => {}
            Err(other) => return Err(other.into()),
            Ok(found) => {
                metrics.of_run(uid);
                metrics.extend(found.iter().flat_map(|(_, points)| points));
            }
        }
    }
    Ok(metrics.finish(None))
}
