use ledger::Row;
use tracking::search::Statement;

use super::{Reads, Result, search};
use crate::metrics::{Aggregation, Dimension, Measure, MetricFilter, MetricPoint, MetricsQuery};

#[derive(Clone, Copy, PartialEq)]
enum View {
    Traces,
    Spans,
    Assessments,
}

fn view(measure: Measure) -> View {
    match measure {
        Measure::Spans
        | Measure::SpanLatency
        | Measure::InputCost
        | Measure::OutputCost
        | Measure::TotalCost => View::Spans,
        Measure::Assessments | Measure::AssessmentValue => View::Assessments,
        _ => View::Traces,
    }
}

fn value(measure: Measure) -> &'static str {
    match measure {
        Measure::Traces => "t.id",
        Measure::Sessions => "t.session",
        Measure::TraceLatency => "(t.ended_at - t.started_at) / 1000",
        Measure::InputTokens => "t.input_tokens",
        Measure::OutputTokens => "t.output_tokens",
        Measure::TotalTokens => "t.total_tokens",
        Measure::CacheReadTokens => "t.cache_read_tokens",
        Measure::CacheWriteTokens => "t.cache_write_tokens",
        Measure::Spans => "s.started_ns",
        Measure::SpanLatency => "(s.ended_ns - s.started_ns) / 1000000",
        Measure::InputCost => "s.input_cost",
        Measure::OutputCost => "s.output_cost",
        Measure::TotalCost => "s.total_cost",
        Measure::Assessments => "a.id",
        Measure::AssessmentValue => "a.number",
    }
}

fn dimension(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::TraceName => "t.name",
        Dimension::TraceState => "t.state",
        Dimension::SpanName => "s.name",
        Dimension::SpanKind => "s.kind",
        Dimension::SpanStatus => "s.status",
        Dimension::Model => "s.model",
        Dimension::Provider => "s.provider",
        Dimension::AssessmentName => "a.name",
        Dimension::AssessmentValue => "a.value",
    }
}

/// None where the database has no such function that both have.
fn aggregate(aggregation: Aggregation, measure: Measure) -> Option<String> {
    let distinct = if measure == Measure::Sessions { "DISTINCT " } else { "" };
    let function = match aggregation {
        Aggregation::Count => "count",
        Aggregation::Sum => "sum",
        Aggregation::Average => "avg",
        Aggregation::Min => "min",
        Aggregation::Max => "max",
        Aggregation::Percentile(_) => return None,
    };
    Some(format!("{function}({distinct}{})", value(measure)))
}

pub(crate) fn metrics(on: &mut impl Reads, query: &MetricsQuery) -> Result<Vec<MetricPoint>> {
    let aggregates: Option<Vec<_>> =
        query.aggregations.iter().map(|a| aggregate(*a, query.measure)).collect();
    let groups = usize::from(query.bucket.is_some()) + query.dimensions.len();
    // By position: a bucket's width is a parameter, and an expression with another number is another expression.
    let places: Vec<_> = (1..=groups).map(|place| place.to_string()).collect();
    let mut s = Statement::default();
    s.push("SELECT ");
    group_columns(&mut s, query);
    s.push(&match &aggregates {
        Some(aggregates) => aggregates.join(", "),
        None => value(query.measure).to_owned(),
    });
    source(&mut s, on.workspace().0, query);
    if aggregates.is_none() {
        let places: Vec<_> = (1..=groups + 1).map(|place| place.to_string()).collect();
        s.push(" ORDER BY ").push(&places.join(", "));
        return in_order(&on.rows(&s.sql, &s.values)?, query, groups);
    }
    if groups > 0 {
        s.push(" GROUP BY ").push(&places.join(", ")).push(" ORDER BY ").push(&places.join(", "));
    }
    s.push(" LIMIT ").bind(query.limit);
    let points = on.rows(&s.sql, &s.values)?;
    points
        .iter()
        .map(|row| {
            let values =
                (groups..groups + query.aggregations.len()).map(|i| row.get(i)).collect::<Result<_>>()?;
            point(row, query, values)
        })
        .collect()
}

