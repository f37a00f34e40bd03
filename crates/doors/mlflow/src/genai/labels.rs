//! Label schemas (`mlflow/protos/label_schemas.proto`, `mlflow/genai/label_schemas/validation.py`).

use review::{LabelSchema, NewSchema, SchemaChange};
use serde_json::{Map, Value, json};
use types::Uid;

use super::{existing_experiment, message, uid};
use crate::call::{Answer, Cx, empty, reply};
use crate::convert::{next_token, offset};
use crate::errors::Failure;
use crate::limits::SEARCH_MAX;
use crate::request::Fields;

pub(super) const PREFIX: &str = "ls-";
const NAME: usize = 250;
const INSTRUCTION: usize = 1_000;
const LABEL: usize = 64;
const OPTIONS: usize = 10;
/// The question that every experiment has.
const DEFAULT_NAME: &str = "Feedback";
const DEFAULT_INSTRUCTION: &str = "Share any feedback on this trace.";

/// `LabelSchemaType`; what is unspecified is none.
const TYPES: [(&str, i64, Option<bool>); 3] = [
    ("LABEL_SCHEMA_TYPE_UNSPECIFIED", 0, None),
    ("FEEDBACK", 1, Some(false)),
    ("EXPECTATION", 2, Some(true)),
];

fn schema(s: LabelSchema) -> Value {
    message(json!({
        "schema_id": format!("{PREFIX}{}", s.uid),
        "experiment_id": s.experiment.to_string(),
        "name": s.name,
        "type": if s.is_expectation { "EXPECTATION" } else { "FEEDBACK" },
        "instruction": s.instruction,
        "enable_comment": s.enable_comment,
        "input": s.input,
        "created_at": s.created_at.millis(),
        "last_updated_at": s.updated_at.millis(),
        "is_default": s.is_default,
    }))
}

fn id(f: &Fields) -> Result<Uid, Failure> {
    let text = f.required_text("schema_id")?;
    uid(PREFIX, &text).ok_or_else(|| Failure::missing(format!("Label schema with id '{text}' not found.")))
}

fn failed(error: review::Error) -> Failure {
    use review::Error as E;
    match error {
        E::SchemaNotFound(id) => Failure::missing(format!("Label schema with id '{PREFIX}{id}' not found.")),
        E::InputChanged(why) => Failure::invalid(format!(
            "A label schema's input type and multi_select cannot be changed after creation: {why}."
        )),
        other => other.into(),
    }
}

fn check_name(name: &str) -> Result<(), Failure> {
    let length = name.chars().count();
    if length > NAME {
        return Err(Failure::invalid(format!(
            "Label schema `name` must be at most {NAME} characters; got {length}."
        )));
    }
    if name.trim().to_lowercase() == DEFAULT_NAME.to_lowercase() {
        return Err(Failure::invalid(format!(
            "`{name}` is reserved for the experiment's default question and cannot be used for another label schema."
        )));
    }
    Ok(())
}

fn check_instruction(text: Option<&String>) -> Result<(), Failure> {
    match text.map(|t| t.chars().count()) {
        Some(length) if length > INSTRUCTION => Err(Failure::invalid(format!(
            "Label schema `instruction` must be at most {INSTRUCTION} characters; got {length}."
        ))),
        _ => Ok(()),
    }
}

/// The one variant of `LabelSchemaInput`, checked.
fn input(f: &Fields) -> Result<Option<Value>, Failure> {
    let Some(input) = f.inner("input")? else { return Ok(None) };
    let given: Vec<&str> =
        ["pass_fail", "categorical", "numeric", "text"].into_iter().filter(|v| input.has(v)).collect();
    let [variant] = given.as_slice() else {
        return Err(Failure::invalid(
            "Label schema `input` must have exactly one of `pass_fail`, `categorical`, `numeric`, or `text` set; got an empty \
             oneof.",
        ));
    };
    let part = input.inner(variant)?.unwrap_or_default();
    let value = match *variant {
        "pass_fail" => pass_fail(&part)?,
        "categorical" => categorical(&part)?,
        "numeric" => numeric(&part)?,
        _ => text(&part)?,
    };
    Ok(Some(Value::Object(Map::from_iter([((*variant).to_owned(), value)]))))
}

