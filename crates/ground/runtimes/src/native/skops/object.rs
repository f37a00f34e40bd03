use serde_json::Value;

use super::Index;
use super::npy::{self, Data};
use crate::Error;

/// A Python object of the file. `path` says where it stands, for messages.
#[derive(Clone)]
pub(crate) struct Object<'i> {
    index: &'i Index<'i>,
    node: &'i Value,
    path: String,
}

/// An array, or a list that can be one. Object arrays hold texts, numbers and missing values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Array {
    Plain(npy::Array),
    /// `None` is Python's `None` or NaN.
    Objects {
        shape: Vec<usize>,
        items: Vec<Option<Item>>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Item {
    Text(String),
    Number(f64),
    Boolean(bool),
}

impl<'i> Object<'i> {
    pub(super) fn new(index: &'i Index<'i>, node: &'i Value, path: String) -> Result<Self, Error> {
        let mut node = node;
        // A reference may lead to a reference, but not for ever.
        for _ in 0..4 {
            if node.get("__loader__").and_then(Value::as_str) != Some("CachedNode") {
                return Ok(Self { index, node, path });
            }
            node = node
                .get("__id__")
                .and_then(Value::as_u64)
                .and_then(|id| index.ids.get(&id))
                .copied()
                .ok_or_else(|| {
                    Error::Broken(format!("`{path}` refers to an object that is not in the file"))
                })?;
        }
        Err(Error::Broken(format!("`{path}` refers to itself")))
    }

    pub(crate) fn broken(&self, what: &str) -> Error {
        Error::Broken(format!("`{}` {what}", self.path))
    }

    pub(crate) fn unsupported(&self, what: impl std::fmt::Display) -> Error {
        Error::Unsupported(format!("`{}` ({}): {what}", self.path, self.class()))
    }

    fn field(&self, name: &str) -> &'i str {
        self.node.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// The class without its module, as private modules move between versions.
    pub(crate) fn class(&self) -> &'i str {
        self.field("__class__")
    }

    pub(crate) fn module(&self) -> &'i str {
        self.field("__module__")
    }

    /// The library that the class is of.
    pub(crate) fn library(&self) -> &'i str {
        self.module().split('.').next().unwrap_or_default()
    }

    fn loader(&self) -> &'i str {
        self.field("__loader__")
    }

    fn child(&self, node: &'i Value, name: &str) -> Result<Self, Error> {
        Self::new(self.index, node, format!("{}.{name}", self.path))
    }

    /// The dictionary of an object's attributes, or of a dict.
    fn fields(&self) -> Result<Option<&'i serde_json::Map<String, Value>>, Error> {
        let content = match self.node.get("content") {
            Some(content) => content,
            None => return Ok(None),
        };
        if self.loader() == "DictNode"
            || self.loader() == "DefaultDictNode"
            || self.loader() == "OrderedDictNode"
        {
            let inner = if content.get("__loader__").is_some() {
                self.child(content, "content")?.fields()?
            } else {
                content.as_object()
            };
            return Ok(inner);
        }
        if content.get("__loader__").is_some() {
            let state = self.child(content, "state")?;
            return if state.loader() == "DictNode" { state.fields() } else { Ok(None) };
        }
        Ok(content.as_object())
    }

    pub(crate) fn names(&self) -> Result<Vec<&'i str>, Error> {
        Ok(self.fields()?.map(|f| f.keys().map(String::as_str).collect()).unwrap_or_default())
    }

    /// The attribute `name`; `None` where it is absent.
    pub(crate) fn find(&self, name: &str) -> Result<Option<Object<'i>>, Error> {
        match self.fields()?.and_then(|f| f.get(name)) {
            Some(node) => Ok(Some(self.child(node, name)?)),
            None => Ok(None),
        }
    }

    pub(crate) fn get(&self, name: &str) -> Result<Object<'i>, Error> {
        self.find(name)?
            .ok_or_else(|| self.broken(&format!("has no `{name}`: it is not fitted, or of another version")))
    }

    /// What an object gave as its state, where that is no dictionary of attributes.
    pub(crate) fn state(&self) -> Result<Object<'i>, Error> {
        match self.node.get("content") {
            Some(content) if content.get("__loader__").is_some() => self.child(content, "state"),
            _ => Err(self.broken("has no state")),
        }
    }

    /// A number, text, boolean or null.
    pub(crate) fn json(&self) -> Result<Value, Error> {
        if self.loader() != "JsonNode" {
            return Err(self.broken("is no plain value"));
        }
        let text = self.field("content");
        // Python's NaN and infinities are no JSON.
        match text {
            "NaN" | "Infinity" | "-Infinity" => Ok(Value::String(format!("\u{0}{text}"))),
            _ => serde_json::from_str(text).map_err(|e| self.broken(&format!("is not readable: {e}"))),
        }
    }

    pub(crate) fn is_none(&self) -> bool {
        self.loader() == "JsonNode" && self.field("content") == "null"
    }

    pub(crate) fn text(&self) -> Result<String, Error> {
        match self.json()? {
            Value::String(text) if !text.starts_with('\0') => Ok(text),
            _ => Err(self.broken("is no text")),
        }
    }

    /// The text, if it is one.
    pub(crate) fn word(&self) -> Option<String> {
        self.text().ok()
    }

    pub(crate) fn boolean(&self) -> Result<bool, Error> {
        match self.json() {
            Ok(Value::Bool(b)) => Ok(b),
            _ => match self.array()?.booleans() {
                Some(v) if v.len() == 1 => Ok(v[0]),
                _ => Err(self.broken("is neither true nor false")),
            },
        }
    }

    /// A Python or numpy number; NaN and infinities included.
    pub(crate) fn number(&self) -> Result<f64, Error> {
        if self.loader() == "JsonNode" {
            return match self.json()? {
                Value::Number(n) => n.as_f64().ok_or_else(|| self.broken("is no number")),
                Value::String(s) if s == "\0NaN" => Ok(f64::NAN),
                Value::String(s) if s == "\0Infinity" => Ok(f64::INFINITY),
                Value::String(s) if s == "\0-Infinity" => Ok(f64::NEG_INFINITY),
                Value::Bool(b) => Ok(f64::from(u8::from(b))),
                _ => Err(self.broken("is no number")),
            };
        }
        match self.array()?.floats() {
            Some(v) if v.len() == 1 => Ok(v[0]),
            _ => Err(self.broken("is no number")),
        }
    }

    pub(crate) fn count(&self) -> Result<usize, Error> {
        let number = self.number()?;
        if (0.0..=1e9).contains(&number) && number.fract() == 0.0 {
            Ok(number as usize)
        } else {
            Err(self.broken(&format!("is {number}, not a count")))
        }
    }

    /// The members of a list, tuple or object array (of any shape, flattened).
    pub(crate) fn items(&self) -> Result<Vec<Object<'i>>, Error> {
        let Some(Value::Array(items)) = self.node.get("content") else {
            return Err(self.broken("is no list"));
        };
        let mut out = Vec::with_capacity(items.len());
        for (i, item) in items.iter().enumerate() {
            let child = self.child(item, &i.to_string())?;
            // The rows of an object array are lists.
            if self.loader() == "NdArrayNode" && child.loader() == "ListNode" {
                out.extend(child.items()?);
            } else {
                out.push(child);
            }
        }
        Ok(out)
    }

    /// A part that stands beside the content (`func` of a `functools.partial`).
    pub(crate) fn part(&self, name: &str) -> Result<Object<'i>, Error> {
        match self.node.get("content").and_then(|c| c.get(name)).or_else(|| self.node.get(name)) {
            Some(node) if node.get("__loader__").is_some() => self.child(node, name),
            _ => Err(self.broken(&format!("has no `{name}`"))),
        }
    }

    /// The shape of an object array, without its members.
    pub(crate) fn array_shape(&self) -> Result<Vec<usize>, Error> {
        match self.node.get("shape") {
            Some(shape) => self.child(shape, "shape")?.items()?.iter().map(Object::count).collect(),
            None => Err(self.broken("is no array")),
        }
    }

    pub(crate) fn is_list(&self) -> bool {
        matches!(self.loader(), "ListNode" | "TupleNode")
    }

    /// The bytes of the file that belongs to the object.
    pub(crate) fn file(&self) -> Result<&'i [u8], Error> {
        let name = self.field("file");
        self.index.skops.files.get(name).map(Vec::as_slice).ok_or_else(|| self.broken("has no file"))
    }

    /// An array, a numpy scalar, or a list of plain values.
    pub(crate) fn array(&self) -> Result<Array, Error> {
        if self.loader() == "NdArrayNode" && self.field("type") == "numpy" {
            return Ok(Array::Plain(npy::read(self.file()?)?));
        }
        if self.loader() != "NdArrayNode" && !self.is_list() {
            return Err(self.broken("is no array"));
        }
        let items: Vec<Option<Item>> = self
            .items()?
            .iter()
            .map(|item| {
                if item.loader() == "NdArrayNode" {
                    return match item.number() {
                        Ok(x) if x.is_nan() => Ok(None),
                        Ok(x) => Ok(Some(Item::Number(x))),
                        Err(e) => Err(e),
                    };
                }
                Ok(match item.json()? {
                    Value::Null => None,
                    Value::String(s) if s == "\0NaN" => None,
                    Value::String(s) if s.starts_with('\0') => return Err(item.broken("is infinite")),
                    Value::String(s) => Some(Item::Text(s)),
                    Value::Bool(b) => Some(Item::Boolean(b)),
                    Value::Number(n) => n.as_f64().map(Item::Number),
                    _ => return Err(item.broken("is no plain value")),
                })
            })
            .collect::<Result<_, _>>()?;
        let shape = match self.node.get("shape") {
            Some(shape) => {
                self.child(shape, "shape")?.items()?.iter().map(Object::count).collect::<Result<_, _>>()?
            }
            None => vec![items.len()],
        };
        Ok(Array::Objects { shape, items })
    }

    /// The array as doubles.
    pub(crate) fn floats(&self) -> Result<Vec<f64>, Error> {
        self.array()?.floats().ok_or_else(|| self.broken("is no array of numbers"))
    }

    pub(crate) fn integers(&self) -> Result<Vec<i64>, Error> {
        match self.array()? {
            Array::Plain(npy::Array { data: Data::I64(v), .. }) => Ok(v),
            Array::Objects { items, .. } => items
                .into_iter()
                .map(|i| match i {
                    Some(Item::Number(x)) if x.fract() == 0.0 => Ok(x as i64),
                    _ => Err(self.broken("holds something that is no whole number")),
                })
                .collect(),
            Array::Plain(_) => Err(self.broken("is no array of whole numbers")),
        }
    }

    pub(crate) fn indices(&self) -> Result<Vec<usize>, Error> {
        self.integers()?
            .into_iter()
            .map(|i| usize::try_from(i).map_err(|_| self.broken("holds a negative index")))
            .collect()
    }

    /// The name of the type of a `TypeNode` (`float64`).
    pub(crate) fn type_name(&self) -> Option<&'i str> {
        (self.loader() == "TypeNode").then(|| self.class())
    }

    /// The type of a numpy dtype object: that of the empty array which stands for it.
    pub(crate) fn dtype(&self) -> Result<npy::Data, Error> {
        let node = self.node.get("content").ok_or_else(|| self.broken("has no type"))?;
        match self.child(node, "dtype")?.array()? {
            Array::Plain(array) => Ok(array.data),
            Array::Objects { .. } => Ok(Data::Text(Vec::new())),
        }
    }
}

