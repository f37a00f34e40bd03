//! Evaluation datasets and issues (`SearchEvaluationDatasetsUtils`, `SearchIssuesUtils`, and their stores).

use evaluation::SetField;
use review::IssueField;
use tracking::search::{Clause, Order, Test};

use super::order::order_by;
use super::python::repr_set;
use super::reading::{Condition, Dialect, Piece, conditions, list, not_text, plain, text};
use super::{Value, comparison, tests_of};
use crate::errors::Failure;

const DATASET_ATTRIBUTES: [&str; 5] =
    ["name", "created_time", "last_update_time", "created_by", "last_updated_by"];
const DATASET_ORDERS: [&str; 3] = ["name", "created_time", "last_update_time"];
const DATASET_NUMERIC: [&str; 2] = ["created_time", "last_update_time"];
const NUMBER_COMPARATORS: [&str; 6] = [">", ">=", "!=", "=", "<", "<="];
const TEXT_COMPARATORS: [&str; 4] = ["=", "!=", "LIKE", "ILIKE"];
const ISSUE_FIELDS: [&str; 2] = ["status", "source_run_id"];

const DATASETS: Dialect = Dialect {
    quotes_clauses: false,
    timestamps: false,
    identifier: |text| dataset_identifier(text, &DATASET_ATTRIBUTES),
    nullable: None,
    value: dataset_value,
};

const ISSUES: Dialect = Dialect {
    identifier: |text| {
        let key = plain(text);
        if ISSUE_FIELDS.contains(&key) {
            return Ok(("attribute", key.to_owned()));
        }
        let fields = repr_set(&ISSUE_FIELDS);
        Err(Failure::invalid(format!("Invalid filter field '{key}'. Supported fields: {fields}")))
    },
    value: |_, _, _, piece| Ok(Value::Text(plain(piece.text).trim().to_owned())),
    ..DATASETS
};

fn dataset_identifier(text: &str, attributes: &[&str]) -> Result<(&'static str, String), Failure> {
    match text.split_once('.') {
        None if attributes.contains(&text) => Ok(("attribute", text.to_owned())),
        None => Err(Failure::invalid(format!(
            "Invalid attribute key '{text}' specified. Valid keys are: {}",
            repr_set(attributes)
        ))),
        Some(("tags", key)) => Ok(("tag", plain(key).to_owned())),
        Some((other, _)) => Err(Failure::invalid(format!("Invalid identifier token '{other}' specified"))),
    }
}

fn dataset_value(
    entity: &'static str,
    key: &str,
    comparator: &str,
    piece: &Piece<'_>,
) -> Result<Value, Failure> {
    if piece.is_textual() {
        return text(piece);
    }
    if entity == "tag" {
        return Err(not_text(entity, piece));
    }
    if piece.is_list() {
        if key != "name" || !comparator.eq_ignore_ascii_case("IN") {
            return Err(Failure::invalid(
                "List values for 'name' are only supported with the IN comparator.",
            ));
        }
        return list(piece);
    }
    if piece.is_number() && DATASET_NUMERIC.contains(&key) {
        return Ok(piece.number());
    }
    Err(not_text(key, piece))
}

pub(crate) fn dataset_filter(filter: &str) -> Result<Vec<Clause<SetField>>, Failure> {
    conditions(filter, &DATASETS)?.iter().map(dataset_clause).collect()
}

