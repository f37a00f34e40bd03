//! What webhooks can listen to: `<entity>.<action>` (`mlflow/entities/webhook.py`).

use serde_json::{Value, json};

use crate::errors::Failure;
use crate::request::Fields;

/// Entities and actions with their numbers in `webhooks.proto`.
const ENTITIES: [(&str, i64, &[&str]); 10] = [
    ("registered_model", 1, &["created"]),
    ("model_version", 2, &["created"]),
    ("model_version_tag", 3, &["deleted", "set"]),
    ("model_version_alias", 4, &["created", "deleted"]),
    ("prompt", 5, &["created"]),
    ("prompt_version", 6, &["created"]),
    ("prompt_tag", 7, &["deleted", "set"]),
    ("prompt_version_tag", 8, &["deleted", "set"]),
    ("prompt_alias", 9, &["created", "deleted"]),
    ("budget_policy", 10, &["exceeded"]),
];
const ACTIONS: [(&str, i64); 5] =
    [("created", 1), ("updated", 2), ("deleted", 3), ("set", 4), ("exceeded", 5)];

fn field(event: &Fields, name: &str, known: &[(&str, i64)]) -> Result<String, Failure> {
    let text = match event.text(name) {
        Ok(text) => text.ok_or_else(|| event.missing(name))?.to_ascii_lowercase(),
        // By number.
        Err(_) => event.integer(name)?.map(|n| n.to_string()).unwrap_or_default(),
    };
    let found = known.iter().find(|(word, number)| *word == text || number.to_string() == text);
    found.map(|(word, _)| (*word).to_owned()).ok_or_else(|| {
        Failure::invalid(format!("Invalid value \"{text}\" for parameter '{}' supplied", event.path_of(name)))
    })
}

/// Errors: `InvalidParameterValue` for an unknown entity or action, or two that do not go together.
pub(super) fn one(event: &Fields) -> Result<String, Failure> {
    let entities = ENTITIES.map(|(name, number, _)| (name, number));
    let (entity, action) = (field(event, "entity", &entities)?, field(event, "action", &ACTIONS)?);
    let allowed =
        ENTITIES.iter().find(|(name, ..)| *name == entity).map_or(&[][..], |(_, _, actions)| actions);
    if allowed.contains(&action.as_str()) {
        return Ok(format!("{entity}.{action}"));
    }
    let quoted: Vec<String> = allowed.iter().map(|a| format!("'{a}'")).collect();
    Err(Failure::invalid(format!(
        "Invalid action '{action}' for entity '{entity}'. Valid actions are: [{}]",
        quoted.join(", ")
    )))
}

/// Each once, in the order given.
pub(super) fn read(events: &[Fields]) -> Result<Vec<String>, Failure> {
    let mut found: Vec<String> = Vec::new();
    for event in events {
        let topic = one(event)?;
        if !found.contains(&topic) {
            found.push(topic);
        }
    }
    Ok(found)
}

pub(super) fn shown(topic: &str) -> Option<Value> {
    let (entity, action) = topic.split_once('.')?;
    Some(json!({ "entity": entity.to_ascii_uppercase(), "action": action.to_ascii_uppercase() }))
}

/// `mlflow/webhooks/types.py`: the payload of a trial.
pub(super) fn example(topic: &str) -> Option<Value> {
    let name = if topic.starts_with("prompt") { "example_prompt" } else { "example_model" };
    let tags = json!({ "example_key": "example_value" });
    Some(match topic {
        "registered_model.created" => {
            json!({ "name": name, "tags": tags, "description": "An example registered model" })
        }
        "model_version.created" => json!({
            "name": name, "version": "1", "source": "models:/123", "run_id": "abcd1234abcd5678", "tags": tags,
            "description": "An example model version",
        }),
        "prompt.created" => json!({ "name": name, "tags": tags, "description": "An example prompt" }),
        "prompt_version.created" => json!({
            "name": name, "version": "1", "template": "Hello {{name}}!", "tags": tags,
            "description": "An example prompt version",
        }),
        "model_version_tag.set" | "prompt_version_tag.set" => {
            json!({ "name": name, "version": "1", "key": "example_key", "value": "example_value" })
        }
        "model_version_tag.deleted" | "prompt_version_tag.deleted" => {
            json!({ "name": name, "version": "1", "key": "example_key" })
        }
        "prompt_tag.set" => json!({ "name": name, "key": "example_key", "value": "example_value" }),
        "prompt_tag.deleted" => json!({ "name": name, "key": "example_key" }),
        "model_version_alias.created" | "prompt_alias.created" => {
            json!({ "name": name, "alias": "example_alias", "version": "1" })
        }
        "model_version_alias.deleted" | "prompt_alias.deleted" => {
            json!({ "name": name, "alias": "example_alias" })
        }
        "budget_policy.exceeded" => json!({
            "budget_policy_id": "bp-abc123", "budget_unit": "USD", "budget_amount": 100.0, "current_spend": 105.5,
            "duration_unit": "MONTHS", "duration_value": 1, "target_scope": "ENDPOINT", "workspace": "default",
            "target_value": "ep-abc123", "window_start": 1704067200000_i64,
        }),
        _ => return None,
    })
}
