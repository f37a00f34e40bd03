//! Arguments and variables: from literals and JSON to checked JSON.

use serde_json::{Map, Value};

use crate::schema::{Kind, Schema};
use crate::{Literal, Type};

pub(crate) type Variables = Map<String, Value>;

/// A literal as JSON. `None` for a variable that was not given: it is as if the argument were not there.
pub(crate) fn literal(value: &Literal, variables: &Variables) -> Option<Value> {
    Some(match value {
        Literal::Variable(name) => return variables.get(name.as_str()).cloned(),
        Literal::Int(number) => number.as_i64().into(),
        Literal::Float(number) => (*number).into(),
        Literal::String(text) => text.as_str().into(),
        Literal::Enum(name) => name.as_str().into(),
        Literal::Boolean(value) => (*value).into(),
        Literal::Null => Value::Null,
        Literal::List(items) => {
            items.iter().map(|item| literal(item, variables).unwrap_or(Value::Null)).collect()
        }
        Literal::Object(fields) => Value::Object(
            fields
                .iter()
                .filter_map(|(name, value)| Some((name.to_string(), literal(value, variables)?)))
                .collect(),
        ),
    })
}

/// Holds a value against its type; a single value stands for a list of one. Scalars of the schema's own take anything.
pub(crate) fn coerce(schema: &Schema, ty: &Type, value: Value) -> Result<Value, String> {
    match (ty, value) {
        (Type::NonNullType(_), Value::Null) => {
            Err(format!("Expected non-nullable type '{ty}' not to be None."))
        }
        (Type::NonNullType(inner), value) => coerce(schema, inner, value),
        (_, Value::Null) => Ok(Value::Null),
        (Type::ListType(inner), Value::Array(items)) => {
            items.into_iter().map(|item| coerce(schema, inner, item)).collect()
        }
        (Type::ListType(inner), value) => Ok(Value::Array(vec![coerce(schema, inner, value)?])),
        (Type::NamedType(name), value) => of_name(schema, name, value),
    }
}

fn of_name(schema: &Schema, name: &str, value: Value) -> Result<Value, String> {
    match schema.kind(name) {
        Some(Kind::Enum(choices)) => match &value {
            Value::String(text) if choices.iter().any(|c| c == text) => Ok(value),
            Value::String(text) => Err(format!("Value '{text}' does not exist in '{name}' enum.")),
            other => Err(format!("Enum '{name}' cannot represent non-string value: {other}.")),
        },
        Some(Kind::Input(fields)) => {
            let Value::Object(given) = value else {
                return Err(format!("Expected type '{name}' to be a mapping."));
            };
            let mut read = Map::new();
            for (field, value) in given {
                let ty = fields
                    .get(&field)
                    .ok_or_else(|| format!("Field '{field}' is not defined by type '{name}'."))?;
                read.insert(field, coerce(schema, ty, value)?);
            }
            let missing = fields
                .iter()
                .find(|(field, ty)| matches!(ty, Type::NonNullType(_)) && !read.contains_key(*field));
            match missing {
                Some((field, ty)) => {
                    Err(format!("Field '{name}.{field}' of required type '{ty}' was not provided."))
                }
                None => Ok(Value::Object(read)),
            }
        }
        _ => scalar(name, value),
    }
}

fn scalar(name: &str, value: Value) -> Result<Value, String> {
    let whole = |value: &Value| value.as_i64().is_some_and(|n| i32::try_from(n).is_ok());
    match (name, &value) {
        ("String", Value::String(_)) | ("Boolean", Value::Bool(_)) | ("Float", Value::Number(_)) => Ok(value),
        ("Int", number) if whole(number) => Ok(value),
        ("ID", Value::String(_)) => Ok(value),
        ("ID", Value::Number(number)) => Ok(Value::String(number.to_string())),
        ("String", other) => Err(format!("String cannot represent a non string value: {other}")),
        ("Boolean", other) => Err(format!("Boolean cannot represent a non boolean value: {other}")),
        ("Float", other) => Err(format!("Float cannot represent non numeric value: {other}")),
        ("Int", Value::Number(number)) if number.is_i64() || number.is_u64() => {
            Err(format!("Int cannot represent non 32-bit signed integer value: {number}"))
        }
        ("Int", other) => Err(format!("Int cannot represent non-integer value: {other}")),
        ("ID", other) => Err(format!("ID cannot represent value: {other}")),
        _ => Ok(value),
    }
}
