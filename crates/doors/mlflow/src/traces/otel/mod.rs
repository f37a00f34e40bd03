//! OTLP spans as upstream understands them.

mod anyvalue;
mod attributes;
mod conventions;
mod document;
mod preview;
mod special;
mod text;
mod translate;

use std::collections::HashMap;

use serde_json::Value;
use traces::{Arrival, Cost, SpanStatus, TraceState, Usage};

use attributes::{Attributes, decoded, key};
pub(crate) use document::to_proto_json;
pub(crate) use wire_otlp::ExportTraceServiceRequest;
use wire_otlp::{KeyValue, Resource, Span};

use crate::limits;

/// Services whose names are kept; others could write anything.
const KNOWN_SERVICES: [&str; 5] = ["claude-code", "codex_cli_rs", "codex_vscode", "gemini-cli", "qwen-code"];

/// A request's spans by trace, in order of appearance; `None` if one of them has no proper ids.
pub(crate) fn arrivals(request: &ExportTraceServiceRequest, run: Option<&str>) -> Option<Vec<Arrival>> {
    let mut found: Vec<Arrival> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut resources: Vec<Option<&Resource>> = Vec::new();
    for group in &request.resource_spans {
        let resource = group.resource.as_ref().filter(|r| !r.attributes.is_empty());
        let service = resource.and_then(known_service);
        for span in group.scope_spans.iter().flat_map(|scope| &scope.spans) {
            let trace = format!("tr-{}", number(&span.trace_id, 16)?);
            let place = *places.entry(trace.clone()).or_insert_with(|| {
                found.push(Arrival { trace: trace.clone(), ..Arrival::default() });
                resources.push(None);
                found.len() - 1
            });
            if resources[place].is_none() {
                resources[place] = resource;
            }
            add(&mut found[place], span, service.as_deref())?;
        }
    }
    for (arrival, resource) in found.iter_mut().zip(resources) {
        // Tags that the user gave come after those of the resource, and win.
        let own = std::mem::take(&mut arrival.tags);
        arrival.tags = resource.map(resource_tags).unwrap_or_default();
        arrival.tags.extend(own);
        if arrival.state.is_some() {
            arrival.run = run.map(str::to_owned);
        }
    }
    Some(found)
}

/// An id's digits in hexadecimal, `width` bytes of them; `None` for an empty or a longer one.
fn number(id: &[u8], width: usize) -> Option<String> {
    if id.is_empty() {
        return None;
    }
    let start = id.iter().position(|b| *b != 0).unwrap_or(id.len() - 1);
    let digits = &id[start..];
    (digits.len() <= width).then(|| {
        let mut out = "00".repeat(width - digits.len());
        digits.iter().for_each(|b| out.push_str(&format!("{b:02x}")));
        out
    })
}

fn known_service(resource: &Resource) -> Option<String> {
    let pair = resource.attributes.iter().find(|pair| pair.key == key::SERVICE_NAME)?;
    let name = text::unquoted(&text::attribute(pair.value.as_ref()));
    KNOWN_SERVICES.contains(&name.as_str()).then_some(name)
}

/// What the resource says becomes tags, but for what is internal.
fn resource_tags(resource: &Resource) -> Vec<(String, String)> {
    let open = |pair: &&KeyValue| !pair.key.starts_with("telemetry.sdk.") && !pair.key.starts_with("mlflow.");
    let tag = |pair: &KeyValue| {
        let mut value = String::new();
        text::push_value(&mut value, pair.value.as_ref());
        limits::trace_tag(pair.key.clone(), text::unquoted(&value)).ok()
    };
    resource.attributes.iter().filter(open).filter_map(tag).collect()
}

