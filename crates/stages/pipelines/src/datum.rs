//! Values on their way into a port.

use std::collections::BTreeMap;

use serde_json::{Number, Value};

use crate::expression::as_text;
use crate::{Datum, Kind, Port};

/// What a port is given, as the port wants it; `None` if that is nothing. Errors say what is wrong with it.
///
/// Integers may be given as `5.0`. Text becomes another type by JSON, and another type becomes text as JSON.
pub(crate) fn fit(port: &Port, given: Option<Datum>) -> Result<Option<Datum>, String> {
    let given = match given {
        Some(Datum::Value(Value::Null)) | None => port.default.clone().map(Datum::Value),
        given => given,
    };
    let Some(given) = given else {
        return if port.optional { Ok(None) } else { Err("it has no value".into()) };
    };
    let fitted = match (&port.of, given) {
        (Kind::Artifact { list: false, .. }, Datum::Artifact(artifact)) => Datum::Artifact(artifact),
        (Kind::Artifact { list: false, .. }, Datum::Artifacts(mut list)) if list.len() == 1 => {
            Datum::Artifact(list.remove(0))
        }
        (Kind::Artifact { list: true, .. }, Datum::Artifacts(list)) => Datum::Artifacts(list),
        (Kind::Artifact { list: true, .. }, Datum::Artifact(artifact)) => Datum::Artifacts(vec![artifact]),
        (Kind::Artifact { list: true, .. }, Datum::Value(Value::Array(list))) if list.is_empty() => {
            Datum::Artifacts(Vec::new())
        }
        (Kind::Artifact { .. }, _) => return Err("it wants an artifact, not a value".into()),
        (Kind::List, Datum::Artifacts(list)) if list.is_empty() => Datum::Value(Value::Array(Vec::new())),
        (_, Datum::Artifact(_) | Datum::Artifacts(_)) => {
            return Err("it wants a value, not an artifact".into());
        }
        (of, Datum::Value(value)) => Datum::Value(value_of(of, value)?),
    };
    if let Datum::Value(value) = &fitted {
        check_size(value)?;
    }
    if let Datum::Value(value) = &fitted
        && !port.allowed.is_empty()
        && !port.allowed.iter().any(|allowed| same(allowed, value))
    {
        let allowed: Vec<String> = port.allowed.iter().map(Value::to_string).collect();
        return Err(format!("{value} is not among {}", allowed.join(", ")));
    }
    Ok(Some(fitted))
}

/// Numbers are the same whichever way they are written.
fn same(a: &Value, b: &Value) -> bool {
    a == b || matches!((a.as_f64(), b.as_f64()), (Some(a), Some(b)) if a == b)
}

fn value_of(of: &Kind, value: Value) -> Result<Value, String> {
    if *of == Kind::Text {
        // Whole numbers have no point, as protocol buffers write them.
        let value = whole(&value).map_or(value, Value::Number);
        return Ok(Value::String(as_text(&value)));
    }
    let value = match value {
        Value::String(text) => match serde_json::from_str(&text) {
            Ok(value) => value,
            // As Python writes them.
            Err(_) if *of == Kind::Boolean && text == "True" => Value::Bool(true),
            Err(_) if *of == Kind::Boolean && text == "False" => Value::Bool(false),
            Err(_) => Value::String(text),
        },
        value => value,
    };
    let wrong = |wanted: &str| Err(format!("{} is {wanted}", short(&value)));
    match of {
        Kind::Integer => match whole(&value) {
            Some(number) => Ok(Value::Number(number)),
            None => wrong("no whole number"),
        },
        Kind::Number if !value.is_number() => wrong("no number"),
        Kind::Boolean if !value.is_boolean() => wrong("neither true nor false"),
        Kind::List if !value.is_array() => wrong("no list"),
        Kind::Map | Kind::Status if !value.is_object() => wrong("no map"),
        _ => Ok(value),
    }
}

