//! A value of the document together with where it stands, so that every error can say where.

use serde_json::{Map, Value};

/// What is wrong with a document, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {what}")]
pub struct IrError {
    /// Such as `root.dag.tasks.train.componentRef.name`.
    pub path: String,
    pub what: String,
}

impl IrError {
    pub fn new(path: impl Into<String>, what: impl Into<String>) -> Self {
        Self { path: path.into(), what: what.into() }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Node<'a> {
    pub value: &'a Value,
    pub path: String,
}

/// The fields of a message. Names are those of protobuf's JSON, or, as protobuf reads them, those of the `.proto` file.
pub(crate) struct Fields<'a> {
    map: &'a Map<String, Value>,
    path: String,
}

impl<'a> Node<'a> {
    pub fn new(path: impl Into<String>, value: &'a Value) -> Self {
        Self { value, path: path.into() }
    }

    pub fn error(&self, what: impl Into<String>) -> IrError {
        IrError::new(&self.path, what)
    }

    /// Errors: not an object; a field that is not `known`, since what it means would be lost.
    pub fn fields(&self, known: &[&str]) -> Result<Fields<'a>, IrError> {
        let map = self.map()?;
        for name in map.keys() {
            if !known.iter().any(|k| *k == name || snake(k) == *name) {
                let what = format!("unknown field `{name}`: this server does not know what it asks for");
                return Err(self.error(what));
            }
        }
        Ok(Fields { map, path: self.path.clone() })
    }

    fn map(&self) -> Result<&'a Map<String, Value>, IrError> {
        self.value.as_object().ok_or_else(|| self.error("an object is expected here"))
    }

    /// The entries of a map from names.
    pub fn entries(&self) -> Result<Vec<(&'a str, Node<'a>)>, IrError> {
        let entry = |(name, value)| (String::as_str(name), self.below(name, value));
        Ok(self.map()?.iter().map(entry).collect())
    }

    pub fn items(&self) -> Result<Vec<Node<'a>>, IrError> {
        let list = self.value.as_array().ok_or_else(|| self.error("a list is expected here"))?;
        let item = |(i, value)| Node::new(format!("{}[{i}]", self.path), value);
        Ok(list.iter().enumerate().map(item).collect())
    }

    pub fn texts(&self) -> Result<Vec<String>, IrError> {
        self.items()?.iter().map(|item| item.text().map(str::to_owned)).collect()
    }

    pub fn text(&self) -> Result<&'a str, IrError> {
        self.value.as_str().ok_or_else(|| self.error("a text is expected here"))
    }

    pub fn flag(&self) -> Result<bool, IrError> {
        self.value.as_bool().ok_or_else(|| self.error("true or false is expected here"))
    }

    /// A number, also one written as text, as protobuf's JSON writes 64-bit integers.
    pub fn number(&self) -> Result<f64, IrError> {
        let from_text = || self.value.as_str().and_then(|text| text.parse().ok());
        let number = self.value.as_f64().or_else(from_text);
        number.filter(|n| n.is_finite()).ok_or_else(|| self.error("a number is expected here"))
    }

    /// Errors: not a whole number from 0 to 2³¹ − 1.
    pub fn count(&self) -> Result<u32, IrError> {
        let number = self.number()?;
        if number.fract() == 0.0 && (0.0..=f64::from(i32::MAX)).contains(&number) {
            return Ok(number as u32);
        }
        Err(self.error("a whole number that is not negative is expected here"))
    }

    fn below(&self, name: &str, value: &'a Value) -> Node<'a> {
        Node::new(join(&self.path, name), value)
    }
}

impl<'a> Fields<'a> {
    /// `None` if it is missing or null.
    pub fn opt(&self, name: &str) -> Option<Node<'a>> {
        let value = self.map.get(name).or_else(|| self.map.get(&snake(name)))?;
        (!value.is_null()).then(|| Node::new(join(&self.path, name), value))
    }

    pub fn need(&self, name: &str) -> Result<Node<'a>, IrError> {
        self.opt(name).ok_or_else(|| IrError::new(&self.path, format!("`{name}` is missing")))
    }

    pub fn text(&self, name: &str) -> Result<Option<&'a str>, IrError> {
        self.opt(name).map(|node| node.text()).transpose()
    }

    pub fn flag(&self, name: &str) -> Result<bool, IrError> {
        Ok(self.opt(name).map(|node| node.flag()).transpose()?.unwrap_or(false))
    }

    /// The entries of a map, none if it is missing.
    pub fn entries(&self, name: &str) -> Result<Vec<(&'a str, Node<'a>)>, IrError> {
        self.opt(name).map_or_else(|| Ok(Vec::new()), |node| node.entries())
    }

    pub fn items(&self, name: &str) -> Result<Vec<Node<'a>>, IrError> {
        self.opt(name).map_or_else(|| Ok(Vec::new()), |node| node.items())
    }

    pub fn texts(&self, name: &str) -> Result<Vec<String>, IrError> {
        self.opt(name).map_or_else(|| Ok(Vec::new()), |node| node.texts())
    }

    pub fn error(&self, what: impl Into<String>) -> IrError {
        IrError::new(&self.path, what)
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// `componentInputParameter` to `component_input_parameter`.
pub(crate) fn snake(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            text.push('_');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_error_says_where_it_is() {
        let value = json!({ "a": { "list": [1, "x"] }, "odd": 1 });
        let node = Node::new("", &value);
        let refused = node.fields(&["a"]).err().unwrap();
        assert!(refused.what.contains("`odd`"), "{refused}");
        let fields = node.fields(&["a", "odd"]).unwrap();
        let inner = fields.need("a").unwrap().fields(&["list"]).unwrap();
        assert_eq!(inner.texts("list").unwrap_err().to_string(), "a.list[0]: a text is expected here");
        assert_eq!(inner.need("b").unwrap_err().to_string(), "a: `b` is missing");
    }

    #[test]
    fn names_of_the_proto_file_are_read_too() {
        let value = json!({ "max_retry_count": "3" });
        let fields = Node::new("x", &value).fields(&["maxRetryCount"]).unwrap();
        assert_eq!(fields.need("maxRetryCount").unwrap().count(), Ok(3));
    }
}
