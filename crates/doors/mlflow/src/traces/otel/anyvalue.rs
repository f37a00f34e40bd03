//! JSON text as OTLP's `AnyValue` in JSON, read and written in one pass, so that order and size do not matter.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::text::push_string;

/// Appends the value; a text that is no JSON is a string.
pub(super) fn push(out: &mut String, json: &str) {
    let start = out.len();
    let mut reader = serde_json::Deserializer::from_str(json);
    let written = Write(out).deserialize(&mut reader).and_then(|()| reader.end());
    if written.is_ok() {
        return;
    }
    out.truncate(start);
    match json {
        "" => out.push_str("{}"),
        "NaN" | "Infinity" | "-Infinity" => {
            out.push_str(&format!("{{\"double_value\":\"{json}\"}}"));
        }
        other => {
            out.push_str("{\"string_value\":");
            push_string(out, other);
            out.push('}');
        }
    }
}

struct Write<'a>(&'a mut String);

impl<'de> DeserializeSeed<'de> for Write<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Write<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.0.push_str("{}");
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.0.push_str(if value { "{\"bool_value\":true}" } else { "{\"bool_value\":false}" });
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.0.push_str(&format!("{{\"int_value\":{value}}}"));
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            Err(_) => self.visit_f64(value as f64),
        }
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.0.push_str(&format!("{{\"double_value\":{}}}", serde_json::Value::from(value)));
        Ok(())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.0.push_str("{\"string_value\":");
        push_string(self.0, value);
        self.0.push('}');
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.0.push_str("{\"array_value\":{");
        let mut first = true;
        loop {
            let start = self.0.len();
            self.0.push_str(if first { "\"values\":[" } else { "," });
            if items.next_element_seed(Write(self.0))?.is_none() {
                self.0.truncate(start);
                break;
            }
            first = false;
        }
        self.0.push_str(if first { "}}" } else { "]}}" });
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.0.push_str("{\"kvlist_value\":{");
        let mut first = true;
        while let Some(key) = map.next_key::<String>()? {
            self.0.push_str(if std::mem::take(&mut first) { "\"values\":[{\"key\":" } else { ",{\"key\":" });
            push_string(self.0, &key);
            self.0.push_str(",\"value\":");
            map.next_value_seed(Write(self.0))?;
            self.0.push('}');
        }
        self.0.push_str(if first { "}}" } else { "]}}" });
        Ok(())
    }
}