fn pass_fail(part: &Fields) -> Result<Value, Failure> {
    let label = |name: &str| {
        let label = part.text_or_empty(name)?;
        match label.chars().count() {
            0 => Err(Failure::invalid(format!("`InputPassFail.{name}` must be a non-empty string; got ''."))),
            length if length > LABEL => Err(Failure::invalid(format!(
                "`InputPassFail.{name}` must be at most {LABEL} characters; got {length}."
            ))),
            _ => Ok(label),
        }
    };
    let (positive, negative) = (label("positive_label")?, label("negative_label")?);
    if positive == negative {
        return Err(Failure::invalid(format!(
            "`InputPassFail.positive_label` and `negative_label` must be distinct; got '{positive}' for both."
        )));
    }
    Ok(json!({ "positive_label": positive, "negative_label": negative }))
}

fn categorical(part: &Fields) -> Result<Value, Failure> {
    let options = part.body_texts("options")?;
    let refuse = |why: String| Err(Failure::invalid(format!("`InputCategorical.options` {why}")));
    if options.is_empty() {
        return refuse("must be a non-empty list; got [].".into());
    }
    if options.len() > OPTIONS {
        return refuse(format!("must have at most {OPTIONS} entries; got {}.", options.len()));
    }
    for (place, option) in options.iter().enumerate() {
        let length = option.chars().count();
        if length == 0 {
            return refuse("entries must be non-empty strings; got ''.".into());
        }
        if length > LABEL {
            return refuse(format!(
                "entries must be at most {LABEL} characters; got {length} for '{option}'."
            ));
        }
        if options[..place].contains(option) {
            return refuse(format!("must be deduplicated; '{option}' appears twice."));
        }
    }
    Ok(json!({ "options": options, "multi_select": part.boolean("multi_select")?.unwrap_or(false) }))
}

fn numeric(part: &Fields) -> Result<Value, Failure> {
    let (low, high) = (part.number("min_value")?, part.number("max_value")?);
    if let (Some(low), Some(high)) = (low, high)
        && low >= high
    {
        return Err(Failure::invalid(format!(
            "`InputNumeric.min_value` must be strictly less than `max_value`; got min={low}, max={high}."
        )));
    }
    Ok(message(json!({ "min_value": low, "max_value": high })))
}

fn text(part: &Fields) -> Result<Value, Failure> {
    let longest = part.integer("max_length")?;
    match longest {
        Some(length) if length < 1 => {
            Err(Failure::invalid(format!("`InputText.max_length` must be at least 1; got {length}.")))
        }
        _ => Ok(message(json!({ "max_length": longest }))),
    }
}

/// `max_results` of label schemas and review queues.
pub(super) fn page_size(f: &Fields, default: i64) -> Result<i64, Failure> {
    let limit = f.integer("max_results")?.unwrap_or(default);
    if (1..=SEARCH_MAX).contains(&limit) {
        return Ok(limit);
    }
    Err(Failure::invalid(format!("max_results must be between 1 and {SEARCH_MAX}.")))
}

