//! Traces of LLM and agent calls: spans as they arrive, what they add up to, what people, judges and code say about
//! them, and the questions asked over many of them.
//!
//! Spans are facts and come at a high rate: [`log_spans`] records them. Everything that somebody decides (tags,
//! assessments, links, deletions) is a change of state with an event.

mod assessments;
mod error;
mod ingest;
mod metrics;
mod model;
mod search;
mod store;
mod traces;
mod usage;

pub use assessments::{
    UpdateAssessment, assessment, create_assessment, delete_assessment, update_assessment,
};
pub use error::Error;
pub use ingest::{Arrival, EndTrace, StartTrace, end_trace, log_spans, start_trace};
pub use metrics::{Aggregation, Dimension, Measure, MetricFilter, MetricPoint, MetricsQuery, metrics};
pub use model::{Assessment, AssessmentKind, Cost, Span, SpanStatus, StoredSpan, Trace, TraceState, Usage};
pub use search::{Counts, TraceClause, TraceField, TraceQuery, correlate, search_traces};
pub use traces::{
    DeleteTraces, delete_tag, delete_traces, link_to_prompts, link_to_run, set_tag, spans, trace, traces,
};

pub const COMPONENT: ledger::Component = ledger::Component {
    name: "traces",
    migrations: &[ledger::Migration { version: 1, sql: include_str!("../migrations/0001_traces.sql") }],
    // What instrumented programs say about themselves. Assessments are somebody's judgement: state.
    facts: &["trace", "trace_tag", "trace_metadata", "trace_link", "span"],
};
