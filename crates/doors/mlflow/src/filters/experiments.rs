//! Experiments (`SearchExperimentsUtils`, and `_get_search_experiments_filter_clauses` of the store). Comparators are
//! case-sensitive here, unlike everywhere else.

use tracking::search::{Clause, ExperimentField, Order, Test};

use super::order::{attribute_or_tag, order_by};
use super::python::{float, repr, repr_set};
use super::reading::{Condition, Dialect, Piece, conditions, list, not_text, text};
use super::{Value, comparison, tests_of};
use crate::errors::Failure;

const ATTRIBUTES: [&str; 4] = ["name", "experiment_id", "creation_time", "last_update_time"];
const NUMERIC: [&str; 2] = ["creation_time", "last_update_time"];
const NUMBER_COMPARATORS: [&str; 6] = ["=", "!=", "<", "<=", ">", ">="];
const TEXT_COMPARATORS: [&str; 6] = ["!=", "=", "LIKE", "ILIKE", "IN", "NOT IN"];

const DIALECT: Dialect = Dialect {
    quotes_clauses: false,
    timestamps: false,
    identifier,
    nullable: Some(|entity, key| {
        if entity == "tag" {
            return Ok(());
        }
        Err(Failure::invalid(format!(
            "IS NULL / IS NOT NULL is only supported for tags, not for attribute '{key}'"
        )))
    }),
    value: |entity, key, _, piece| value(entity, key, piece),
};

pub(crate) fn experiment_filter(filter: &str) -> Result<Vec<Clause<ExperimentField>>, Failure> {
    conditions(filter, &DIALECT)?.iter().map(clause).collect()
}

fn identifier(text: &str) -> Result<(&'static str, String), Failure> {
    let (entity, key) = attribute_or_tag(text)?;
    if entity == "attribute" && !ATTRIBUTES.contains(&key.as_str()) {
        return Err(Failure::invalid(format!(
            "Invalid attribute key '{key}' specified. Valid keys are '{}'",
            repr_set(&ATTRIBUTES)
        )));
    }
    Ok((entity, key))
}

fn value(entity: &'static str, key: &str, piece: &Piece<'_>) -> Result<Value, Failure> {
    if entity == "attribute" && NUMERIC.contains(&key) {
        if piece.is_number() {
            return Ok(piece.number());
        }
        return Err(Failure::invalid(format!(
            "Expected numeric value type for numeric attribute: {key}. Found {}",
            piece.text
        )));
    }
    match entity {
        _ if piece.is_textual() => text(piece),
        "tag" => Err(not_text(entity, piece)),
        _ if piece.is_list() && key != "experiment_id" => Err(Failure::invalid(
            "Only ['experiment_id'] attributes support comparison with a list of quoted string values.",
        )),
        _ if piece.is_list() => list(piece),
        _ => Err(Failure::invalid(format!(
            "Expected a quoted string value for attributes. Got value {}",
            piece.text
        ))),
    }
}

fn clause(condition: &Condition) -> Result<Clause<ExperimentField>, Failure> {
    let Condition { entity, key, comparator, value } = condition;
    let comparator = comparator.as_str();
    let refuse = |message: String| Err(Failure::invalid(message));
    if *entity == "tag" {
        if !["=", "!=", "LIKE", "ILIKE", "IS NULL", "IS NOT NULL"].contains(&comparator) {
            return refuse(format!("Invalid comparator for tag: {comparator}"));
        }
        return Ok(Clause {
            field: ExperimentField::Tag(key.clone()),
            test: tests_of::text(comparator, value)?,
        });
    }
    let field = field(key);
    let test = match field {
        ExperimentField::Number => {
            if !["=", "!=", "IN", "NOT IN"].contains(&comparator) {
                return refuse(format!("Invalid comparator for experiment_id: {comparator}"));
            }
            number(comparator, value)?
        }
        ExperimentField::Name => {
            if !TEXT_COMPARATORS.contains(&comparator) {
                return refuse(format!(
                    "Invalid comparator '{comparator}' not one of '{}'",
                    repr_set(&TEXT_COMPARATORS)
                ));
            }
            if ["IN", "NOT IN"].contains(&comparator) {
                return refuse(format!("Invalid comparator for string attribute: {comparator}"));
            }
            tests_of::text(comparator, value)?
        }
        _ => {
            if !NUMBER_COMPARATORS.contains(&comparator) {
                return refuse(format!(
                    "Invalid comparator '{comparator}' not one of '{}",
                    repr_set(&TEXT_COMPARATORS)
                ));
            }
            if let Value::Float(value) = value {
                return refuse(format!(
                    "Invalid value for numeric attribute '{key}': {}",
                    repr(&float(*value))
                ));
            }
            tests_of::millis(comparator, value, key)?
        }
    };
    Ok(Clause { field, test })
}

