//! Comparing what was observed with the bounds of an expectation.

use std::cmp::Ordering;

use serde_json::Value;

use crate::frame::{Cell, Dtype, compare, number};
use crate::suite::Bounds;
use crate::texts::dates;

/// A value of a whole column.
#[derive(Clone, Debug)]
pub(super) enum Observed {
    Bool(bool),
    Integer(i64),
    Number(f64),
    Text(String),
    /// Nanoseconds since 1970.
    Time(i64),
    /// Days since 1970.
    Day(i32),
}

impl Observed {
    pub fn of(cell: Cell<'_>) -> Self {
        match cell {
            Cell::Bool(v) => Self::Bool(v),
            Cell::Int(v) => Self::Integer(v),
            Cell::Float(v) => Self::Number(v),
            Cell::Time(v) => Self::Time(v),
            Cell::Day(v) => Self::Day(v),
            cell => Self::Text(cell.text(false)),
        }
    }

    fn cell(&self) -> Cell<'_> {
        match self {
            Self::Bool(v) => Cell::Bool(*v),
            Self::Integer(v) => Cell::Int(*v),
            Self::Number(v) => Cell::Float(*v),
            Self::Text(v) => Cell::Text(v),
            Self::Time(v) => Cell::Time(*v),
            Self::Day(v) => Cell::Day(*v),
        }
    }

    pub fn json(&self) -> Value {
        match self {
            Self::Number(v) => number(*v),
            other => other.cell().json(),
        }
    }
}

/// A bound beside a value of some kind: a text beside a time is meant as a time. Errors: they have no order.
pub(super) fn bound<'a>(value: &'a Value, beside: Cell<'_>, typed: bool) -> Result<Cell<'a>, String> {
    let unequal = || format!("{} and {value} have no order", beside.json());
    let cell = match value {
        Value::Bool(v) => Cell::Bool(*v),
        Value::Number(n) => n.as_i64().map_or_else(|| Cell::Float(n.as_f64().unwrap_or(f64::NAN)), Cell::Int),
        Value::String(text) if typed && !fits(text, beside) => return Err(unequal()),
        Value::String(text) => match beside {
            Cell::Time(_) => Cell::Time(dates::nanos(text).ok_or_else(unequal)?),
            Cell::Day(_) => Cell::Day(dates::days(text).ok_or_else(unequal)?),
            Cell::Bool(_) | Cell::Int(_) | Cell::Float(_) => match infinite(text) {
                Some(v) => Cell::Float(v),
                None if typed => Cell::Float(text.trim().parse().map_err(|_| unequal())?),
                None => return Err(unequal()),
            },
            _ => Cell::Text(text),
        },
        _ => return Err(unequal()),
    };
    compare(beside, cell).map(|_| cell).ok_or_else(unequal)
}

/// Whether what the text looks like (a number, a day, a time) has an order with such a value.
fn fits(text: &str, beside: Cell<'_>) -> bool {
    let number = text.trim().parse::<f64>().is_ok();
    let parts: Vec<&str> = text.split('-').collect();
    let digits = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let day = !number && parts.len() == 3 && parts.iter().all(digits);
    let time = !number && !day && dates::parse(text).is_some();
    match beside {
        Cell::Time(_) => time,
        Cell::Day(_) => day,
        Cell::Bool(_) | Cell::Int(_) | Cell::Float(_) => number,
        _ => !number && !day && !time,
    }
}

/// Errors: one of the bounds is a time with an offset from UTC beside times without a zone, or the other way round.
pub(super) fn in_zone(bounds: &Bounds, dtype: &Dtype) -> Result<(), String> {
    if !bounds.typed || !dtype.is_time() {
        return Ok(());
    }
    let zoned = matches!(dtype, Dtype::Zoned(_));
    for text in [&bounds.min, &bounds.max].into_iter().flatten().filter_map(Value::as_str) {
        if dates::parse(text).is_some_and(|moment| moment.offset.is_some() != zoned) {
            return Err(format!("`{text}` and times of the type {} have no order", dtype.name()));
        }
    }
    Ok(())
}

fn infinite(text: &str) -> Option<f64> {
    match text {
        "Infinity" | "inf" => Some(f64::INFINITY),
        "-Infinity" | "-inf" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

/// Whether a value is within the bounds. Errors: it has no order with one of them.
pub(super) fn within(observed: &Observed, bounds: &Bounds) -> Result<bool, String> {
    let cell = observed.cell();
    let low = bounds.min.as_ref().map(|v| bound(v, cell, bounds.typed)).transpose()?;
    let high = bounds.max.as_ref().map(|v| bound(v, cell, bounds.typed)).transpose()?;
    Ok(inside(cell, low, high, bounds))
}

/// Whether a value is within bounds that were read for it.
pub(super) fn inside(cell: Cell<'_>, low: Option<Cell<'_>>, high: Option<Cell<'_>>, bounds: &Bounds) -> bool {
    if matches!(cell, Cell::Float(v) if v.is_nan()) {
        return false;
    }
    let order = |bound: Cell<'_>| compare(cell, bound);
    let above = low.is_none_or(|low| match order(low) {
        Some(Ordering::Greater) => true,
        Some(Ordering::Equal) => !bounds.strict_min,
        _ => false,
    });
    above
        && high.is_none_or(|high| match order(high) {
            Some(Ordering::Less) => true,
            Some(Ordering::Equal) => !bounds.strict_max,
            _ => false,
        })
}