pub(crate) async fn create(cx: Cx, f: Fields) -> Answer {
    let (experiment_id, name) = (f.required_text("experiment_id")?, f.required_text("name")?);
    let is_expectation = f.choice("type", &TYPES)?.flatten().ok_or_else(|| {
        Failure::invalid(
            "Label schema `type` must be one of FEEDBACK or EXPECTATION; got proto enum value 0.",
        )
    })?;
    let input = input(&f)?.ok_or_else(|| {
        Failure::invalid(
            "Label schema `input` must have exactly one of `pass_fail`, `categorical`, `numeric`, or `text` set; got an empty \
             oneof.",
        )
    })?;
    check_name(&name)?;
    let instruction = f.text("instruction")?;
    check_instruction(instruction.as_ref())?;
    let new = NewSchema {
        experiment: existing_experiment(&cx, &experiment_id).await?,
        name,
        is_expectation,
        instruction,
        enable_comment: f.boolean("enable_comment")?.unwrap_or(false),
        input,
        is_default: false,
    };
    let made = review::create_schema(&cx.state.ledger, &cx.actor, new).await?;
    reply(&json!({ "label_schema": schema(made) }))
}

pub(crate) async fn get(cx: Cx, f: Fields) -> Answer {
    let found = review::label_schema(&cx.state.ledger, &cx.actor, id(&f)?).await.map_err(failed)?;
    reply(&json!({ "label_schema": schema(found) }))
}

pub(crate) async fn get_by_name(cx: Cx, f: Fields) -> Answer {
    let (experiment_id, name) = (f.required_text("experiment_id")?, f.required_text("name")?);
    let experiment = existing_experiment(&cx, &experiment_id).await?;
    match review::label_schema_named(&cx.state.ledger, &cx.actor, experiment, name.clone()).await {
        Ok(found) => reply(&json!({ "label_schema": schema(found) })),
        Err(review::Error::SchemaNotFound(_)) => Err(Failure::missing(format!(
            "Label schema with name '{name}' not found for experiment '{experiment_id}'."
        ))),
        Err(other) => Err(other.into()),
    }
}

pub(crate) async fn list(cx: Cx, f: Fields) -> Answer {
    let experiment_id = f.required_text("experiment_id")?;
    let limit = page_size(&f, 100)?;
    let offset = offset(f.text("page_token")?.as_deref())?;
    let default = NewSchema {
        experiment: existing_experiment(&cx, &experiment_id).await?,
        name: DEFAULT_NAME.into(),
        is_expectation: false,
        instruction: Some(DEFAULT_INSTRUCTION.into()),
        enable_comment: false,
        input: json!({ "text": {} }),
        is_default: true,
    };
    let page = review::label_schemas(&cx.state.ledger, &cx.actor, default, limit, offset).await?;
    let schemas: Vec<Value> = page.items.into_iter().map(schema).collect();
    let mut answer = message(json!({ "label_schemas": schemas }));
    answer["next_page_token"] = next_token(page.more, offset, limit).unwrap_or_default().into();
    reply(&answer)
}

pub(crate) async fn update(cx: Cx, f: Fields) -> Answer {
    let uid = id(&f)?;
    let known = review::label_schema(&cx.state.ledger, &cx.actor, uid).await.map_err(failed)?;
    if known.is_default {
        return Err(Failure::invalid("The experiment's default question cannot be edited."));
    }
    let change = SchemaChange {
        name: f.text("name")?,
        instruction: f.text("instruction")?,
        enable_comment: f.boolean("enable_comment")?,
        input: input(&f)?,
    };
    if let Some(name) = &change.name {
        if name.is_empty() {
            return Err(Failure::invalid("Label schema `name` must be a non-empty string; got ''."));
        }
        check_name(name)?;
    }
    check_instruction(change.instruction.as_ref())?;
    let updated = review::update_schema(&cx.state.ledger, &cx.actor, uid, change).await.map_err(failed)?;
    reply(&json!({ "label_schema": schema(updated) }))
}

/// One that is not there is deleted already.
pub(crate) async fn delete(cx: Cx, f: Fields) -> Answer {
    f.required_text("schema_id")?;
    let Ok(uid) = id(&f) else { return empty() };
    match review::delete_schema(&cx.state.ledger, &cx.actor, uid).await {
        Ok(()) => empty(),
        Err(review::Error::DefaultSchema) => {
            Err(Failure::invalid("The experiment's default question cannot be deleted."))
        }
        Err(other) => Err(other.into()),
    }
}
