//! `.skops` files: a zip of `schema.json`, which is a tree of Python objects, and of arrays. They are read as data;
//! nothing that they name is ever called. Format: `skops/io` of skops 0.16.

mod archive;
mod literal;
pub(crate) mod npy;
mod object;

use std::collections::HashMap;

use serde_json::Value;

pub(crate) use object::{Array, Item, Object};

use crate::Error;

/// An opened file.
pub(crate) struct Skops {
    schema: Value,
    files: HashMap<String, Vec<u8>>,
}

/// The newest layout of `schema.json` that is known.
const PROTOCOL: u64 = 2;

impl Skops {
    pub(crate) fn open(bytes: &[u8]) -> Result<Self, Error> {
        let mut files = archive::unpack(bytes)?;
        let schema = files
            .remove("schema.json")
            .ok_or_else(|| Error::Broken("the skops file has no schema.json".into()))?;
        let schema: Value = serde_json::from_slice(&schema)
            .map_err(|e| Error::Broken(format!("schema.json of the skops file: {e}")))?;
        match schema.get("protocol").and_then(Value::as_u64) {
            Some(protocol) if protocol <= PROTOCOL => Ok(Self { schema, files }),
            other => Err(Error::Unsupported(format!(
                "skops protocol {} (up to {PROTOCOL} is known)",
                other.map_or("unknown".to_owned(), |p| p.to_string())
            ))),
        }
    }

    /// Every object that may be referred to later, by its id.
    pub(crate) fn index(&self) -> Index<'_> {
        let mut ids = HashMap::new();
        let mut open = vec![&self.schema];
        while let Some(value) = open.pop() {
            match value {
                Value::Object(fields) => {
                    let cached = fields.get("__loader__").and_then(Value::as_str) == Some("CachedNode");
                    if let Some(id) = fields.get("__id__").and_then(Value::as_u64)
                        && !cached
                    {
                        ids.insert(id, value);
                    }
                    open.extend(fields.values());
                }
                Value::Array(items) => open.extend(items),
                _ => {}
            }
        }
        Index { skops: self, ids }
    }
}

pub(crate) struct Index<'s> {
    skops: &'s Skops,
    ids: HashMap<u64, &'s Value>,
}

impl<'s> Index<'s> {
    pub(crate) fn root<'i>(&'i self) -> Result<Object<'i>, Error>
    where
        's: 'i,
    {
        Object::new(self, &self.skops.schema, "model".to_owned())
    }
}
