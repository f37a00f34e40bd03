//! Reading a request the way upstream does: protobuf's JSON rules first, then upstream's own messages.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::errors::Failure;

const SEE_DOCS: &str = " See the API docs for more information about request parameters.";

/// A request's fields, or those of a message inside it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    values: Map<String, Value>,
    /// Where this message stands in the request, such as `metrics[0]`; empty for the request itself.
    path: String,
}

impl Fields {
    /// From a query string; a name that comes more than once becomes a list.
    pub fn from_query(query: &str) -> Self {
        let mut values = Map::new();
        for (name, value) in form_pairs(query) {
            match values.get_mut(&name) {
                None => {
                    values.insert(name, Value::String(value));
                }
                Some(Value::Array(list)) => list.push(Value::String(value)),
                Some(first) => *first = Value::Array(vec![first.take(), Value::String(value)]),
            }
        }
        Self { values, path: String::new() }
    }

    /// From an object that was read already.
    pub fn from_object(values: Map<String, Value>) -> Self {
        Self { values, path: String::new() }
    }

    /// From a body. Old clients encode twice; an empty body has no fields.
    pub fn from_body(body: &[u8]) -> Result<Self, Failure> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        let mut value: Value = parse(body)?;
        if let Value::String(inner) = value {
            value = parse(inner.as_bytes())?;
        }
        match value {
            Value::Object(values) => {
                one_spelling(&values)?;
                Ok(Self { values, path: String::new() })
            }
            Value::Null => Ok(Self::default()),
            _ => Err(Failure::invalid("Malformed request: the body must be a JSON object.")),
        }
    }

    fn message(value: &Value, path: String) -> Result<Self, Failure> {
        match value {
            Value::Object(values) => {
                one_spelling(values)?;
                Ok(Self { values: values.clone(), path })
            }
            other => Err(invalid(&path, other, &wrong_type(other))),
        }
    }

    /// Adds what the URL's path says.
    pub fn set(&mut self, name: &str, value: String) {
        self.values.insert(name.to_owned(), Value::String(value));
    }

    /// By the field's name or its lowerCamelCase name; null is absent.
    fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name).or_else(|| self.values.get(&camel(name))).filter(|v| !v.is_null())
    }

    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn place(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    pub fn text(&self, name: &str) -> Result<Option<String>, Failure> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(invalid(&self.place(name), other, &wrong_type(other))),
        }
    }

    /// The text, or an empty one.
    pub fn text_or_empty(&self, name: &str) -> Result<String, Failure> {
        Ok(self.text(name)?.unwrap_or_default())
    }

    pub fn required_text(&self, name: &str) -> Result<String, Failure> {
        self.text(name)?.filter(|t| !t.is_empty()).ok_or_else(|| self.missing(name))
    }

    pub fn missing(&self, name: &str) -> Failure {
        missing(&self.place(name))
    }

    /// `run_id`, or its old name `run_uuid`.
    pub fn run_id(&self) -> Result<String, Failure> {
        match self.text("run_id")?.filter(|t| !t.is_empty()) {
            Some(id) => Ok(id),
            None => self.text("run_uuid")?.filter(|t| !t.is_empty()).ok_or_else(|| self.missing("run_id")),
        }
    }

    pub fn integer(&self, name: &str) -> Result<Option<i64>, Failure> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let found = match value {
            Value::Number(n) => n
                .as_i64()
                .or_else(|| n.as_f64().filter(|f| f.fract() == 0.0 && f.abs() < 9.0e15).map(|f| f as i64)),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        found.map(Some).ok_or_else(|| invalid(&self.place(name), value, &wrong_type(value)))
    }

    pub fn number(&self, name: &str) -> Result<Option<f64>, Failure> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let found = match value {
            Value::Number(n) => n.as_f64(),
            Value::String(text) => match text.trim() {
                "NaN" => Some(f64::NAN),
                "Infinity" => Some(f64::INFINITY),
                "-Infinity" => Some(f64::NEG_INFINITY),
                other => other.parse().ok(),
            },
            _ => None,
        };
        found.map(Some).ok_or_else(|| invalid(&self.place(name), value, &wrong_type(value)))
    }

    pub fn boolean(&self, name: &str) -> Result<Option<bool>, Failure> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(Value::String(text)) => {
                Err(Failure::invalid(format!("Invalid boolean value: {text}, must be 'true' or 'false'.")))
            }
            Some(other) => Err(invalid(&self.place(name), other, &wrong_type(other))),
        }
    }

    /// A member of an enumeration, by name or number.
    pub fn choice<T: Copy>(&self, name: &str, choices: &[(&str, i64, T)]) -> Result<Option<T>, Failure> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let found = choices.iter().find(|(text, number, _)| match value {
            Value::String(given) => given == text || given.parse() == Ok(*number),
            Value::Number(given) => given.as_i64() == Some(*number),
            _ => false,
        });
        found
            .map(|(.., choice)| Some(*choice))
            .ok_or_else(|| invalid(&self.place(name), value, &wrong_type(value)))
    }

    fn list(&self, name: &str) -> Result<Vec<Value>, Failure> {
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(list)) => Ok(list.clone()),
            Some(other) => Err(invalid(&self.place(name), other, &wrong_type(other))),
        }
    }

    /// A list of texts; a query that names it once has a list of one.
    pub fn texts(&self, name: &str) -> Result<Vec<String>, Failure> {
        if let (Some(Value::String(one)), true) = (self.get(name), self.path.is_empty()) {
            return Ok(vec![one.clone()]);
        }
        let list = self.list(name)?;
        let texts: Option<Vec<String>> = list.iter().map(|v| v.as_str().map(str::to_owned)).collect();
        texts.ok_or_else(|| {
            let whole = Value::Array(list);
            invalid(&self.place(name), &whole, &wrong_type(&whole))
        })
    }

    /// Strikes from a list of texts what `keep` refuses.
    pub fn retain_texts(&mut self, name: &str, keep: impl Fn(&str) -> bool) {
        for spelling in [name.to_owned(), camel(name)] {
            match self.values.get_mut(&spelling) {
                Some(Value::Array(list)) => list.retain(|v| v.as_str().is_none_or(&keep)),
                Some(Value::String(one)) if !keep(one) => {
                    self.values.insert(spelling, Value::Array(Vec::new()));
                }
                _ => {}
            }
        }
    }

    /// A field's value for an error text.
    pub fn shown(&self, name: &str) -> String {
        self.get(name).map(ToString::to_string).unwrap_or_default()
    }

    /// [`Fields::texts`] of a body, where a bare text is an error.
    pub fn body_texts(&self, name: &str) -> Result<Vec<String>, Failure> {
        self.list(name)?;
        self.texts(name)
    }

    /// A list of messages.
    pub fn messages(&self, name: &str) -> Result<Vec<Fields>, Failure> {
        let place = self.place(name);
        self.list(name)?
            .iter()
            .enumerate()
            .map(|(index, value)| Fields::message(value, format!("{place}[{index}]")))
            .collect()
    }

    /// A map of texts to texts; none is an empty one.
    pub fn text_map(&self, name: &str) -> Result<std::collections::BTreeMap<String, String>, Failure> {
        let Some(value) = self.get(name) else { return Ok(Default::default()) };
        let read = || -> Option<std::collections::BTreeMap<String, String>> {
            let text = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
            value.as_object()?.iter().map(text).collect()
        };
        // The value is not shown: it may be a secret.
        read().ok_or_else(|| {
            let place = self.place(name);
            Failure::invalid(format!(
                "Invalid value for parameter '{place}': it must map texts to texts.{SEE_DOCS}"
            ))
        })
    }

    pub fn inner(&self, name: &str) -> Result<Option<Fields>, Failure> {
        self.get(name).map(|value| Fields::message(value, self.place(name))).transpose()
    }

    /// A value of any kind, if it is there and not null.
    pub fn raw(&self, name: &str) -> Option<&Value> {
        self.get(name)
    }

    /// A map of texts.
    pub fn map(&self, name: &str) -> Result<BTreeMap<String, String>, Failure> {
        let Some(fields) = self.inner(name)? else { return Ok(BTreeMap::new()) };
        let text = |(key, value): (&String, &Value)| match value {
            Value::String(text) => Ok((key.clone(), text.clone())),
            other => Err(invalid(&fields.place(key), other, &wrong_type(other))),
        };
        fields.values.iter().map(text).collect()
    }

    pub fn path_of(&self, name: &str) -> String {
        self.place(name)
    }

    /// `{key, value}` messages in order.
    pub fn pairs(&self, name: &str) -> Result<Vec<(String, String)>, Failure> {
        self.messages(name)?
            .iter()
            .map(|pair| {
                let key = pair.text("key")?.filter(|k| !k.is_empty());
                let key = key.ok_or_else(|| missing(&pair.place("key")))?;
                Ok((key, pair.text_or_empty("value")?))
            })
            .collect()
    }
}

