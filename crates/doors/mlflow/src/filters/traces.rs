//! The grammar of trace searches (`SearchTraceUtils` and `SearchTraceMetricsUtils`).

use super::Value;
use super::order::order_by as split_order;
use super::python::repr_set;
use super::reading::{self, Dialect, Piece, conditions, list, not_text, plain, without_backticks};
use crate::errors::Failure;

/// What a clause is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entity {
    /// `timestamp_ms`, `execution_time_ms`, `end_time_ms`, `status`, `request_id`, `client_request_id`.
    Attribute,
    /// Also `name` (`mlflow.traceName`) and `prompt` (`mlflow.linkedPrompts`).
    Tag,
    /// Also `run_id` (`mlflow.sourceRun`).
    Metadata,
    /// `name`, `type`, `status`, `content` (also written `text`) or `attributes.<key>`.
    Span,
    Feedback,
    Expectation,
    /// `id`.
    Issue,
}

const ENTITIES: [(&str, Entity); 7] = [
    ("tag", Entity::Tag),
    ("request_metadata", Entity::Metadata),
    ("attribute", Entity::Attribute),
    ("span", Entity::Span),
    ("feedback", Entity::Feedback),
    ("expectation", Entity::Expectation),
    ("issue", Entity::Issue),
];

impl Entity {
    /// Upstream's name of it.
    pub fn name(self) -> &'static str {
        ENTITIES.iter().find(|(_, entity)| *entity == self).map_or("", |(name, _)| name)
    }

    fn of(name: &str) -> Self {
        ENTITIES.iter().find(|(known, _)| *known == name).map_or(Self::Attribute, |(_, entity)| *entity)
    }
}

/// One condition; all of them must hold.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Clause {
    pub entity: Entity,
    /// Without quotes, under its canonical name.
    pub key: String,
    /// In capitals: `=`, `!=`, `<`, `<=`, `>`, `>=`, `LIKE`, `ILIKE`, `RLIKE`, `IN`, `NOT IN`, `IS NULL`, `IS NOT NULL`.
    pub comparator: String,
    pub value: Value,
}

const ATTRIBUTES: [&str; 13] = [
    "client_request_id",
    "end_time",
    "end_time_ms",
    "execution_time",
    "execution_time_ms",
    "name",
    "prompt",
    "request_id",
    "run_id",
    "status",
    "text",
    "timestamp",
    "timestamp_ms",
];
const ORDERABLE: [&str; 11] = [
    "end_time",
    "end_time_ms",
    "execution_time",
    "execution_time_ms",
    "experiment_id",
    "name",
    "request_id",
    "run_id",
    "status",
    "timestamp",
    "timestamp_ms",
];
const NUMERIC: [&str; 6] =
    ["timestamp_ms", "timestamp", "execution_time_ms", "execution_time", "end_time_ms", "end_time"];
const LISTS: [&str; 5] = ["name", "status", "request_id", "run_id", "client_request_id"];

const NUMBER_COMPARATORS: [&str; 6] = [">", ">=", "!=", "=", "<", "<="];
const TEXT_COMPARATORS: [&str; 7] = ["!=", "=", "IN", "NOT IN", "LIKE", "ILIKE", "RLIKE"];
const TAG_COMPARATORS: [&str; 7] = ["!=", "=", "LIKE", "ILIKE", "RLIKE", "IS NULL", "IS NOT NULL"];
const ORDER_COMPARATORS: [&str; 4] = [">", ">=", "<", "<="];
const ASSESSMENT_COMPARATORS: [&str; 11] =
    ["!=", "=", ">", ">=", "<", "<=", "LIKE", "ILIKE", "RLIKE", "IS NULL", "IS NOT NULL"];

const DIALECT: Dialect = Dialect {
    quotes_clauses: true,
    timestamps: true,
    identifier: |text| identifier(text, &ATTRIBUTES),
    nullable: Some(|_, _| Ok(())),
    value,
};

/// The clauses of a filter, comparators checked; none for an empty one.
pub(crate) fn parse(filter: &str) -> Result<Vec<Clause>, Failure> {
    let found = conditions(filter, &DIALECT)?;
    let clauses: Vec<_> = found
        .into_iter()
        .map(|condition| {
            let (entity, key) = canonical(Entity::of(condition.entity), condition.key);
            let value = match condition.value {
                // A number in quotes is one too, to a column of numbers.
                Value::Text(text) if entity == Entity::Attribute && NUMERIC.contains(&key.as_str()) => {
                    text.trim().parse().map_or(Value::Text(text), Value::Integer)
                }
                other => other,
            };
            Clause { entity, key, comparator: condition.comparator.to_uppercase(), value }
        })
        .collect();
    clauses.iter().try_for_each(check)?;
    Ok(clauses)
}

