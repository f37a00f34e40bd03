//! Rules about several columns at once.

use std::collections::{HashMap, HashSet};

use super::domain::Domain;
use super::{Evaluator, Finding, Found, Rows, Shape, enough};
use crate::frame::{Cell, Key};
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
                let mut counts: HashMap<Vec<Key<'_>>, usize> = HashMap::with_capacity(asked.len());
                for row in &asked {
                    *counts.entry(key(*row)).or_default() += 1;
                }
                asked.iter().copied().filter(|row| counts.get(&key(*row)).is_some_and(|n| *n > 1)).collect()
            }
            ColumnsTest::UniqueWithinRecord => {
                let distinct = |row: u32| record(row).map(Cell::key).collect::<HashSet<Key<'_>>>().len();
                asked.iter().copied().filter(|row| distinct(*row) < columns.len()).collect()
            }
            ColumnsTest::SumEquals(total) => {
                let mut unexpected = Vec::new();
                for &row in &asked {
                    let mut sum = Some(0.0);
                    for cell in record(row) {
                        sum = match cell {
                            Cell::Null => None,
                            cell => {
                                let value = cell.number().ok_or_else(|| super::domain::not_numeric(cell))?;
                                sum.map(|s| s + value)
                            }
                        };
                        if sum.is_none() {
                            break;
                        }
                    }
                    if sum != Some(*total) {
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
        };
        Ok(Finding { success, raised: None, found: Found::Rows(rows) })
    }
}
