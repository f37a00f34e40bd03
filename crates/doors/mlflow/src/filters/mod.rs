//! What filters and orderings mean: from upstream's grammar to the house's queries.

mod logged_models;

use tracking::search::{Clause, Comparison, ExperimentField, Order, RunField, Test};

use crate::convert::status_of_name;
use crate::errors::Failure;
use crate::grammar::{self, Condition, Literal, plain};

pub(crate) use logged_models::{logged_model_filter, logged_model_order};

/// The tag that makes a registered model a prompt.
pub(crate) const IS_PROMPT: &str = "mlflow.prompt.is_prompt";
/// The tag of a run's dataset input that says what it was used for.
pub(crate) const DATASET_CONTEXT: &str = "mlflow.data.context";

const ENTITIES: &str = "['metric', 'parameter', 'tag', 'attribute', 'dataset']";
const NUMERIC: [&str; 6] = [">", ">=", "!=", "=", "<", "<="];
const TEXTUAL: [&str; 4] = ["!=", "=", "LIKE", "ILIKE"];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Entity {
    Metric,
    Param,
    Tag,
    Attribute,
    Dataset,
}

fn entity(identifier: &str) -> Result<(Entity, String), Failure> {
    let Some((kind, key)) = identifier.split_once('.') else {
        return Ok((Entity::Attribute, plain(identifier).to_owned()));
    };
    let kind = match plain(kind) {
        "metric" | "metrics" => Entity::Metric,
        "parameter" | "parameters" | "param" | "params" => Entity::Param,
        "tag" | "tags" => Entity::Tag,
        "attribute" | "attr" | "attributes" | "run" => Entity::Attribute,
        "dataset" | "datasets" => Entity::Dataset,
        other => {
            return Err(Failure::invalid(format!(
                "Invalid entity type '{other}'. Valid values are {ENTITIES}"
            )));
        }
    };
    Ok((kind, plain(key).to_owned()))
}

fn bad_attribute(key: &str, valid: &[&str]) -> Failure {
    let valid: Vec<_> = valid.iter().map(|v| format!("'{v}'")).collect();
    Failure::invalid(format!(
        "Invalid attribute key '{key}' specified. Valid keys are '{{{}}}'",
        valid.join(", ")
    ))
}

fn check_operator(operator: &str, valid: &[&str]) -> Result<(), Failure> {
    if valid.contains(&operator) {
        return Ok(());
    }
    let valid: Vec<_> = valid.iter().map(|v| format!("'{v}'")).collect();
    Err(Failure::invalid(format!("Invalid comparator '{operator}' not one of '{{{}}}'", valid.join(", "))))
}

fn comparison(operator: &str) -> Comparison {
    match operator {
        "!=" => Comparison::NotEqual,
        "<" => Comparison::Less,
        "<=" => Comparison::LessOrEqual,
        ">" => Comparison::Greater,
        ">=" => Comparison::GreaterOrEqual,
        _ => Comparison::Equal,
    }
}

/// A condition on a number.
fn number(condition: &Condition, what: &str) -> Result<Test, Failure> {
    check_operator(&condition.operator, &NUMERIC)?;
    let Literal::Number(text) = &condition.value else {
        return Err(Failure::invalid(format!(
            "Expected numeric value type for {what}. Found {}",
            condition.value.shown()
        )));
    };
    let value = text
        .parse()
        .map_err(|_| Failure::invalid(format!("Expected numeric value type for {what}. Found {text}")))?;
    Ok(Test::Number(comparison(&condition.operator), value))
}

/// A condition on a time in milliseconds, or another whole number times `scale`.
fn whole(condition: &Condition, key: &str, scale: i64) -> Result<Test, Failure> {
    let Test::Number(comparison, value) = number(condition, &format!("numeric attribute: {key}"))? else {
        return Err(Failure::invalid(format!("Invalid value for numeric attribute '{key}'")));
    };
    if value.fract() != 0.0 {
        return Err(Failure::invalid(format!("Invalid value for numeric attribute '{key}': {value}")));
    }
    Ok(Test::Integer(comparison, (value as i64).saturating_mul(scale)))
}

