//! Curation: expectations about data, checked before a data set version becomes visible, with a report that people
//! can read.

mod cell;
mod check;
mod error;
mod expectations;
mod gate;
mod markdown;
mod query;
mod report;
mod rule;
mod store;

pub use check::{check, check_file};
pub use error::Error;
pub use expectations::{ColumnExpectation, Expectations, RowBound, UnknownColumns};
pub use gate::ExpectationGate;
pub use query::{Outcome, report, result, results, text};
pub use report::{Check, FailingRow, Report};

pub const COMPONENT: ledger::Component = ledger::Component {
    name: "curation",
    migrations: &[ledger::Migration { version: 1, sql: include_str!("../migrations/0001_curation.sql") }],
    facts: &[],
};