fn group_columns(s: &mut Statement, query: &MetricsQuery) {
    if let Some(seconds) = query.bucket {
        // Bucket starts in milliseconds.
        let (time, unit) = match view(query.measure) {
            View::Spans => ("s.started_ns", 1_000_000_000),
            _ => ("t.started_at", 1_000_000),
        };
        s.push(&format!("({time} / ")).bind(seconds.saturating_mul(unit));
        s.push(") * ").bind(seconds.saturating_mul(1_000)).push(", ");
    }
    for one in &query.dimensions {
        s.push(dimension(*one)).push(", ");
    }
}

fn source(s: &mut Statement, workspace: i64, query: &MetricsQuery) {
    let view = view(query.measure);
    s.push(match view {
        View::Traces => " FROM trace t",
        View::Spans => " FROM trace t JOIN span s ON s.workspace_id = t.workspace_id AND s.trace_id = t.id",
        View::Assessments => {
            " FROM trace t JOIN assessment a ON a.workspace_id = t.workspace_id AND a.trace_id = t.id AND a.valid = TRUE"
        }
    });
    search::scope(s, workspace, &query.experiments);
    let by_span = matches!(query.measure, Measure::InputCost | Measure::OutputCost | Measure::TotalCost);
    let (time, unit) = if by_span { ("s.started_ns", 1_000_000) } else { ("t.started_at", 1_000) };
    if let Some(from) = query.from {
        s.push(" AND ").push(time).push(" >= ").bind(from.saturating_mul(unit));
    }
    if let Some(until) = query.until {
        // The whole of the last millisecond.
        s.push(" AND ").push(time).push(" < ").bind(until.saturating_add(1).saturating_mul(unit));
    }
    for filter in &query.filters {
        match filter {
            MetricFilter::Trace(clause) => {
                search::filter(s, std::slice::from_ref(clause), &query.experiments)
            }
            MetricFilter::Span(clause) => {
                s.push(" AND ").test(search::column(&clause.field), &clause.test);
            }
            MetricFilter::AssessmentName(name) => {
                s.push(" AND a.name = ").bind(name);
            }
            MetricFilter::AssessmentKind(kind) => {
                s.push(" AND a.kind = ").bind(kind);
            }
        }
    }
    s.push(" AND ").push(value(query.measure)).push(" IS NOT NULL");
    for one in &query.dimensions {
        s.push(" AND ").push(dimension(*one)).push(" IS NOT NULL");
    }
}

/// Groups of rows that come ordered by group, then by value.
fn in_order(rows: &[Row], query: &MetricsQuery, groups: usize) -> Result<Vec<MetricPoint>> {
    let mut points: Vec<MetricPoint> = Vec::new();
    let mut values: Vec<f64> = Vec::new();
    let close = |points: &mut Vec<MetricPoint>, values: &mut Vec<f64>| {
        if let Some(last) = points.last_mut() {
            last.values = query.aggregations.iter().map(|a| a.of(values)).collect();
        }
        values.clear();
    };
    for row in rows {
        let next = point(row, query, Vec::new())?;
        let same = points.last().is_some_and(|p| p.bucket == next.bucket && p.dimensions == next.dimensions);
        if !same {
            close(&mut points, &mut values);
            if points.len() as i64 >= query.limit {
                return Ok(points);
            }
            points.push(next);
        }
        values.push(row.get(groups)?);
    }
    close(&mut points, &mut values);
    Ok(points)
}

fn point(row: &Row, query: &MetricsQuery, values: Vec<Option<f64>>) -> Result<MetricPoint> {
    let first = usize::from(query.bucket.is_some());
    Ok(MetricPoint {
        bucket: query.bucket.map(|_| row.get(0)).transpose()?,
        dimensions: (first..first + query.dimensions.len()).map(|i| row.get(i)).collect::<Result<_>>()?,
        values,
    })
}
