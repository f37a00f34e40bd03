//! What runs are sorted by: the query's fields, then the start (newest first), then the id.

use std::collections::BTreeMap;

use ledger::Value;
use types::WorkspaceId;

use super::conditions::{artifacts, column, key_of, table};
use super::{Plan, in_experiments};
use crate::search::{Clause, Comparison, Cursor, Order, RunField, SortValue, Test};
use crate::statement::Statement;

pub(super) struct Term {
    pub field: RunField,
    pub descending: bool,
    source: Source,
}

enum Source {
    /// A metric, parameter or tag with this key.
    Keyed(i64),
    /// Nobody ever logged it: it orders nothing.
    Never,
    Column {
        expression: String,
        nullable: bool,
    },
}

/// Which runs a statement looks for, by what the first term says of them.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Phase {
    All,
    /// Those that have a number or text.
    Value,
    NotANumber,
    Missing,
}

impl Phase {
    fn rank(self) -> i64 {
        match self {
            Self::All | Self::Value => 0,
            Self::NotANumber => 1,
            Self::Missing => 2,
        }
    }
}

pub(super) fn of(orders: &[Order<RunField>], keys: &BTreeMap<String, i64>) -> Vec<Term> {
    let newest = Order { field: RunField::StartedAt, descending: true };
    let last = orders.iter().all(|o| o.field != RunField::StartedAt).then_some(&newest);
    let terms = orders.iter().chain(last).map(|order| {
        let source = match (key_of(&order.field), &order.field) {
            (Some(key), _) => keys.get(key).map_or(Source::Never, |id| Source::Keyed(*id)),
            (None, RunField::Artifacts { own_store }) => {
                Source::Column { expression: artifacts(own_store), nullable: false }
            }
            (None, field) => {
                let nullable = matches!(field, RunField::EndedAt | RunField::Duration);
                Source::Column { expression: column(field).to_owned(), nullable }
            }
        };
        Term { field: order.field.clone(), descending: order.descending, source }
    });
    terms.collect()
}

/// Whether the first term is a start, whose index is in order for deleted runs and the others apart.
pub(super) fn walks_starts(terms: &[Term]) -> bool {
    terms.first().is_some_and(|term| term.field == RunField::StartedAt)
}

/// Whether an index of one experiment is in the order wanted.
pub(super) fn walks(plan: &Plan<'_>) -> bool {
    let first = plan.terms.first();
    walks_starts(&plan.terms)
        || first.is_some_and(|t| matches!((&t.source, &t.field), (Source::Keyed(_), RunField::Metric(_))))
}

/// The statements that together find all runs in order.
pub(super) fn phases(plan: &Plan<'_>) -> Vec<Phase> {
    let Some(Term { field, source: Source::Keyed(_), .. }) = plan.terms.first() else {
        return vec![Phase::All];
    };
    let tests: Vec<_> = plan.query.filter.iter().filter(|c| c.field == *field).map(|c| &c.test).collect();
    if tests.contains(&&Test::Missing) {
        return vec![Phase::Missing];
    }
    let nan_passes = |test: &&Test| matches!(test, Test::Number(Comparison::NotEqual, _) | Test::Present);
    let mut phases = vec![Phase::Value];
    if matches!(field, RunField::Metric(_)) && tests.iter().all(nan_passes) {
        phases.push(Phase::NotANumber);
    }
    if tests.is_empty() {
        phases.push(Phase::Missing);
    }
    phases
}

/// Whether the tables of this phase hold the clause's value already, as `o0`.
pub(super) fn holds(plan: &Plan<'_>, phase: Phase, clause: &Clause<RunField>) -> bool {
    phase == Phase::Value && plan.terms.first().is_some_and(|term| term.field == clause.field)
}

fn is_metric(term: &Term) -> bool {
    matches!(term.field, RunField::Metric(_))
}

fn value(place: usize, term: &Term) -> String {
    match &term.source {
        Source::Keyed(_) if is_metric(term) => format!("o{place}.last_value"),
        Source::Keyed(_) => format!("o{place}.value"),
        Source::Never => "NULL".to_owned(),
        Source::Column { expression, .. } => expression.clone(),
    }
}

/// 0 for a value, 1 for NaN, 2 for none; the same for all rows where that is known.
fn rank(place: usize, term: &Term, phase: Phase) -> String {
    if place == 0 && phase != Phase::All {
        return phase.rank().to_string();
    }
    match &term.source {
        Source::Keyed(_) if is_metric(term) => format!(
            "CASE WHEN o{place}.last_value IS NULL THEN 2 WHEN o{place}.is_nan = TRUE THEN 1 ELSE 0 END"
        ),
        Source::Never => "2".to_owned(),
        Source::Column { nullable: false, .. } => "0".to_owned(),
        _ => format!("CASE WHEN {} IS NULL THEN 2 ELSE 0 END", value(place, term)),
    }
}

/// What the index of texts holds of the value that a walk is ordered by.
fn head(place: usize, term: &Term, phase: Phase) -> Option<String> {
    let walks = place == 0 && phase == Phase::Value && !is_metric(term);
    walks.then(|| format!("substr({}, 1, 128)", value(place, term)))
}

fn is_constant(place: usize, term: &Term, phase: Phase) -> bool {
    (place == 0 && phase != Phase::All)
        || matches!(term.source, Source::Never | Source::Column { nullable: false, .. })
}

