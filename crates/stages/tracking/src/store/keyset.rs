//! Pages by keyset: where a page ended, as a condition on the rows after it.

use ledger::{Row, Value};

use super::Result;
use crate::search::{Cursor, SortValue};
use crate::statement::Statement;

/// The name of the column that holds the sort key at this place.
pub(crate) fn column(place: usize) -> String {
    format!("k{place}")
}

impl Statement {
    /// Ends a statement that begins with `SELECT * FROM (SELECT …, x AS k0, y AS k1 … ) q`: the rows after `cursor`,
    /// in the order of those columns (each descending or not; nulls last), at most `limit` of them. The columns
    /// together must be unique to a row.
    pub fn page(&mut self, descending: &[bool], cursor: Option<&Cursor>, limit: i64) -> &mut Self {
        if let Some(cursor) = cursor {
            self.push(" WHERE ");
            self.follows(descending, &cursor.values, 0);
        }
        self.push(" ORDER BY ");
        for (place, descending) in descending.iter().enumerate() {
            let key = column(place);
            self.push(if place == 0 { "" } else { ", " });
            self.push("CASE WHEN ").push(&key).push(" IS NULL THEN 1 ELSE 0 END, ").push(&key);
            self.push(if *descending { " DESC" } else { "" });
        }
        self.push(" LIMIT ").bind(limit)
    }

    fn follows(&mut self, descending: &[bool], values: &[SortValue], place: usize) {
        let (Some(down), Some(value)) = (descending.get(place), values.get(place)) else {
            self.push("1 = 0");
            return;
        };
        let key = column(place);
        let Some(bound) = value.bound() else {
            self.push("(").push(&key).push(" IS NULL AND ");
            self.follows(descending, values, place + 1);
            self.push(")");
            return;
        };
        self.push("(").push(&key).push(" IS NULL OR ").push(&key);
        self.push(if *down { " < " } else { " > " }).bind(bound.clone());
        self.push(" OR (").push(&key).push(" = ").bind(bound).push(" AND ");
        self.follows(descending, values, place + 1);
        self.push("))");
    }
}

/// Where a page ends whose last row is `row`, sorted by `count` columns as [`Statement::page`] names them.
pub fn cursor(row: &Row, count: usize) -> Result<Cursor> {
    let values = (0..count).map(|place| Ok(SortValue::of(row.get(column(place).as_str())?)));
    Ok(Cursor { values: values.collect::<Result<_>>()? })
}

impl SortValue {
    /// What the database says of a key that is not NaN.
    pub(crate) fn of(value: Value) -> Self {
        match value {
            Value::Int(value) => Self::Integer(value),
            Value::Float(value) => Self::number(value),
            Value::Text(value) => Self::Text(value),
            Value::Bool(value) => Self::Integer(value.into()),
            Value::Null | Value::Bytes(_) => Self::Missing,
        }
    }

    pub(crate) fn bound(&self) -> Option<Value> {
        match self {
            Self::Integer(value) => Some(Value::Int(*value)),
            Self::Number(bits) => Some(Value::Float(f64::from_bits(*bits))),
            Self::Text(value) => Some(Value::Text(value.clone())),
            Self::Missing | Self::NotANumber => None,
        }
    }
}
