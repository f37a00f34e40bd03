//! Rules about several columns at once.

use std::collections::{HashMap, HashSet};

use columns::QuickHash;

use super::domain::Domain;
use super::{Evaluator, Finding, Found, Rows, Shape, enough};
use crate::frame::{Cell, Column, Key};
use crate::suite::{ColumnsTest, IgnoreColumns};

impl Evaluator<'_> {
    pub(super) fn columns(
        &self,
        places: &[usize],
        test: &ColumnsTest,
        ignore: IgnoreColumns,
        domain: &Domain<'_>,
        mostly: f64,
    ) -> Result<Finding, String> {
        let columns: Vec<_> = places.iter().map(|p| self.frame.at(*p)).collect();
        let mut asked: Vec<u32> = Vec::new();
        for row in domain.rows() {
            let missing = columns.iter().filter(|c| c.is_null(row as usize)).count();
            let skip = match ignore {
                IgnoreColumns::All => missing == columns.len(),
                IgnoreColumns::Any => missing > 0,
                IgnoreColumns::Never => false,
            };
            if !skip {
                asked.push(row);
            }
        }
        let record = |row: u32| columns.iter().map(move |c| c.get(row as usize));
        let unexpected: Vec<u32> = match test {
            ColumnsTest::CompoundUnique => {
                let key = |row: u32| record(row).map(Cell::key).collect::<Vec<Key<'_>>>();
                let mut counts: HashMap<Vec<Key<'_>>, usize, QuickHash> =
                    HashMap::with_capacity_and_hasher(asked.len(), QuickHash::default());
                for row in &asked {
                    *counts.entry(key(*row)).or_default() += 1;
                }
                asked.iter().copied().filter(|row| counts.get(&key(*row)).is_some_and(|n| *n > 1)).collect()
            }
            ColumnsTest::UniqueWithinRecord => {
                let distinct = |row: u32| columns.iter().map(|c| key(c, row)).collect::<HashSet<_>>().len();
                asked.iter().copied().filter(|row| distinct(*row) < columns.len()).collect()
            }
            ColumnsTest::SumEquals(total) => {
                let mut unexpected = Vec::new();
                for &row in &asked {
                    if sum(&columns, row)? != Some(*total) {
                        unexpected.push(row);
                    }
                }
                unexpected
            }
            ColumnsTest::Equal => {
                let same = |row: u32| {
                    let mut keys = record(row).map(Cell::key);
                    let first = keys.next();
                    keys.all(|k| Some(k) == first)
                };
                asked.iter().copied().filter(|row| !same(*row)).collect()
            }
        };
        let success = enough(asked.len(), unexpected.len(), mostly);
        let rows = Rows {
            element_count: domain.len(),
            present: Some(asked.len()),
            unexpected,
            columns: places.to_vec(),
            shape: Shape::Record,
            kept: Vec::new(),
        };
        Ok(Finding { success, raised: None, found: Found::Rows(rows) })
    }
}

/// Missing values are None, NaT or NaN by the type of the column, and these are not the same.
fn key(column: &Column, row: u32) -> (Key<'_>, u8) {
    match column.get(row as usize) {
        Cell::Null if column.dtype.is_object() => (Key::Null, 0),
        Cell::Null if column.dtype.is_time() => (Key::Null, 1),
        Cell::Null => (Key::Null, 2),
        cell => (cell.key(), 0),
    }
}

/// The sum of a row as Python's `+` finds it; `None` for NaN and for texts, which it joins.
/// Errors: values that have no sum: texts and numbers, None beside anything, points in time.
fn sum(columns: &[&Column], row: u32) -> Result<Option<f64>, String> {
    let cells = || columns.iter().map(|c| c.get(row as usize));
    let alone = columns.len() == 1;
    if cells().all(|cell| matches!(cell, Cell::Text(_))) {
        return Ok(None);
    }
    let mut sum = Some(0.0);
    for (column, cell) in columns.iter().zip(cells()) {
        sum = match cell {
            Cell::Null if alone => None,
            Cell::Null if column.dtype.is_object() => {
                return Err(format!("a missing value of `{}` is None, which has no sum", column.name));
            }
            Cell::Null => None,
            cell => {
                let value = cell.number().ok_or_else(|| super::domain::not_numeric(cell))?;
                sum.map(|s| s + value)
            }
        };
    }
    Ok(sum)
}
