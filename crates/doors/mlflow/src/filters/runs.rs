//! Runs (`SearchUtils` itself, and `_get_sqlalchemy_filter_clauses` of the store).

use tracking::search::{Clause, Order, RunField, Test};

use super::order::order_by;
use super::python::repr_set;
use super::reading::{Condition, Dialect, Piece, conditions, list, not_text, plain, text, without_backticks};
use super::{DATASET_CONTEXT, Value, distinct, tests_of};
use crate::convert::{STATUSES, own_uri};
use crate::errors::Failure;

const ENTITIES: &str = "['metric', 'parameter', 'tag', 'attribute', 'dataset']";
const NUMERIC: [&str; 4] = ["start_time", "end_time", "created", "Created"];
const SEARCHABLE: [&str; 12] = [
    "artifact_uri",
    "end_time",
    "run_id",
    "run_name",
    "start_time",
    "status",
    "user_id",
    "created",
    "Created",
    "run name",
    "Run name",
    "Run Name",
];
const ORDERABLE: [&str; 9] = [
    "artifact_uri",
    "end_time",
    "run_id",
    "run_name",
    "start_time",
    "status",
    "user_id",
    "created",
    "Created",
];
const DATASET: [&str; 3] = ["name", "digest", "context"];

const NUMBER_COMPARATORS: [&str; 6] = [">", ">=", "!=", "=", "<", "<="];
const KEYED_COMPARATORS: [&str; 6] = ["!=", "=", "LIKE", "ILIKE", "IS NULL", "IS NOT NULL"];
const TEXT_COMPARATORS: [&str; 6] = ["!=", "=", "LIKE", "ILIKE", "IN", "NOT IN"];

const DIALECT: Dialect = Dialect {
    quotes_clauses: true,
    timestamps: false,
    identifier: |text| identifier(text, &SEARCHABLE),
    nullable: Some(|entity, key| {
        if matches!(entity, "tag" | "parameter") {
            return Ok(());
        }
        Err(Failure::invalid(format!(
            "IS NULL / IS NOT NULL is only supported for tags and params, not for '{entity}' '{key}'"
        )))
    }),
    value: |entity, key, _, piece| value(entity, key, piece),
};

/// What is asked of runs: which, and in which order.
type Asked = (Vec<Clause<RunField>>, Vec<Order<RunField>>);

/// What a filter and an ordering ask of runs. As upstream does, the filter is read first, then the ordering, and only
/// then are comparators checked.
pub(crate) fn run_query(filter: &str, ordering: &[String]) -> Result<Asked, Failure> {
    let conditions = conditions(filter, &DIALECT)?;
    let orders = ordering.iter().map(|text| order(text)).collect::<Result<_, _>>()?;
    let orders = distinct(orders, ordering)?;
    Ok((conditions.iter().map(clause).collect::<Result<_, _>>()?, orders))
}

fn identifier(text: &str, attributes: &[&str]) -> Result<(&'static str, String), Failure> {
    let (entity, key) = text.split_once('.').map_or(("attribute", text), |(e, k)| (without_backticks(e), k));
    let entity = match entity {
        "metric" | "metrics" => "metric",
        "parameter" | "parameters" | "param" | "params" => "parameter",
        "tag" | "tags" => "tag",
        "attribute" | "attr" | "attributes" | "run" => "attribute",
        "dataset" | "datasets" => "dataset",
        other => {
            return Err(Failure::invalid(format!(
                "Invalid entity type '{other}'. Valid values are {ENTITIES}"
            )));
        }
    };
    let key = plain(key);
    let bad = |what: &str, valid: &[&str]| {
        Failure::invalid(format!(
            "Invalid {what} key '{key}' specified. Valid keys are '{}'",
            repr_set(valid)
        ))
    };
    match entity {
        "attribute" if !attributes.contains(&key) => Err(bad("attribute", attributes)),
        "dataset" if !DATASET.contains(&key) => Err(bad("dataset", &DATASET)),
        _ => Ok((entity, key.to_owned())),
    }
}

fn value(entity: &'static str, key: &str, piece: &Piece<'_>) -> Result<Value, Failure> {
    let numeric = |what: String| {
        if piece.is_number() {
            return Ok(piece.number());
        }
        Err(Failure::invalid(format!("Expected numeric value type for {what}. Found {}", piece.text)))
    };
    match entity {
        "metric" => numeric("metric".to_owned()),
        "attribute" if NUMERIC.contains(&key) => numeric(format!("numeric attribute: {key}")),
        _ if piece.is_textual() => text(piece),
        "attribute" if piece.is_list() && key != "run_id" => Err(Failure::invalid(
            "Only ['run_id'] attributes support comparison with a list of quoted string values.",
        )),
        "attribute" | "dataset" if piece.is_list() => list(piece),
        "attribute" => Err(Failure::invalid(format!(
            "Expected a quoted string value for attributes. Got value {}",
            piece.text
        ))),
        "dataset" => Err(Failure::invalid(format!(
            "Expected a quoted string value for dataset attributes. Got value {}",
            piece.text
        ))),
        _ => Err(not_text(entity, piece)),
    }
}

