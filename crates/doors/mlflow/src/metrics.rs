use tracking::{History, Point};
use types::Uid;

use crate::call::{Answer, Cx, reply};
use crate::convert::{self, next_token, offset, run_uid};
use crate::errors::Failure;
use crate::request::Fields;
use crate::wire::service as ws;

/// `mlflow/server/handlers.py`: limits of the bulk endpoints.
const BULK_RUNS: usize = 100;
const BULK_POINTS: i64 = 25_000;
const SAMPLED_POINTS: i64 = 2_500;

pub(crate) async fn get_history(cx: Cx, f: Fields) -> Answer {
    let uid = run_uid(&f.run_id()?)?;
    let key = f.required_text("metric_key")?;
    let limit = f.integer("max_results")?;
    if let Some(limit) = limit.filter(|l| *l <= 0) {
        return Err(Failure::invalid(format!(
            "Invalid value {limit} for parameter 'max_results' supplied. It must be a positive integer."
        )));
    }
    let offset = offset(f.text("page_token")?.as_deref())?;
    let query = History { key: key.clone(), limit, offset };
    let page = tracking::history(&cx.state.ledger, &cx.actor, uid, query).await?;
    let metrics: Vec<_> = page.items.into_iter().map(|point| convert::metric(key.clone(), point)).collect();
    reply(&ws::MetricsResponse {
        metrics: (!metrics.is_empty()).then_some(metrics),
        next_page_token: limit.and_then(|limit| next_token(page.more, offset, limit)),
    })
}

fn of_run(key: &str, uid: Uid, point: Point) -> ws::Metric {
    ws::Metric { run_id: Some(uid.hex()), ..convert::metric(key.to_owned(), point) }
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
    let metrics = found.into_iter().map(|(uid, point)| of_run(&key, uid, point)).collect();
    reply(&ws::MetricsResponse { metrics: Some(metrics), next_page_token: None })
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
    let uids = ids.iter().map(|id| run_uid(id)).collect::<Result<Vec<_>, _>>()?;
    let found = tracking::sample(&cx.state.ledger, &cx.actor, uids, key.clone(), steps, most).await?;
    let metrics: Vec<_> = found
        .into_iter()
        .flat_map(|(uid, points)| points.into_iter().map(move |point| (uid, point)))
        .map(|(uid, point)| of_run(&key, uid, point))
        .collect();
    reply(&ws::MetricsResponse { metrics: (!metrics.is_empty()).then_some(metrics), next_page_token: None })
}
