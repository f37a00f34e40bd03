//! Rules about the set of a column's values.

use serde_json::Value;

use super::domain::Domain;
use super::{Evaluator, Finding};
use crate::frame::{Cell, compare, json_equal, numpy_time, time_text};
use crate::suite::Relation;
use crate::texts::dates;

/// Values that are listed.
const SHOWN: usize = 20;

/// Whether a value is one that a suite names; a text beside a time is meant as a time.
pub(super) fn equal(cell: Cell<'_>, value: &Value) -> bool {
    match (cell, value) {
        (Cell::Time(at), Value::String(text)) => dates::nanos(text) == Some(at),
        (Cell::Day(at), Value::String(text)) => dates::days(text) == Some(at),
        _ => json_equal(cell, value),
    }
}

/// Values in their order, where they have one.
pub(super) fn ordered<'a>(mut cells: Vec<Cell<'a>>) -> Vec<Cell<'a>> {
    if cells.windows(2).all(|w| compare(w[0], w[1]).is_some()) {
        cells.sort_by(|a, b| compare(*a, *b).unwrap_or(std::cmp::Ordering::Equal));
    }
    cells
}

impl Evaluator<'_> {
    pub(super) fn distinct(
        &self,
        column: usize,
        relation: Relation,
        set: &[Value],
        domain: &Domain<'_>,
    ) -> Result<Finding, String> {
        let mut wanted: Vec<&Value> = Vec::new();
        for value in set {
            let same =
                |known: &&Value| **known == *value || as_cell(known).is_some_and(|c| json_equal(c, value));
            if !wanted.iter().any(same) {
                wanted.push(value);
            }
        }
        let (unexpected, missing) = domain.counts(column, |counts| {
            let lookup = super::values::Lookup::new(set, counts.first().map(|c| c.0));
            let unexpected: Vec<Cell<'_>> =
                counts.iter().map(|c| c.0).filter(|cell| !lookup.contains(*cell)).collect();
            let missing: Vec<&Value> =
                wanted.iter().copied().filter(|v| !counts.iter().any(|(c, _)| equal(*c, v))).collect();
            let timed = matches!(counts.first(), Some((Cell::Time(_), _)));
            let missing: Vec<Value> = missing.into_iter().map(|v| shown(v, timed)).collect();
            (
                ordered(unexpected).into_iter().map(|c| self.frame.at(column).shown(c)).collect::<Vec<_>>(),
                missing,
            )
        });
        let (too_many, too_few) = (unexpected.len(), missing.len());
        let listed = |values: Vec<Value>| Value::Array(values.into_iter().take(SHOWN).collect());
        let none = |success| Finding::observed(success, Value::Null);
        Ok(match relation {
            Relation::InSet => none(too_many == 0)
                .with("unexpected_count", too_many.into())
                .with("partial_unexpected_list", listed(unexpected)),
            Relation::ContainSet => none(too_few == 0)
                .with("missing_count", too_few.into())
                .with("partial_missing_list", listed(missing)),
            Relation::EqualSet => none(too_many == 0 && too_few == 0)
                .with("unexpected_count", too_many.into())
                .with("missing_count", too_few.into())
                .with("partial_unexpected_list", listed(unexpected))
                .with("partial_missing_list", listed(missing)),
        })
    }

    pub(super) fn most_common(
        &self,
        column: usize,
        set: &[Value],
        ties: bool,
        domain: &Domain<'_>,
    ) -> Result<Finding, String> {
        let common = domain.counts(column, |counts| {
            let most = counts.iter().map(|c| c.1).max().unwrap_or(0);
            ordered(counts.iter().filter(|c| c.1 == most).map(|c| c.0).collect())
        });
        // Times are NumPy's here, in UTC, which are equal to no text and no time of a suite.
        let named = |cell: &Cell<'_>| !matches!(cell, Cell::Time(_)) && set.iter().any(|v| equal(*cell, v));
        let shared = common.iter().filter(|c| named(c)).count();
        let success = if ties { shared > 0 } else { common.len() == 1 && shared == 1 };
        let of = self.frame.at(column);
        let shown = |cell: Cell<'_>| match cell {
            Cell::Time(at) => numpy_time(at, of.dtype.name()).into(),
            cell => of.shown(cell),
        };
        Ok(Finding::observed(success, Value::Array(common.into_iter().map(shown).collect())))
    }
}

fn as_cell(value: &Value) -> Option<Cell<'_>> {
    match value {
        Value::Bool(v) => Some(Cell::Bool(*v)),
        Value::Number(n) => n.as_i64().map(Cell::Int).or_else(|| n.as_f64().map(Cell::Float)),
        _ => None,
    }
}

/// A value that was asked for, as results show it.
fn shown(value: &Value, timed: bool) -> Value {
    match value {
        Value::String(text) if timed => {
            dates::nanos(text).map_or(value.clone(), |n| time_text(n, 'T').into())
        }
        other => other.clone(),
    }
}
