//! Where a page of a search ends. A token made of it stays true while rows come and go.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

/// What a row is sorted by, at one place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum SortValue {
    /// The bits of a number that is not NaN: text would lose some.
    Number(u64),
    Integer(i64),
    Text(String),
    NotANumber,
    Missing,
}

/// The sort keys of the last row of a page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    pub values: Vec<SortValue>,
}

impl SortValue {
    pub fn number(value: f64) -> Self {
        Self::Number(value.to_bits())
    }

    /// Values, then NaN, then what is missing.
    pub(crate) fn rank(&self) -> i64 {
        match self {
            Self::Number(_) | Self::Integer(_) | Self::Text(_) => 0,
            Self::NotANumber => 1,
            Self::Missing => 2,
        }
    }

    /// How two values of one place are ordered; NaN and what is missing stay last when descending.
    pub(crate) fn compare(&self, other: &Self, descending: bool) -> Ordering {
        let ordering = match (self, other) {
            (Self::Number(a), Self::Number(b)) => f64::from_bits(*a).total_cmp(&f64::from_bits(*b)),
            (Self::Integer(a), Self::Integer(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
            _ => return self.rank().cmp(&other.rank()),
        };
        if descending { ordering.reverse() } else { ordering }
    }
}