/// What to order traces by, and whether it descends. Spans and assessments order nothing.
pub(crate) fn order_by(text: &str) -> Result<(Entity, String, bool), Failure> {
    let (name, descending) = split_order(text)?;
    let (entity, key) = identifier(&name, &ORDERABLE)?;
    let (entity, key) = canonical(Entity::of(entity), key);
    match entity {
        Entity::Attribute | Entity::Tag | Entity::Metadata => Ok((entity, key, descending)),
        other => Err(Failure::invalid(format!("Invalid identifier type '{}'", other.name()))),
    }
}

fn identifier(text: &str, valid: &[&str]) -> Result<(&'static str, String), Failure> {
    let (entity, key) = match text.split_once('.') {
        None => ("attribute", text),
        Some((entity, key)) => (without_backticks(entity), key),
    };
    let name = match entity {
        "tags" => "tag",
        "attributes" | "trace" => "attribute",
        "metadata" => "request_metadata",
        other => other,
    };
    let Some((name, found)) = ENTITIES.iter().find(|(known, _)| *known == name) else {
        let valid = [
            "tag",
            "request_metadata",
            "attribute",
            "span",
            "feedback",
            "expectation",
            "issue",
            "tags",
            "attributes",
            "trace",
            "metadata",
        ];
        return Err(Failure::invalid(format!(
            "Invalid entity type '{entity}'. Valid values are {}",
            repr_set(&valid)
        )));
    };
    let key = plain(key);
    if *found == Entity::Attribute && !valid.contains(&key) {
        return Err(Failure::invalid(format!(
            "Invalid attribute key '{key}' specified. Valid keys are '{}'",
            repr_set(valid)
        )));
    }
    Ok((name, key.to_owned()))
}

/// `_replace_key_to_tag_or_metadata`: of every entity but spans, as upstream has it.
fn canonical(entity: Entity, key: String) -> (Entity, String) {
    if entity == Entity::Span {
        return (entity, key);
    }
    match key.to_lowercase().as_str() {
        "name" => (Entity::Tag, "mlflow.traceName".to_owned()),
        "prompt" => (Entity::Tag, "mlflow.linkedPrompts".to_owned()),
        "run_id" => (Entity::Metadata, "mlflow.sourceRun".to_owned()),
        "text" => (Entity::Span, "content".to_owned()),
        "timestamp" => (entity, "timestamp_ms".to_owned()),
        "execution_time" => (entity, "execution_time_ms".to_owned()),
        "end_time" => (entity, "end_time_ms".to_owned()),
        _ => (entity, key),
    }
}

fn value(entity: &'static str, key: &str, comparator: &str, piece: &Piece<'_>) -> Result<Value, Failure> {
    let entity = Entity::of(entity);
    let name = entity.name();
    if matches!(entity, Entity::Feedback | Entity::Expectation) {
        let ordered = ORDER_COMPARATORS.contains(&comparator);
        return match (ordered, piece.is_textual(), piece.is_number()) {
            (false, true, _) => reading::text(piece),
            (true, _, true) => Ok(piece.number()),
            (true, ..) => Err(Failure::invalid(format!(
                "Expected a numeric value for {name} when using comparator '{comparator}'. Got value {}",
                piece.text
            ))),
            _ => Err(not_text(name, piece)),
        };
    }
    if piece.is_textual() {
        let found = reading::text(piece)?;
        if entity == Entity::Span {
            check_span(key, comparator)?;
        }
        return Ok(found);
    }
    match entity {
        Entity::Attribute if piece.is_list() && !LISTS.contains(&key) => Err(Failure::invalid(format!(
            "Only attributes in {} supports comparison with a list of quoted string values.",
            repr_set(&LISTS)
        ))),
        Entity::Attribute if piece.is_number() && !NUMERIC.contains(&key) => Err(Failure::invalid(format!(
            "Only the '{}' attributes support comparison with numeric values.",
            repr_set(&NUMERIC)
        ))),
        Entity::Attribute if piece.is_number() => Ok(piece.number()),
        Entity::Attribute if !piece.is_list() => Err(Failure::invalid(format!(
            "Expected a quoted string value or a list of quoted string values for attributes. Got value {}",
            piece.text
        ))),
        Entity::Attribute | Entity::Tag if piece.is_list() => list(piece),
        Entity::Span if piece.is_list() => {
            let found = list(piece)?;
            check_span(key, comparator)?;
            Ok(found)
        }
        _ => Err(not_text(name, piece)),
    }
}

fn refuse(message: String) -> Result<(), Failure> {
    Err(Failure::invalid(message))
}

