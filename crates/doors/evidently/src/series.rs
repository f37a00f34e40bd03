//! Values over time (`ui/service/storage/sql/data.py`).

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{Path, State as Shared};
use reports::{Document, Point, ReportPoints};
use serde_json::{Map, Value, json};

use crate::State;
use crate::call::{Answer, Body, Params, Reader, created, moment, ok, shown, uid};
use crate::errors::Failure;

/// Which reports and values a query is about.
struct Filter {
    metric: String,
    labels: BTreeMap<String, String>,
    tags: Vec<String>,
    metadata: BTreeMap<String, String>,
}

fn texts(value: &Value) -> BTreeMap<String, String> {
    let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    value.as_object().into_iter().flatten().map(|(k, v)| (k.clone(), text(v))).collect()
}

fn list(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

impl Filter {
    fn of(value: &Value) -> Self {
        Self {
            metric: value["metric"].as_str().unwrap_or("*").to_owned(),
            labels: texts(&value["metric_labels"]),
            tags: list(&value["tags"]),
            metadata: texts(&value["metadata"]),
        }
    }

    /// `tags` and `metadata` of a query, as texts of JSON.
    fn of_query(params: &Params) -> Result<Self, Failure> {
        let parse = |key: &str, default: &str| -> Result<Value, Failure> {
            let text = params.get(key).filter(|t| !t.is_empty()).unwrap_or(default);
            serde_json::from_str(text).map_err(|e| Failure::invalid(format!("`{key}` is no JSON: {e}")))
        };
        Ok(Self {
            metric: params.get("metric_type").unwrap_or("*").to_owned(),
            labels: BTreeMap::new(),
            tags: list(&parse("tags", "[]")?),
            metadata: texts(&parse("metadata", "{}")?),
        })
    }

    fn takes_report(&self, report: &Document) -> bool {
        let (tags, metadata) = (list(&report.body["tags"]), texts(&report.body["metadata"]));
        self.tags.iter().all(|t| tags.contains(t))
            && self.metadata.iter().all(|(k, v)| metadata.get(k) == Some(v))
    }

    fn takes(&self, point: &Point) -> bool {
        (self.metric == "*" || self.metric == point.metric)
            && self.labels.iter().all(|(k, v)| point.params.get(k) == Some(v))
    }
}

async fn matching(
    state: &State,
    actor: &types::Actor,
    project: &str,
    filter: &Filter,
) -> Result<Vec<Point>, Failure> {
    let found = reports::points(&state.ledger, actor, uid(project)?, None, None, None).await?;
    let reports = found.into_iter().filter(|r| filter.takes_report(&r.report));
    Ok(reports.flat_map(|r| r.points).filter(|p| filter.takes(p)).collect())
}

pub(crate) async fn metrics(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(project): Path<String>,
    params: Params,
) -> Answer {
    let filter = Filter::of_query(&params)?;
    let found = matching(&state, &actor, &project, &filter).await?;
    let metrics: BTreeSet<String> = found.into_iter().map(|p| p.metric).filter(|m| !m.is_empty()).collect();
    ok(json!({ "metrics": metrics }))
}

pub(crate) async fn labels(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(project): Path<String>,
    params: Params,
) -> Answer {
    let filter = Filter::of_query(&params)?;
    let found = matching(&state, &actor, &project, &filter).await?;
    let labels: BTreeSet<String> = found.into_iter().flat_map(|p| p.params.into_keys()).collect();
    ok(json!({ "labels": labels }))
}

pub(crate) async fn label_values(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(project): Path<String>,
    params: Params,
) -> Answer {
    let filter = Filter::of_query(&params)?;
    let label = params.get("label").ok_or_else(|| Failure::invalid("the query has no `label`"))?;
    let found = matching(&state, &actor, &project, &filter).await?;
    let values: BTreeSet<String> = found.into_iter().filter_map(|mut p| p.params.remove(label)).collect();
    ok(json!({ "label_values": values }))
}

/// `POST /api/v2/snapshots/{project}/data_series_batch`.
pub(crate) async fn batch(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(project): Path<String>,
    params: Params,
    Body(body, _): Body,
) -> Answer {
    let filters: Vec<Filter> =
        body["series_filter"].as_array().into_iter().flatten().map(Filter::of).collect();
    let time = |key: &str| -> Result<Option<types::Timestamp>, Failure> {
        let text = params.get(key).or_else(|| body[key].as_str()).filter(|t| !t.is_empty());
        let bad = |t: &str| Failure::invalid(format!("`{key}` is `{t}`, no time"));
        text.map(|t| moment(t).ok_or_else(|| bad(t))).transpose()
    };
    let (from, to) = (time("timestamp_start")?, time("timestamp_end")?);
    let found = reports::points(&state.ledger, &actor, uid(&project)?, None, from, to).await?;
    created(collect(&found, &filters))
}

struct Series {
    metric: String,
    filter: usize,
    params: BTreeMap<String, String>,
    values: Vec<Option<f64>>,
}

fn collect(found: &[ReportPoints], filters: &[Filter]) -> Value {
    let mut sources: Vec<Value> = Vec::new();
    let mut series: Vec<Series> = Vec::new();
    for ReportPoints { report, points } in found {
        let fitting: Vec<(usize, &Filter)> =
            filters.iter().enumerate().filter(|(_, f)| f.takes_report(report)).collect();
        let taken: Vec<(usize, &Point)> = points
            .iter()
            .filter_map(|p| fitting.iter().find(|(_, f)| f.takes(p)).map(|(place, _)| (*place, p)))
            .collect();
        if taken.is_empty() {
            continue;
        }
        let index = sources.len();
        sources.push(json!({
            "snapshot_id": shown(report.uid),
            "timestamp": report.body["timestamp"],
            "tags": report.body["tags"],
            "metadata": report.body["metadata"],
        }));
        for (filter, point) in taken {
            let Some(value) = point.value else { continue };
            let place = series.iter().position(|s| s.metric == point.metric && s.params == point.params);
            let place = place.unwrap_or_else(|| {
                let (metric, params) = (point.metric.clone(), point.params.clone());
                series.push(Series { metric, filter, params, values: Vec::new() });
                series.len() - 1
            });
            let values = &mut series[place].values;
            if values.len() < index {
                values.resize(index, None);
            }
            values.push(Some(value));
        }
    }
    let shown = |s: Series| {
        let params: Map<String, Value> = s.params.into_iter().map(|(k, v)| (k, v.into())).collect();
        json!({ "metric_type": s.metric, "filter_index": s.filter, "params": params, "values": s.values })
    };
    json!({ "sources": sources, "series": series.into_iter().map(shown).collect::<Vec<_>>() })
}
