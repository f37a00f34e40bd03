//! Evaluating expectations over a table: each column's statistics are found once for all rules about it.

mod bounds;
mod codes;
mod columns_rule;
mod conditions;
mod distinct;
mod divergence;
mod domain;
mod facts;
mod numbers;
mod pair;
mod structure;
mod test;
mod unit;
mod values;

use serde_json::{Map, Value};

pub(crate) use facts::facts;
pub(crate) use numbers::linear;

use crate::Error;
use crate::frame::{Column, Frame, Shared};
use crate::suite::{Expectation, Rule, Suite};
use conditions::Conditions;
use domain::Domains;

/// Unexpected values that results can show.
pub(crate) const LISTED: usize = 200;

/// What was found about every expectation of a suite, in its order.
#[derive(Clone, Debug)]
pub struct Validation {
    pub frame: Shared,
    pub suite: Suite,
    pub findings: Vec<Finding>,
}

#[derive(Clone, Debug)]
pub struct Finding {
    pub success: bool,
    /// Why it could not be evaluated.
    pub raised: Option<String>,
    pub found: Found,
}

#[derive(Clone, Debug)]
pub enum Found {
    Nothing,
    /// One value of the whole table or column, and what else is told about it.
    Observed {
        value: Value,
        more: Map<String, Value>,
    },
    Rows(Rows),
}

/// Rows that are not as expected.
#[derive(Clone, Debug)]
pub struct Rows {
    /// Rows that were asked about.
    pub element_count: usize,
    /// Those of them with a value; `None` where the question is whether there is one.
    pub present: Option<usize>,
    /// Rows of the frame, from 0, in order.
    pub unexpected: Vec<u32>,
    /// The columns that the expectation is about, by their places.
    pub columns: Vec<usize>,
    pub shape: Shape,
    /// Of these columns, the values of the first unexpected rows: all that results show.
    pub(crate) kept: Vec<Column>,
}

/// How one unexpected value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Value,
    Pair,
    Record,
}

/// Every expectation of `suite` over `frame`. One that cannot be evaluated says why; the others are not touched by it.
///
/// Only the columns that the suite is about are read, those of several expectations at a time on all processors, and forgotten
/// when all expectations about them are done. Errors: `Columns` where one cannot be read.
pub fn validate(frame: Shared, suite: Suite) -> Result<Validation, Error> {
    let conditions = Conditions::of(&suite);
    let units = unit::units(&frame, &suite);
    let found = columns::drift::parallel(&units, |unit| unit.judge(&suite, &conditions));
    frame.sound()?;
    let broken = || Finding::raised("its evaluation was broken off".to_owned());
    let mut findings: Vec<Finding> = suite.expectations.iter().map(|_| broken()).collect();
    for (place, finding) in found.into_iter().flatten() {
        findings[place] = finding;
    }
    Ok(Validation { frame, suite, findings })
}

impl Validation {
    pub fn passed(&self) -> bool {
        self.findings.iter().all(|f| f.success)
    }

    pub fn failed(&self) -> impl Iterator<Item = (&Expectation, &Finding)> {
        self.suite.expectations.iter().zip(&self.findings).filter(|(_, f)| !f.success)
    }
}

pub(crate) struct Evaluator<'a> {
    pub frame: &'a Frame,
    domains: Domains<'a>,
}

impl Finding {
    fn raised(reason: String) -> Self {
        Self { success: false, raised: Some(reason), found: Found::Nothing }
    }

    fn observed(success: bool, value: Value) -> Self {
        Self { success, raised: None, found: Found::Observed { value, more: Map::new() } }
    }

    fn with(mut self, key: &str, value: Value) -> Self {
        if let Found::Observed { more, .. } = &mut self.found {
            more.insert(key.to_owned(), value);
        }
        self
    }
}

impl<'a> Evaluator<'a> {
    pub fn new(frame: &'a Frame) -> Self {
        Self { frame, domains: Domains::new(frame, None) }
    }

    fn with(frame: &'a Frame, conditions: &'a Conditions) -> Self {
        Self { frame, domains: Domains::new(frame, Some(conditions)) }
    }
}

impl Evaluator<'_> {
    fn one(&self, expectation: &Expectation) -> Finding {
        let found =
            if expectation.parses_times() { self.of_times(expectation) } else { self.try_one(expectation) };
        let mut finding = found.unwrap_or_else(Finding::raised);
        if let Found::Rows(rows) = &mut finding.found {
            let listed = &rows.unexpected[..rows.unexpected.len().min(LISTED)];
            rows.kept = rows.columns.iter().map(|place| self.frame.at(*place).take(listed)).collect();
        }
        finding
    }

    /// Over the same table, in which texts of the columns that it is about are times.
    fn of_times(&self, expectation: &Expectation) -> Result<Finding, String> {
        let names = ["column", "column_A", "column_B"].map(|key| expectation.kwargs.get(key));
        let places = names.into_iter().flatten().filter_map(|name| self.frame.place(name.as_str()?));
        let frame = self.frame.with_times(places)?;
        Evaluator { frame: &frame, domains: self.domains.over(&frame) }.try_one(expectation)
    }

    fn try_one(&self, e: &Expectation) -> Result<Finding, String> {
        let rule = e.rule.as_ref().map_err(Clone::clone)?;
        let domain = self.domains.of(e.condition.as_ref())?;
        match rule {
            Rule::NotComputable(reason) => Err(reason.clone()),
            Rule::RowCount(_)
            | Rule::RowCountEquals(_)
            | Rule::ColumnCount(_)
            | Rule::ColumnCountEquals(_)
            | Rule::ColumnSet { .. }
            | Rule::ColumnOrder { .. }
            | Rule::ColumnExists { .. }
            | Rule::ColumnType { .. } => self.structure(rule, &domain),
            Rule::Values { column, test } => self.values(self.place(column)?, test, &domain, e.mostly),
            Rule::Statistic { column, of, bounds } => {
                self.statistic_rule(self.place(column)?, *of, bounds, &domain)
            }
            Rule::Distinct { column, relation, set } => {
                self.distinct(self.place(column)?, *relation, set, &domain)
            }
            Rule::MostCommon { column, set, ties } => {
                self.most_common(self.place(column)?, set, *ties, &domain)
            }
            Rule::Quantiles { column, quantiles, ranges, interpolation } => {
                self.quantiles(self.place(column)?, quantiles, ranges, interpolation, &domain)
            }
            Rule::Divergence { column, wanted } => self.divergence(self.place(column)?, wanted, &domain),
            Rule::Pair { a, b, test, ignore } => {
                self.pair([self.place(a)?, self.place(b)?], test, *ignore, &domain, e.mostly)
            }
            Rule::Columns { columns, test, ignore } => {
                let places = columns.iter().map(|c| self.place(c)).collect::<Result<Vec<_>, _>>()?;
                self.columns(&places, test, *ignore, &domain, e.mostly)
            }
        }
    }

    fn place(&self, column: &str) -> Result<usize, String> {
        self.frame
            .place(column)
            .ok_or_else(|| format!("Error: The column \"{column}\" in BatchData does not exist."))
    }
}

/// Whether enough of `of` values are as expected; true where there are none.
fn enough(of: usize, unexpected: usize, mostly: f64) -> bool {
    of == 0 || (of as f64 - unexpected as f64) / of as f64 >= mostly
}
