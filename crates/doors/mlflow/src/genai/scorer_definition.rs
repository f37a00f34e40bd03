//! What a serialized scorer says (`mlflow/genai/scorers/scorer_utils.py`, `mlflow/utils/validation.py`): which model
//! it asks, and what a server must refuse.

use serde_json::Value;

use crate::errors::Failure;
use crate::gateway::DESTINATIONS;

const CUSTOM: &str = "Custom scorer registration (using @scorer decorator) is disabled by default outside of Databricks \
tracking environments due to security concerns. Custom scorers require arbitrary code execution during \
deserialization.\n\nTo use custom scorers:\n1. Configure MLflow to use a Databricks tracking URI, or\n2. Manage your \
custom scorer code in a source code repository (e.g., GitHub) and import it directly, or\n3. On a self-managed MLflow \
server (or local environment) that you trust to run the scorer's code, set the MLFLOW_SERVER_ENABLE_CUSTOM_SCORERS \
environment variable to true, or\n4. Use built-in scorers or make_judge() scorers instead.";

/// Errors: `INVALID_PARAMETER_VALUE` unless it is a scorer that a server may keep.
pub(crate) fn checked(text: &str) -> Result<Value, Failure> {
    let value: Value =
        serde_json::from_str(text).map_err(|_| Failure::invalid("serialized_scorer must be valid JSON"))?;
    if has_code(&value) {
        return Err(Failure::invalid(CUSTOM));
    }
    check_third_party(&value)?;
    Ok(value)
}

/// Whether it carries Python that would run where it is read.
fn has_code(value: &Value) -> bool {
    match value {
        Value::Object(fields) => {
            fields.get("call_source").is_some_and(|v| !v.is_null()) || fields.values().any(has_code)
        }
        Value::Array(items) => items.iter().any(has_code),
        _ => false,
    }
}

fn check_third_party(value: &Value) -> Result<(), Failure> {
    match value {
        Value::Object(fields) => {
            if let Some(data) = fields.get("third_party_scorer_data").filter(|d| d.is_object()) {
                let kwargs = &data["kwargs"];
                if !kwargs.is_null() && !kwargs.is_object() {
                    return Err(Failure::invalid("third_party_scorer_data.kwargs must be a JSON object."));
                }
                let mut found = Vec::new();
                destinations(kwargs, &mut found);
                found.sort_unstable();
                found.dedup();
                if !found.is_empty() {
                    let found: Vec<_> = found.iter().map(|f| format!("'{f}'")).collect();
                    return Err(Failure::invalid(format!(
                        "third_party_scorer_data.kwargs must not contain {}: these options choose where the scorer's LLM \
                         client sends requests. Configure the judge endpoint on the server instead, for example through a \
                         gateway endpoint ('gateway:/<name>') or the provider's environment variables.",
                        found.join(", ")
                    )));
                }
            }
            fields.values().try_for_each(check_third_party)
        }
        Value::Array(items) => items.iter().try_for_each(check_third_party),
        _ => Ok(()),
    }
}

fn chooses(name: &str) -> bool {
    name == "api_base" || DESTINATIONS.contains(&name)
}

fn destinations<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                if chooses(name) {
                    found.push(name);
                }
                destinations(inner, found);
            }
        }
        Value::Array(items) => {
            if let [Value::String(name), _] = items.as_slice()
                && chooses(name)
            {
                found.push(name);
            }
            items.iter().for_each(|item| destinations(item, found));
        }
        _ => {}
    }
}

/// The place of the model in a scorer of a known kind.
fn model_place(scorer: &mut Value) -> Option<&mut Value> {
    for part in ["instructions_judge_pydantic_data", "builtin_scorer_pydantic_data"] {
        if scorer[part].as_object().is_some_and(|data| !data.is_empty()) {
            return Some(&mut scorer[part]["model"]);
        }
    }
    if scorer["memory_augmented_judge_data"].is_object() {
        return model_place(&mut scorer["memory_augmented_judge_data"]["base_judge"]);
    }
    if scorer["third_party_scorer_data"].is_object() {
        return Some(&mut scorer["third_party_scorer_data"]["model"]);
    }
    None
}

/// The gateway endpoint (by name or id) that the scorer asks, if it asks one.
pub(crate) fn gateway_endpoint(scorer: &Value) -> Option<String> {
    let mut copy = scorer.clone();
    let model = model_place(&mut copy)?.as_str()?.to_owned();
    let (provider, path) = model.split_once(":/")?;
    let path = path.trim_start_matches('/');
    (provider == "gateway" && !path.is_empty()).then(|| path.to_owned())
}

/// Makes the scorer ask another endpoint, or none.
pub(crate) fn set_gateway_endpoint(scorer: &mut Value, endpoint: Option<&str>) {
    if let Some(place) = model_place(scorer) {
        *place = endpoint.map_or(Value::Null, |endpoint| format!("gateway:/{endpoint}").into());
    }
}

/// Errors: `INVALID_PARAMETER_VALUE` if the model is no text, or an empty one.
pub(crate) fn check_model(scorer: &Value) -> Result<(), Failure> {
    let mut copy = scorer.clone();
    match model_place(&mut copy) {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(model)) if !model.trim().is_empty() => Ok(()),
        Some(Value::String(_)) => {
            Err(Failure::invalid("Scorer model cannot be empty or contain only whitespace."))
        }
        Some(_) => Err(Failure::invalid("Scorer model must be a string.")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn code_is_found_however_deep_it_lies() {
        let nested = json!({ "ensemble_scorer_data": { "scorers": [{ "call_source": "import os" }] } });
        assert!(checked(&nested.to_string()).is_err());
        assert!(checked(&json!({ "call_source": null }).to_string()).is_ok());
    }

    #[test]
    fn a_third_party_scorer_may_not_choose_where_it_sends_requests() {
        let kwargs = json!({ "completion_kwargs": [["api_base", "http://169.254.169.254"]] });
        let scorer = json!({ "third_party_scorer_data": { "kwargs": kwargs } });
        assert!(checked(&scorer.to_string()).unwrap_err().message.contains("'api_base'"));
    }

    #[test]
    fn the_endpoint_is_found_and_replaced() {
        let mut scorer = json!({ "instructions_judge_pydantic_data": { "model": "gateway:/chat" } });
        assert_eq!(gateway_endpoint(&scorer).as_deref(), Some("chat"));
        set_gateway_endpoint(&mut scorer, None);
        assert_eq!(
            (gateway_endpoint(&scorer), &scorer["instructions_judge_pydantic_data"]["model"]),
            (None, &Value::Null)
        );
    }
}
