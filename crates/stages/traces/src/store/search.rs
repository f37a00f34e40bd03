use tracking::search::{Clause, Comparison, Order, Statement, Test};

use super::{Reads, Result, traces};
use crate::model::{AssessmentKind, Trace};
use crate::search::{TraceClause, TraceField, TraceQuery};

pub(crate) fn traces(on: &mut impl Reads, query: &TraceQuery) -> Result<Vec<Trace>> {
    let mut s = Statement::default();
    s.push("SELECT ").push(traces::COLUMNS).push(" FROM trace t");
    for (place, order) in query.order.iter().enumerate() {
        join(&mut s, place, &order.field);
    }
    scope(&mut s, on.workspace().0, &query.experiments);
    filter(&mut s, &query.filter, &query.experiments);
    s.push(" ORDER BY ");
    for (place, order) in query.order.iter().enumerate() {
        sort(&mut s, place, order);
    }
    s.push("t.started_at DESC, t.uid LIMIT ").bind(query.limit).push(" OFFSET ").bind(query.offset);
    let rows = on.rows(&s.sql, &s.values)?;
    let mut found = rows.iter().map(traces::stored).collect::<Result<Vec<_>>>()?;
    traces::load(on, &mut found)?;
    Ok(found.into_iter().map(|t| t.trace).collect())
}

/// How many traces match all filters. Each filter's conditions on spans look for a span of their own.
pub(crate) fn count(on: &mut impl Reads, experiments: &[i64], filters: &[&[TraceClause]]) -> Result<i64> {
    let mut s = Statement::default();
    s.push("SELECT count(*) AS n FROM trace t");
    scope(&mut s, on.workspace().0, experiments);
    for one in filters {
        filter(&mut s, one, experiments);
    }
    on.row(&s.sql, &s.values)?.map_or(Ok(0), |row| row.get("n"))
}

/// The traces of a workspace and of some experiments.
pub(crate) fn scope(s: &mut Statement, workspace: i64, experiments: &[i64]) {
    s.push(" WHERE t.workspace_id = ").bind(workspace);
    s.push(" AND t.experiment IN ").list(experiments.iter().copied());
}

/// The name of the table that holds values of such fields by name.
fn pairs(field: &TraceField) -> Option<(&'static str, &str)> {
    match field {
        TraceField::Tag(name) => Some(("trace_tag", name)),
        TraceField::Metadata(name) => Some(("trace_metadata", name)),
        TraceField::Run { metadata } => Some(("trace_metadata", metadata)),
        _ => None,
    }
}

pub(crate) fn column(field: &TraceField) -> &'static str {
    match field {
        TraceField::Experiment => "t.experiment",
        TraceField::Name => "t.name",
        TraceField::State => "t.state",
        TraceField::StartedAt => "t.started_at",
        TraceField::EndedAt => "COALESCE(t.ended_at, t.started_at)",
        TraceField::Duration => "(t.ended_at - t.started_at) / 1000",
        TraceField::ClientRequest => "t.client_request",
        TraceField::Session => "t.session",
        TraceField::SpanName => "s.name",
        TraceField::SpanKind => "s.kind",
        TraceField::SpanStatus => "s.status",
        TraceField::SpanDocument => "s.document",
        TraceField::InputTokens => "t.input_tokens",
        TraceField::OutputTokens => "t.output_tokens",
        TraceField::TotalTokens => "t.total_tokens",
        TraceField::CacheReadTokens => "t.cache_read_tokens",
        TraceField::CacheWriteTokens => "t.cache_write_tokens",
        TraceField::CacheWrite1hTokens => "t.cache_write_1h_tokens",
        TraceField::InputCost => "t.input_cost",
        TraceField::OutputCost => "t.output_cost",
        TraceField::TotalCost => "t.total_cost",
        TraceField::Usage => {
            "COALESCE(t.input_tokens, t.output_tokens, t.total_tokens, t.cache_read_tokens, t.cache_write_tokens, \
             t.cache_write_1h_tokens)"
        }
        TraceField::Cost => "COALESCE(t.input_cost, t.output_cost, t.total_cost)",
        _ => "t.uid",
    }
}

fn is_of_span(field: &TraceField) -> bool {
    matches!(
        field,
        TraceField::SpanName | TraceField::SpanKind | TraceField::SpanStatus | TraceField::SpanDocument
    )
}

fn join(s: &mut Statement, place: usize, field: &TraceField) {
    let Some((table, name)) = pairs(field) else { return };
    s.push(&format!(" LEFT JOIN {table} o{place} ON o{place}.workspace_id = t.workspace_id"));
    s.push(&format!(" AND o{place}.trace_id = t.id AND o{place}.name = ")).bind(name);
}

fn sort(s: &mut Statement, place: usize, order: &Order<TraceField>) {
    let column = match pairs(&order.field) {
        Some(_) => format!("o{place}.value"),
        None => column(&order.field).to_owned(),
    };
    let direction = if order.descending { " DESC, " } else { ", " };
    // These are never missing, and bare they can be read off an index.
    if !matches!(order.field, TraceField::StartedAt | TraceField::Uid | TraceField::Experiment) {
        s.push(&format!("CASE WHEN {column} IS NULL THEN 1 ELSE 0 END, "));
    }
    s.push(&column).push(direction);
}

