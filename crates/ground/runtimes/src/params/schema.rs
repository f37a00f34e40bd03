use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::object::{ObjectType, Property};
use super::python;
use crate::Error;
use crate::json::{Json, parse};
use crate::mlmodel::ColumnType;

/// What a param's values are.
#[derive(Clone, Debug, PartialEq)]
pub enum ParamKind {
    Scalar(ColumnType),
    /// A list of values of one type.
    List(ColumnType),
    Object(Vec<Property>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct ParamSpec {
    pub name: String,
    pub kind: ParamKind,
    /// What a request that does not name it says.
    pub default: Json,
    /// As the signature has it.
    described: Json,
}

/// All params that a signature declares, in its order. Cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamSchema(Arc<[ParamSpec]>);

impl Default for ParamSchema {
    fn default() -> Self {
        Self(Arc::from([]))
    }
}

impl ParamSchema {
    /// `text`: the JSON list of `signature.params`, or `null`.
    ///
    /// Errors: `MlModel` where MLflow could not read it either.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let bad = |what: String| Error::MlModel(format!("signature.params: {what}"));
        let list = match parse(text.as_bytes()).map_err(bad)? {
            Json::Null => return Ok(Self::default()),
            Json::List(list) => list,
            other => return Err(bad(format!("it is a {}, not a list", other.python_type()))),
        };
        let mut specs: Vec<ParamSpec> = Vec::with_capacity(list.len());
        for described in list {
            let spec = ParamSpec::of(described).map_err(bad)?;
            if specs.iter().any(|known| known.name == spec.name) {
                return Err(bad(format!("`{}` is declared twice", spec.name)));
            }
            specs.push(spec);
        }
        Ok(Self(specs.into()))
    }

    /// What several models can be told together: without names that they declare differently, for which each keeps its default.
    pub fn union<'s>(schemas: impl Iterator<Item = &'s Self>) -> Self {
        let all: Vec<&ParamSpec> = schemas.flat_map(|schema| schema.specs()).collect();
        let mut specs: Vec<ParamSpec> = Vec::new();
        for spec in &all {
            let known = specs.iter().any(|known| known.name == spec.name);
            if !known && all.iter().all(|other| other.name != spec.name || other == spec) {
                specs.push((*spec).clone());
            }
        }
        Self(specs.into())
    }

    pub fn specs(&self) -> &[ParamSpec] {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl ParamSpec {
    fn of(described: Json) -> Result<Self, String> {
        let name = match described.get("name") {
            Some(Json::Text(name)) => name.clone(),
            _ => return Err("a param has no name".into()),
        };
        let bad = |what: &str| format!("`{name}` {what}");
        // Older files say `dtype`.
        let word = described.get("type").or_else(|| described.get("dtype")).and_then(Json::text);
        let word = word.ok_or_else(|| bad("has no type"))?;
        let listed = match described.get("shape") {
            None | Some(Json::Null) => false,
            Some(Json::List(shape)) if shape.as_slice() == [Json::Int(-1)] => true,
            Some(_) => return Err(bad("has a shape that is neither null nor [-1]")),
        };
        let kind = match (word, listed) {
            ("object", false) => match ObjectType::parse(&described) {
                Some(ObjectType::Object(properties)) => ParamKind::Object(properties),
                _ => return Err(bad("is an object of an unknown type")),
            },
            ("binary", _) => return Err(bad("is binary, which params cannot be")),
            (word, listed) => match ColumnType::of_name(word) {
                Some(kind) if listed => ParamKind::List(kind),
                Some(kind) => ParamKind::Scalar(kind),
                None => return Err(bad("is of an unknown type")),
            },
        };
        let default = described.get("default").cloned().ok_or_else(|| bad("has no default"))?;
        let mut spec = Self { name, kind, default, described };
        // MLflow holds it against the type, too, when the model is logged.
        if let Ok(default) = spec.enforce(&spec.default) {
            spec.default = default;
        }
        Ok(spec)
    }
}

/// As Python's `repr` shows it.
impl fmt::Display for ParamSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", python::quoted(&self.name))?;
        let times = match &self.kind {
            ParamKind::Scalar(kind) | ParamKind::List(kind) => {
                f.write_str(kind.name())?;
                *kind == ColumnType::Datetime
            }
            ParamKind::Object(properties) => {
                write!(f, "{}", super::object::Braces(properties))?;
                false
            }
        };
        match &self.default {
            // A `datetime` shows without its `T`.
            Json::Text(time) if times => write!(f, " (default: {})", time.replacen('T', " ", 1))?,
            Json::List(all) if times => {
                let each = all.iter().map(|time| match time {
                    Json::Text(time) => super::datetime::repr(time),
                    other => python::repr(other),
                });
                write!(f, " (default: [{}])", each.collect::<Vec<_>>().join(", "))?;
            }
            default => write!(f, " (default: {})", python::text(default))?,
        }
        if matches!(self.kind, ParamKind::List(_)) {
            f.write_str(" (shape: (-1,))")?;
        }
        Ok(())
    }
}

/// As in the `MLmodel` file: a text of JSON.
impl Serialize for ParamSchema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = String::new();
        Json::List(self.0.iter().map(|spec| spec.described.clone()).collect()).write(&mut text);
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for ParamSchema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
