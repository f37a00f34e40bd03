//! Upstream's trace grammar as the stage's conditions (`_get_filter_clauses_for_search_traces`).

use serde_json::Value as Json;
use traces::{TraceClause, TraceField};
use tracking::search::{Clause as StageClause, Comparison, Order, Test};

use super::{COST, LINKED_PROMPTS, SESSION, SOURCE_RUN, TOKEN_USAGE, TRACE_NAME, info, otel};
use crate::errors::Failure;
use crate::filters::Value;
use crate::filters::traces::{self as grammar, Clause, Entity};

pub(super) fn filter(text: &str) -> Result<Vec<TraceClause>, Failure> {
    let mut found = Vec::new();
    for clause in grammar::parse(text)? {
        found.extend(clauses(&clause)?);
    }
    Ok(found)
}

fn comparison(comparator: &str) -> Comparison {
    match comparator {
        "!=" => Comparison::NotEqual,
        "<" => Comparison::Less,
        "<=" => Comparison::LessOrEqual,
        ">" => Comparison::Greater,
        ">=" => Comparison::GreaterOrEqual,
        _ => Comparison::Equal,
    }
}

/// A comparator with its value; whole numbers times `scale`.
fn test(comparator: &str, value: &Value, scale: i64) -> Test {
    match (comparator, value) {
        ("IS NULL", _) => Test::Missing,
        ("IS NOT NULL", _) => Test::Present,
        ("LIKE", Value::Text(pattern)) => Test::Like { pattern: pattern.clone(), ignore_case: false },
        ("ILIKE", Value::Text(pattern)) => Test::Like { pattern: pattern.clone(), ignore_case: true },
        ("RLIKE", Value::Text(pattern)) => Test::Matches(pattern.clone()),
        ("NOT IN", Value::List(items)) => Test::NotIn(items.clone()),
        (_, Value::List(items)) => Test::In(items.clone()),
        (comparator, Value::Text(text)) => Test::Text(comparison(comparator), text.clone()),
        (comparator, Value::Integer(number)) => {
            Test::Integer(comparison(comparator), number.saturating_mul(scale))
        }
        (comparator, Value::Float(number)) => Test::Number(comparison(comparator), number * scale as f64),
        (_, _) => Test::Missing,
    }
}

fn one(field: TraceField, test: Test) -> Vec<TraceClause> {
    vec![TraceClause::new(field, test)]
}

fn clauses(c: &Clause) -> Result<Vec<TraceClause>, Failure> {
    let plain = || test(&c.comparator, &c.value, 1);
    Ok(match (c.entity, c.key.as_str()) {
        (Entity::Attribute, key) => attribute(key, c),
        (Entity::Tag, TRACE_NAME) => one(TraceField::Name, plain()),
        (Entity::Tag, LINKED_PROMPTS) => one(TraceField::Prompt, plain()),
        (Entity::Tag, key) => one(TraceField::Tag(key.to_owned()), plain()),
        (Entity::Metadata, SESSION) => one(TraceField::Session, plain()),
        (Entity::Metadata, key @ (TOKEN_USAGE | COST)) => amounts(key, c)?,
        (Entity::Metadata, SOURCE_RUN) if c.comparator == "=" => {
            one(TraceField::Run { metadata: SOURCE_RUN }, plain())
        }
        (Entity::Metadata, key) => one(TraceField::Metadata(key.to_owned()), plain()),
        (Entity::Span, key) => span(key, c),
        (Entity::Feedback, key) => one(TraceField::Feedback(key.to_owned()), plain()),
        (Entity::Expectation, key) => one(TraceField::Expectation(key.to_owned()), plain()),
        (Entity::Issue, _) => one(TraceField::Issue, plain()),
    })
}

fn attribute(key: &str, c: &Clause) -> Vec<TraceClause> {
    let (field, scale) = match key {
        "timestamp_ms" => (TraceField::StartedAt, 1_000),
        "end_time_ms" => (TraceField::EndedAt, 1_000),
        "execution_time_ms" => (TraceField::Duration, 1),
        "status" => (TraceField::State, 1),
        "client_request_id" => (TraceField::ClientRequest, 1),
        _ => (TraceField::Uid, 1),
    };
    let mut found = test(&c.comparator, &c.value, scale);
    if field == TraceField::State {
        // The house leaves the message's name out of its own.
        let ours = |text: &mut String| {
            if text.ends_with("_UNSPECIFIED") {
                *text = "UNSPECIFIED".to_owned();
            }
        };
        match &mut found {
            Test::Text(_, text) => ours(text),
            Test::In(items) | Test::NotIn(items) => items.iter_mut().for_each(ours),
            _ => {}
        }
    }
    one(field, found)
}