/// Adds a span to its trace, with what it says of the trace.
fn add(arrival: &mut Arrival, span: &Span, service: Option<&str>) -> Option<()> {
    let ids = document::Ids {
        trace: number(&span.trace_id, 16)?,
        span: number(&span.span_id, 8)?,
        parent: match span.parent_span_id.is_empty() {
            true => None,
            false => Some(number(&span.parent_span_id, 8)?),
        },
    };
    let mut attributes = Attributes::default();
    for pair in &span.attributes {
        attributes.set(&pair.key, text::attribute(pair.value.as_ref()));
    }
    attributes.set(key::REQUEST_ID, text::string(&arrival.trace));
    if let (None, Some(service)) = (&ids.parent, service) {
        attributes.set(key::SERVICE_NAME, text::string(service));
    }
    translate::translate(&mut attributes, &span.events);
    let status = match span.status.as_ref().map_or(0, |s| s.code) {
        1 => SpanStatus::Ok,
        2 => SpanStatus::Error,
        _ => SpanStatus::Unset,
    };
    if arrival.session.is_none() {
        let session = attributes.said(key::SESSION_ID).or_else(|| attributes.said(key::CONVERSATION_ID));
        arrival.session = session.map(text::unquoted).filter(|s| s.chars().count() <= limits::TRACE_METADATA);
    }
    if !arrival.metadata.iter().any(|(name, _)| name == super::USER)
        && let Some(user) = attributes.said(key::USER_ID)
    {
        arrival.metadata.push((super::USER.to_owned(), text::unquoted(user)));
    }
    if ids.parent.is_none() {
        root(arrival, &attributes, status);
    }
    let dimension =
        |name: &str| attributes.text(name).map(|text| text::clean(text.chars().take(500).collect()));
    arrival.spans.push(traces::Span {
        document: document::document(&ids, span, status, &attributes),
        uid: ids.span,
        parent: ids.parent,
        name: text::clean(span.name.clone()),
        kind: attributes.text(key::SPAN_TYPE).map(text::clean),
        status,
        started_ns: i64::try_from(span.start_time_unix_nano).unwrap_or(i64::MAX),
        ended_ns: i64::try_from(span.end_time_unix_nano).ok().filter(|end| *end != 0),
        model: dimension(key::MODEL),
        provider: dimension(key::MODEL_PROVIDER),
        usage: attributes.json(key::CHAT_USAGE).and_then(|v| usage(&v)),
        cost: attributes.json(key::LLM_COST).and_then(|v| cost(&v)),
    });
    Some(())
}

fn root(arrival: &mut Arrival, attributes: &Attributes, status: SpanStatus) {
    let failed = status == SpanStatus::Error;
    arrival.state = Some(if failed { TraceState::Error } else { TraceState::Ok });
    arrival.request_preview =
        attributes.get(key::INPUTS).map(|given| text::clean(preview::preview(given, "user")));
    arrival.response_preview =
        attributes.get(key::OUTPUTS).map(|given| text::clean(preview::preview(given, "assistant")));
    for (name, value) in &attributes.0 {
        let Some(name) = name.strip_prefix(key::TRACE_TAG_PREFIX) else { continue };
        if let Ok((name, value)) = limits::trace_tag(name.to_owned(), text::unquoted(value)) {
            if name == super::TRACE_NAME {
                arrival.name = Some(value);
            } else {
                arrival.tags.push((name, value));
            }
        }
    }
}

/// `token_count_or_none`: whole numbers, also as floats or texts.
fn count(value: Option<&Value>) -> Option<i64> {
    let whole = |f: f64| (f.fract() == 0.0 && f.abs() < 9.2e18).then_some(f as i64);
    match value? {
        Value::Number(n) => n.as_i64().or_else(|| n.as_f64().and_then(whole)),
        Value::String(text) => text.trim().parse().ok().or_else(|| text.trim().parse().ok().and_then(whole)),
        _ => None,
    }
}

/// `finite_float_or_none`.
fn amount(value: Option<&Value>) -> Option<f64> {
    match value? {
        Value::Number(n) => n.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
    .filter(|f: &f64| f.is_finite())
}

fn object(value: &Value) -> Option<Value> {
    let value = match value {
        Value::String(text) => decoded(text),
        other => other.clone(),
    };
    value.is_object().then_some(value)
}

/// Tokens as upstream's clients and metadata name them; `None` unless it is an object.
pub(crate) fn usage(value: &Value) -> Option<Usage> {
    let value = object(value)?;
    let get = |name: &str| count(value.get(name));
    Some(Usage {
        input: get("input_tokens"),
        output: get("output_tokens"),
        total: get("total_tokens"),
        cache_read: get("cache_read_input_tokens"),
        cache_write: get("cache_creation_input_tokens"),
        cache_write_1h: get("cache_creation_input_tokens_above_1hr"),
    })
}

pub(crate) fn cost(value: &Value) -> Option<Cost> {
    let value = object(value)?;
    let get = |name: &str| amount(value.get(name));
    Some(Cost { input: get("input_cost"), output: get("output_cost"), total: get("total_cost") })
}
