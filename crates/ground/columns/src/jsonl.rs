//! JSON Lines: one flat JSON object a line.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use types::{DataType, Field, Schema};

use crate::Table;
use crate::csv::{match_header, utf8};
use crate::error::{Error, Place, quote};
use crate::infer::Builder;
use crate::python_json::{WORDS, quoted};

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

/// Not strictly: a column of several types, and of arrays or objects, is text; NaN and infinities are numbers, as Python
/// writes them and as texts of these words.
pub(crate) fn read_loosely(file: &str, bytes: &[u8]) -> Result<Table, Error> {
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
    let rows = parse(file, text, lenient)?;
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

impl Object {
    /// The value of a key. `at` is where it is likely, and afterwards where the next key is: rows of one file mostly have
    /// their keys in one order, and there may be thousands.
    pub fn value(&self, key: &str, at: &mut usize) -> Option<&Value> {
        let place = match self.0.get(*at) {
            Some((likely, _)) if likely == key => *at,
            _ => self.0.iter().position(|(k, _)| k == key)?,
        };
        *at = place + 1;
        Some(&self.0[place].1)
    }
}

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
                while let Some(pair) = map.next_entry::<String, Value>()? {
                    pairs.push(pair);
                }
                let mut keys: Vec<&str> = pairs.iter().map(|(key, _)| key.as_str()).collect();
                keys.sort_unstable();
                match keys.windows(2).find(|two| two[0] == two[1]) {
                    Some(two) => Err(serde::de::Error::custom(format!("the key `{}` stands twice", two[0]))),
                    None => Ok(Object(pairs)),
                }
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

fn parse(file: &str, text: &str, lenient: bool) -> Result<Vec<(u64, Object)>, Error> {
    let mut rows = Vec::new();
    let last = text.trim_ascii_end().lines().count() as u64;
    for (i, content) in text.lines().enumerate() {
        let line = i as u64 + 1;
        if content.trim_ascii().is_empty() {
            continue;
        }
        let mut read = serde_json::from_str::<Object>(content);
        if lenient && read.is_err() {
            read = serde_json::from_str(&quoted(content)).or(read);
        }
        match read {
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

fn is_word(value: &Value) -> bool {
    value.as_str().is_some_and(|text| WORDS.contains(&text))
}

fn infer(
    file: &str,
    rows: &[(u64, Object)],
    names: &[String],
    types: &BTreeMap<String, DataType>,
    lenient: bool,
) -> Result<Vec<Field>, Error> {
    let mut seen: HashMap<&str, (Option<DataType>, u64)> = HashMap::new();
    // Columns with numbers that JSON has no other way to write.
    let mut worded: HashSet<&str> = HashSet::new();
    for (line, object) in rows {
        for (key, value) in &object.0 {
            if value.is_null() {
                continue;
            }
            if lenient && is_word(value) {
                seen.entry(key).or_default().1 += 1;
                worded.insert(key);
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
        let (mut data_type, values) = seen.get(name.as_str()).copied().unwrap_or_default();
        if worded.contains(name.as_str()) {
            let numeric = data_type.is_none_or(DataType::is_numeric);
            data_type = Some(if numeric { DataType::Float } else { DataType::String });
        }
        let data_type = types.get(name).copied().or(data_type).unwrap_or(DataType::String);
        Field { name: name.clone(), data_type, nullable: values < rows }
    };
    Ok(names.iter().map(field).collect())
}

fn build(file: &str, rows: &[(u64, Object)], fields: Vec<Field>, lenient: bool) -> Result<Table, Error> {
    let mut builders: Vec<Builder> = fields.iter().map(|f| Builder::new(f.data_type)).collect();
    for (line, object) in rows {
        let mut at = 0;
        for (field, builder) in fields.iter().zip(&mut builders) {
            let value = object.value(&field.name, &mut at);
            let (place, column) = (Place::Line(*line), || field.name.clone());
            match value {
                None | Some(Value::Null) if field.nullable => builder.push_null(),
                None | Some(Value::Null) => {
                    return Err(Error::MissingValue { file: file.into(), place, column: column() });
                }
                Some(value) if builder.push_json(value) => {}
                Some(Value::String(word))
                    if lenient && field.data_type == DataType::Float && builder.push_text(word) => {}
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
