//! `POST traces/metrics` (`mlflow/store/tracking/utils/sql_trace_metrics_utils.py`).

use serde_json::{Map, Value, json};
use traces::{
    Aggregation, Dimension, Measure, MetricFilter, MetricPoint, MetricsQuery, TraceClause, TraceField,
};
use tracking::search::{Clause, Comparison, Test};
use types::Timestamp;

use super::{SESSION, SOURCE_RUN, TRACE_NAME};
use crate::call::{Answer, Cx, reply};
use crate::convert::experiment_number;
use crate::errors::Failure;
use crate::filters::traces::{self as grammar, MetricsFilter};
use crate::request::Fields;

const MAX_RESULTS: i64 = 1_000;

/// `MetricViewType`: its filters' word.
const VIEWS: [(&str, i64, &str); 3] =
    [("TRACES", 1, "trace"), ("SPANS", 2, "span"), ("ASSESSMENTS", 3, "assessment")];

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Count,
    Sum,
    Average,
    Percentile,
    Min,
    Max,
}

/// `AggregationType`.
const KINDS: [(&str, i64, Kind); 6] = [
    ("COUNT", 1, Kind::Count),
    ("SUM", 2, Kind::Sum),
    ("AVG", 3, Kind::Average),
    ("PERCENTILE", 4, Kind::Percentile),
    ("MIN", 5, Kind::Min),
    ("MAX", 6, Kind::Max),
];

const COUNT: &[Kind] = &[Kind::Count];
const SPREAD: &[Kind] = &[Kind::Average, Kind::Max, Kind::Min, Kind::Percentile];
const AMOUNT: &[Kind] = &[Kind::Average, Kind::Max, Kind::Min, Kind::Percentile, Kind::Sum];

/// A metric: its name, what it measures, and what it can be aggregated and grouped by.
type Metric = (&'static str, Measure, &'static [Kind], &'static [(&'static str, Dimension)]);

const BY_NAME: &[(&str, Dimension)] = &[("trace_name", Dimension::TraceName)];
const BY_MODEL: &[(&str, Dimension)] =
    &[("span_model_name", Dimension::Model), ("span_model_provider", Dimension::Provider)];

fn metrics(view: &str) -> &'static [Metric] {
    match view {
        "trace" => &[
            (
                "trace_count",
                Measure::Traces,
                COUNT,
                &[("trace_name", Dimension::TraceName), ("trace_status", Dimension::TraceState)],
            ),
            ("session_count", Measure::Sessions, COUNT, &[]),
            ("latency", Measure::TraceLatency, SPREAD, BY_NAME),
            ("input_tokens", Measure::InputTokens, AMOUNT, BY_NAME),
            ("output_tokens", Measure::OutputTokens, AMOUNT, BY_NAME),
            ("total_tokens", Measure::TotalTokens, AMOUNT, BY_NAME),
            ("cache_read_input_tokens", Measure::CacheReadTokens, AMOUNT, BY_NAME),
            ("cache_creation_input_tokens", Measure::CacheWriteTokens, AMOUNT, BY_NAME),
        ],
        "span" => &[
            (
                "span_count",
                Measure::Spans,
                COUNT,
                &[
                    ("span_model_name", Dimension::Model),
                    ("span_model_provider", Dimension::Provider),
                    ("span_name", Dimension::SpanName),
                    ("span_status", Dimension::SpanStatus),
                    ("span_type", Dimension::SpanKind),
                ],
            ),
            (
                "latency",
                Measure::SpanLatency,
                SPREAD,
                &[("span_name", Dimension::SpanName), ("span_status", Dimension::SpanStatus)],
            ),
            ("input_cost", Measure::InputCost, AMOUNT, BY_MODEL),
            ("output_cost", Measure::OutputCost, AMOUNT, BY_MODEL),
            ("total_cost", Measure::TotalCost, AMOUNT, BY_MODEL),
        ],
        _ => &[
            (
                "assessment_count",
                Measure::Assessments,
                COUNT,
                &[
                    ("assessment_name", Dimension::AssessmentName),
                    ("assessment_value", Dimension::AssessmentValue),
                ],
            ),
            (
                "assessment_value",
                Measure::AssessmentValue,
                SPREAD,
                &[("assessment_name", Dimension::AssessmentName)],
            ),
        ],
    }
}