fn whole(value: &Value) -> Option<Number> {
    let Value::Number(number) = value else { return None };
    if number.is_i64() || number.is_u64() {
        return Some(number.clone());
    }
    let float = number.as_f64()?;
    // Beyond this, a double does not know which whole number it is.
    (float.fract() == 0.0 && float.abs() <= 9_007_199_254_740_992.0).then(|| Number::from(float as i64))
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// What the ports are given, by name; a port without a value and a default is left out. Names that are no port stay
/// as they are. Errors name the port.
pub(crate) fn fit_all(
    ports: &BTreeMap<String, Port>,
    mut given: BTreeMap<String, Datum>,
) -> Result<BTreeMap<String, Datum>, (String, String)> {
    for (name, port) in ports {
        let absent = !matches!(given.get(name), Some(datum) if *datum != Datum::Value(Value::Null));
        if absent && port.default.is_none() {
            given.remove(name);
            continue;
        }
        match fit(port, given.remove(name)) {
            Ok(Some(datum)) => drop(given.insert(name.clone(), datum)),
            Ok(None) => {}
            Err(what) => return Err((name.clone(), what)),
        }
    }
    Ok(given)
}

/// The largest value, in bytes as JSON. Values lie in the rows of tasks, and go to each that reads them.
const LARGEST: usize = 4 << 20;

/// Refuses a value that should be an artifact.
pub(crate) fn check_size(value: &Value) -> Result<(), String> {
    let size = size(value);
    if size <= LARGEST {
        return Ok(());
    }
    Err(format!(
        "it has {:.1} MiB as JSON, and a value has at most {} MiB · hint: pass it as an artifact",
        size as f64 / f64::from(1 << 20),
        LARGEST >> 20
    ))
}

/// About as many bytes as its JSON has, never more.
fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(|item| size(item) + 1).sum::<usize>() + 1,
        Value::Object(entries) => entries.iter().map(|(k, v)| k.len() + size(v) + 4).sum::<usize>() + 1,
    }
}

/// The items of a loop. Text is read as JSON.
pub(crate) fn items(datum: Datum) -> Result<Vec<Datum>, String> {
    match datum {
        Datum::Artifacts(list) => Ok(list.into_iter().map(Datum::Artifact).collect()),
        Datum::Artifact(_) => Err("it goes over one artifact, not over a list".into()),
        Datum::Value(Value::Array(list)) => Ok(list.into_iter().map(Datum::Value).collect()),
        Datum::Value(Value::String(text)) => match serde_json::from_str(&text) {
            Ok(Value::Array(list)) => Ok(list.into_iter().map(Datum::Value).collect()),
            _ => Err(format!("it goes over {}, which is no list", short(&Value::String(text)))),
        },
        Datum::Value(other) => Err(format!("it goes over {}, which is no list", short(&other))),
    }
}

/// What an output port of a loop gives: what its iterations gave, in order.
pub(crate) fn collected(port: &Port, given: Vec<Datum>) -> Datum {
    if !matches!(port.of, Kind::Artifact { .. }) {
        let values = given.into_iter().filter_map(|datum| match datum {
            Datum::Value(value) => Some(value),
            _ => None,
        });
        return Datum::Value(Value::Array(values.collect()));
    }
    let mut artifacts = Vec::new();
    for datum in given {
        match datum {
            Datum::Artifact(artifact) => artifacts.push(artifact),
            Datum::Artifacts(list) => artifacts.extend(list),
            Datum::Value(_) => {}
        }
    }
    Datum::Artifacts(artifacts)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn port(of: Kind) -> Port {
        Port { of, optional: false, default: None, allowed: Vec::new() }
    }

    #[test]
    fn values_become_what_the_port_wants_or_are_refused() {
        let fit = |of: Kind, value: Value| fit(&port(of), Some(Datum::Value(value)));
        let ok = |value: Value| Ok(Some(Datum::Value(value)));
        assert_eq!(fit(Kind::Integer, json!(5.0)), ok(json!(5)));
        assert_eq!(fit(Kind::Integer, json!("7")), ok(json!(7)));
        assert!(fit(Kind::Integer, json!(5.5)).unwrap_err().contains("5.5 is no whole number"));
        assert_eq!(fit(Kind::Number, json!("1e-3")), ok(json!(1e-3)));
        assert_eq!(fit(Kind::Text, json!({ "a": 1 })), ok(json!(r#"{"a":1}"#)));
        assert_eq!(fit(Kind::Text, json!("5.0")), ok(json!("5.0")));
        assert_eq!(fit(Kind::Text, json!(5.0)), ok(json!("5")));
        assert_eq!(fit(Kind::Text, json!(0.1)), ok(json!("0.1")));
        assert_eq!(fit(Kind::Boolean, json!("True")), ok(json!(true)));
        assert_eq!(fit(Kind::List, json!("[1]")), ok(json!([1])));
        assert!(fit(Kind::Map, json!([1])).is_err());
        assert!(fit(Kind::Artifact { schema: String::new(), list: false }, json!(1)).is_err());
        assert!(super::fit(&port(Kind::Text), None).is_err());
        let narrow = Port { allowed: vec![json!("a"), json!("b")], ..port(Kind::Text) };
        assert!(super::fit(&narrow, Some(Datum::Value(json!("c")))).unwrap_err().contains("not among"));
    }

    #[test]
    fn nothing_becomes_the_default_or_stays_nothing() {
        let with = Port { default: Some(json!(3.0)), ..port(Kind::Integer) };
        assert_eq!(fit(&with, None), Ok(Some(Datum::Value(json!(3)))));
        let optional = Port { optional: true, ..port(Kind::Integer) };
        assert_eq!(fit(&optional, Some(Datum::Value(Value::Null))), Ok(None));
    }
}
