use std::borrow::Cow;
use std::sync::Arc;

/// A span that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    pub trace: u128,
    pub span: u64,
    /// 0 for the first of a trace.
    pub parent: u64,
    pub state: Option<Arc<str>>,
    pub name: Cow<'static, str>,
    pub kind: Kind,
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub start: u64,
    pub end: u64,
    pub attributes: Vec<(&'static str, Value)>,
    /// What went wrong; `None` if nothing did.
    pub error: Option<String>,
}

/// Numbered as OTLP's `SpanKind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Internal = 1,
    Server = 2,
    Client = 3,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(Cow<'static, str>),
    Integer(i64),
    Float(f64),
    Flag(bool),
}

impl From<&'static str> for Value {
    fn from(value: &'static str) -> Self {
        Self::Text(Cow::Borrowed(value))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Cow::Owned(value))
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Integer(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<u16> for Value {
    fn from(value: u16) -> Self {
        Self::Integer(value.into())
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Flag(value)
    }
}