/// `_reject_conflicting_field_aliases`: who checks one spelling and who acts on the other must not differ.
fn one_spelling(values: &Map<String, Value>) -> Result<(), Failure> {
    let twice =
        values.keys().filter(|name| name.contains('_')).find(|name| values.contains_key(&camel(name)));
    twice.map_or(Ok(()), |name| {
        let other = camel(name);
        Err(Failure::invalid(format!(
            "Request specifies both '{name}' and '{other}'; provide only one of them."
        )))
    })
}

/// Python's JSON reader, which clients are tested against, takes bare NaN and infinities; ours does not.
fn parse(body: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(body).map_err(|e| Failure::invalid(format!("Malformed request body: {e}.")))
}

pub(crate) fn missing(path: &str) -> Failure {
    Failure::invalid(format!("Missing value for required parameter '{path}'.{SEE_DOCS}"))
}

/// `mlflow/utils/validation.py: invalid_value`, with the suffix of the request check.
fn invalid(path: &str, value: &Value, why: &str) -> Failure {
    Failure::invalid(format!("Invalid value {value} for parameter '{path}' supplied: {why}{SEE_DOCS}"))
}

/// Upstream says which Python type it got.
fn wrong_type(value: &Value) -> String {
    let name = match value {
        Value::Null => "NoneType",
        Value::Bool(_) => "bool",
        Value::Number(n) if n.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) => "str",
        Value::Array(_) => "list",
        Value::Object(_) => "dict",
    };
    format!(" Hint: Value was of type '{name}'.")
}

fn camel(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut upper = false;
    for c in name.chars() {
        match c {
            '_' => upper = true,
            c if upper => {
                out.extend(c.to_uppercase());
                upper = false;
            }
            c => out.push(c),
        }
    }
    out
}

fn form_pairs(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decode(name), decode(value))
        })
        .collect()
}

/// Percent and plus decoding; what does not decode stays as it is.
pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = |i: usize| bytes.get(i).and_then(|b| (*b as char).to_digit(16));
        match (bytes[at], hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            (b'+', ..) => {
                out.push(b' ');
                at += 1;
            }
            (byte, ..) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