fn check_span(key: &str, comparator: &str) -> Result<(), Failure> {
    let valid: &[&str] = match key {
        "name" | "type" | "status" => &TEXT_COMPARATORS,
        "content" => &["LIKE", "ILIKE"],
        "attributes." => return refuse("Span attribute name cannot be empty after 'attributes.'".to_owned()),
        key if key.starts_with("attributes.") => &TEXT_COMPARATORS,
        other => {
            return refuse(format!(
                "Invalid span attribute '{other}'. Supported attributes: name, status, type, \
                 attributes.<attribute_name>."
            ));
        }
    };
    if valid.contains(&comparator) {
        return Ok(());
    }
    refuse(format!("span.{key} comparator '{comparator}' not one of '{}'", repr_set(valid)))
}

/// What upstream's store refuses: comparators that an entity does not know.
fn check(clause: &Clause) -> Result<(), Failure> {
    let Clause { entity, key, comparator, value } = clause;
    let invalid = |valid: &[&str], end: &str| {
        format!("Invalid comparator '{comparator}' not one of '{}{end}", repr_set(valid))
    };
    let known = |valid: &[&str]| valid.contains(&comparator.as_str());
    match entity {
        Entity::Issue if key != "id" => {
            refuse(format!("Invalid issue attribute '{key}'. Supported attributes: id"))
        }
        Entity::Issue if comparator != "=" => {
            refuse(format!("issue.{key} comparator '{comparator}' not one of '{{'='}}'"))
        }
        Entity::Issue => Ok(()),
        Entity::Attribute if NUMERIC.contains(&key.as_str()) => match value {
            _ if !known(&NUMBER_COMPARATORS) => refuse(invalid(&TEXT_COMPARATORS, "")),
            Value::Integer(_) | Value::Float(_) => Ok(()),
            other => refuse(format!("Invalid value for numeric attribute '{key}': {}", other.repr())),
        },
        Entity::Attribute if !known(&TEXT_COMPARATORS) => refuse(invalid(&TEXT_COMPARATORS, "'")),
        Entity::Tag if !known(&TAG_COMPARATORS) => refuse(invalid(&TAG_COMPARATORS, "")),
        Entity::Metadata if !known(&TAG_COMPARATORS) => refuse(invalid(&TAG_COMPARATORS, "'")),
        Entity::Tag if key == "mlflow.linkedPrompts" => match value {
            _ if comparator != "=" => refuse(format!(
                "Invalid comparator '{comparator}' for prompts filter. Only '=' is supported with format: prompt = \
                 \"name/version\""
            )),
            Value::Text(text) if text.matches('/').count() != 1 => refuse(format!(
                "Invalid prompts filter value '{text}'. Expected format: prompt = \"name/version\""
            )),
            _ => Ok(()),
        },
        Entity::Span => check_span(key, comparator).and_then(|()| check_list(comparator, value)),
        Entity::Feedback | Entity::Expectation if key.is_empty() => {
            refuse("Assessment field name cannot be empty".to_owned())
        }
        Entity::Feedback | Entity::Expectation if !known(&ASSESSMENT_COMPARATORS) => refuse(format!(
            "assessment.{key} comparator '{comparator}' not one of '{}'",
            repr_set(&ASSESSMENT_COMPARATORS)
        )),
        Entity::Attribute | Entity::Tag | Entity::Metadata | Entity::Feedback | Entity::Expectation => {
            check_list(comparator, value)
        }
    }
}

/// Only IN and NOT IN take a list, and they take nothing else.
fn check_list(comparator: &str, value: &Value) -> Result<(), Failure> {
    if matches!(comparator, "IN" | "NOT IN") == matches!(value, Value::List(_)) {
        return Ok(());
    }
    refuse(format!(
        "Invalid value for comparator '{comparator}': {}. Only IN and NOT IN take a list.",
        value.repr()
    ))
}

/// The one clause of a metrics filter, such as `trace.tag.env = 'prod'`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MetricsFilter {
    /// `trace`, `span` or `assessment`.
    pub view: &'static str,
    /// `status`, `tag`, `metadata`; `name`, `status`, `type`; `name`, `type`.
    pub entity: &'static str,
    /// Of a tag or metadata.
    pub key: Option<String>,
    pub value: String,
}

/// View types, their entities, and whether an entity takes a key.
const VIEWS: [(&str, &[(&str, bool)]); 3] = [
    ("trace", &[("status", false), ("tag", true), ("metadata", true)]),
    ("span", &[("name", false), ("status", false), ("type", false)]),
    ("assessment", &[("name", false), ("type", false)]),
];

/// `SearchTraceMetricsUtils.parse_search_filter`.
pub(crate) fn metrics_filter(filter: &str) -> Result<MetricsFilter, Failure> {
    let pieces = reading::plain_comparisons(filter)?;
    let found = pieces.iter().map(|p| metrics_clause(p)).collect::<Result<Vec<_>, _>>()?;
    match <[MetricsFilter; 1]>::try_from(found) {
        Ok([one]) => Ok(one),
        Err(_) => Err(Failure::invalid(format!("Invalid filter: '{filter}'. Expected one filter clause."))),
    }
}

