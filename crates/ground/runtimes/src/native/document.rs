//! A model's document, from JSON or UBJSON: lists of numbers are kept as numbers, as nearly all of a model is lists of
//! numbers.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::Error;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Document {
    Null,
    Boolean(bool),
    Number(f64),
    Text(String),
    Numbers(Vec<f64>),
    List(Vec<Document>),
    Map(Vec<(String, Document)>),
}

impl Document {
    pub(crate) fn json(bytes: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(bytes).map_err(|e| Error::Broken(format!("the model is no JSON: {e}")))
    }

    pub(crate) fn find(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(fields) => fields.iter().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }

    pub(crate) fn get(&self, key: &str) -> Result<&Self, Error> {
        self.find(key).ok_or_else(|| Error::Broken(format!("the model has no `{key}`")))
    }

    pub(crate) fn text(&self, key: &str) -> Result<&str, Error> {
        match self.get(key)? {
            Self::Text(text) => Ok(text),
            _ => Err(Error::Broken(format!("`{key}` of the model is no text"))),
        }
    }

    /// A number, also where it is written as a text, as XGBoost's parameters are.
    pub(crate) fn number(&self, key: &str) -> Result<f64, Error> {
        let wrong = || Error::Broken(format!("`{key}` of the model is no number"));
        match self.get(key)? {
            Self::Number(x) => Ok(*x),
            Self::Boolean(b) => Ok(f64::from(u8::from(*b))),
            Self::Text(text) => text.parse().map_err(|_| wrong()),
            _ => Err(wrong()),
        }
    }

    pub(crate) fn count(&self, key: &str) -> Result<usize, Error> {
        let x = self.number(key)?;
        if (0.0..=1e9).contains(&x) && x.fract() == 0.0 {
            Ok(x as usize)
        } else {
            Err(Error::Broken(format!("`{key}` of the model is {x}, not a count")))
        }
    }

    /// Numbers; an empty list is one of them.
    pub(crate) fn numbers(&self, key: &str) -> Result<&[f64], Error> {
        match self.get(key)? {
            Self::Numbers(v) => Ok(v),
            _ => Err(Error::Broken(format!("`{key}` of the model is no list of numbers"))),
        }
    }

    pub(crate) fn list(&self, key: &str) -> Result<&[Document], Error> {
        match self.get(key)? {
            Self::List(v) => Ok(v),
            Self::Numbers(v) if v.is_empty() => Ok(&[]),
            _ => Err(Error::Broken(format!("`{key}` of the model is no list"))),
        }
    }

    pub(crate) fn texts(&self, key: &str) -> Result<Vec<String>, Error> {
        self.list(key)?
            .iter()
            .map(|item| match item {
                Self::Text(t) => Ok(t.clone()),
                _ => Err(Error::Broken(format!("`{key}` of the model is no list of texts"))),
            })
            .collect()
    }

    /// A list; numbers stay numbers.
    pub(crate) fn from_items(items: Vec<Document>) -> Self {
        if items.iter().all(|i| matches!(i, Self::Number(_) | Self::Boolean(_))) {
            let number = |item: Document| match item {
                Self::Number(x) => x,
                Self::Boolean(b) => f64::from(u8::from(b)),
                _ => f64::NAN,
            };
            return Self::Numbers(items.into_iter().map(number).collect());
        }
        Self::List(items)
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Document, E> {
        Ok(Document::Null)
    }

    fn visit_bool<E>(self, b: bool) -> Result<Document, E> {
        Ok(Document::Boolean(b))
    }

    fn visit_i64<E>(self, x: i64) -> Result<Document, E> {
        Ok(Document::Number(x as f64))
    }

    fn visit_u64<E>(self, x: u64) -> Result<Document, E> {
        Ok(Document::Number(x as f64))
    }

    fn visit_f64<E>(self, x: f64) -> Result<Document, E> {
        Ok(Document::Number(x))
    }

    fn visit_str<E>(self, text: &str) -> Result<Document, E> {
        Ok(Document::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Document, A::Error> {
        let mut numbers = Vec::new();
        while let Some(item) = seq.next_element::<Document>()? {
            match item {
                Document::Number(x) => numbers.push(x),
                other => {
                    let mut items: Vec<Document> = numbers.into_iter().map(Document::Number).collect();
                    items.push(other);
                    while let Some(item) = seq.next_element()? {
                        items.push(item);
                    }
                    return Ok(Document::from_items(items));
                }
            }
        }
        Ok(Document::Numbers(numbers))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Document, A::Error> {
        let mut fields = Vec::new();
        while let Some(entry) = map.next_entry()? {
            fields.push(entry);
        }
        Ok(Document::Map(fields))
    }
}
