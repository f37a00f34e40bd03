use ledger::Ledger;
use regex::RegexBuilder;
use tracking::search::{Clause, Order, Test};
use types::Actor;

use crate::error::Error;
use crate::model::Trace;
use crate::store::search as store;

/// What can be asked about.
#[derive(Clone, Debug, PartialEq)]
pub enum TraceField {
    Uid,
    Experiment,
    Name,
    State,
    /// Microseconds since the epoch.
    StartedAt,
    /// Microseconds since the epoch; the start of a trace that has not ended.
    EndedAt,
    /// Milliseconds.
    Duration,
    ClientRequest,
    Session,
    Tag(String),
    Metadata(String),
    /// A run that made the trace or was linked to it; `Text(Equal, …)` only. The metadata of that name holds the
    /// run that made it.
    Run {
        metadata: &'static str,
    },
    /// A prompt version that was linked to it; `Text(Equal, …)` only.
    Prompt,
    /// Conditions on spans must hold for one span together.
    SpanName,
    SpanKind,
    SpanStatus,
    /// The whole span as JSON text.
    SpanDocument,
    /// The valid feedback of that name, also where it is about the trace's whole session. Its value is JSON text:
    /// `Text(Equal, …)` also matches the text as a JSON string, and `Number` matches numbers only.
    Feedback(String),
    Expectation(String),
    /// The id of a known issue; `Text(Equal, …)` only.
    Issue,
    /// Tokens and dollars as a whole: `Missing` and `Present` only.
    Usage,
    Cost,
    InputTokens,
    OutputTokens,
    TotalTokens,
    CacheReadTokens,
    CacheWriteTokens,
    CacheWrite1hTokens,
    InputCost,
    OutputCost,
    TotalCost,
}

/// Conditions that must all hold, or (`negated`) must not all hold.
#[derive(Clone, Debug, PartialEq)]
pub enum TraceClause {
    Is(Clause<TraceField>),
    /// True unless every one of these holds.
    NotAll(Vec<Clause<TraceField>>),
}

impl TraceClause {
    pub fn new(field: TraceField, test: Test) -> Self {
        Self::Is(Clause { field, test })
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TraceQuery {
    /// Numbers of the experiments to search.
    pub experiments: Vec<i64>,
    pub filter: Vec<TraceClause>,
    /// Missing values come last whatever the direction; then newest first, then by uid.
    pub order: Vec<Order<TraceField>>,
    pub limit: i64,
    pub offset: i64,
}

/// The traces with all that hangs on them, but no spans; at most `limit`.
///
/// Errors: `BadPattern` if a regular expression cannot be compiled.
pub async fn search_traces(ledger: &Ledger, actor: &Actor, query: TraceQuery) -> Result<Vec<Trace>, Error> {
    check_patterns(&query.filter)?;
    ledger.read(actor.workspace, move |rx| Ok(store::traces(rx, &query)?)).await
}

/// How many traces of a set there are, how many match one filter, the other, and both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    pub total: i64,
    pub first: i64,
    pub second: i64,
    pub both: i64,
}

/// Counts among the traces of the experiments that match `base`.
///
/// Errors: `BadPattern`.
pub async fn correlate(
    ledger: &Ledger,
    actor: &Actor,
    experiments: Vec<i64>,
    base: Vec<TraceClause>,
    first: Vec<TraceClause>,
    second: Vec<TraceClause>,
) -> Result<Counts, Error> {
    for filter in [&base, &first, &second] {
        check_patterns(filter)?;
    }
    ledger
        .read(actor.workspace, move |rx| {
            let mut count = |filters: &[&[TraceClause]]| store::count(rx, &experiments, filters);
            Ok(Counts {
                total: count(&[&base])?,
                first: count(&[&base, &first])?,
                second: count(&[&base, &second])?,
                both: count(&[&base, &first, &second])?,
            })
        })
        .await
}

/// The most memory that one compiled pattern may take, in bytes; the ledger has the same limit.
const PATTERN_BYTES: usize = 1 << 20;

fn check_patterns(filter: &[TraceClause]) -> Result<(), Error> {
    let clauses = filter.iter().flat_map(|clause| match clause {
        TraceClause::Is(clause) => std::slice::from_ref(clause),
        TraceClause::NotAll(clauses) => clauses,
    });
    for clause in clauses {
        if let Test::Matches(pattern) = &clause.test {
            RegexBuilder::new(pattern).size_limit(PATTERN_BYTES).build().map_err(|e| Error::BadPattern {
                pattern: pattern.clone(),
                reason: e.to_string().lines().last().unwrap_or_default().trim().to_owned(),
            })?;
        }
    }
    Ok(())
}
