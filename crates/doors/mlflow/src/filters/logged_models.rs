//! Logged models have a parser of their own upstream (`mlflow/utils/search_logged_model_utils.py`).

use tracking::search::{Clause, LoggedModelField, Test};

use super::python::{Element, literal_list, parse_float, repr};
use super::reading::{Item, items};
use super::{Value, tests_of};
use crate::convert::MODEL_STATUSES;
use crate::errors::Failure;
use crate::sqlparse;

const NUMERIC: [&str; 6] = ["<", "<=", ">", ">=", "=", "!="];
const TEXTUAL: [&str; 6] = ["=", "!=", "LIKE", "ILIKE", "IN", "NOT IN"];

/// Columns under upstream's names and its aliases.
fn attribute(key: &str) -> Option<LoggedModelField> {
    Some(match key {
        "model_id" => LoggedModelField::Uid,
        "name" => LoggedModelField::Name,
        "model_type" => LoggedModelField::ModelType,
        "status" => LoggedModelField::Status,
        "source_run_id" => LoggedModelField::SourceRun,
        "creation_timestamp" | "creation_time" | "creation_timestamp_ms" => LoggedModelField::CreatedAt,
        "last_updated_timestamp" | "last_updated_timestamp_ms" => LoggedModelField::UpdatedAt,
        _ => return None,
    })
}

/// The clauses of a filter; none for an empty one.
pub(crate) fn logged_model_filter(filter: &str) -> Result<Vec<Clause<LoggedModelField>>, Failure> {
    if filter.is_empty() {
        return Ok(Vec::new());
    }
    let shown = repr(filter);
    let statements = sqlparse::parse(filter).map_err(|_| {
        Failure::invalid(format!("Invalid filter string: {shown}. SQLParseError('too complex')"))
    })?;
    let [statement] = statements.as_slice() else {
        return Err(Failure::invalid(format!(
            "Invalid filter string: {shown}. Expected a single SQL expression."
        )));
    };
    let mut found = Vec::new();
    for item in items(statement, false) {
        match item {
            Item::Comparison { pieces, text } => {
                let [name, operator, value] = pieces.as_slice() else {
                    return Err(Failure::invalid(format!(
                        "Invalid comparison: {text}. Expected a comparison with 3 tokens."
                    )));
                };
                let operator = operator.text.to_uppercase();
                check_operator(name.text, &operator)?;
                found.push((name.text, operator, value.text));
            }
            Item::Other(piece) if piece.text.trim().eq_ignore_ascii_case("AND") => {}
            Item::Other(_) => {
                return Err(Failure::invalid(format!(
                    "Invalid filter string: {shown}. Expected a list of comparisons separated by 'AND' (e.g. \
                     'metrics.loss > 0.1 AND params.lr = 0.01')."
                )));
            }
        }
    }
    found.iter().map(|(name, operator, value)| clause(name, operator, value)).collect()
}

/// `Entity.from_str`: the kind of field, and its key without backticks.
fn entity(identifier: &str) -> Result<(&str, &str), Failure> {
    let parts = identifier.split_once('.').filter(|(kind, key)| {
        !kind.is_empty()
            && kind.chars().all(|c| c.is_ascii_lowercase())
            && !key.is_empty()
            && !key.contains('\n')
    });
    let Some((kind, key)) = parts else {
        let key = match identifier {
            "creation_time" | "creation_timestamp" => "creation_timestamp_ms",
            "last_updated_timestamp" => "last_updated_timestamp_ms",
            other => other.trim_matches('`'),
        };
        return Ok(("attributes", key));
    };
    if !["attributes", "metrics", "params", "tags"].contains(&kind) {
        return Err(Failure::invalid(format!(
            "Invalid entity type: {}. Expected one of ['attributes', 'metrics', 'params', 'tags'].",
            repr(kind)
        )));
    }
    Ok((kind, key.trim_matches('`')))
}

fn field(kind: &str, key: &str) -> Option<LoggedModelField> {
    match kind {
        "metrics" => Some(LoggedModelField::Metric(key.to_owned())),
        "params" => Some(LoggedModelField::Param(key.to_owned())),
        "tags" => Some(LoggedModelField::Tag(key.to_owned())),
        _ => attribute(key),
    }
}

/// Upstream checks all operators before it looks for columns.
fn check_operator(identifier: &str, operator: &str) -> Result<(), Failure> {
    let (kind, key) = entity(identifier)?;
    let field = field(kind, key);
    let numeric = matches!(
        field,
        Some(LoggedModelField::Metric(_) | LoggedModelField::CreatedAt | LoggedModelField::UpdatedAt)
    );
    let valid = if numeric { NUMERIC } else { TEXTUAL };
    if !valid.contains(&operator) {
        let valid: Vec<_> = valid.iter().map(|v| repr(v)).collect();
        return Err(Failure::invalid(format!(
            "Invalid comparison operator for {kind}.{key}: {}. Expected one of ({}).",
            repr(operator),
            valid.join(", ")
        )));
    }
    Ok(())
}