fn dataset_clause(condition: &Condition) -> Result<Clause<SetField>, Failure> {
    let Condition { entity, key, value, .. } = condition;
    let comparator = condition.comparator.to_uppercase();
    let known = |known: &[&str], what: &str| {
        if known.contains(&comparator.as_str()) {
            return Ok(());
        }
        Err(Failure::invalid(format!("Invalid comparator for {what}: {comparator}")))
    };
    if *entity == "tag" {
        known(&TEXT_COMPARATORS, "tag")?;
        return Ok(Clause { field: SetField::Tag(key.clone()), test: tests_of::text(&comparator, value)? });
    }
    let field = dataset_field(key)?;
    if DATASET_NUMERIC.contains(&key.as_str()) {
        known(&NUMBER_COMPARATORS, "numeric attribute")?;
        let number = match value {
            Value::Integer(number) => Some(*number),
            Value::Text(text) => text.trim().parse().ok(),
            _ => None,
        };
        let number = number.ok_or_else(|| {
            Failure::invalid(format!("Invalid value for numeric attribute '{key}': {}", value.repr()))
        })?;
        return Ok(Clause { field, test: Test::Integer(comparison(&comparator), number) });
    }
    if key != "name" || comparator != "IN" {
        known(&TEXT_COMPARATORS, "string attribute")?;
    }
    Ok(Clause { field, test: tests_of::text(&comparator, value)? })
}

fn dataset_field(key: &str) -> Result<SetField, Failure> {
    Ok(match key {
        "name" => SetField::Name,
        "created_time" => SetField::CreatedAt,
        "last_update_time" => SetField::UpdatedAt,
        "created_by" => SetField::CreatedBy,
        "last_updated_by" => SetField::UpdatedBy,
        other => return Err(Failure::invalid(format!("Invalid attribute key '{other}' specified."))),
    })
}

/// Newest first if nothing is asked.
pub(crate) fn dataset_order(given: &[String]) -> Result<Vec<Order<SetField>>, Failure> {
    if given.is_empty() {
        return Ok(vec![Order { field: SetField::CreatedAt, descending: true }]);
    }
    let orders = given.iter().map(|text| {
        let (name, descending) = order_by(text)?;
        match dataset_identifier(&name, &DATASET_ORDERS)? {
            ("attribute", key) => Ok(Order { field: dataset_field(&key)?, descending }),
            (other, _) => Err(Failure::invalid(format!("Invalid order_by entity: {other}"))),
        }
    });
    orders.collect()
}

pub(crate) fn issue_filter(filter: &str) -> Result<Vec<Clause<IssueField>>, Failure> {
    let clause = |condition: &Condition| {
        let comparator = condition.comparator.as_str();
        if !["=", "!="].contains(&comparator) {
            let known = repr_set(&["=", "!="]);
            let message = format!("Invalid comparator '{comparator}'. Supported comparators: {known}");
            return Err(Failure::invalid(message));
        }
        let field = if condition.key == "status" { IssueField::Status } else { IssueField::SourceRun };
        Ok(Clause { field, test: tests_of::text(comparator, &condition.value)? })
    };
    conditions(filter, &ISSUES)?.iter().map(clause).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datasets_are_found_by_attributes_and_tags() {
        for good in [
            "name = 'a' AND tags.team = 'ml'",
            "name IN ('a', 'b')",
            "created_time > 5 AND name LIKE 'a%'",
            "tags.`a b` != 'x'",
        ] {
            assert!(dataset_filter(good).is_ok(), "{good}: {:?}", dataset_filter(good));
        }
        let refused = |filter: &str| dataset_filter(filter).err().map(|f| f.message).unwrap_or_default();
        assert!(refused("foo = 'a'").starts_with("Invalid attribute key 'foo' specified. Valid keys are: {"));
        assert_eq!(refused("bar.x = 'a'"), "Invalid identifier token 'bar' specified");
        assert_eq!(refused("name > 'a'"), "Invalid comparator for string attribute: >");
        assert_eq!(refused("created_time = 1.5"), "Invalid value for numeric attribute 'created_time': 1.5");
        assert!(dataset_order(&["created_by".into()]).is_err());
    }

    #[test]
    fn issues_are_found_by_status_and_run() {
        assert!(issue_filter("status = 'pending' AND source_run_id != 'r'").is_ok());
        let refused = |filter: &str| issue_filter(filter).err().map(|f| f.message).unwrap_or_default();
        assert!(refused("name = 'x'").starts_with("Invalid filter field 'name'. Supported fields: {"));
        assert!(refused("status > 'x'").starts_with("Invalid comparator '>'. Supported comparators: {"));
    }
}
