//! What the registry's events say to receivers. An event names what happened; values that it does not hold are looked
//! up when it is told, so a receiver hears the newest ones.

use ::webhooks::{Compose, Error, Notice};
use async_trait::async_trait;
use ledger::{Event, Ledger};
use models::{ModelVersion, RegisteredModel};
use serde_json::{Map, Value, json};
use types::{Actor, Timestamp};

use crate::filters::IS_PROMPT;

const PROMPT_TEXT: &str = "mlflow.prompt.text";
const PROMPT_TYPE: &str = "_mlflow_prompt_type";
const INTERNAL: [&str; 3] = [IS_PROMPT, PROMPT_TYPE, PROMPT_TEXT];

/// Composes messages from the ledger.
pub struct Composer {
    ledger: Ledger,
}

impl Composer {
    pub fn new(ledger: &Ledger) -> Self {
        Self { ledger: ledger.clone() }
    }
}

/// A whole message (`mlflow/webhooks/delivery.py: _send_webhook_request`).
pub(super) fn body(topic: &str, at: Timestamp, data: Value) -> Value {
    let (entity, action) = topic.split_once('.').unwrap_or((topic, ""));
    json!({ "entity": entity, "action": action, "timestamp": at.rfc3339(), "data": data })
}

fn tags(tags: &std::collections::BTreeMap<String, String>, prompt: bool) -> Value {
    let shown = tags.iter().filter(|(key, _)| !prompt || !INTERNAL.contains(&key.as_str()));
    Value::Object(shown.map(|(k, v)| (k.clone(), Value::from(v.as_str()))).collect::<Map<_, _>>())
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Compose(error.to_string())
}

impl Composer {
    /// `None` if it is gone since.
    async fn model(&self, actor: &Actor, name: &str) -> Result<Option<RegisteredModel>, Error> {
        match models::model(&self.ledger, actor, name.to_owned()).await {
            Ok(model) => Ok(Some(model)),
            Err(models::Error::ModelNotFound(_)) => Ok(None),
            Err(other) => Err(failed(other)),
        }
    }

    async fn version(&self, actor: &Actor, name: &str, number: i64) -> Result<Option<ModelVersion>, Error> {
        match models::version(&self.ledger, actor, name.to_owned(), number).await {
            Ok(version) => Ok(Some(version)),
            Err(models::Error::ModelNotFound(_) | models::Error::VersionNotFound { .. }) => Ok(None),
            Err(other) => Err(failed(other)),
        }
    }
}

#[async_trait]
impl Compose for Composer {
    async fn notices(&self, event: &Event) -> Result<Vec<Notice>, Error> {
        let known = [
            "model.created",
            "model.tagged",
            "model.untagged",
            "model.version_created",
            "model.version_tagged",
            "model.version_untagged",
            "model.alias_moved",
        ];
        if !known.contains(&event.kind.as_str()) {
            return Ok(Vec::new());
        }
        let actor = Actor { workspace: event.workspace, ..Actor::system("webhooks") };
        let text = |name: &str| event.payload[name].as_str().unwrap_or_default().to_owned();
        let name = text("model");
        // What is gone since is not told of.
        let Some(model) = self.model(&actor, &name).await? else { return Ok(Vec::new()) };
        let prompt = model.tags.get(IS_PROMPT).is_some_and(|v| v.eq_ignore_ascii_case("true"));
        let number = event.payload["number"].as_i64().unwrap_or(0);
        let keys: Vec<&str> =
            event.payload["tags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let entity =
            |of_model: &'static str, of_prompt: &'static str| if prompt { of_prompt } else { of_model };
        let mut said: Vec<(String, Value)> = Vec::new();
        match event.kind.as_str() {
            "model.created" => {
                let topic = format!("{}.created", entity("registered_model", "prompt"));
                let data = json!({
                    "name": name, "tags": tags(&model.tags, prompt),
                    "description": model.description.clone().unwrap_or_default(),
                });
                said.push((topic, data));
            }
            "model.tagged" if prompt => {
                for key in keys {
                    let data = json!({ "name": name, "key": key, "value": model.tags.get(key) });
                    said.push(("prompt_tag.set".to_owned(), data));
                }
            }
            "model.untagged" if prompt => {
                for key in keys {
                    said.push(("prompt_tag.deleted".to_owned(), json!({ "name": name, "key": key })));
                }
            }
            "model.version_created" => {
                let Some(version) = self.version(&actor, &name, number).await? else { return Ok(Vec::new()) };
                let topic = format!("{}.created", entity("model_version", "prompt_version"));
                let mut data = json!({
                    "name": name, "version": number.to_string(), "tags": tags(&version.tags, prompt),
                    "description": version.description,
                });
                if prompt {
                    data["template"] = json!(version.tags.get(PROMPT_TEXT));
                } else {
                    data["source"] = json!(version.source);
                    data["run_id"] = json!(version.run_text);
                }
                said.push((topic, data));
            }
            "model.version_tagged" => {
                let version = self.version(&actor, &name, number).await?;
                let topic = format!("{}.set", entity("model_version_tag", "prompt_version_tag"));
                for key in keys {
                    let value = version.as_ref().and_then(|v| v.tags.get(key));
                    let data =
                        json!({ "name": name, "version": number.to_string(), "key": key, "value": value });
                    said.push((topic.clone(), data));
                }
            }
            "model.version_untagged" => {
                let topic = format!("{}.deleted", entity("model_version_tag", "prompt_version_tag"));
                for key in keys {
                    let data = json!({ "name": name, "version": number.to_string(), "key": key });
                    said.push((topic.clone(), data));
                }
            }
            "model.alias_moved" => {
                let entity = entity("model_version_alias", "prompt_alias");
                let alias = text("alias");
                match event.payload["to"].as_i64() {
                    Some(to) => {
                        let data = json!({ "name": name, "alias": alias, "version": to.to_string() });
                        said.push((format!("{entity}.created"), data));
                    }
                    None => {
                        said.push((format!("{entity}.deleted"), json!({ "name": name, "alias": alias })));
                    }
                }
            }
            _ => {}
        }
        Ok(said
            .into_iter()
            .map(|(topic, data)| Notice { body: body(&topic, event.at, data), topic })
            .collect())
    }
}
