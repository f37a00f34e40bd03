//! Conventions whose rules are more than names. `None` means that the table's rule holds.

use serde_json::{Map, Value, json};

use super::attributes::{Attributes, decoded, key, says_something};
use super::conventions::{Convention, Special};
use super::text;
use wire_otlp::Event;

/// What Claude Code puts in place of content that its user keeps private.
const REDACTED: &str = "<REDACTED>";

fn is_gemini(attributes: &Attributes) -> bool {
    attributes.text("gen_ai.agent.name").as_deref() == Some("gemini-cli")
}

/// `interaction`, `llm_request` or `tool`, with or without the prefix.
fn claude_kind(attributes: &Attributes) -> Option<&'static str> {
    let kind = attributes.text("span.type")?;
    let kind = kind.strip_prefix("claude_code.").unwrap_or(&kind);
    ["interaction", "llm_request", "tool"].into_iter().find(|known| *known == kind)
}

fn content(attributes: &Attributes, name: &str) -> Option<String> {
    attributes.said(name).filter(|value| decoded(value) != REDACTED).map(str::to_owned)
}

pub(super) fn span_type(c: &Convention, a: &Attributes) -> Option<Option<&'static str>> {
    match c.special {
        Special::GeminiCli if !is_gemini(a) => Some(None),
        Special::ClaudeCode => Some(claude_kind(a).map(|kind| match kind {
            "interaction" => "AGENT",
            "llm_request" => "LLM",
            _ => "TOOL",
        })),
        // Children carry their agent's entity type, so their own type is asked first.
        Special::VoltAgent => {
            Some(["span.type", "entity.type"].iter().find_map(|name| c.kind_of(&a.text(name)?)))
        }
        Special::LiveKit => Some(livekit_type(c, a)),
        _ => None,
    }
}

fn livekit_type(c: &Convention, a: &Attributes) -> Option<&'static str> {
    if a.has("gen_ai.request.model") {
        return Some("LLM");
    }
    if let Some(kind) = a.said("gen_ai.operation.name")
        && let Some(found) = c.kind_of(&text::unquoted(kind).to_lowercase())
    {
        return Some(found);
    }
    a.0.iter().find_map(|(name, _)| match name.as_str() {
        "lk.retry_count" => Some("LLM"),
        name if name.starts_with("lk.function_tool") => Some("TOOL"),
        "lk.agent_name" | "lk.instructions" | "lk.generation_id" => Some("AGENT"),
        "lk.input_text" | "lk.user_transcript" | "lk.transcript_confidence" | "lk.transcription_delay" => {
            Some("UNKNOWN")
        }
        name if name.starts_with("lk.tts") => Some("UNKNOWN"),
        _ => None,
    })
}

pub(super) fn message_format(c: &Convention, a: &Attributes) -> Option<&'static str> {
    match c.special {
        Special::GeminiCli => is_gemini(a).then_some("gemini"),
        Special::VoltAgent => {
            (a.has("voltagent.operation_id") || a.has("voltagent.conversation_id")).then_some("voltagent")
        }
        Special::LiveKit => a.0.iter().any(|(name, _)| name.starts_with("lk.")).then_some("livekit"),
        Special::Laminar => a.has("lmnr.span.type").then_some("openai"),
        _ => None,
    }
}

pub(super) fn tokens(c: &Convention, a: &Attributes) -> Option<[Option<i64>; 5]> {
    let either =
        |first: &str, second: &str| a.integer(first).filter(|n| *n != 0).or_else(|| a.integer(second));
    match c.special {
        Special::VoltAgent => Some([
            either("usage.prompt_tokens", "llm.usage.prompt_tokens"),
            either("usage.completion_tokens", "llm.usage.completion_tokens"),
            either("usage.total_tokens", "llm.usage.total_tokens"),
            None,
            None,
        ]),
        Special::ClaudeCode if claude_kind(a) == Some("llm_request") => {
            let (read, write) = (a.integer("cache_read_tokens"), a.integer("cache_creation_tokens"));
            // Its input leaves the cache out; upstream's counts it in.
            let input = a.integer("input_tokens").map(|n| n + read.unwrap_or(0) + write.unwrap_or(0));
            Some([input, a.integer("output_tokens"), None, read, write])
        }
        Special::ClaudeCode => Some([None; 5]),
        _ => None,
    }
}