/// Appends ` AND …` for every condition.
pub(crate) fn filter(s: &mut Statement, clauses: &[TraceClause], experiments: &[i64]) {
    let mut of_spans = Vec::new();
    for clause in clauses {
        match clause {
            TraceClause::Is(clause) if is_of_span(&clause.field) => of_spans.push(clause),
            TraceClause::Is(clause) => {
                s.push(" AND ");
                condition(s, clause, experiments);
            }
            TraceClause::NotAll(all) => {
                s.push(" AND NOT (1 = 1");
                for clause in all {
                    // What is unknown of one of them does not hold.
                    s.push(" AND COALESCE(");
                    condition(s, clause, experiments);
                    s.push(", FALSE)");
                }
                s.push(")");
            }
        }
    }
    if !of_spans.is_empty() {
        s.push(
            " AND EXISTS (SELECT 1 FROM span s WHERE s.workspace_id = t.workspace_id AND s.trace_id = t.id",
        );
        for clause in of_spans {
            s.push(" AND ");
            test(s, column(&clause.field), &clause.test);
        }
        s.push(")");
    }
}

/// Whole columns hold integers; PostgreSQL will not compare them with a fraction as they are.
fn test(s: &mut Statement, column: &str, test: &Test) {
    match test {
        Test::Number(..) => s.test(&format!("CAST({column} AS DOUBLE PRECISION)"), test),
        test => s.test(column, test),
    };
}

fn condition(s: &mut Statement, clause: &Clause<TraceField>, experiments: &[i64]) {
    let Clause { field, test: wanted } = clause;
    match field {
        TraceField::Tag(_) | TraceField::Metadata(_) => pair_condition(s, field, wanted),
        TraceField::Run { .. } => {
            s.push("(");
            pair_condition(s, field, wanted);
            s.push(" OR ");
            linked(s, "run", wanted);
            s.push(")");
        }
        TraceField::Prompt => linked(s, "prompt", wanted),
        TraceField::Feedback(name) => assessed(s, AssessmentKind::Feedback, name, wanted, experiments),
        TraceField::Expectation(name) => assessed(s, AssessmentKind::Expectation, name, wanted, experiments),
        TraceField::Issue => {
            s.push("EXISTS (SELECT 1 FROM assessment a WHERE a.workspace_id = t.workspace_id");
            s.push(" AND a.trace_id = t.id AND a.kind = 'issue' AND ");
            s.test("a.name", wanted).push(")");
        }
        field if is_of_span(field) => {
            s.push("EXISTS (SELECT 1 FROM span s WHERE s.workspace_id = t.workspace_id AND s.trace_id = t.id AND ");
            test(s, column(field), wanted);
            s.push(")");
        }
        field => test(s, column(field), wanted),
    }
}

fn pair_condition(s: &mut Statement, field: &TraceField, wanted: &Test) {
    let Some((table, name)) = pairs(field) else { return };
    if *wanted == Test::Missing {
        s.push("NOT ");
    }
    s.push(&format!("EXISTS (SELECT 1 FROM {table} p WHERE p.workspace_id = t.workspace_id"));
    s.push(" AND p.trace_id = t.id AND p.name = ").bind(name);
    if !matches!(wanted, Test::Missing | Test::Present) {
        s.push(" AND ").test_indexed("p.value", wanted);
    }
    s.push(")");
}

fn linked(s: &mut Statement, kind: &str, wanted: &Test) {
    s.push("EXISTS (SELECT 1 FROM trace_link l WHERE l.workspace_id = t.workspace_id AND l.trace_id = t.id");
    s.push(" AND l.kind = ").bind(kind).push(" AND ");
    s.test("l.target", wanted).push(")");
}

/// The trace has such an assessment itself, or its session has one.
fn assessed(s: &mut Statement, kind: AssessmentKind, name: &str, wanted: &Test, experiments: &[i64]) {
    if *wanted == Test::Missing {
        s.push("NOT ");
    }
    s.push("(EXISTS (SELECT 1 FROM assessment a WHERE a.workspace_id = t.workspace_id AND a.trace_id = t.id AND ");
    assessment(s, kind, name, wanted);
    // A trace without a session is in no list; NULL would make the negated condition unknown.
    s.push(") OR COALESCE(t.session, '') IN (SELECT u.session FROM assessment a JOIN trace u");
    s.push(" ON u.workspace_id = a.workspace_id AND u.id = a.trace_id WHERE a.workspace_id = t.workspace_id");
    s.push(" AND u.session <> '' AND u.experiment IN ").list(experiments.iter().copied());
    s.push(" AND a.of_session = TRUE AND ");
    assessment(s, kind, name, wanted);
    s.push("))");
}

fn assessment(s: &mut Statement, kind: AssessmentKind, name: &str, wanted: &Test) {
    s.push("a.kind = ").bind(kind.name()).push(" AND a.name = ").bind(name).push(" AND a.valid = TRUE");
    match wanted {
        Test::Missing | Test::Present => s,
        Test::Number(..) | Test::Integer(..) => {
            s.push(" AND a.is_number = TRUE AND ");
            match wanted {
                Test::Integer(comparison, value) => {
                    s.test("a.number", &Test::Number(*comparison, *value as f64))
                }
                wanted => s.test("a.number", wanted),
            }
        }
        Test::Text(comparison @ (Comparison::Equal | Comparison::NotEqual), text) => {
            let negated = if *comparison == Comparison::NotEqual { "NOT " } else { "" };
            let quoted = serde_json::Value::from(text.as_str()).to_string();
            s.push(&format!(" AND {negated}a.value IN ")).list([text.clone(), quoted])
        }
        wanted => s.push(" AND ").test("a.value", wanted),
    };
}