fn metrics_clause(pieces: &[Piece<'_>]) -> Result<MetricsFilter, Failure> {
    let [name, comparator, value] = reading::three(pieces)?;
    let mut parts = name.text.splitn(3, '.');
    let (Some(view), Some(entity), key) = (parts.next(), parts.next(), parts.next()) else {
        return Err(Failure::invalid(format!(
            "Invalid identifier {}. Columns should be specified as 'trace.<key>', 'span.<key>', 'assessment.<key>'.",
            super::python::repr(name.text)
        )));
    };
    let view = without_backticks(view);
    let Some((view, entities)) = VIEWS.iter().find(|(known, _)| *known == view) else {
        return Err(Failure::invalid(format!(
            "Invalid view type '{view}'. Valid values are dict_keys(['trace', 'span', 'assessment'])"
        )));
    };
    let Some((entity, needs_key)) = entities.iter().find(|(known, _)| *known == entity) else {
        let names: Vec<_> = entities.iter().map(|(name, _)| *name).collect();
        return Err(Failure::invalid(format!(
            "Invalid entity '{entity}' specified for view type '{view}'. Valid entities are {}",
            super::python::repr_list(&names)
        )));
    };
    match (needs_key, key) {
        (true, None) => {
            return Err(Failure::invalid(format!(
                "Filtering by {entity} requires a key, e.g. '{view}.{entity}.<key> = <value>'"
            )));
        }
        (false, Some(_)) => {
            return Err(Failure::invalid(format!(
                "Filtering by {entity} does not require a key, use '{view}.{entity}' instead"
            )));
        }
        _ => {}
    }
    if comparator.text != "=" {
        return Err(Failure::invalid(format!(
            "Invalid comparator: '{}', only '=' operator is supported",
            comparator.text
        )));
    }
    if !value.is_textual() {
        return Err(Failure::invalid(format!(
            "Expected a quoted string value for {entity} value (e.g. 'my-value'). Got value {}",
            value.text
        )));
    }
    let Value::Text(value) = reading::text(value)? else { return Err(not_text(entity, value)) };
    let key = key.filter(|k| !k.is_empty()).map(|k| plain(k).to_owned());
    Ok(MetricsFilter { view, entity, key, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(filter: &str) -> Clause {
        parse(filter).unwrap().remove(0)
    }

    fn message(filter: &str) -> String {
        parse(filter).unwrap_err().message
    }

    #[test]
    fn keys_get_their_canonical_names() {
        let clause = one("timestamp > 5");
        assert_eq!((clause.entity, clause.key.as_str()), (Entity::Attribute, "timestamp_ms"));
        assert_eq!(clause.value, Value::Integer(5));
        assert_eq!(one("name = 'x'").key, "mlflow.traceName");
        assert_eq!(one("trace.run_id = 'x'").entity, Entity::Metadata);
        assert_eq!(one("trace.text LIKE '%x%'").entity, Entity::Span);
        assert_eq!(one("metadata.`a.b` is not null").comparator, "IS NOT NULL");
        assert_eq!(
            one("status NOT IN ('OK', \"ERROR\")").value,
            Value::List(vec!["OK".into(), "ERROR".into()])
        );
        assert_eq!(one("span.attributes.`k.l` RLIKE '^x'").key, "attributes.`k.l`");
        assert_eq!(one("feedback.score >= 0.5").value, Value::Float(0.5));
        assert_eq!(one("issue.id = \"i-1\"").entity, Entity::Issue);
    }

    #[test]
    fn refusals_are_upstreams() {
        assert_eq!(
            message("timestamp > 'x'"),
            "Invalid clause(s) in filter string: 'timestamp', '>', ''x'', 'timestamp'"
        );
        assert_eq!(
            message("span.content = 'x'"),
            "span.content comparator '=' not one of '{'LIKE', 'ILIKE'}'"
        );
        assert_eq!(message("issue.key = 'x'"), "Invalid issue attribute 'key'. Supported attributes: id");
        assert!(message("prompt = 'x'").contains("Expected format: prompt = \"name/version\""));
        assert!(message("feedback.a > 'x'").contains("Expected a numeric value for feedback"));
        assert!(message("expectation.a = 1").contains("Expected a quoted string value for expectation"));
    }

    #[test]
    fn metrics_filters_have_one_clause() {
        let found = metrics_filter("trace.tag.`env name` = 'prod'").unwrap();
        assert_eq!((found.view, found.entity, found.key.as_deref()), ("trace", "tag", Some("env name")));
        assert!(metrics_filter("trace.tag = 'x'").unwrap_err().message.contains("requires a key"));
        assert!(metrics_filter("span.name = 'x' AND span.type = 'y'").is_err());
    }
}