pub(super) fn inputs(c: &Convention, a: &mut Attributes) -> Option<Option<String>> {
    match c.special {
        Special::GeminiCli if !is_gemini(a) => Some(None),
        Special::GeminiCli => {
            let operation = a.text("gen_ai.operation.name");
            Some(a.first(c.inputs).map(|value| gemini_input(value, operation.as_deref())))
        }
        Special::ClaudeCode => Some(match claude_kind(a) {
            Some("interaction") => content(a, "user_prompt").or_else(|| content(a, "new_context")),
            Some("llm_request") => content(a, "new_context"),
            Some(_) => content(a, "tool_input").or_else(|| tool_details(a)),
            None => None,
        }),
        Special::Traceloop => Some(a.first(c.inputs).or_else(|| {
            numbered(a, "gen_ai.prompt.", ".content").or_else(|| {
                let calls = |name: &str| {
                    let rest = after_number(name.strip_prefix("gen_ai.completion.")?)?;
                    after_number(rest.strip_prefix(".tool_calls.")?)?.starts_with(".arguments").then_some(())
                };
                a.0.iter()
                    .find(|(name, value)| calls(name).is_some() && says_something(value))
                    .map(|(_, value)| value.clone())
            })
        })),
        Special::Vercel if is_chat(a) => {
            a.set(key::MESSAGE_FORMAT, text::string("vercel_ai"));
            let mut found = below(a, "ai.prompt.");
            if let Some(Value::Array(tools)) = found.get_mut("tools") {
                for tool in tools.iter_mut() {
                    *tool = unfold(tool.take());
                }
            }
            Some((!found.is_empty()).then(|| crate::convert::python_json(&Value::Object(found))))
        }
        _ => None,
    }
}

pub(super) fn outputs(c: &Convention, a: &Attributes) -> Option<Option<String>> {
    match c.special {
        Special::GeminiCli if !is_gemini(a) => Some(None),
        Special::GeminiCli => Some(a.first(c.outputs).map(gemini_output)),
        Special::ClaudeCode => Some(match claude_kind(a) {
            Some("llm_request") => content(a, "response.model_output"),
            Some("tool") => content(a, "new_context"),
            _ => None,
        }),
        Special::Traceloop => {
            Some(a.first(c.outputs).or_else(|| numbered(a, "gen_ai.completion.", ".content")))
        }
        Special::Vercel if is_chat(a) => {
            let found = below(a, "ai.response.");
            Some((!found.is_empty()).then(|| crate::convert::python_json(&Value::Object(found))))
        }
        _ => None,
    }
}

/// Inputs and outputs that stand in events.
pub(super) fn from_events(events: &[Event], a: &Attributes, outputs: bool) -> Option<String> {
    let spring = if outputs {
        ("gen_ai.content.completion", "gen_ai.completion")
    } else {
        ("gen_ai.content.prompt", "gen_ai.prompt")
    };
    let value = |event: &Event, name: &str| {
        let found = event.attributes.iter().find(|pair| pair.key == name)?;
        Some(text::attribute(found.value.as_ref())).filter(|text| says_something(text))
    };
    if let Some(found) = events.iter().filter(|e| e.name == spring.0).find_map(|e| value(e, spring.1)) {
        return Some(text::unquoted(&found)).map(|inner| match serde_json::from_str::<Value>(&inner) {
            Ok(_) => inner,
            Err(_) => text::string(&inner),
        });
    }
    if let Some(found) = messages(events, outputs, &value) {
        return Some(found);
    }
    if !outputs || claude_kind(a) != Some("tool") {
        return None;
    }
    let shown = |event: &Event| {
        ["output", "content", "diff"]
            .iter()
            .find_map(|name| value(event, name))
            .filter(|v| decoded(v) != REDACTED)
    };
    events.iter().filter(|e| e.name == "tool.output").find_map(shown)
}

