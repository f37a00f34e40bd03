//! Registered models and their versions (`SearchModelUtils`, `SearchModelVersionUtils`, and the registry's store).

use models::{ModelField, VersionField};
use tracking::search::{Clause, Order, Test};

use super::order::{attribute_or_tag, order_by};
use super::python::repr_set;
use super::reading::{Condition, Dialect, Piece, conditions, list, not_text, text};
use super::{IS_PROMPT, Value, comparison, distinct, tests_of};
use crate::errors::Failure;

const MODEL_ATTRIBUTES: [&str; 1] = ["name"];
const VERSION_ATTRIBUTES: [&str; 4] = ["name", "version_number", "run_id", "source_path"];
const VERSION_NUMERIC: [&str; 3] = ["version_number", "creation_timestamp", "last_updated_timestamp"];
const VERSION_ORDERS: [&str; 4] = ["name", "version_number", "creation_timestamp", "last_updated_timestamp"];
const TAG_COMPARATORS: [&str; 4] = ["=", "!=", "LIKE", "ILIKE"];
const TEXT_COMPARATORS: [&str; 6] = ["=", "!=", "LIKE", "ILIKE", "IN", "NOT IN"];
const NUMBER_COMPARATORS: [&str; 6] = [">", ">=", "!=", "=", "<", "<="];

const MODELS: Dialect = Dialect {
    quotes_clauses: false,
    timestamps: false,
    identifier: |text| identifier(text, &MODEL_ATTRIBUTES),
    nullable: None,
    value: |entity, key, _, piece| value(entity, key, piece, &["name"], &[]),
};

const VERSIONS: Dialect = Dialect {
    identifier: |text| identifier(text, &VERSION_ATTRIBUTES),
    value: |entity, key, _, piece| value(entity, key, piece, &["name", "run_id"], &VERSION_NUMERIC),
    ..MODELS
};

/// A registry filter, and whether it asks for prompts. If it does not, prompts are left out, and so are the clauses
/// about the prompt tag.
pub(crate) struct Registry<F> {
    pub clauses: Vec<Clause<F>>,
    pub prompts: bool,
}

/// The key is checked before its quotes are taken off.
fn identifier(text: &str, attributes: &[&str]) -> Result<(&'static str, String), Failure> {
    let (entity, plain_key) = attribute_or_tag(text)?;
    let key = text.split_once('.').map_or(text, |(_, key)| key);
    if entity == "attribute" && !attributes.contains(&key) {
        return Err(Failure::invalid(format!(
            "Invalid attribute key '{key}' specified. Valid keys are '{}'",
            repr_set(attributes)
        )));
    }
    Ok((entity, plain_key))
}

fn value(
    entity: &'static str,
    key: &str,
    piece: &Piece<'_>,
    lists: &[&str],
    numeric: &[&str],
) -> Result<Value, Failure> {
    if piece.is_textual() {
        return text(piece);
    }
    if entity == "tag" {
        return Err(not_text(entity, piece));
    }
    if piece.is_list() {
        if !lists.contains(&key) {
            return Err(Failure::invalid(format!(
                "Only {} attributes support comparison with a list of quoted string values.",
                super::python::repr_list(lists)
            )));
        }
        return list(piece);
    }
    if piece.is_number() && !numeric.is_empty() {
        if !numeric.contains(&key) {
            return Err(Failure::invalid(format!(
                "Only the '{}' attributes support comparison with numeric values.",
                repr_set(numeric)
            )));
        }
        return Ok(piece.number());
    }
    Err(Failure::invalid(format!(
        "Expected a quoted string value or a list of quoted string values for attributes. Got value {}",
        piece.text
    )))
}

/// `_is_querying_prompt`: the first clause about the prompt tag decides.
fn asks_for_prompts(conditions: &[Condition]) -> bool {
    let about = conditions.iter().find(|c| c.entity == "tag" && c.key == IS_PROMPT);
    about.is_some_and(|c| match (c.comparator.to_uppercase().as_str(), &c.value) {
        ("=", Value::Text(value)) => value.to_lowercase() == "true",
        ("!=", Value::Text(value)) => value.to_lowercase() == "false",
        _ => false,
    })
}

fn registry<F>(
    conditions: &[Condition],
    tag: impl Fn(String) -> F,
    attribute: impl Fn(&str, &str, &Value) -> Result<(F, Test), Failure>,
) -> Result<Registry<F>, Failure> {
    let prompts = asks_for_prompts(conditions);
    let mut clauses = Vec::new();
    for condition in conditions {
        let Condition { entity, key, value, .. } = condition;
        let comparator = condition.comparator.to_uppercase();
        if *entity == "tag" {
            if !TAG_COMPARATORS.contains(&comparator.as_str()) {
                return Err(Failure::invalid(format!("Invalid comparator for tag: {comparator}")));
            }
            let test = tests_of::text(&comparator, value)?;
            if prompts || key != IS_PROMPT {
                clauses.push(Clause { field: tag(key.clone()), test });
            }
            continue;
        }
        let (field, test) = attribute(key, &comparator, value)?;
        clauses.push(Clause { field, test });
    }
    Ok(Registry { clauses, prompts })
}

