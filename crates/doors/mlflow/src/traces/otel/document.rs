//! The span as upstream keeps it (`Span.to_dict` as JSON text), and back to OTLP's JSON (`Span.to_otel_proto`).

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use traces::SpanStatus;

use super::anyvalue;
use super::attributes::Attributes;
use super::number;
use super::text::{push_object, push_string, string};
use wire_otlp::Span;

/// In hexadecimal.
pub(super) struct Ids {
    pub trace: String,
    pub span: String,
    pub parent: Option<String>,
}

fn base64_of(digits: &str) -> String {
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap_or_default() as u8;
    let bytes: Vec<u8> =
        digits.as_bytes().chunks_exact(2).map(|pair| digit(pair[0]) * 16 + digit(pair[1])).collect();
    STANDARD.encode(bytes)
}

pub(super) fn document(ids: &Ids, span: &Span, status: SpanStatus, attributes: &Attributes) -> String {
    let size: usize = attributes.0.iter().map(|(name, value)| name.len() + value.len() + 16).sum();
    let mut out = String::with_capacity(size + 512);
    out.push_str(&format!(
        "{{\"trace_id\": \"{}\", \"span_id\": \"{}\", \"parent_span_id\": ",
        base64_of(&ids.trace),
        base64_of(&ids.span)
    ));
    match &ids.parent {
        Some(parent) => out.push_str(&format!("\"{}\"", base64_of(parent))),
        None => out.push_str("null"),
    }
    out.push_str(", \"name\": ");
    push_string(&mut out, &span.name);
    out.push_str(&format!(
        ", \"start_time_unix_nano\": {}, \"end_time_unix_nano\": {}, \"events\": [",
        span.start_time_unix_nano, span.end_time_unix_nano
    ));
    for (place, event) in span.events.iter().enumerate() {
        out.push_str(if place > 0 { ", {\"name\": " } else { "{\"name\": " });
        push_string(&mut out, &event.name);
        out.push_str(&format!(", \"time_unix_nano\": {}, \"attributes\": ", event.time_unix_nano));
        push_object(&mut out, &event.attributes);
        out.push('}');
    }
    // Only an error has a description.
    let message =
        span.status.as_ref().filter(|_| status == SpanStatus::Error).map_or("", |s| s.message.as_str());
    out.push_str(&format!("], \"status\": {{\"code\": \"STATUS_CODE_{}\", \"message\": ", status.name()));
    push_string(&mut out, message);
    out.push_str("}, \"attributes\": {");
    for (place, (name, value)) in attributes.0.iter().enumerate() {
        if place > 0 {
            out.push_str(", ");
        }
        push_string(&mut out, name);
        out.push_str(": ");
        push_string(&mut out, value);
    }
    out.push_str("}, \"links\": [");
    let mut first = true;
    for link in &span.links {
        let (Some(trace), Some(span)) = (number(&link.trace_id, 16), number(&link.span_id, 8)) else {
            continue;
        };
        if !std::mem::take(&mut first) {
            out.push_str(", ");
        }
        out.push_str(&format!("{{\"trace_id\": \"tr-{trace}\", \"span_id\": \"{span}\", \"attributes\": "));
        match link.attributes.is_empty() {
            true => out.push_str("null"),
            false => push_object(&mut out, &link.attributes),
        }
        out.push('}');
    }
    out.push_str("]}");
    out
}

/// An object's fields in order.
struct Pairs<'a, T>(Vec<(Cow<'a, str>, T)>);

impl<'de: 'a, 'a, T: Deserialize<'de>> Deserialize<'de> for Pairs<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect<'a, T>(std::marker::PhantomData<(&'a (), T)>);
        impl<'de: 'a, 'a, T: Deserialize<'de>> Visitor<'de> for Collect<'a, T> {
            type Value = Pairs<'a, T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Pairs(Vec::new()))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some((name, value)) = map.next_entry::<Borrowed<'a>, T>()? {
                    pairs.push((name.0, value));
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_any(Collect(std::marker::PhantomData))
    }
}

/// A text that is borrowed where it has no escapes.
#[derive(Deserialize)]
struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
struct Stored<'a> {
    #[serde(borrow)]
    trace_id: Cow<'a, str>,
    #[serde(borrow)]
    span_id: Cow<'a, str>,
    #[serde(borrow)]
    parent_span_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    start_time_unix_nano: u64,
    end_time_unix_nano: Option<u64>,
    #[serde(borrow)]
    events: Vec<StoredEvent<'a>>,
    #[serde(borrow)]
    status: StoredStatus<'a>,
    #[serde(borrow)]
    attributes: Pairs<'a, Borrowed<'a>>,
    #[serde(borrow)]
    links: Vec<StoredLink<'a>>,
}

#[derive(Deserialize)]
struct StoredEvent<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    time_unix_nano: u64,
    #[serde(borrow)]
    attributes: Pairs<'a, &'a RawValue>,
}

#[derive(Deserialize)]
struct StoredStatus<'a> {
    #[serde(borrow)]
    code: Cow<'a, str>,
    #[serde(borrow)]
    message: Cow<'a, str>,
}

#[derive(Deserialize)]
struct StoredLink<'a> {
    #[serde(borrow)]
    trace_id: Cow<'a, str>,
    #[serde(borrow)]
    span_id: Cow<'a, str>,
    #[serde(borrow)]
    attributes: Pairs<'a, &'a RawValue>,
}

