//! YAML as a tree that knows where everything stands, so that one pass can report every mistake.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use crate::{Diagnostic, Span};

#[derive(Debug)]
pub(crate) struct Node {
    pub value: Value,
    pub at: Span,
}

#[derive(Debug)]
pub(crate) enum Value {
    Null,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub key: String,
    pub at: Span,
    pub value: Node,
}

/// Errors: where the text stops being YAML.
pub(crate) fn parse(text: &str) -> Result<Node, Diagnostic> {
    let options = serde_saphyr::options! {
        // Repeated keys are kept, so that they are reported like every other mistake.
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::PassThrough,
        // Only true and false: `on:` is a key of this format, and so is its text.
        strict_booleans: true,
    };
    match serde_saphyr::from_str_with_options::<Spanned<Value>>(text, options) {
        Ok(root) => Ok(root.into()),
        Err(error) => Err(not_yaml(text, &error)),
    }
}

fn not_yaml(text: &str, error: &serde_saphyr::Error) -> Diagnostic {
    let at = error.location().map(span).unwrap_or(Span { line: 1, column: 1, length: 0 });
    // The location is shown beside it, so the text alone is wanted here.
    let full = error.without_snippet().to_string();
    let message = full.lines().next().unwrap_or_default();
    let message = message.split(" at line ").next().unwrap_or(message);
    let line = at.line.checked_sub(1).and_then(|i| text.lines().nth(i)).unwrap_or_default();
    let hint = if line.contains('\t') {
        "YAML is indented with spaces, never with tabs"
    } else {
        "check the indentation, the brackets and the quotes here and on the line above"
    };
    Diagnostic {
        at: Span { length: 1, ..at },
        message: format!("this is not YAML: {message}"),
        hint: Some(hint.into()),
    }
}

fn span(location: serde_saphyr::Location) -> Span {
    Span {
        line: location.line() as usize,
        column: location.column() as usize,
        length: location.span().len() as usize,
    }
}

impl From<Spanned<Value>> for Node {
    fn from(spanned: Spanned<Value>) -> Self {
        Self { at: span(spanned.referenced), value: spanned.value }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        i64::try_from(value)
            .map(Value::Integer)
            .map_err(|_| E::custom(format!("the number {value} is too large")))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element::<Spanned<Value>>()? {
            items.push(item.into());
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, value)) = map.next_entry::<Spanned<Value>, Spanned<Value>>()? {
            let name = match key.value {
                Value::Text(text) => text,
                Value::Integer(number) => number.to_string(),
                Value::Boolean(value) => value.to_string(),
                Value::Float(number) => number.to_string(),
                Value::Null | Value::List(_) | Value::Map(_) => {
                    return Err(A::Error::custom("a key must be text"));
                }
            };
            entries.push(Entry { key: name, at: span(key.referenced), value: value.into() });
        }
        Ok(Value::Map(entries))
    }
}

impl Value {
    /// What a person would call it: for "expected a whole number, found …".
    pub fn describe(&self) -> String {
        match self {
            Value::Null => "nothing".into(),
            Value::Boolean(value) => format!("`{value}`"),
            Value::Integer(number) => format!("the number {number}"),
            Value::Float(number) => format!("the number {number}"),
            Value::Text(text) if text.chars().count() > 40 => "a text".into(),
            Value::Text(text) => format!("the text `{text}`"),
            Value::List(_) => "a list".into(),
            Value::Map(_) => "a mapping".into(),
        }
    }

    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Value::Null => serde_json::Value::Null,
            Value::Boolean(value) => (*value).into(),
            Value::Integer(number) => (*number).into(),
            Value::Float(number) => (*number).into(),
            Value::Text(text) => text.as_str().into(),
            Value::List(items) => items.iter().map(|n| n.value.to_json()).collect(),
            Value::Map(entries) => entries.iter().map(|e| (e.key.clone(), e.value.value.to_json())).collect(),
        }
    }
}