fn clause(identifier: &str, operator: &str, value: &str) -> Result<Clause<LoggedModelField>, Failure> {
    let (kind, key) = entity(identifier)?;
    let field = field(kind, key)
        .ok_or_else(|| Failure::invalid(format!("Invalid attribute key '{key}' specified.")))?;
    let test = match &field {
        LoggedModelField::Metric(_) => tests_of::number(operator, &float(value)?)?,
        LoggedModelField::CreatedAt | LoggedModelField::UpdatedAt => {
            tests_of::millis(operator, &float(value)?, key)?
        }
        LoggedModelField::Status => status(&tests_of::text(operator, &text(operator, value)?)?),
        _ => tests_of::text(operator, &text(operator, value)?)?,
    };
    Ok(Clause { field, test })
}

fn float(value: &str) -> Result<Value, Failure> {
    parse_float(value)
        .map(Value::Float)
        .ok_or_else(|| Failure::invalid(format!("could not convert string to float: {}", repr(value))))
}

/// Text needs no quotes here; a list may hold numbers, and a number in parentheses is no list.
fn text(operator: &str, value: &str) -> Result<Value, Failure> {
    if !(value.starts_with('(') && value.ends_with(')')) {
        return Ok(Value::Text(value.trim_matches('\'').to_owned()));
    }
    let elements = literal_list(value).ok_or_else(|| {
        Failure::invalid(format!("Invalid list of values: {value}. Expected quoted strings."))
    })?;
    if let ([Element::Number(number)], false) = (elements.as_slice(), matches!(operator, "IN" | "NOT IN"))
        && !value.contains(',')
    {
        return Ok(Value::Text(number.clone()));
    }
    let texts = elements.into_iter().map(|element| match element {
        Element::Text(text) | Element::Number(text) => text,
    });
    Ok(Value::List(texts.collect()))
}

/// Upstream keeps a status as a number, and a filter must give that; here its names are understood too.
fn status(test: &Test) -> Test {
    let names = |form: fn(&str, i64) -> String| {
        let names: Vec<_> = MODEL_STATUSES
            .iter()
            .map(|(name, number, status)| (form(name, *number), status.name()))
            .collect();
        let names: Vec<_> = names.iter().map(|(theirs, ours)| (theirs.as_str(), *ours)).collect();
        tests_of::member(test, &names)
    };
    let all = [
        names(|_, number| number.to_string()),
        names(|name, _| name.to_owned()),
        names(|name, _| name.trim_start_matches("LOGGED_MODEL_").to_owned()),
    ];
    let negative = matches!(test, Test::NotIn(_) | Test::Text(tracking::search::Comparison::NotEqual, _));
    let statuses = MODEL_STATUSES.map(|(.., status)| status.name().to_owned());
    let passes = |status: &String| {
        let passed = |found: &Test| matches!(found, Test::In(items) if items.contains(status));
        if negative { all.iter().all(passed) } else { all.iter().any(passed) }
    };
    Test::In(statuses.iter().filter(|s| passes(s)).cloned().collect())
}

/// `_apply_order_by_search_logged_models`: a metric, measured on a dataset if one is given, or a column.
pub(crate) fn logged_model_order(
    field: &str,
    (name, digest): (Option<String>, Option<String>),
) -> Result<LoggedModelField, Failure> {
    let Some((kind, key)) = field.split_once('.') else {
        return attribute(field)
            .ok_or_else(|| Failure::invalid(format!("Invalid order by field name: {field}")));
    };
    if kind != "metrics" {
        return Err(Failure::invalid(format!(
            "Invalid order by field name: {field}. Only metrics are supported."
        )));
    }
    Ok(match (&name, &digest) {
        (None, None) => LoggedModelField::Metric(key.to_owned()),
        _ => LoggedModelField::MetricOn(key.to_owned(), name, digest),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_need_no_quotes() {
        let one = |filter: &str| logged_model_filter(filter).map(|mut found| found.remove(0));
        assert_eq!(one("params.lr = 0.01").unwrap(), one("params.lr = '0.01'").unwrap());
        assert_eq!(one("params.`a b` = x").unwrap().field, LoggedModelField::Param("a b".into()));
        assert_eq!(one("status = READY").unwrap().test, Test::In(vec!["ready".into()]));
        assert_eq!(one("name in ('a', 1)").unwrap().test, Test::In(vec!["a".into(), "1".into()]));
        for (filter, expected) in [
            (
                "foo.a = 1",
                "Invalid entity type: 'foo'. Expected one of ['attributes', 'metrics', 'params', 'tags'].",
            ),
            (
                "metrics.a LIKE 'x'",
                "Invalid comparison operator for metrics.a: 'LIKE'. Expected one of ('<', '<=', '>', '>=', '=', '!=').",
            ),
            ("name IS NULL", "Invalid comparison: nameIS NULL. Expected a comparison with 3 tokens."),
            ("  ", "Invalid filter string: '  '. Expected a single SQL expression."),
            ("a = 1 AND b = 2", "Invalid attribute key 'a' specified."),
        ] {
            assert_eq!(one(filter).unwrap_err().message, expected, "{filter}");
        }
    }
}
