//! Rules about two columns.

use std::cmp::Ordering;
use std::collections::HashSet;

use columns::QuickHash;
use serde_json::Value;

use super::domain::Domain;
use super::{Evaluator, Finding, Found, Rows, Shape, enough};
use crate::frame::{Cell, Column, Key, compare};
use crate::suite::{IgnorePair, PairTest};

impl Evaluator<'_> {
    pub(super) fn pair(
        &self,
        places: [usize; 2],
        test: &PairTest,
        ignore: IgnorePair,
        domain: &Domain<'_>,
        mostly: f64,
    ) -> Result<Finding, String> {
        let [a, b] = places.map(|p| self.frame.at(p));
        let pairs = match test {
            PairTest::InSet(Some(pairs)) => Some(keys(pairs)),
            _ => None,
        };
        let nan = self.frame.has_nan();
        let (mut asked, mut unexpected) = (0, Vec::new());
        for row in domain.rows() {
            let (x, y) = (a.get(row as usize), b.get(row as usize));
            let skip = match ignore {
                IgnorePair::Both => x.is_null() && y.is_null(),
                IgnorePair::Either => x.is_null() || y.is_null(),
                IgnorePair::Neither => false,
            };
            if skip {
                continue;
            }
            asked += 1;
            let fine = match test {
                PairTest::Equal => !x.is_null() && !y.is_null() && x.key() == y.key(),
                // Objects on the left are compared one by one, and missing ones passed over.
                PairTest::Greater { .. } if !nan && !a.dtype.is_object() && !x.is_null() && none(b, y) => {
                    return Err(format!("a missing value of `{}` is None, which has no order", b.name));
                }
                PairTest::Greater { .. } if x.is_null() || y.is_null() => false,
                PairTest::Greater { or_equal } => {
                    let order = compare(x, y)
                        .ok_or_else(|| format!("`{}` and `{}` have no order between them", a.name, b.name))?;
                    order == Ordering::Greater || *or_equal && order == Ordering::Equal
                }
                PairTest::InSet(_) => pairs.as_ref().is_none_or(|p| p.contains(&(x.key(), y.key()))),
            };
            if !fine {
                unexpected.push(row);
            }
        }
        let success = enough(asked, unexpected.len(), mostly);
        let rows = Rows {
            element_count: domain.len(),
            present: Some(asked),
            unexpected,
            columns: places.to_vec(),
            shape: Shape::Pair,
            kept: Vec::new(),
        };
        Ok(Finding { success, raised: None, found: Found::Rows(rows) })
    }
}

/// Whether the value is missing among objects.
fn none(column: &Column, cell: Cell<'_>) -> bool {
    cell.is_null() && column.dtype.is_object()
}

fn keys(pairs: &[[Value; 2]]) -> HashSet<(Key<'_>, Key<'_>), QuickHash> {
    pairs.iter().filter_map(|[a, b]| Some((key(a)?, key(b)?))).collect()
}

/// A value that a suite names, as it is compared; `None` of a list or an object.
pub(super) fn key(value: &Value) -> Option<Key<'_>> {
    Some(match value {
        Value::Null => Key::Null,
        Value::Bool(v) => Cell::Bool(*v).key(),
        Value::Number(n) => n.as_i64().map(Cell::Int).or_else(|| n.as_f64().map(Cell::Float))?.key(),
        Value::String(text) => Key::Text(text),
        _ => return None,
    })
}