/// Inside of a document, an attribute's value is JSON text in a JSON string: `"name": "\"value\""`.
fn span(key: &str, c: &Clause) -> Vec<TraceClause> {
    let plain = test(&c.comparator, &c.value, 1);
    let field = match key {
        "name" => TraceField::SpanName,
        "type" => TraceField::SpanKind,
        "status" => TraceField::SpanStatus,
        _ => TraceField::SpanDocument,
    };
    let Some(name) = key.strip_prefix("attributes.") else { return one(field, plain) };
    let name = name.trim_matches('`');
    let quoted = Json::from(name).to_string();
    let found = match plain {
        Test::Like { pattern, ignore_case } => {
            Test::Like { pattern: format!("%{quoted}{pattern}%"), ignore_case }
        }
        Test::Matches(pattern) => {
            let (from, rest) = match pattern.strip_prefix('^') {
                Some(rest) => ("\"\\\\\"", rest),
                None => ("\"\\\\\".*", pattern.as_str()),
            };
            let (rest, to) = match rest.strip_suffix('$') {
                Some(rest) => (rest, "\\\\\""),
                None => (rest, ""),
            };
            Test::Matches(format!("{}: {from}{rest}{to}", escaped(&quoted)))
        }
        Test::Text(comparison, value) => {
            // Upstream compares the whole document and finds nothing; here the value is found.
            let inside = Json::from(Json::from(value).to_string());
            let found = Test::Like { pattern: format!("%{quoted}: {inside}%"), ignore_case: false };
            if comparison == Comparison::NotEqual {
                return vec![TraceClause::NotAll(vec![StageClause { field, test: found }])];
            }
            found
        }
        other => other,
    };
    one(field, found)
}

/// A text as a regular expression that finds it.
fn escaped(text: &str) -> String {
    let special = |c: char| "\\.+*?()|[]{}^$".contains(c);
    text.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}

/// Tokens and cost are kept in columns: equal is what upstream would write for them.
fn amounts(key: &str, c: &Clause) -> Result<Vec<TraceClause>, Failure> {
    let whole = if key == COST { TraceField::Cost } else { TraceField::Usage };
    let text = match (c.comparator.as_str(), &c.value) {
        ("IS NULL", _) => return Ok(one(whole, Test::Missing)),
        ("IS NOT NULL", _) => return Ok(one(whole, Test::Present)),
        ("=" | "!=", Value::Text(text)) => text,
        (comparator, _) => {
            return Err(Failure::invalid(format!(
                "Comparator '{comparator}' is not supported for reserved metadata '{key}'. Only '=', '!=', 'IS NULL', \
                 and 'IS NOT NULL' are supported."
            )));
        }
    };
    let json: Option<Json> = serde_json::from_str(text).ok();
    let equal = json.and_then(|json| match key == COST {
        true => {
            let cost = otel::cost(&json)?;
            (info::cost_text(&cost)? == *text).then(|| {
                [
                    (TraceField::InputCost, cost.input),
                    (TraceField::OutputCost, cost.output),
                    (TraceField::TotalCost, cost.total),
                ]
                .map(|(field, value)| (field, value.map(|v| Test::Number(Comparison::Equal, v))))
                .to_vec()
            })
        }
        false => {
            let usage = otel::usage(&json)?;
            (info::usage_text(&usage)? == *text).then(|| {
                [
                    (TraceField::InputTokens, usage.input),
                    (TraceField::OutputTokens, usage.output),
                    (TraceField::TotalTokens, usage.total),
                    (TraceField::CacheReadTokens, usage.cache_read),
                    (TraceField::CacheWriteTokens, usage.cache_write),
                    (TraceField::CacheWrite1hTokens, usage.cache_write_1h),
                ]
                .map(|(field, value)| (field, value.map(|v| Test::Integer(Comparison::Equal, v))))
                .to_vec()
            })
        }
    });
    let equal = equal.map(|fields: Vec<(TraceField, Option<Test>)>| -> Vec<StageClause<TraceField>> {
        fields
            .into_iter()
            .map(|(field, test)| StageClause { field, test: test.unwrap_or(Test::Missing) })
            .collect()
    });
    Ok(match (equal, c.comparator.as_str()) {
        (Some(equal), "=") => equal.into_iter().map(TraceClause::Is).collect(),
        // Nothing is written so.
        (None, "=") => one(TraceField::Uid, Test::In(Vec::new())),
        (equal, _) => {
            let mut found = one(whole, Test::Present);
            found.extend(equal.map(TraceClause::NotAll));
            found
        }
    })
}

pub(super) fn order(given: &[String]) -> Result<Vec<Order<TraceField>>, Failure> {
    let mut found: Vec<Order<TraceField>> = Vec::new();
    for text in given {
        let (entity, key, descending) = grammar::order_by(text)?;
        let field = match (entity, key.as_str()) {
            (Entity::Attribute, "experiment_id") => TraceField::Experiment,
            (Entity::Attribute, "timestamp_ms") => TraceField::StartedAt,
            (Entity::Attribute, "execution_time_ms") => TraceField::Duration,
            (Entity::Attribute, "end_time_ms") => TraceField::EndedAt,
            (Entity::Attribute, "status") => TraceField::State,
            (Entity::Attribute, _) => TraceField::Uid,
            (Entity::Tag, TRACE_NAME) => TraceField::Name,
            (Entity::Metadata, SESSION) => TraceField::Session,
            (Entity::Metadata, TOKEN_USAGE | COST) => {
                return Err(Failure::invalid(format!(
                    "Ordering by reserved metadata '{key}' is not supported because it is represented by multiple \
                     columns."
                )));
            }
            (Entity::Metadata, _) => TraceField::Metadata(key),
            (_, _) => TraceField::Tag(key),
        };
        if found.iter().any(|o| o.field == field) {
            let given: Vec<_> = given.iter().map(|g| format!("'{g}'")).collect();
            return Err(Failure::invalid(format!(
                "`order_by` contains duplicate fields: [{}]",
                given.join(", ")
            )));
        }
        found.push(Order { field, descending });
    }
    Ok(found)
}