impl Array {
    pub(crate) fn shape(&self) -> &[usize] {
        match self {
            Self::Plain(a) => &a.shape,
            Self::Objects { shape, .. } => shape,
        }
    }

    pub(crate) fn is_single(&self) -> bool {
        matches!(self, Self::Plain(npy::Array { data: Data::F32(_), .. }))
    }

    pub(crate) fn floats(&self) -> Option<Vec<f64>> {
        match self {
            Self::Plain(array) => match &array.data {
                Data::F32(v) => Some(v.iter().map(|x| f64::from(*x)).collect()),
                Data::F64(v) => Some(v.clone()),
                Data::I64(v) => Some(v.iter().map(|x| *x as f64).collect()),
                Data::U64(v) => Some(v.iter().map(|x| *x as f64).collect()),
                Data::Boolean(v) => Some(v.iter().map(|x| f64::from(u8::from(*x))).collect()),
                Data::Text(_) | Data::Records(_) => None,
            },
            Self::Objects { items, .. } => items
                .iter()
                .map(|i| match i {
                    None => Some(f64::NAN),
                    Some(Item::Number(x)) => Some(*x),
                    Some(Item::Boolean(b)) => Some(f64::from(u8::from(*b))),
                    Some(Item::Text(_)) => None,
                })
                .collect(),
        }
    }

    pub(crate) fn booleans(&self) -> Option<Vec<bool>> {
        match self {
            Self::Plain(npy::Array { data: Data::Boolean(v), .. }) => Some(v.clone()),
            Self::Objects { items, .. } => items
                .iter()
                .map(|i| match i {
                    Some(Item::Boolean(b)) => Some(*b),
                    _ => None,
                })
                .collect(),
            Self::Plain(_) => None,
        }
    }
}