fn python_list(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
    format!("[{}]", quoted.join(", "))
}

fn name_of(kind: Kind) -> &'static str {
    KINDS.iter().find(|(.., known)| *known == kind).map_or("", |(name, ..)| name)
}

/// The label of an aggregation's values.
fn label(aggregation: Aggregation) -> String {
    match aggregation {
        Aggregation::Count => "COUNT".to_owned(),
        Aggregation::Sum => "SUM".to_owned(),
        Aggregation::Average => "AVG".to_owned(),
        Aggregation::Min => "MIN".to_owned(),
        Aggregation::Max => "MAX".to_owned(),
        Aggregation::Percentile(percent) => format!("P{percent:?}"),
    }
}

fn aggregation(f: &Fields) -> Result<(Kind, Aggregation), Failure> {
    let kind = f.choice("aggregation_type", &KINDS)?.ok_or_else(|| f.missing("aggregation_type"))?;
    let percent = f.number("percentile_value")?;
    let found = match (kind, percent) {
        (Kind::Percentile, None) => {
            return Err(Failure::invalid("Percentile value is required for PERCENTILE aggregation"));
        }
        (Kind::Percentile, Some(percent)) if !(0.0..=100.0).contains(&percent) => {
            return Err(Failure::invalid(format!(
                "Percentile value must be between 0 and 100, got {percent:?}"
            )));
        }
        (Kind::Percentile, Some(percent)) => Aggregation::Percentile(percent),
        (kind, Some(_)) => {
            return Err(Failure::invalid(format!(
                "Percentile value is only allowed for PERCENTILE aggregation type, got {}",
                name_of(kind)
            )));
        }
        (Kind::Count, None) => Aggregation::Count,
        (Kind::Sum, None) => Aggregation::Sum,
        (Kind::Average, None) => Aggregation::Average,
        (Kind::Min, None) => Aggregation::Min,
        (Kind::Max, None) => Aggregation::Max,
    };
    Ok((kind, found))
}

pub(super) async fn query(cx: Cx, f: Fields) -> Answer {
    let ids = f.body_texts("experiment_ids")?;
    if ids.is_empty() {
        return Err(f.missing("experiment_ids"));
    }
    let view = f.choice("view_type", &VIEWS)?.ok_or_else(|| f.missing("view_type"))?;
    let name = f.required_text("metric_name")?;
    let given = f.messages("aggregations")?;
    if given.is_empty() {
        return Err(f.missing("aggregations"));
    }
    let aggregations = given.iter().map(aggregation).collect::<Result<Vec<_>, _>>()?;
    let dimensions = f.body_texts("dimensions")?;
    let (measure, allowed) = check(view, &name, &aggregations, &dimensions)?;
    let bucket = f.integer("time_interval_seconds")?.filter(|n| *n > 0);
    let (from, until) = (f.integer("start_time_ms")?, f.integer("end_time_ms")?);
    if bucket.is_some() && (from.is_none() || until.is_none()) {
        return Err(Failure::invalid(
            "start_time_ms and end_time_ms are required if time_interval_seconds is set",
        ));
    }
    let mut filters = Vec::new();
    for text in f.body_texts("filters")? {
        filters.push(filter(view, grammar::metrics_filter(&text)?)?);
    }
    let query = MetricsQuery {
        experiments: ids.iter().map(|id| experiment_number(id)).collect::<Result<_, _>>()?,
        measure,
        aggregations: aggregations.iter().map(|(_, aggregation)| *aggregation).collect(),
        dimensions: dimensions
            .iter()
            .filter_map(|name| allowed.iter().find(|(known, _)| known == name).map(|(_, d)| *d))
            .collect(),
        filters,
        bucket,
        from,
        until,
        limit: f.integer("max_results")?.filter(|n| *n > 0).unwrap_or(MAX_RESULTS),
    };
    let labels: Vec<String> = query.aggregations.iter().map(|a| label(*a)).collect();
    let points = traces::metrics(&cx.state.ledger, &cx.actor, query).await?;
    let points: Vec<Value> =
        points.into_iter().filter_map(|point| message(&name, &dimensions, &labels, point)).collect();
    reply(&if points.is_empty() { json!({}) } else { json!({ "data_points": points }) })
}