/// A kept span as OTLP's message in JSON, with 64-bit integers as numbers. `None` if the document is none of ours.
pub(crate) fn to_proto_json(document: &str) -> Option<String> {
    let span: Stored<'_> = serde_json::from_str(document).ok()?;
    let mut out = String::with_capacity(document.len() + document.len() / 4);
    out.push_str(&format!("{{\"trace_id\":{},\"span_id\":{}", string(&span.trace_id), string(&span.span_id)));
    if let Some(parent) = &span.parent_span_id {
        out.push_str(&format!(",\"parent_span_id\":{}", string(parent)));
    }
    out.push_str(&format!(",\"name\":{}", string(&span.name)));
    out.push_str(&format!(",\"start_time_unix_nano\":{}", span.start_time_unix_nano));
    if let Some(end) = span.end_time_unix_nano.filter(|end| *end != 0) {
        out.push_str(&format!(",\"end_time_unix_nano\":{end}"));
    }
    let attributes = span.attributes.0.iter().map(|(name, value)| (name.as_ref(), value.0.as_ref()));
    push_attributes(&mut out, attributes);
    if !span.events.is_empty() {
        out.push_str(",\"events\":[");
        for (place, event) in span.events.iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            out.push_str(&format!("{comma}{{\"time_unix_nano\":{}", event.time_unix_nano));
            out.push_str(&format!(",\"name\":{}", string(&event.name)));
            push_attributes(
                &mut out,
                event.attributes.0.iter().map(|(name, raw)| (name.as_ref(), raw.get())),
            );
            out.push('}');
        }
        out.push(']');
    }
    if !span.links.is_empty() {
        out.push_str(",\"links\":[");
        for (place, link) in span.links.iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            let trace = base64_of(link.trace_id.trim_start_matches("tr-"));
            out.push_str(&format!(
                "{comma}{{\"trace_id\":\"{trace}\",\"span_id\":\"{}\"",
                base64_of(&link.span_id)
            ));
            push_attributes(&mut out, link.attributes.0.iter().map(|(name, raw)| (name.as_ref(), raw.get())));
            out.push('}');
        }
        out.push(']');
    }
    let mut parts = Vec::new();
    if !span.status.message.is_empty() {
        parts.push(format!("\"message\":{}", string(&span.status.message)));
    }
    if span.status.code != "STATUS_CODE_UNSET" {
        parts.push(format!("\"code\":{}", string(&span.status.code)));
    }
    out.push_str(&format!(",\"status\":{{{}}}}}", parts.join(",")));
    Some(out)
}

/// `,"attributes":[…]` of names and JSON texts; nothing if there are none.
fn push_attributes<'a>(out: &mut String, pairs: impl Iterator<Item = (&'a str, &'a str)>) {
    let mut first = true;
    for (name, value) in pairs {
        out.push_str(if std::mem::take(&mut first) { ",\"attributes\":[{\"key\":" } else { ",{\"key\":" });
        push_string(out, name);
        out.push_str(",\"value\":");
        anyvalue::push(out, value);
        out.push('}');
    }
    if !first {
        out.push(']');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire_otlp::{AnyValue, KeyValue, Value};

    fn pair(key: &str, value: Value) -> KeyValue {
        KeyValue { key: key.into(), value: Some(AnyValue { value: Some(value) }) }
    }

    #[test]
    fn a_span_comes_back_as_it_was() {
        let span = Span {
            trace_id: vec![1; 16],
            span_id: vec![2; 8],
            name: "a \"b\"\n".into(),
            start_time_unix_nano: 1_700_000_000_000_000_001,
            end_time_unix_nano: 1_700_000_000_000_000_002,
            attributes: vec![pair("text", Value::String("é".into())), pair("n", Value::Int(i64::MAX))],
            events: vec![wire_otlp::Event {
                time_unix_nano: 5,
                name: "e".into(),
                attributes: vec![pair("x", Value::Double(0.5)), pair("y", Value::Bool(true))],
            }],
            ..Span::default()
        };
        let ids = Ids { trace: "01".repeat(16), span: "02".repeat(8), parent: None };
        let mut attributes = Attributes::default();
        for pair in &span.attributes {
            attributes.set(&pair.key, super::super::text::attribute(pair.value.as_ref()));
        }
        attributes.set("list", "[1, \"a\", {\"k\": null, \"b\": {}}]".into());
        let text = document(&ids, &span, SpanStatus::Ok, &attributes);
        assert!(
            text.contains(
                r#""attributes": {"text": "\"é\"", "n": "9223372036854775807", "list": "[1, \"a\","#
            ),
            "{text}"
        );
        let back: serde_json::Value = serde_json::from_str(&to_proto_json(&text).unwrap()).unwrap();
        assert_eq!(back["start_time_unix_nano"], 1_700_000_000_000_000_001_u64);
        assert_eq!(back["trace_id"], STANDARD.encode([1; 16]));
        assert_eq!(back["status"], serde_json::json!({ "code": "STATUS_CODE_OK" }));
        assert_eq!(back["attributes"][0]["value"], serde_json::json!({ "string_value": "é" }));
        assert_eq!(back["attributes"][1]["value"], serde_json::json!({ "int_value": i64::MAX }));
        assert_eq!(
            back["attributes"][2]["value"]["array_value"]["values"][2],
            serde_json::json!({ "kvlist_value": { "values": [
                { "key": "k", "value": {} }, { "key": "b", "value": { "kvlist_value": {} } },
            ] } })
        );
        assert_eq!(back["events"][0]["attributes"][0]["value"], serde_json::json!({ "double_value": 0.5 }));
    }
}
