//! What a draft of a suite wants to know of a column.

use serde_json::Value;

use super::distinct::ordered;
use super::domain::Domains;
use crate::frame::{Cell, Frame, compare};

pub(crate) struct ColumnFacts {
    pub missing: usize,
    pub distinct: usize,
    /// Of numbers and times.
    pub min: Option<Value>,
    pub max: Option<Value>,
    texts: Option<Vec<Value>>,
}

impl ColumnFacts {
    /// The texts of the column, if there are few and they repeat.
    pub fn values(self, most: usize) -> Option<Vec<Value>> {
        self.texts.filter(|t| !t.is_empty() && t.len() <= most)
    }
}

pub(crate) fn facts(frame: &Frame, place: usize) -> ColumnFacts {
    let domains = Domains::new(frame, None);
    let domain = domains.all();
    let missing = domain.missing(place);
    let filled = domain.filled(place);
    domain.counts(place, |counts| {
        let distinct = counts.len();
        let ranged = |c: &Cell<'_>| matches!(c, Cell::Int(_) | Cell::Float(_) | Cell::Time(_) | Cell::Day(_));
        let order = |a: &&Cell<'_>, b: &&Cell<'_>| compare(**a, **b).unwrap_or(std::cmp::Ordering::Equal);
        let cells: Vec<Cell<'_>> = counts.iter().map(|c| c.0).collect();
        let (min, max) = if cells.iter().all(ranged) {
            (cells.iter().min_by(order).map(|c| c.json()), cells.iter().max_by(order).map(|c| c.json()))
        } else {
            (None, None)
        };
        let repeated =
            distinct * 2 <= filled && cells.iter().all(|c| matches!(c, Cell::Text(_) | Cell::Bool(_)));
        let texts = repeated.then(|| ordered(cells).into_iter().map(Cell::json).collect());
        ColumnFacts { missing, distinct, min, max, texts }
    })
}
