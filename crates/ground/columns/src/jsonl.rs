//! JSON Lines: one flat JSON object a line.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use types::{DataType, Field, Schema};

use crate::Table;
use crate::csv::{match_header, utf8};
use crate::error::{Error, Place, quote};
use crate::infer::Builder;

/// Reads JSON Lines. `file` is the name that errors show. A key that a line lacks is null there; columns stand
/// in order of first appearance, or in the schema's. Blank lines are passed over. Integers beside floats make a
/// float column; any other mixture is an error, since JSON says what it means.
pub fn read_jsonl(file: &str, bytes: &[u8], schema: Option<&Schema>) -> Result<Table, Error> {
    read_typed(file, bytes, schema, &BTreeMap::new())
}

/// Columns that `types` names are not inferred but have that type.
pub(crate) fn read_typed(
    file: &str,
    bytes: &[u8],
    schema: Option<&Schema>,
    types: &BTreeMap<String, DataType>,
) -> Result<Table, Error> {
    read(file, bytes, schema, types, false)
}

/// Without inferred types that could be wrong: a column of several types, and of arrays or objects, is text.
pub(crate) fn read_lenient(file: &str, bytes: &[u8]) -> Result<Table, Error> {
    read(file, bytes, None, &BTreeMap::new(), true)
}

fn read(
    file: &str,
    bytes: &[u8],
    schema: Option<&Schema>,
    types: &BTreeMap<String, DataType>,
    lenient: bool,
) -> Result<Table, Error> {
    let text = utf8(file, bytes)?;
    if text.trim_ascii().is_empty() {
        return Err(Error::Empty { file: file.into() });
    }
    let rows = parse(file, text)?;
    let mut names: Vec<String> = Vec::new();
    let mut index: HashMap<String, usize> = HashMap::new();
    for (_, object) in &rows {
        for (key, _) in &object.0 {
            if !index.contains_key(key) {
                index.insert(key.clone(), names.len());
                names.push(key.clone());
            }
        }
    }
    let fields = match schema {
        Some(schema) => {
            match_header(file, &names, schema)?;
            schema.fields.clone()
        }
        None => infer(file, &rows, &names, types, lenient)?,
    };
    build(file, &rows, fields, lenient)
}

pub(crate) struct Object(pub Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Object;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut pairs: Vec<(String, Value)> = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, Value>()? {
                    if pairs.iter().any(|(k, _)| *k == key) {
                        return Err(serde::de::Error::custom(format!("the key `{key}` stands twice")));
                    }
                    pairs.push((key, value));
                }
                Ok(Object(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

fn parse(file: &str, text: &str) -> Result<Vec<(u64, Object)>, Error> {
    let mut rows = Vec::new();
    let last = text.trim_ascii_end().lines().count() as u64;
    for (i, content) in text.lines().enumerate() {
        let line = i as u64 + 1;
        if content.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_str::<Object>(content) {
            Ok(object) => rows.push((line, object)),
            Err(error) if error.is_eof() && line == last && !text.ends_with('\n') => {
                let detail = format!("its last line {line} ends inside a JSON object");
                return Err(Error::Truncated { file: file.into(), detail });
            }
            Err(error) => {
                let detail = format!("{error} in `{}`", quote(content));
                return Err(Error::BadLine { file: file.into(), line, detail });
            }
        }
    }
    Ok(rows)
}

pub(crate) fn json_type(value: &Value) -> Option<DataType> {
    Some(match value {
        Value::Bool(_) => DataType::Boolean,
        Value::Number(n) if n.as_i64().is_some() => DataType::Integer,
        Value::Number(_) => DataType::Float,
        Value::String(_) => DataType::String,
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    })
}

fn infer(
    file: &str,
    rows: &[(u64, Object)],
    names: &[String],
    types: &BTreeMap<String, DataType>,
    lenient: bool,
) -> Result<Vec<Field>, Error> {
    let mut seen: HashMap<&str, (Option<DataType>, u64)> = HashMap::new();
    for (line, object) in rows {
        for (key, value) in &object.0 {
            if value.is_null() {
                continue;
            }
            let place = Place::Line(*line);
            let (file, column, text) = (file.to_owned(), key.clone(), quote(&value.to_string()));
            let found = json_type(value).or(lenient.then_some(DataType::String));
            let Some(found) = found else {
                return Err(Error::UnsupportedType { file, column, found: format!("of {text} ({place})") });
            };
            let entry = seen.entry(key).or_default();
            entry.1 += 1;
            if types.contains_key(key) {
                continue;
            }
            entry.0 = match entry.0 {
                None => Some(found),
                Some(known) if known == found => Some(known),
                Some(known) if known.is_numeric() && found.is_numeric() => Some(DataType::Float),
                Some(_) if lenient => Some(DataType::String),
                Some(expected) => {
                    return Err(Error::WrongType { file, place, column, value: text, expected });
                }
            };
        }
    }
    let rows = rows.len() as u64;
    let field = |name: &String| {
        let (data_type, values) = seen.get(name.as_str()).copied().unwrap_or_default();
        let data_type = types.get(name).copied().or(data_type).unwrap_or(DataType::String);
        Field { name: name.clone(), data_type, nullable: values < rows }
    };
    Ok(names.iter().map(field).collect())
}

fn build(file: &str, rows: &[(u64, Object)], fields: Vec<Field>, lenient: bool) -> Result<Table, Error> {
    let mut builders: Vec<Builder> = fields.iter().map(|f| Builder::new(f.data_type)).collect();
    for (line, object) in rows {
        for (field, builder) in fields.iter().zip(&mut builders) {
            let value = object.0.iter().find(|(key, _)| *key == field.name).map(|(_, v)| v);
            let (place, column) = (Place::Line(*line), || field.name.clone());
            match value {
                None | Some(Value::Null) if field.nullable => builder.push_null(),
                None | Some(Value::Null) => {
                    return Err(Error::MissingValue { file: file.into(), place, column: column() });
                }
                Some(value) if builder.push_json(value) => {}
                Some(value)
                    if lenient
                        && field.data_type == DataType::String
                        && builder.push_text(&value.to_string()) => {}
                Some(value) => {
                    let (value, expected) = (quote(&value.to_string()), field.data_type);
                    return Err(Error::WrongType {
                        file: file.into(),
                        place,
                        column: column(),
                        value,
                        expected,
                    });
                }
            }
        }
    }
    Table::with_schema(Schema { fields }, builders.into_iter().map(Builder::finish).collect())
}
