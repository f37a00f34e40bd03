//! Short forms of requests and responses for lists (`mlflow/tracing/utils/truncation.py`).

use serde_json::Value;

/// Characters that a preview holds at most.
const LENGTH: usize = 1_000;

/// Of a JSON text: the last message of that role, if it holds messages; the text itself if not.
pub(super) fn preview(text: &str, role: &str) -> String {
    let found = serde_json::from_str(text).ok().and_then(|value: Value| message_text(&value, role));
    let content = found.filter(|c| !c.is_empty()).unwrap_or_else(|| text.to_owned());
    match content.char_indices().nth(LENGTH) {
        None => content,
        Some(_) => {
            let mut short: String = content.chars().take(LENGTH - 3).collect();
            short.push_str("...");
            short
        }
    }
}

fn message_text(value: &Value, role: &str) -> Option<String> {
    let messages = messages(value)?;
    let message = messages.iter().rev().find(|m| m["role"] == role).or_else(|| messages.last())?;
    match &message["content"] {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => parts.iter().find_map(|part| match part {
            Value::String(text) => Some(text.clone()),
            part if part["type"] == "text" || part["type"] == "output_text" => {
                part["text"].as_str().map(str::to_owned)
            }
            _ => None,
        }),
        _ => None,
    }
}

/// Chat completions' `messages` and `choices`, responses' `input` and `output`, and a `request` around them.
fn messages(value: &Value) -> Option<Vec<&Value>> {
    let is_message = |item: &&Value| item.get("role").is_some() && item.get("content").is_some();
    let list = |name: &str| -> Option<Vec<&Value>> {
        let items = value.get(name)?.as_array().filter(|items| !items.is_empty())?;
        Some(items.iter().filter(is_message).collect())
    };
    if let Some(found) = list("messages") {
        return Some(found);
    }
    let choice = value.get("choices").and_then(|c| c.get(0)).and_then(|c| c.get("message"));
    if let Some(message) = choice.filter(is_message) {
        return Some(vec![message]);
    }
    list("input").or_else(|| list("output")).or_else(|| messages(value.get("request")?))
}

#[cfg(test)]
mod tests {
    use super::preview;

    #[test]
    fn chat_messages_are_shown_by_their_text() {
        let request = r#"{"messages": [{"role": "user", "content": "first"}, {"role": "user", "content": [{"type": "text", "text": "last"}]}, {"role": "tool", "content": "t"}]}"#;
        assert_eq!(preview(request, "user"), "last");
        assert_eq!(
            preview(r#"{"choices": [{"message": {"role": "assistant", "content": "yes"}}]}"#, "assistant"),
            "yes"
        );
        assert_eq!(preview(r#"{"x": 1}"#, "user"), r#"{"x": 1}"#);
        let long = preview(&"é".repeat(2_000), "user");
        assert_eq!((long.chars().count(), long.ends_with("é...")), (1_000, true));
    }
}
