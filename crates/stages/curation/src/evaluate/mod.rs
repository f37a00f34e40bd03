//! Evaluating expectations over a table: each column's statistics are found once for all rules about it.

mod bounds;
mod columns_rule;
mod distinct;
mod divergence;
mod domain;
mod facts;
mod numbers;
mod pair;
mod structure;
mod test;
mod values;

use serde_json::{Map, Value};

pub(crate) use facts::facts;
pub(crate) use numbers::linear;

use crate::frame::{Frame, Shared};
use crate::suite::{Expectation, Rule, Suite};
use domain::Domains;

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
}

/// How one unexpected value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Value,
    Pair,
    Record,
}

/// Every expectation of `suite` over `frame`. One that cannot be evaluated says why; the others are not touched by it.
pub fn validate(frame: Shared, suite: Suite) -> Validation {
    let findings = {
        let evaluator = Evaluator::new(&frame);
        suite.expectations.iter().map(|e| evaluator.one(e)).collect()
    };
    Validation { frame, suite, findings }
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
        Self { frame, domains: Domains::new(frame) }
    }
}

impl Evaluator<'_> {
    fn one(&self, expectation: &Expectation) -> Finding {
        self.try_one(expectation).unwrap_or_else(Finding::raised)
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
