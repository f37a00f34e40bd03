//! Expectations that are evaluated together, because they are about the same column.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use super::conditions::Conditions;
use super::{Evaluator, Finding};
use crate::frame::{Frame, Slot};
use crate::suite::{Expectation, Rule, Suite};

pub(super) struct Unit {
    /// Places of the expectations in the suite.
    expectations: Vec<usize>,
    /// Dropped when the unit is done; with it, what was read of columns that no other unit still looks at.
    frame: Mutex<Option<Frame>>,
}

/// All expectations of the suite; those that are first about one column in one unit.
pub(super) fn units(frame: &Frame, suite: &Suite) -> Vec<Unit> {
    let mut places: HashMap<Option<usize>, usize> = HashMap::new();
    let mut groups: Vec<(Vec<usize>, BTreeSet<usize>)> = Vec::new();
    for (at, expectation) in suite.expectations.iter().enumerate() {
        let columns: Vec<usize> = names(expectation).iter().filter_map(|name| frame.place(name)).collect();
        let group = *places.entry(columns.first().copied()).or_insert_with(|| {
            groups.push(Default::default());
            groups.len() - 1
        });
        groups[group].0.push(at);
        groups[group].1.extend(columns);
    }
    let mut slots: HashMap<usize, Arc<Slot>> = HashMap::new();
    let mut unit = |(expectations, columns): (Vec<usize>, BTreeSet<usize>)| {
        let slot = |place: usize| (place, slots.entry(place).or_insert_with(|| frame.fresh(place)).clone());
        let own = frame.apart(columns.into_iter().map(slot).collect());
        Unit { expectations, frame: Mutex::new(Some(own)) }
    };
    groups.into_iter().map(&mut unit).collect()
}

/// The columns that an expectation looks at: those that it is about first.
fn names(expectation: &Expectation) -> Vec<&str> {
    let mut names: Vec<&str> = match &expectation.rule {
        Ok(
            Rule::ColumnType { column, .. }
            | Rule::Values { column, .. }
            | Rule::Statistic { column, .. }
            | Rule::Distinct { column, .. }
            | Rule::MostCommon { column, .. }
            | Rule::Quantiles { column, .. }
            | Rule::Divergence { column, .. },
        ) => vec![column],
        Ok(Rule::Pair { a, b, .. }) => vec![a, b],
        Ok(Rule::Columns { columns, .. }) => columns.iter().map(String::as_str).collect(),
        Ok(
            Rule::RowCount(_)
            | Rule::RowCountEquals(_)
            | Rule::ColumnCount(_)
            | Rule::ColumnCountEquals(_)
            | Rule::ColumnSet { .. }
            | Rule::ColumnOrder { .. }
            | Rule::ColumnExists { .. }
            | Rule::NotComputable(_),
        )
        | Err(_) => Vec::new(),
    };
    if let Some(Ok(condition)) = &expectation.condition {
        names.extend(condition.columns());
    }
    names
}

impl Unit {
    /// What was found, with the places of the expectations. A unit can be judged once.
    pub fn judge(&self, suite: &Suite, conditions: &Conditions) -> Vec<(usize, Finding)> {
        let frame = self.frame.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(frame) = frame else { return Vec::new() };
        let evaluator = Evaluator::with(&frame, conditions);
        let judged = |place: &usize| (*place, evaluator.one(&suite.expectations[*place]));
        self.expectations.iter().map(judged).collect()
    }
}