/// A condition on text. `lists` says whether IN is allowed, `nulls` whether IS NULL is.
fn text(condition: &Condition, what: &str, lists: bool, nulls: bool) -> Result<Test, Failure> {
    let mut valid = TEXTUAL.to_vec();
    if lists {
        valid.extend(["IN", "NOT IN"]);
    }
    if nulls {
        valid.extend(["IS NULL", "IS NOT NULL"]);
    }
    check_operator(&condition.operator, &valid)?;
    Ok(match (condition.operator.as_str(), &condition.value) {
        ("IS NULL", _) => Test::Missing,
        ("IS NOT NULL", _) => Test::Present,
        ("IN", Literal::List(items)) => Test::In(items.clone()),
        ("NOT IN", Literal::List(items)) => Test::NotIn(items.clone()),
        ("LIKE", Literal::Text(pattern)) => Test::Like { pattern: pattern.clone(), ignore_case: false },
        ("ILIKE", Literal::Text(pattern)) => Test::Like { pattern: pattern.clone(), ignore_case: true },
        (operator, Literal::Text(value)) => Test::Text(comparison(operator), value.clone()),
        (_, Literal::Word(word)) => {
            return Err(Failure::invalid(format!(
                "Parameter value is either not quoted or unidentified quote types used for string value {word}. Use \
                 either single or double quotes."
            )));
        }
        (_, other) => {
            return Err(Failure::invalid(format!(
                "Expected a quoted string value for {what} (e.g. 'my-value'). Got value {}",
                other.shown()
            )));
        }
    })
}

const RUN_ATTRIBUTES: [&str; 7] =
    ["artifact_uri", "end_time", "run_id", "run_name", "start_time", "status", "user_id"];

fn run_attribute(key: &str) -> Result<RunField, Failure> {
    Ok(match key {
        "run_id" => RunField::Uid,
        "run_name" | "run name" | "Run name" | "Run Name" => RunField::Name,
        "status" => RunField::Status,
        "user_id" => RunField::Owner,
        "start_time" | "created" | "Created" => RunField::StartedAt,
        "end_time" => RunField::EndedAt,
        // The uri is made from the run's id.
        "artifact_uri" => RunField::Uid,
        other => return Err(bad_attribute(other, &RUN_ATTRIBUTES)),
    })
}

pub(crate) fn run_filter(filter: &str) -> Result<Vec<Clause<RunField>>, Failure> {
    grammar::filter(filter)?.iter().map(run_clause).collect()
}

fn run_clause(condition: &Condition) -> Result<Clause<RunField>, Failure> {
    let (kind, key) = entity(&condition.identifier)?;
    if condition.operator.starts_with("IS ") && !matches!(kind, Entity::Param | Entity::Tag) {
        return Err(Failure::invalid(format!(
            "IS NULL / IS NOT NULL is only supported for tags and params, not for '{}'",
            condition.identifier
        )));
    }
    let (field, test) = match kind {
        Entity::Metric => (RunField::Metric(key), number(condition, "metric")?),
        Entity::Param => (RunField::Param(key), text(condition, "parameter", false, true)?),
        Entity::Tag => (RunField::Tag(key), text(condition, "tag", false, true)?),
        Entity::Dataset => {
            let field = match key.as_str() {
                "name" => RunField::DatasetName,
                "digest" => RunField::DatasetDigest,
                "context" => RunField::DatasetTag(DATASET_CONTEXT.to_owned()),
                other => {
                    return Err(Failure::invalid(format!(
                        "Invalid dataset key '{other}' specified. Valid keys are '{{'name', 'digest', 'context'}}'"
                    )));
                }
            };
            (field, text(condition, "dataset attributes", true, false)?)
        }
        Entity::Attribute => match run_attribute(&key)? {
            field @ (RunField::StartedAt | RunField::EndedAt) => (field, whole(condition, &key, 1_000)?),
            field => {
                let lists = field == RunField::Uid;
                if !lists && matches!(condition.value, Literal::List(_)) {
                    return Err(Failure::invalid(
                        "Only ['run_id'] attributes support comparison with a list of quoted string values.",
                    ));
                }
                let mut test = text(condition, "attributes", lists, false)?;
                if key == "artifact_uri" {
                    test = uri_test(test);
                } else if field == RunField::Status {
                    test = status_test(test);
                }
                (field, test)
            }
        },
    };
    Ok(Clause { field, test })
}