fn clause(condition: &Condition) -> Result<Clause<RunField>, Failure> {
    let Condition { entity, key, value, .. } = condition;
    let comparator = condition.comparator.to_uppercase();
    let known = |valid: &[&str], shown: &[&str], end: &str| {
        if valid.contains(&comparator.as_str()) {
            return Ok(());
        }
        Err(Failure::invalid(format!(
            "Invalid comparator '{comparator}' not one of '{}{end}",
            repr_set(shown)
        )))
    };
    let (field, test) = match *entity {
        "metric" => {
            known(&NUMBER_COMPARATORS, &NUMBER_COMPARATORS, "")?;
            (RunField::Metric(key.clone()), tests_of::number(&comparator, value)?)
        }
        "parameter" => {
            known(&KEYED_COMPARATORS, &KEYED_COMPARATORS, "'")?;
            (RunField::Param(key.clone()), tests_of::text(&comparator, value)?)
        }
        "tag" => {
            known(&KEYED_COMPARATORS, &KEYED_COMPARATORS, "")?;
            (RunField::Tag(key.clone()), tests_of::text(&comparator, value)?)
        }
        "dataset" => {
            known(&TEXT_COMPARATORS, &TEXT_COMPARATORS, "")?;
            let field = match key.as_str() {
                "name" => RunField::DatasetName,
                "digest" => RunField::DatasetDigest,
                _ => RunField::DatasetTag(DATASET_CONTEXT.to_owned()),
            };
            (field, tests_of::text(&comparator, value)?)
        }
        _ => match attribute(key) {
            field @ (RunField::StartedAt | RunField::EndedAt) => {
                known(&NUMBER_COMPARATORS, &TEXT_COMPARATORS, "")?;
                (field, tests_of::millis(&comparator, value, key)?)
            }
            field => {
                known(&TEXT_COMPARATORS, &TEXT_COMPARATORS, "'")?;
                let test = tests_of::text(&comparator, value)?;
                let test = if field == RunField::Status { status(&test) } else { test };
                (field, test)
            }
        },
    };
    Ok(Clause { field, test })
}

fn status(test: &Test) -> Test {
    tests_of::member(test, &STATUSES.map(|(name, _, status)| (name, status.name())))
}

fn attribute(key: &str) -> RunField {
    match key {
        "run_name" | "run name" | "Run name" | "Run Name" => RunField::Name,
        "status" => RunField::Status,
        "user_id" => RunField::Owner,
        "start_time" | "created" | "Created" => RunField::StartedAt,
        "end_time" => RunField::EndedAt,
        "artifact_uri" => RunField::Artifacts { own_store: own_uri("") },
        _ => RunField::Uid,
    }
}

fn order(text: &str) -> Result<Order<RunField>, Failure> {
    let (name, descending) = order_by(text)?;
    let (entity, key) = identifier(&name, &ORDERABLE)?;
    let field = match entity {
        "metric" => RunField::Metric(key),
        "parameter" => RunField::Param(key),
        "tag" => RunField::Tag(key),
        "attribute" => attribute(&key),
        other => return Err(Failure::invalid(format!("Invalid identifier type '{other}'"))),
    };
    Ok(Order { field, descending })
}

#[cfg(test)]
mod tests {
    use tracking::search::Comparison;

    use super::*;

    fn one(filter: &str) -> Clause<RunField> {
        run_query(filter, &[]).unwrap().0.remove(0)
    }

    fn message(filter: &str) -> String {
        run_query(filter, &[]).unwrap_err().message
    }

    #[test]
    fn every_alias_names_its_entity() {
        let over = Test::Number(Comparison::Greater, 0.5);
        for name in ["metric", "metrics", "`metrics`"] {
            let clause = one(&format!("{name}.a > .5"));
            assert_eq!(clause, Clause { field: RunField::Metric("a".into()), test: over.clone() });
        }
        assert_eq!(one("params.\"a b\" ilike 'x%'").field, RunField::Param("a b".into()));
        assert_eq!(one("tags.`a.b` is null").test, Test::Missing);
        assert_eq!(one("created >= 3").test, Test::Integer(Comparison::GreaterOrEqual, 3_000));
        assert_eq!(one("run_id not in ('a',\"b\")").test, Test::NotIn(vec!["a".into(), "b".into()]));
        assert_eq!(one("status LIKE 'F%'").test, Test::In(vec!["finished".into(), "failed".into()]));
        assert_eq!(run_query("a.b = 'x' and", &["c.d".into()]).unwrap_err().message, message("a.b = 'x'"));
    }

    #[test]
    fn refusals_are_upstreams() {
        for (filter, expected) in [
            (
                "foo.a = 'x'",
                "Invalid entity type 'foo'. Valid values are ['metric', 'parameter', 'tag', 'attribute', 'dataset']",
            ),
            ("metrics.a = 'x'", "Expected numeric value type for metric. Found 'x'"),
            ("params.a = 5", "Expected a quoted string value for parameter (e.g. 'my-value'). Got value 5"),
            (
                "params.a = x",
                "Parameter value is either not quoted or unidentified quote types used for string value x. Use either single or double quotes.",
            ),
            ("params.a = 'x' OR params.b = 'y'", "Invalid clause(s) in filter string: 'OR'"),
            ("metrics.a", "Invalid clause(s) in filter string: 'metrics.a'"),
            (
                "a = 'x'; b = 'y'",
                "Search filter contained multiple expression \"a = 'x'; b = 'y'\". Provide AND-ed expression list.",
            ),
            (
                "status IN ('a')",
                "Only ['run_id'] attributes support comparison with a list of quoted string values.",
            ),
            (
                "run_id IN ()",
                "While parsing a list in the query, expected a non-empty list of string values, but got empty list",
            ),
            (
                "metrics.a IS NULL",
                "IS NULL / IS NOT NULL is only supported for tags and params, not for 'metric' 'a'",
            ),
            ("start_time > 'x'", "Expected numeric value type for numeric attribute: start_time. Found 'x'"),
            ("1 = 1", "Invalid comparison clause. Expected 'Identifier' found '1'"),
        ] {
            assert_eq!(message(filter), expected, "{filter}");
        }
        assert!(message("params.a > 'x'").starts_with("Invalid comparator '>' not one of '{'!=', '='"));
    }
}