/// `, rank AS r0, value AS k0, …`
pub(super) fn columns(s: &mut Statement, terms: &[Term], phase: Phase) {
    for (place, term) in terms.iter().enumerate() {
        let value =
            if place == 0 && phase == Phase::Missing { "NULL".to_owned() } else { value(place, term) };
        s.push(&format!(", {} AS r{place}, {value} AS k{place}", rank(place, term, phase)));
    }
}

pub(super) fn sort_value(rank: i64, value: Value) -> SortValue {
    match rank {
        0 => SortValue::of(value),
        1 => SortValue::NotANumber,
        _ => SortValue::Missing,
    }
}

/// The tables that the statement starts from. CROSS JOIN keeps SQLite from turning their order round.
pub(super) fn source(s: &mut Statement, terms: &[Term], phase: Phase) {
    match (phase, terms.first()) {
        (Phase::Value | Phase::NotANumber, Some(term)) => {
            s.push(table(&term.field)).push(" o0 CROSS JOIN run r")
        }
        _ => s.push("run r"),
    };
}

pub(super) fn joins(s: &mut Statement, terms: &[Term], phase: Phase) {
    for (place, term) in terms.iter().enumerate() {
        let Source::Keyed(key) = term.source else { continue };
        if place == 0 && phase != Phase::All {
            continue;
        }
        s.push(" LEFT JOIN ").push(table(&term.field)).push(&format!(
            " o{place} ON o{place}.workspace_id = r.workspace_id AND o{place}.run_id = r.id AND o{place}.key_id = "
        ));
        s.bind(key);
    }
}

/// What makes the phase.
pub(super) fn narrow(
    s: &mut Statement,
    terms: &[Term],
    phase: Phase,
    workspace: WorkspaceId,
    experiments: &[i64],
) {
    let Some(term @ Term { source: Source::Keyed(key), .. }) = terms.first() else { return };
    match phase {
        Phase::All => {}
        Phase::Missing => {
            s.push(" AND NOT EXISTS (SELECT 1 FROM ").push(table(&term.field));
            s.push(" o0 WHERE o0.workspace_id = r.workspace_id AND o0.run_id = r.id AND o0.key_id = ");
            s.bind(*key).push(")");
        }
        Phase::Value | Phase::NotANumber => {
            s.push(" AND o0.run_id = r.id AND o0.workspace_id = ").bind(workspace);
            s.push(" AND o0.key_id = ").bind(*key);
            if is_metric(term) {
                in_experiments(s, "o0", experiments);
                s.push(" AND o0.is_nan = ").push(if phase == Phase::Value { "FALSE" } else { "TRUE" });
            } else {
                // True of every text. It names the index of values: SQLite would rather sort a large page than walk it.
                s.push(" AND substr(o0.value, 1, 128) >= ''");
            }
        }
    }
}

/// Only what comes after the cursor; `false` if nothing of this phase does.
pub(super) fn after(s: &mut Statement, terms: &[Term], phase: Phase, cursor: &Cursor) -> bool {
    if cursor.values.len() != terms.len() + 1 {
        return false;
    }
    if phase != Phase::All {
        let rank = cursor.values[0].rank();
        if rank != phase.rank() {
            return rank < phase.rank();
        }
    }
    s.push(" AND ");
    follows(s, terms, phase, &cursor.values, 0);
    true
}

fn follows(s: &mut Statement, terms: &[Term], phase: Phase, values: &[SortValue], place: usize) {
    let Some(term) = terms.get(place) else {
        let id = values.last().and_then(SortValue::bound).unwrap_or(Value::Null);
        s.push("r.uid > ").bind(id);
        return;
    };
    if matches!(term.source, Source::Never) {
        return follows(s, terms, phase, values, place + 1);
    }
    let constant = is_constant(place, term, phase);
    if !constant {
        let rank = rank(place, term, phase);
        let known = values[place].rank();
        s.push(&format!("({rank} > {known} OR ({rank} = {known} AND "));
    }
    match values[place].bound() {
        None => follows(s, terms, phase, values, place + 1),
        Some(bound) => {
            let key = value(place, term);
            let direction = if term.descending { "<" } else { ">" };
            // The first comparison says nothing new; it is the one that an index can use.
            match (head(place, term, phase), &bound) {
                (Some(head), Value::Text(text)) => {
                    s.push(&format!("{head} {direction}= ")).bind(text.chars().take(128).collect::<String>())
                }
                _ => s.push(&format!("{key} {direction}= ")).bind(bound.clone()),
            };
            s.push(&format!(" AND ({key} {direction} ")).bind(bound.clone());
            s.push(&format!(" OR ({key} = ")).bind(bound).push(" AND ");
            follows(s, terms, phase, values, place + 1);
            s.push("))");
        }
    }
    if !constant {
        s.push("))");
    }
}

/// `r0, k0 DESC, …, `
pub(super) fn order(s: &mut Statement, terms: &[Term], phase: Phase) {
    for (place, term) in terms.iter().enumerate() {
        if matches!(term.source, Source::Never) || (place == 0 && phase.rank() > 0) {
            continue;
        }
        if !is_constant(place, term, phase) {
            s.push(&format!("r{place}, "));
        }
        let direction = if term.descending { " DESC" } else { "" };
        if let Some(head) = head(place, term, phase) {
            s.push(&format!("{head}{direction}, "));
        }
        s.push(&format!("k{place}{direction}, "));
    }
}
