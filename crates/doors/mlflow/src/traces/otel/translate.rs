//! Other conventions' attributes under upstream's names, added where those are absent
//! (`mlflow/tracing/otel/translation/__init__.py: translate_span_when_storing`). Prices are not looked up: a cost is
//! what the client computed.

use super::attributes::{Attributes, key};
use super::conventions::CONVENTIONS;
use super::{special, text};
use wire_otlp::Event;

pub(super) fn translate(a: &mut Attributes, events: &[Event]) {
    if let Some(found) = CONVENTIONS.iter().find_map(|c| c.span_type(a)) {
        let known = a.text(key::SPAN_TYPE);
        if known.is_none_or(|known| known == "UNKNOWN") {
            a.set(key::SPAN_TYPE, text::string(found));
        }
    }
    if !a.has(key::INPUTS) {
        let found = CONVENTIONS.iter().find_map(|c| c.inputs(a));
        if let Some(found) = found.or_else(|| special::from_events(events, a, false)) {
            a.set(key::INPUTS, found);
        }
    }
    if !a.has(key::OUTPUTS) {
        let found = CONVENTIONS.iter().find_map(|c| c.outputs(a));
        if let Some(found) = found.or_else(|| special::from_events(events, a, true)) {
            a.set(key::OUTPUTS, found);
        }
    }
    if !a.has(key::CHAT_USAGE)
        && let Some(found) = CONVENTIONS.iter().find_map(|c| usage(c.tokens(a)))
    {
        a.set(key::CHAT_USAGE, found);
    }
    if !a.has(key::MESSAGE_FORMAT)
        && let Some(found) = CONVENTIONS.iter().find_map(|c| c.message_format(a))
    {
        a.set(key::MESSAGE_FORMAT, text::string(found));
    }
    if !a.has(key::CHAT_TOOLS)
        && let Some(found) = CONVENTIONS.iter().find_map(|c| c.tools(a))
    {
        a.set(key::CHAT_TOOLS, found);
    }
    if !a.has(key::MODEL)
        && let Some(found) = CONVENTIONS.iter().find_map(|c| c.model(a)).or_else(|| model_inside(a))
    {
        a.set(key::MODEL, text::string(&found));
    }
    if !a.has(key::MODEL_PROVIDER)
        && let Some(found) = CONVENTIONS.iter().find_map(|c| c.provider(a))
    {
        a.set(key::MODEL_PROVIDER, text::string(&found));
    }
}

fn usage([input, output, total, read, write]: [Option<i64>; 5]) -> Option<String> {
    let total = total.or_else(|| Some(input? + output?));
    if input.is_none() && output.is_none() && total.is_none() {
        return None;
    }
    let named = [
        ("input_tokens", input),
        ("output_tokens", output),
        ("total_tokens", total),
        ("cache_read_input_tokens", read),
        ("cache_creation_input_tokens", write),
    ];
    let parts: Vec<_> =
        named.iter().filter_map(|(name, count)| Some(format!("\"{name}\": {}", (*count)?))).collect();
    Some(format!("{{{}}}", parts.join(", ")))
}

/// The field `model` of the inputs or outputs. Long texts without one are not parsed.
fn model_inside(a: &Attributes) -> Option<String> {
    [key::INPUTS, key::OUTPUTS].into_iter().find_map(|name| {
        let text = a.get(name).filter(|text| text.contains("\"model\""))?;
        #[derive(serde::Deserialize)]
        struct Named {
            model: String,
        }
        Some(serde_json::from_str::<Named>(text).ok()?.model).filter(|model| !model.is_empty())
    })
}