fn field(key: &str) -> ExperimentField {
    match key {
        "name" => ExperimentField::Name,
        "experiment_id" => ExperimentField::Number,
        "creation_time" => ExperimentField::CreatedAt,
        _ => ExperimentField::UpdatedAt,
    }
}

/// Experiment ids are whole numbers in quotes.
fn number(comparator: &str, value: &Value) -> Result<Test, Failure> {
    let parse = |text: &String| {
        text.trim().parse::<i64>().map_err(|_| {
            Failure::invalid(format!(
                "Invalid experiment ID '{text}'. Experiment ID must be a valid integer."
            ))
        })
    };
    match (comparator, value) {
        ("IN", Value::List(items)) => {
            Ok(Test::InIntegers(items.iter().map(parse).collect::<Result<_, _>>()?))
        }
        ("NOT IN", Value::List(items)) => {
            Ok(Test::NotInIntegers(items.iter().map(parse).collect::<Result<_, _>>()?))
        }
        (_, Value::List(items)) => {
            items.iter().try_for_each(|item| parse(item).map(drop))?;
            Err(Failure::invalid(format!(
                "Invalid value for comparator '{comparator}': {}. Only IN and NOT IN take a list.",
                value.repr()
            )))
        }
        ("=" | "!=", Value::Text(text)) => Ok(Test::Integer(comparison(comparator), parse(text)?)),
        _ => Err(Failure::invalid(format!("Invalid comparator for experiment_id: {comparator}"))),
    }
}

/// Newest first if nothing else is asked for.
pub(crate) fn experiment_order(given: &[String]) -> Result<Vec<Order<ExperimentField>>, Failure> {
    if given.is_empty() {
        return Ok(vec![
            Order { field: ExperimentField::CreatedAt, descending: true },
            Order { field: ExperimentField::Number, descending: false },
        ]);
    }
    let mut found: Vec<Order<ExperimentField>> = Vec::new();
    for text in given {
        let (name, descending) = order_by(text)?;
        let (entity, key) = identifier(&name)?;
        if entity != "attribute" {
            return Err(Failure::invalid(format!("Invalid order_by entity: {entity}")));
        }
        let field = field(&key);
        // Upstream allows a field twice; the second one orders nothing.
        if found.iter().all(|order| order.field != field) {
            found.push(Order { field, descending });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use tracking::search::Comparison;

    use super::*;

    #[test]
    fn ids_are_numbers_in_quotes() {
        let one = |filter: &str| experiment_filter(filter).map(|mut found| found.remove(0).test);
        assert_eq!(one("experiment_id != '5'").unwrap(), Test::Integer(Comparison::NotEqual, 5));
        assert_eq!(one("experiment_id IN ('5', '6')").unwrap(), Test::InIntegers(vec![5, 6]));
        for (filter, expected) in [
            ("experiment_id = 5", "Expected a quoted string value for attributes. Got value 5"),
            ("experiment_id = 'x'", "Invalid experiment ID 'x'. Experiment ID must be a valid integer."),
            ("experiment_id LIKE '5'", "Invalid comparator for experiment_id: LIKE"),
            (
                "name IN ('a')",
                "Only ['experiment_id'] attributes support comparison with a list of quoted string values.",
            ),
            ("tag.a like 'x'", "Invalid comparator for tag: like"),
            ("tags.a = 'x' OR name = 'y'", "Invalid clause(s) in filter string: OR"),
            (
                "params.a = 'x'",
                "Invalid entity type 'params'. Valid entity types are ('attribute', 'tag', 'tags')",
            ),
            ("creation_time > 1.5", "Invalid value for numeric attribute 'creation_time': '1.5'"),
            ("name IS NULL", "IS NULL / IS NOT NULL is only supported for tags, not for attribute 'name'"),
        ] {
            assert_eq!(one(filter).unwrap_err().message, expected, "{filter}");
        }
    }
}
