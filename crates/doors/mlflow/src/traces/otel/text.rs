//! Attribute values as upstream keeps them: JSON text, spaced as Python's `json.dumps` spaces it, with characters
//! beyond ASCII as they are (`mlflow/tracing/utils: dump_span_attribute_value`).

use serde::de::IgnoredAny;

use wire_otlp::{AnyValue, KeyValue, Value};

/// Appends a JSON string.
pub(crate) fn push_string(out: &mut String, text: &str) {
    out.push('"');
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escaped = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0x08 => "\\b",
            0x0c => "\\f",
            0..0x20 => "",
            _ => continue,
        };
        out.push_str(&text[from..at]);
        if escaped.is_empty() {
            out.push_str(&format!("\\u{byte:04x}"));
        } else {
            out.push_str(escaped);
        }
        from = at + 1;
    }
    out.push_str(&text[from..]);
    out.push('"');
}

pub(crate) fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    push_string(&mut out, text);
    out
}

/// Python reads and writes the names of what is not a number.
fn push_double(out: &mut String, value: f64) {
    match value {
        v if v.is_nan() => out.push_str("NaN"),
        v if v == f64::INFINITY => out.push_str("Infinity"),
        v if v == f64::NEG_INFINITY => out.push_str("-Infinity"),
        v => out.push_str(&serde_json::Value::from(v).to_string()),
    }
}

pub(crate) fn push_value(out: &mut String, value: Option<&AnyValue>) {
    match value.and_then(|v| v.value.as_ref()) {
        None => out.push_str("null"),
        Some(Value::String(text)) => push_string(out, text),
        Some(Value::Bool(true)) => out.push_str("true"),
        Some(Value::Bool(false)) => out.push_str("false"),
        Some(Value::Int(number)) => out.push_str(&number.to_string()),
        Some(Value::Double(number)) => push_double(out, *number),
        Some(Value::Array(array)) => {
            out.push('[');
            for (place, value) in array.values.iter().enumerate() {
                if place > 0 {
                    out.push_str(", ");
                }
                push_value(out, Some(value));
            }
            out.push(']');
        }
        Some(Value::List(list)) => push_object(out, &list.values),
        Some(Value::Bytes(bytes)) => push_string(out, &bytes_repr(bytes)),
    }
}

pub(crate) fn push_object(out: &mut String, pairs: &[KeyValue]) {
    out.push('{');
    for (place, pair) in pairs.iter().enumerate() {
        if place > 0 {
            out.push_str(", ");
        }
        push_string(out, &pair.key);
        out.push_str(": ");
        push_value(out, pair.value.as_ref());
    }
    out.push('}');
}

/// `repr(b"…")`, which is what bytes become.
fn bytes_repr(bytes: &[u8]) -> String {
    let mut out = String::from("b'");
    for byte in bytes {
        match byte {
            b'\'' => out.push_str("\\'"),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x20..0x7f => out.push(*byte as char),
            byte => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push('\'');
    out
}

/// An attribute's value. A text that holds JSON of a text, list or object is taken for it: values that passed through
/// an exporter are dumped twice (`sanitize_attributes`).
pub(crate) fn attribute(value: Option<&AnyValue>) -> String {
    if let Some(Value::String(text)) = value.and_then(|v| v.value.as_ref()) {
        let nested = text.trim_start().starts_with(['"', '[', '{']);
        if nested && serde_json::from_str::<IgnoredAny>(text).is_ok() {
            return text.clone();
        }
        return string(text);
    }
    let mut out = String::new();
    push_value(&mut out, value);
    out
}

/// A value's text where it is a JSON string, else the JSON text (`_try_parse_json_string`).
pub(crate) fn unquoted(value: &str) -> String {
    clean(serde_json::from_str::<String>(value).unwrap_or_else(|_| value.to_owned()))
}

/// Without NUL characters, which not every database can keep; one of them would cost all spans of its request.
pub(crate) fn clean(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}