type Allowed = &'static [(&'static str, Dimension)];

fn check(
    view: &str,
    name: &str,
    aggregations: &[(Kind, Aggregation)],
    dimensions: &[String],
) -> Result<(Measure, Allowed), Failure> {
    let known = metrics(view);
    let Some((_, measure, kinds, allowed)) = known.iter().find(|(known, ..)| *known == name) else {
        let names: Vec<&str> = known.iter().map(|(name, ..)| *name).collect();
        return Err(Failure::invalid(format!(
            "metric_name must be one of {}, got '{name}'",
            python_list(&names)
        )));
    };
    let mut wrong: Vec<&str> = aggregations
        .iter()
        .filter(|(kind, _)| !kinds.contains(kind))
        .map(|(kind, _)| name_of(*kind))
        .collect();
    if !wrong.is_empty() {
        wrong.sort_unstable();
        wrong.dedup();
        let valid: Vec<&str> = kinds.iter().map(|kind| name_of(*kind)).collect();
        return Err(Failure::invalid(format!(
            "Found invalid aggregation_type(s): {}. Supported aggregation types: {}",
            python_list(&wrong),
            python_list(&valid)
        )));
    }
    let mut wrong: Vec<&str> = dimensions
        .iter()
        .map(String::as_str)
        .filter(|name| !allowed.iter().any(|(known, _)| known == name))
        .collect();
    if !wrong.is_empty() {
        wrong.sort_unstable();
        wrong.dedup();
        let valid: Vec<&str> = allowed.iter().map(|(name, _)| *name).collect();
        return Err(Failure::invalid(format!(
            "Found invalid dimension(s): {}. Supported dimensions: {}",
            python_list(&wrong),
            python_list(&valid)
        )));
    }
    Ok((*measure, *allowed))
}

fn filter(view: &str, filter: MetricsFilter) -> Result<MetricFilter, Failure> {
    let MetricsFilter { view: of, entity, key, value } = filter;
    if of != "trace" && of != view {
        let name = if of == "span" { "SPANS" } else { "ASSESSMENTS" };
        let got = VIEWS.iter().find(|(.., word)| *word == view).map_or("", |(name, ..)| name);
        return Err(Failure::invalid(format!(
            "Filtering by {of} is only supported for {name} view type, got {got}"
        )));
    }
    let equal = |value: String| Test::Text(Comparison::Equal, value);
    let trace = |field: TraceField, value: String| MetricFilter::Trace(TraceClause::new(field, equal(value)));
    let key = key.unwrap_or_default();
    Ok(match (of, entity) {
        ("trace", "status") => trace(TraceField::State, value),
        ("trace", "tag") if key == TRACE_NAME => trace(TraceField::Name, value),
        ("trace", "tag") => trace(TraceField::Tag(key), value),
        ("trace", _) if key == SESSION => trace(TraceField::Session, value),
        ("trace", _) if key == SOURCE_RUN => trace(TraceField::Run { metadata: SOURCE_RUN }, value),
        ("trace", _) => trace(TraceField::Metadata(key), value),
        ("span", entity) => {
            let field = match entity {
                "name" => TraceField::SpanName,
                "status" => TraceField::SpanStatus,
                _ => TraceField::SpanKind,
            };
            MetricFilter::Span(Clause { field, test: equal(value) })
        }
        (_, "name") => MetricFilter::AssessmentName(value),
        (_, _) => MetricFilter::AssessmentKind(value),
    })
}

fn message(name: &str, dimensions: &[String], labels: &[String], point: MetricPoint) -> Option<Value> {
    let mut named = Map::new();
    if let Some(start) = point.bucket {
        let time = Timestamp::from_millis(start).rfc3339();
        named.insert("time_bucket".to_owned(), time.replace('Z', "+00:00").into());
    }
    for (dimension, value) in dimensions.iter().zip(point.dimensions) {
        named.insert(dimension.clone(), value.into());
    }
    let values: Map<String, Value> = labels
        .iter()
        .zip(point.values)
        .filter_map(|(label, value)| Some((label.clone(), value?.into())))
        .collect();
    if values.is_empty() {
        return None;
    }
    let mut out = json!({ "metric_name": name, "values": values });
    if !named.is_empty() {
        out["dimensions"] = Value::Object(named);
    }
    Some(out)
}