fn attribute_text(comparator: &str, value: &Value) -> Result<Test, Failure> {
    if !TEXT_COMPARATORS.contains(&comparator) {
        return Err(Failure::invalid(format!("Invalid comparator for attribute: {comparator}")));
    }
    tests_of::text(comparator, value)
}

/// A filter and an ordering of models. As upstream does, both are read before comparators are checked.
pub(crate) fn model_query(
    filter: &str,
    ordering: &[String],
) -> Result<(Registry<ModelField>, Vec<Order<ModelField>>), Failure> {
    let conditions = conditions(filter, &MODELS)?;
    let orders = model_order(ordering)?;
    let filter = registry(&conditions, ModelField::Tag, |_, comparator, value| {
        Ok((ModelField::Name, attribute_text(comparator, value)?))
    })?;
    Ok((filter, orders))
}

pub(crate) fn version_filter(filter: &str) -> Result<Registry<VersionField>, Failure> {
    registry(&conditions(filter, &VERSIONS)?, VersionField::Tag, |key, comparator, value| {
        let field = match key {
            "name" => VersionField::Model,
            "run_id" => VersionField::Run,
            "source_path" => VersionField::Source,
            _ => return Ok((VersionField::Number, version_number(comparator, value)?)),
        };
        Ok((field, attribute_text(comparator, value)?))
    })
}

fn version_number(comparator: &str, value: &Value) -> Result<Test, Failure> {
    if !NUMBER_COMPARATORS.contains(&comparator) {
        return Err(Failure::invalid(format!(
            "Invalid comparator for attribute version_number: {comparator}"
        )));
    }
    let number = match value {
        Value::Integer(number) => Some(*number),
        Value::Text(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.map(|number| Test::Integer(comparison(comparator), number)).ok_or_else(|| {
        Failure::invalid(format!("Invalid value for numeric attribute 'version_number': {}", value.repr()))
    })
}

fn model_order(given: &[String]) -> Result<Vec<Order<ModelField>>, Failure> {
    let orders = given.iter().map(|text| {
        let (name, descending) = order_by(text)?;
        let field = match name.as_str() {
            "name" => ModelField::Name,
            "timestamp" | "last_updated_timestamp" => ModelField::UpdatedAt,
            _ => {
                return Err(Failure::invalid(format!(
                    "Invalid order by key '{name}' specified. Valid keys are '{}'",
                    repr_set(&["name", "timestamp"])
                )));
            }
        };
        Ok(Order { field, descending })
    });
    distinct(orders.collect::<Result<_, _>>()?, given)
}

pub(crate) fn version_order(given: &[String]) -> Result<Vec<Order<VersionField>>, Failure> {
    let orders = given.iter().map(|text| {
        let (name, descending) = order_by(text)?;
        let (entity, key) = attribute_or_tag(&name)?;
        if entity == "attribute" && !VERSION_ORDERS.contains(&key.as_str()) {
            return Err(Failure::invalid(format!(
                "Invalid attribute key '{key}' specified. Valid keys are '{}'",
                repr_set(&VERSION_ORDERS)
            )));
        }
        let field = match key.as_str() {
            "name" => VersionField::Model,
            "version_number" => VersionField::Number,
            "creation_timestamp" => VersionField::CreatedAt,
            "last_updated_timestamp" => VersionField::UpdatedAt,
            _ => {
                return Err(Failure::invalid(format!(
                    "Invalid order by key '{key}' specified. Valid keys are {}",
                    repr_set(&VERSION_ORDERS)
                )));
            }
        };
        Ok(Order { field, descending })
    });
    distinct(orders.collect::<Result<_, _>>()?, given)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_are_asked_for_by_their_tag_only() {
        let filter = |text: &str| model_query(text, &[]).unwrap().0;
        let tag = "tags.`mlflow.prompt.is_prompt`";
        for (text, prompts, clauses) in [
            (String::new(), false, 0),
            (format!("{tag} = 'true'"), true, 1),
            (format!("{tag} != 'true' AND name = 'x'"), false, 1),
            (format!("{tag} = 'false'"), false, 0),
            (format!("{tag} != 'false'"), true, 1),
        ] {
            let found = filter(&text);
            assert_eq!((found.prompts, found.clauses.len()), (prompts, clauses), "{text}");
        }
    }

    #[test]
    fn refusals_are_upstreams() {
        let models = |filter: &str| model_query(filter, &[]).err().map(|f| f.message).unwrap_or_default();
        let versions = |filter: &str| version_filter(filter).err().map(|f| f.message).unwrap_or_default();
        assert_eq!(models("foo = 'x'"), "Invalid attribute key 'foo' specified. Valid keys are '{'name'}'");
        assert_eq!(models("name > 'x'"), "Invalid comparator for attribute: >");
        assert_eq!(
            models("name = 5"),
            "Expected a quoted string value or a list of quoted string values for attributes. Got value 5"
        );
        assert_eq!(
            versions("version_number = 1.5"),
            "Invalid value for numeric attribute 'version_number': 1.5"
        );
        assert_eq!(
            versions("source_path IN ('a')"),
            "Only ['name', 'run_id'] attributes support comparison with a list of quoted string values."
        );
        assert!(version_filter("version_number >= '3'").is_ok());
        assert!(versions("tags.a IS NULL").starts_with("Invalid comparison clause."));
    }
}