fn messages(
    events: &[Event],
    outputs: bool,
    value: &dyn Fn(&Event, &str) -> Option<String>,
) -> Option<String> {
    let mut found = Vec::new();
    for event in events {
        let role = match (event.name.as_str(), outputs) {
            ("gen_ai.system.message", false) => json!("system"),
            ("gen_ai.user.message", false) => json!("user"),
            ("gen_ai.assistant.message", false) => json!("assistant"),
            ("gen_ai.choice", true) => {
                value(event, "role").map_or_else(|| json!("assistant"), |role| decoded(&role))
            }
            _ => continue,
        };
        if let Some(content) = value(event, "content") {
            found.push(json!({ "role": role, "content": decoded(&content) }));
        }
    }
    (!found.is_empty()).then(|| crate::convert::python_json(&Value::Array(found)))
}

fn after_number(text: &str) -> Option<&str> {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    (rest.len() < text.len()).then_some(rest)
}

/// The first of `<prefix><number><suffix>…` that says something.
fn numbered(a: &Attributes, prefix: &str, suffix: &str) -> Option<String> {
    let fits = |name: &str| {
        name.strip_prefix(prefix).and_then(after_number).is_some_and(|rest| rest.starts_with(suffix))
    };
    a.0.iter().find(|(name, value)| fits(name) && says_something(value)).map(|(_, value)| value.clone())
}

fn is_chat(a: &Attributes) -> bool {
    let operation = a.text("ai.operationId");
    matches!(operation.as_deref(), Some("ai.generateText.doGenerate" | "ai.streamText.doStream"))
}

/// Attributes below a prefix as one object.
fn below(a: &Attributes, prefix: &str) -> Map<String, Value> {
    a.0.iter()
        .filter_map(|(name, value)| {
            Some((name.strip_prefix(prefix)?.to_owned(), unfold(Value::String(value.clone()))))
        })
        .collect()
}

/// JSON inside of texts, three levels deep.
fn unfold(mut value: Value) -> Value {
    for _ in 0..3 {
        match &value {
            Value::String(text) => match serde_json::from_str(text) {
                Ok(inner) => value = inner,
                Err(_) => break,
            },
            _ => break,
        }
    }
    value
}

fn tool_details(a: &Attributes) -> Option<String> {
    let found: Map<String, Value> = ["full_command", "file_path", "skill_name", "subagent_type"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), decoded(&content(a, name)?))))
        .collect();
    (!found.is_empty()).then(|| crate::convert::python_json(&Value::Object(found)))
}

/// As Gemini's own library words it, which is what upstream's page reads.
fn gemini_input(value: String, operation: Option<&str>) -> String {
    let mut contents = decoded(&value);
    if contents.get("contents").is_some() {
        return value;
    }
    if let (Some("system_prompt"), Value::Array(items)) = (operation, &mut contents) {
        for item in items.iter_mut().filter(|item| item["role"] == "user") {
            item["role"] = json!("system");
        }
    }
    match contents {
        Value::Array(_) | Value::String(_) => crate::convert::python_json(&json!({ "contents": contents })),
        _ => value,
    }
}

fn gemini_output(value: String) -> String {
    let Value::Array(items) = decoded(&value) else { return value };
    let parts: Vec<Value> = items
        .into_iter()
        .filter_map(|mut item| match item.get_mut("parts")?.take() {
            Value::Array(parts) => Some(parts),
            _ => None,
        })
        .flatten()
        .collect();
    if parts.is_empty() {
        return value;
    }
    let candidates = json!({ "candidates": [{ "content": { "role": "model", "parts": parts } }] });
    crate::convert::python_json(&candidates)
}