/// Run ids are stored in lower case and statuses under the house's names.
fn status_test(test: Test) -> Test {
    match test {
        Test::Text(comparison, value) => {
            Test::Text(comparison, status_of_name(&value).map_or(value, |status| status.name().to_owned()))
        }
        Test::Like { pattern, ignore_case } if !ignore_case && pattern == pattern.to_uppercase() => {
            Test::Like { pattern: pattern.to_lowercase(), ignore_case }
        }
        Test::Like { pattern, ignore_case: true } => Test::Like { pattern, ignore_case: true },
        // Upstream's names are upper case throughout: a pattern with lower-case letters matches none of them.
        Test::Like { .. } => Test::In(Vec::new()),
        other => other,
    }
}

/// `mlflow-artifacts:/1/<run id>/artifacts` stands for its run id.
fn uri_test(test: Test) -> Test {
    match test {
        Test::Text(comparison, uri) => {
            let id = uri.rsplit('/').nth(1).map(str::to_owned);
            Test::Text(comparison, id.unwrap_or(uri))
        }
        Test::Like { pattern, ignore_case } => {
            let inner = pattern.split('/').find(|part| part.len() == 32).map_or("%", |part| part);
            Test::Like { pattern: inner.to_owned(), ignore_case }
        }
        other => other,
    }
}

