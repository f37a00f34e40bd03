//! The grammar of dataset searches (`SearchEvaluationDatasetsUtils` in `mlflow/utils/search_utils.py`).

use evaluation::SetField;
use tracking::search::{Clause, Comparison, Order, Test};

use crate::errors::Failure;
use crate::grammar::{self, Condition, Literal, plain};

const ATTRIBUTES: &str = "{'name', 'created_time', 'last_update_time', 'created_by', 'last_updated_by'}";
const ORDERED: &str = "{'name', 'created_time', 'last_update_time'}";

fn field(identifier: &str, valid: &str) -> Result<SetField, Failure> {
    if let Some((kind, key)) = identifier.split_once('.') {
        return match kind {
            "tags" => Ok(SetField::Tag(plain(key).to_owned())),
            other => Err(Failure::invalid(format!("Invalid identifier token '{other}' specified"))),
        };
    }
    let key = plain(identifier);
    let unknown =
        || Failure::invalid(format!("Invalid attribute key '{key}' specified. Valid keys are: {valid}"));
    if !valid.contains(&format!("'{key}'")) {
        return Err(unknown());
    }
    match key {
        "name" => Ok(SetField::Name),
        "created_time" => Ok(SetField::CreatedAt),
        "last_update_time" => Ok(SetField::UpdatedAt),
        "created_by" => Ok(SetField::CreatedBy),
        "last_updated_by" => Ok(SetField::UpdatedBy),
        _ => Err(unknown()),
    }
}

pub(crate) fn filter(text: &str) -> Result<Vec<Clause<SetField>>, Failure> {
    grammar::filter(text)?.iter().map(clause).collect()
}

fn clause(condition: &Condition) -> Result<Clause<SetField>, Failure> {
    let field = field(&condition.identifier, ATTRIBUTES)?;
    let test = match &field {
        SetField::CreatedAt | SetField::UpdatedAt => number(condition)?,
        SetField::Tag(_) => textual(condition, "tag", false)?,
        SetField::Name => textual(condition, "string attribute", true)?,
        SetField::CreatedBy | SetField::UpdatedBy => textual(condition, "string attribute", false)?,
    };
    Ok(Clause { field, test })
}

pub(crate) fn comparison(operator: &str) -> Option<Comparison> {
    Some(match operator {
        "=" => Comparison::Equal,
        "!=" => Comparison::NotEqual,
        "<" => Comparison::Less,
        "<=" => Comparison::LessOrEqual,
        ">" => Comparison::Greater,
        ">=" => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

fn number(condition: &Condition) -> Result<Test, Failure> {
    let comparison = comparison(&condition.operator).ok_or_else(|| {
        Failure::invalid(format!("Invalid comparator for numeric attribute: {}", condition.operator))
    })?;
    let key = plain(&condition.identifier);
    let value = match &condition.value {
        Literal::Number(text) => text.parse().ok(),
        _ => None,
    };
    let value = value.ok_or_else(|| {
        let shown = condition.value.shown();
        Failure::invalid(format!("Invalid value for numeric attribute '{key}': {shown}"))
    })?;
    Ok(Test::Integer(comparison, value))
}

fn textual(condition: &Condition, what: &str, lists: bool) -> Result<Test, Failure> {
    let operator = condition.operator.as_str();
    let wrong = || Failure::invalid(format!("Invalid comparator for {what}: {operator}"));
    match (operator, &condition.value) {
        ("IN", Literal::List(items)) if lists => Ok(Test::In(items.clone())),
        (_, Literal::List(_)) => {
            Err(Failure::invalid("List values for 'name' are only supported with the IN comparator."))
        }
        ("LIKE" | "ILIKE", Literal::Text(pattern)) => {
            Ok(Test::Like { pattern: pattern.clone(), ignore_case: operator == "ILIKE" })
        }
        ("=", Literal::Text(value)) => Ok(Test::Text(Comparison::Equal, value.clone())),
        ("!=", Literal::Text(value)) => Ok(Test::Text(Comparison::NotEqual, value.clone())),
        (_, Literal::Text(_)) => Err(wrong()),
        (_, other) => Err(Failure::invalid(format!(
            "Expected a quoted string value for {what} (e.g. 'my-value'). Got value {}",
            other.shown()
        ))),
    }
}

pub(crate) fn order(given: &[String]) -> Result<Vec<Order<SetField>>, Failure> {
    if given.is_empty() {
        return Ok(vec![Order { field: SetField::CreatedAt, descending: true }]);
    }
    given
        .iter()
        .map(|text| {
            let (identifier, descending) = grammar::order_by(text)?;
            match field(&identifier, ORDERED)? {
                SetField::Tag(_) => Err(Failure::invalid("Invalid order_by entity: tag")),
                field => Ok(Order { field, descending }),
            }
        })
        .collect()
}
