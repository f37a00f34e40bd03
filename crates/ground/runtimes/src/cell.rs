//! One value of a column, as what the model's input takes.

use crate::tabular::Values;
use crate::tensor::MISSING_TEXT;

pub enum Cell<'v> {
    Missing,
    Float(f64),
    Integer(i64),
    Boolean(bool),
    Text(&'v str),
}

pub fn cell(values: Option<&Values>, row: usize) -> Cell<'_> {
    match values {
        None => Cell::Missing,
        Some(Values::Float(v)) => Cell::Float(v[row]),
        Some(Values::Integer(v)) => v[row].map_or(Cell::Missing, Cell::Integer),
        Some(Values::Boolean(v)) => v[row].map_or(Cell::Missing, Cell::Boolean),
        Some(Values::Text(v)) => v[row].as_deref().map_or(Cell::Missing, Cell::Text),
    }
}

pub fn float(cell: &Cell<'_>) -> Result<f64, String> {
    Ok(match cell {
        Cell::Missing => f64::NAN,
        Cell::Float(x) => *x,
        Cell::Integer(x) => *x as f64,
        Cell::Boolean(x) => f64::from(u8::from(*x)),
        Cell::Text(t) => return Err(format!("`{t}` is text; the model takes a number")),
    })
}

pub fn integer(cell: &Cell<'_>) -> Result<i64, String> {
    match cell {
        Cell::Missing => Err("the value is missing; the model takes a whole number".into()),
        Cell::Integer(x) => Ok(*x),
        Cell::Boolean(x) => Ok(i64::from(*x)),
        Cell::Float(x) if x.is_nan() => Err("the value is missing; the model takes a whole number".into()),
        // The bound is 2^63 exactly: i64::MAX itself is not a float.
        Cell::Float(x) if x.fract() == 0.0 && x.abs() < 9_223_372_036_854_775_808.0 => Ok(*x as i64),
        Cell::Float(x) => Err(format!("{x} is not a whole number")),
        Cell::Text(t) => Err(format!("`{t}` is text; the model takes a whole number")),
    }
}

pub fn narrow<T: TryFrom<i64>>(cell: &Cell<'_>) -> Result<T, String> {
    let wide = integer(cell)?;
    T::try_from(wide).map_err(|_| format!("{wide} is out of range for {}", std::any::type_name::<T>()))
}

pub fn boolean(cell: &Cell<'_>) -> Result<bool, String> {
    match cell {
        Cell::Boolean(x) => Ok(*x),
        Cell::Missing => Err("the value is missing; the model takes true or false".into()),
        other => match integer(other)? {
            0 => Ok(false),
            1 => Ok(true),
            x => Err(format!("{x} is neither true nor false")),
        },
    }
}

pub fn text_or_missing(cell: &Cell<'_>) -> Result<Vec<u8>, String> {
    match cell {
        Cell::Missing => Ok(MISSING_TEXT.to_vec()),
        cell => text(cell),
    }
}

pub fn text(cell: &Cell<'_>) -> Result<Vec<u8>, String> {
    match cell {
        Cell::Text(t) => Ok(t.as_bytes().to_vec()),
        Cell::Missing => Err("the value is missing; the model takes text".into()),
        Cell::Integer(x) => Err(format!("{x} is a number; the model takes text")),
        Cell::Float(x) => Err(format!("{x} is a number; the model takes text")),
        Cell::Boolean(x) => Err(format!("{x} is true or false; the model takes text")),
    }
}
