//! Params that are objects: `Object`, `Array` and `Map` of mlflow/types/schema.py, and whether a value is one
//! (`_enforce_object` and what it calls). Values inside go through pandas there: what it infers of them decides.

use std::fmt;

use super::datetime::{self, Time};
use super::python::quoted;
use crate::json::Json;
use crate::mlmodel::ColumnType;

#[derive(Clone, Debug, PartialEq)]
pub enum ObjectType {
    Scalar(ColumnType),
    Array(Box<ObjectType>),
    Map(Box<ObjectType>),
    Object(Vec<Property>),
    Any,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    pub name: String,
    pub kind: ObjectType,
    pub required: bool,
}

impl ObjectType {
    /// `None` where it is no type that is known here.
    pub(super) fn parse(described: &Json) -> Option<Self> {
        Some(match described.get("type")?.text()? {
            "array" => Self::Array(Box::new(Self::parse(described.get("items")?)?)),
            "map" => Self::Map(Box::new(Self::parse(described.get("values")?)?)),
            "any" => Self::Any,
            "object" => {
                let Json::Object(fields) = described.get("properties")? else { return None };
                let property = |(name, described): &(String, Json)| {
                    let required = described.get("required") != Some(&Json::Bool(false));
                    Some(Property { name: name.clone(), kind: Self::parse(described)?, required })
                };
                let mut properties: Vec<Property> = fields.iter().map(property).collect::<Option<_>>()?;
                properties.sort_by(|a, b| a.name.cmp(&b.name));
                Self::Object(properties)
            }
            scalar => Self::Scalar(ColumnType::of_name(scalar)?),
        })
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Scalar(kind) => kind.name(),
            Self::Array(_) => "array",
            Self::Map(_) => "map",
            Self::Object(_) => "object",
            Self::Any => "any",
        }
    }

    fn takes(&self, value: &Json, required: bool) -> bool {
        match self {
            Self::Any => true,
            Self::Scalar(_) if !required && is_missing(value) => true,
            Self::Scalar(kind) => {
                !matches!(value, Json::Null | Json::List(_) | Json::Object(_))
                    && column_takes(*kind, &[value])
            }
            Self::Array(items) => match value {
                Json::Null => !required || **items == Self::Any,
                Json::List(values) => match &**items {
                    Self::Scalar(kind) => {
                        values.is_empty() || column_takes(*kind, &values.iter().collect::<Vec<_>>())
                    }
                    items => values.iter().all(|value| items.takes(value, required)),
                },
                _ => false,
            },
            Self::Map(values) => match value {
                Json::Null => !required || **values == Self::Any,
                Json::Object(fields) => fields.iter().all(|(_, value)| values.takes(value, required)),
                _ => false,
            },
            Self::Object(_) if !required && *value == Json::Null => true,
            Self::Object(properties) => mismatch(properties, value, required).is_none(),
        }
    }
}

fn is_missing(value: &Json) -> bool {
    *value == Json::Null || matches!(value, Json::Float(x) if x.is_nan())
}

/// Why the value is not an object of these properties, in MLflow's words.
pub(super) fn mismatch(properties: &[Property], value: &Json, required: bool) -> Option<String> {
    let Json::Object(fields) = value else {
        return Some(format!(
            "Failed to enforce schema of '{}' with type '{}'. Expected data to be dictionary, got {}",
            super::python::text(value),
            Braces(properties),
            value.python_type()
        ));
    };
    if !required && fields.is_empty() {
        return None;
    }
    let set =
        |names: Vec<&str>| format!("{{{}}}", names.into_iter().map(quoted).collect::<Vec<_>>().join(", "));
    let missing: Vec<&str> = properties
        .iter()
        .filter(|p| p.required && value.get(&p.name).is_none())
        .map(|p| p.name.as_str())
        .collect();
    if !missing.is_empty() {
        return Some(format!("Missing required properties: {}", set(missing)));
    }
    let unknown: Vec<&str> = fields
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| !properties.iter().any(|p| p.name == *name))
        .collect();
    if !unknown.is_empty() {
        return Some(format!("Invalid properties not defined in the schema found: {}", set(unknown)));
    }
    fields.iter().find_map(|(name, value)| {
        let property = properties.iter().find(|p| p.name == *name)?;
        (!property.kind.takes(value, property.required)).then(|| {
            format!(
                "Failed to enforce schema for key `{name}`. Expected type {}, received type {}",
                property.kind.word(),
                value.python_type()
            )
        })
    })
}

/// Whether `_enforce_mlflow_datatype` takes a pandas series of these values as the type.
fn column_takes(kind: ColumnType, values: &[&Json]) -> bool {
    let all = |is: fn(&Json) -> bool| values.iter().all(|value| is(value));
    let bools = all(|v| matches!(v, Json::Bool(_)));
    let integers = all(|v| matches!(v, Json::Int(_)));
    let numbers =
        all(|v| matches!(v, Json::Null | Json::Int(_) | Json::Float(_))) && !all(|v| *v == Json::Null);
    let texts = all(|v| matches!(v, Json::Null | Json::Text(_)));
    // Whole numbers have 64 bits there, and so have floats: narrower types take neither.
    let zeros_and_ones = integers && all(|v| matches!(v, Json::Int(0 | 1)));
    match kind {
        ColumnType::String | ColumnType::Binary => texts || !(bools || integers || numbers),
        ColumnType::Boolean => bools || !(integers || numbers || texts),
        ColumnType::Integer => false,
        ColumnType::Long => integers,
        ColumnType::Float => zeros_and_ones,
        ColumnType::Double => zeros_and_ones || (numbers && !integers),
        ColumnType::Datetime => values.iter().all(|value| match value {
            Json::Null => true,
            Json::Text(text) => datetime::read(text) != Time::Not,
            _ => false,
        }),
    }
}

pub(super) struct Braces<'p>(pub &'p [Property]);

impl fmt::Display for Braces<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, property) in self.0.iter().enumerate() {
            let (comma, required) =
                (if index > 0 { ", " } else { "" }, if property.required { "required" } else { "optional" });
            write!(f, "{comma}{}: {} ({required})", property.name, property.kind)?;
        }
        f.write_str("}")
    }
}

/// As Python's `repr` shows it.
impl fmt::Display for ObjectType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(kind) => f.write_str(kind.name()),
            Self::Array(items) => write!(f, "Array({items})"),
            Self::Map(values) => match &**values {
                Self::Scalar(kind) => write!(f, "Map(str -> DataType.{})", kind.name()),
                values => write!(f, "Map(str -> {values})"),
            },
            Self::Object(properties) => Braces(properties).fmt(f),
            Self::Any => f.write_str("Any"),
        }
    }
}
