use ledger::Ledger;
use tracking::search::Clause;
use types::Actor;

use crate::error::Error;
use crate::search::{TraceClause, TraceField};
use crate::store::metrics as store;

/// What is measured, once a trace, a span or an assessment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    Traces,
    Sessions,
    /// Milliseconds.
    TraceLatency,
    InputTokens,
    OutputTokens,
    TotalTokens,
    CacheReadTokens,
    CacheWriteTokens,
    Spans,
    /// Milliseconds.
    SpanLatency,
    InputCost,
    OutputCost,
    TotalCost,
    /// Valid ones only, like their values.
    Assessments,
    AssessmentValue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    TraceName,
    TraceState,
    SpanName,
    SpanKind,
    SpanStatus,
    Model,
    Provider,
    AssessmentName,
    /// As JSON text.
    AssessmentValue,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Aggregation {
    Count,
    Sum,
    Average,
    Min,
    Max,
    /// Between 0 and 100, interpolated linearly between neighbours (Hyndman and Fan's definition 7).
    Percentile(f64),
}

#[derive(Clone, Debug, PartialEq)]
pub enum MetricFilter {
    /// Of the trace.
    Trace(TraceClause),
    /// Of the measured span: a `Span…` field. Measures of spans only.
    Span(Clause<TraceField>),
    /// Measures of assessments only.
    AssessmentName(String),
    AssessmentKind(String),
}

#[derive(Clone, Debug, PartialEq)]
pub struct MetricsQuery {
    /// Numbers of the experiments.
    pub experiments: Vec<i64>,
    pub measure: Measure,
    pub aggregations: Vec<Aggregation>,
    /// Must suit the measure: those of spans for spans, and so on. A group without a name is left out.
    pub dimensions: Vec<Dimension>,
    pub filters: Vec<MetricFilter>,
    /// Width of the time buckets in seconds, above 0; one bucket for all if absent.
    pub bucket: Option<i64>,
    /// Milliseconds since the epoch, both ends included. The time of the trace counts; for costs, the span's.
    pub from: Option<i64>,
    pub until: Option<i64>,
    pub limit: i64,
}

/// One group's values.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricPoint {
    /// Start of the bucket in milliseconds since the epoch.
    pub bucket: Option<i64>,
    /// In the order of the query's dimensions.
    pub dimensions: Vec<String>,
    /// In the order of the query's aggregations; None where nothing was measured.
    pub values: Vec<Option<f64>>,
}

/// Ordered by bucket, then by dimensions.
pub async fn metrics(ledger: &Ledger, actor: &Actor, query: MetricsQuery) -> Result<Vec<MetricPoint>, Error> {
    ledger.read(actor.workspace, move |rx| Ok(store::metrics(rx, &query)?)).await
}

impl Aggregation {
    /// Of values in ascending order; None if there are none to speak of.
    pub(crate) fn of(self, sorted: &[f64]) -> Option<f64> {
        let (first, last) = (*sorted.first()?, *sorted.last()?);
        let sum = || sorted.iter().sum::<f64>();
        Some(match self {
            Self::Count => sorted.len() as f64,
            Self::Sum => sum(),
            Self::Average => sum() / sorted.len() as f64,
            Self::Min => first,
            Self::Max => last,
            Self::Percentile(percent) => {
                let place = (percent / 100.0).clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
                let (low, share) = (place.floor() as usize, place.fract());
                let below = sorted[low];
                let above = sorted.get(low + 1).copied().unwrap_or(below);
                below + (above - below) * share
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_interpolated_as_numpy_does() {
        let values = [1.0, 2.0, 3.0, 10.0];
        let percentile = |p| Aggregation::Percentile(p).of(&values);
        assert_eq!(percentile(0.0), Some(1.0));
        assert_eq!(percentile(50.0), Some(2.5));
        assert_eq!(percentile(90.0).map(|v| (v * 1e9).round() / 1e9), Some(7.9));
        assert_eq!(percentile(100.0), Some(10.0));
        assert_eq!(Aggregation::Percentile(50.0).of(&[]), None);
        assert_eq!(Aggregation::Average.of(&values), Some(4.0));
    }
}
