//! One value, compared and hashed as Python does: `1 == 1.0 == True`.

use std::cmp::Ordering;

use serde_json::Value;

use super::json::{date_text, time_text};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'a str),
    /// Nanoseconds since 1970.
    Time(i64),
    /// Days since 1970.
    Day(i32),
    Bytes(&'a [u8]),
    /// An object of another kind (a time of day, a list), as text.
    Other(&'a str),
}

/// What makes two values the same value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key<'a> {
    Null,
    Int(i64),
    Bits(u64),
    Text(&'a str),
    Time(i64),
    Day(i32),
    Bytes(&'a [u8]),
    Other(&'a str),
}

impl<'a> Cell<'a> {
    pub fn key(self) -> Key<'a> {
        match self {
            Cell::Null => Key::Null,
            Cell::Bool(v) => Key::Int(i64::from(v)),
            Cell::Int(v) => Key::Int(v),
            Cell::Float(v) if v.fract() == 0.0 && v.abs() < 9.2e18 => Key::Int(v as i64),
            Cell::Float(v) => Key::Bits(v.to_bits()),
            Cell::Text(v) => Key::Text(v),
            Cell::Time(v) => Key::Time(v),
            Cell::Day(v) => Key::Day(v),
            Cell::Bytes(v) => Key::Bytes(v),
            Cell::Other(v) => Key::Other(v),
        }
    }

    pub fn number(self) -> Option<f64> {
        match self {
            Cell::Bool(v) => Some(f64::from(u8::from(v))),
            Cell::Int(v) => Some(v as f64),
            Cell::Float(v) => Some(v),
            _ => None,
        }
    }

    pub fn is_null(self) -> bool {
        matches!(self, Cell::Null)
    }

    /// `str(value)`; of a float of 32 bits if `single`.
    pub fn text(self, single: bool) -> String {
        match self {
            Cell::Null => "nan".into(),
            Cell::Bool(v) => if v { "True" } else { "False" }.into(),
            Cell::Int(v) => v.to_string(),
            Cell::Float(v) if single => single_text(v as f32),
            Cell::Float(v) => float_text(v),
            Cell::Text(v) | Cell::Other(v) => v.to_owned(),
            Cell::Time(v) => time_text(v, ' '),
            Cell::Day(v) => date_text(v),
            Cell::Bytes(v) => format!("b'{}'", v.escape_ascii()),
        }
    }

    /// As results show it: times in ISO 8601; numbers that JSON has not are their names.
    pub fn json(self) -> Value {
        match self {
            Cell::Null => Value::Null,
            Cell::Bool(v) => v.into(),
            Cell::Int(v) => v.into(),
            Cell::Float(v) => number(v),
            Cell::Text(v) | Cell::Other(v) => v.into(),
            Cell::Time(v) => time_text(v, 'T').into(),
            Cell::Day(v) => date_text(v).into(),
            Cell::Bytes(v) => format!("b'{}'", v.escape_ascii()).into(),
        }
    }
}

pub(crate) fn number(v: f64) -> Value {
    match serde_json::Number::from_f64(v) {
        Some(n) => Value::Number(n),
        None if v.is_nan() => Value::Null,
        None => if v > 0.0 { "Infinity" } else { "-Infinity" }.into(),
    }
}

/// Order of two values; `None` where Python would not compare them (a text with a number).
pub(crate) fn compare(a: Cell<'_>, b: Cell<'_>) -> Option<Ordering> {
    match (a, b) {
        (Cell::Text(a), Cell::Text(b)) | (Cell::Other(a), Cell::Other(b)) => Some(a.cmp(b)),
        (Cell::Bytes(a), Cell::Bytes(b)) => Some(a.cmp(b)),
        (Cell::Time(a), Cell::Time(b)) => Some(a.cmp(&b)),
        (Cell::Day(a), Cell::Day(b)) => Some(a.cmp(&b)),
        (Cell::Int(a), Cell::Int(b)) => Some(a.cmp(&b)),
        // NaN is below nothing and above nothing; whoever asks decides what that means.
        _ => Some(a.number()?.partial_cmp(&b.number()?).unwrap_or(Ordering::Equal)),
    }
}

/// Whether a value is equal to one that a suite names. A suite writes times as text.
pub(crate) fn json_equal(cell: Cell<'_>, value: &Value) -> bool {
    match (cell, value) {
        (Cell::Null, Value::Null) => true,
        (Cell::Text(a), Value::String(b)) => a == b,
        (Cell::Bool(_) | Cell::Int(_) | Cell::Float(_), Value::Bool(b)) => cell.key() == Cell::Bool(*b).key(),
        (Cell::Bool(_) | Cell::Int(_) | Cell::Float(_), Value::Number(b)) => {
            let wanted = b.as_i64().map(Cell::Int).or_else(|| b.as_f64().map(Cell::Float));
            wanted.is_some_and(|w| w.key() == cell.key())
        }
        _ => false,
    }
}

/// `repr(float)`.
pub(crate) fn float_text(v: f64) -> String {
    if v.is_nan() {
        return "nan".into();
    }
    if v.is_infinite() {
        return if v > 0.0 { "inf" } else { "-inf" }.into();
    }
    python(v.abs() >= 1e16 || (v != 0.0 && v.abs() < 1e-4), &format!("{v:e}"), &format!("{v}"))
}

/// `str(numpy.float32)`.
fn single_text(v: f32) -> String {
    if v.is_nan() || v.is_infinite() {
        return float_text(f64::from(v));
    }
    python(v.abs() >= 1e16 || (v != 0.0 && v.abs() < 1e-4), &format!("{v:e}"), &format!("{v}"))
}

fn python(scientific: bool, science: &str, plain: &str) -> String {
    if !scientific {
        return if plain.contains('.') { plain.to_owned() } else { format!("{plain}.0") };
    }
    let Some((digits, exponent)) = science.split_once('e') else { return science.to_owned() };
    let (sign, power) = match exponent.strip_prefix('-') {
        Some(p) => ('-', p),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{power:0>2}")
}