/// Orderings with no field twice.
fn orders<F: PartialEq>(
    given: &[String],
    field: impl Fn(&str) -> Result<F, Failure>,
) -> Result<Vec<Order<F>>, Failure> {
    let mut found: Vec<Order<F>> = Vec::new();
    for text in given {
        let (identifier, descending) = grammar::order_by(text)?;
        let field = field(&identifier)?;
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

pub(crate) fn run_order(given: &[String]) -> Result<Vec<Order<RunField>>, Failure> {
    orders(given, |identifier| {
        let (kind, key) = entity(identifier)?;
        match kind {
            Entity::Metric => Ok(RunField::Metric(key)),
            Entity::Param => Ok(RunField::Param(key)),
            Entity::Tag => Ok(RunField::Tag(key)),
            Entity::Attribute => run_attribute(&key),
            Entity::Dataset => Err(Failure::invalid("Invalid identifier type 'dataset'")),
        }
    })
}

const EXPERIMENT_KEYS: [&str; 4] = ["name", "experiment_id", "creation_time", "last_update_time"];

/// `attribute.x`, `tag.x`, `tags.x` or `x`: the attribute's name or the tag's.
fn attribute_or_tag(identifier: &str) -> Result<(bool, String), Failure> {
    match identifier.split_once('.') {
        None => Ok((false, plain(identifier).to_owned())),
        Some(("attribute", key)) => Ok((false, plain(key).to_owned())),
        Some(("tag" | "tags", key)) => Ok((true, plain(key).to_owned())),
        Some((other, _)) => Err(Failure::invalid(format!(
            "Invalid entity type '{other}'. Valid entity types are ('attribute', 'tag', 'tags')"
        ))),
    }
}

fn experiment_field(identifier: &str) -> Result<ExperimentField, Failure> {
    let (is_tag, key) = attribute_or_tag(identifier)?;
    Ok(match key.as_str() {
        _ if is_tag => ExperimentField::Tag(key),
        "name" => ExperimentField::Name,
        "experiment_id" => ExperimentField::Number,
        "creation_time" => ExperimentField::CreatedAt,
        "last_update_time" => ExperimentField::UpdatedAt,
        other => return Err(bad_attribute(other, &EXPERIMENT_KEYS)),
    })
}

pub(crate) fn experiment_filter(filter: &str) -> Result<Vec<Clause<ExperimentField>>, Failure> {
    grammar::filter(filter)?
        .iter()
        .map(|condition| {
            let field = experiment_field(&condition.identifier)?;
            let test = match &field {
                ExperimentField::Tag(_) => text(condition, "tag", false, true)?,
                ExperimentField::Name => text(condition, "attributes", false, false)?,
                ExperimentField::Number => numbers(condition)?,
                _ => whole(condition, &condition.identifier, 1_000)?,
            };
            Ok(Clause { field, test })
        })
        .collect()
}

/// Experiment ids are whole numbers in quotes.
fn numbers(condition: &Condition) -> Result<Test, Failure> {
    let parse = |text: &String| {
        text.parse::<i64>().map_err(|_| {
            Failure::invalid(format!(
                "Invalid experiment ID '{text}'. Experiment ID must be a valid integer."
            ))
        })
    };
    match text(condition, "attributes", true, false)? {
        Test::Text(comparison, value) => Ok(Test::Integer(comparison, parse(&value)?)),
        Test::In(items) if items.len() == 1 => Ok(Test::Integer(Comparison::Equal, parse(&items[0])?)),
        _ => Err(Failure::invalid(format!("Invalid comparator for experiment_id: {}", condition.operator))),
    }
}

pub(crate) fn experiment_order(given: &[String]) -> Result<Vec<Order<ExperimentField>>, Failure> {
    orders(given, |identifier| match experiment_field(identifier)? {
        ExperimentField::Tag(_) => Err(Failure::invalid("Invalid order_by entity: tag")),
        field => Ok(field),
    })
}

/// A registry filter: its clauses without those about the prompt tag, and whether it asks for prompts.
pub(crate) struct Registry<F> {
    pub clauses: Vec<Clause<F>>,
    pub prompts: bool,
}

fn registry<F>(
    filter: &str,
    valid: &[&str],
    field: impl Fn(&str) -> Option<(F, bool)>,
    tag: impl Fn(String) -> F,
) -> Result<Registry<F>, Failure> {
    let mut found = Registry { clauses: Vec::new(), prompts: false };
    for condition in grammar::filter(filter)? {
        let (is_tag, key) = attribute_or_tag(&condition.identifier)?;
        if is_tag && key == IS_PROMPT {
            let (wanted, value) = match (condition.operator.as_str(), &condition.value) {
                ("=", Literal::Text(value)) => (true, value.to_lowercase()),
                ("!=", Literal::Text(value)) => (false, value.to_lowercase()),
                (operator, _) => {
                    return Err(Failure::invalid(format!("Invalid comparator for tag: {operator}")));
                }
            };
            found.prompts = wanted == (value == "true");
            if found.prompts {
                let test = Test::Text(Comparison::Equal, "true".to_owned());
                found.clauses.push(Clause { field: tag(key), test });
            }
            continue;
        }
        if is_tag {
            found.clauses.push(Clause { field: tag(key), test: text(&condition, "tag", false, false)? });
            continue;
        }
        let Some((field, is_number)) = field(&key) else { return Err(bad_attribute(&key, valid)) };
        let test = if is_number {
            whole(&condition, &key, 1)?
        } else {
            text(&condition, "attributes", true, false)?
        };
        found.clauses.push(Clause { field, test });
    }
    Ok(found)
}

pub(crate) fn model_filter(filter: &str) -> Result<Registry<models::ModelField>, Failure> {
    use models::ModelField as F;
    registry(filter, &["name"], |key| (key == "name").then_some((F::Name, false)), F::Tag)
}

pub(crate) fn version_filter(filter: &str) -> Result<Registry<models::VersionField>, Failure> {
    use models::VersionField as F;
    let field = |key: &str| {
        Some(match key {
            "name" => (F::Model, false),
            "version_number" => (F::Number, true),
            "run_id" => (F::Run, false),
            "source_path" => (F::Source, false),
            _ => return None,
        })
    };
    registry(filter, &["name", "version_number", "run_id", "source_path"], field, |key| {
        // Prompts are prompts by their model's tag as well as their own.
        F::Tag(key)
    })
}

pub(crate) fn model_order(given: &[String]) -> Result<Vec<Order<models::ModelField>>, Failure> {
    use models::ModelField as F;
    orders(given, |key| match plain(key) {
        "name" => Ok(F::Name),
        "timestamp" | "last_updated_timestamp" => Ok(F::UpdatedAt),
        other => Err(Failure::invalid(format!(
            "Invalid order by key '{other}' specified. Valid keys are '{{'name', 'timestamp'}}'"
        ))),
    })
}

pub(crate) fn version_order(given: &[String]) -> Result<Vec<Order<models::VersionField>>, Failure> {
    use models::VersionField as F;
    orders(given, |identifier| {
        let (_, key) = attribute_or_tag(identifier)?;
        match key.as_str() {
            "name" => Ok(F::Model),
            "version_number" => Ok(F::Number),
            "creation_timestamp" => Ok(F::CreatedAt),
            "last_updated_timestamp" => Ok(F::UpdatedAt),
            other => Err(bad_attribute(
                other,
                &["name", "version_number", "creation_timestamp", "last_updated_timestamp"],
            )),
        }
    })
}
