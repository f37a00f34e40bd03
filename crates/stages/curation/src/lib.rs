//! Curation: expectations about data, checked before a data set version becomes visible, with a report that people
//! can read.

mod check;
mod condition;
mod error;
mod evaluate;
mod expectations;
mod frame;
mod gate;
mod gx_result;
mod markdown;
mod mask;
mod near;
mod pii;
mod quarantine;
mod query;
mod report;
pub mod rows;
mod rule;
mod split;
mod store;
mod suite;
mod texts;
pub mod verify;

pub use check::{check, check_file};
pub use condition::Condition;
pub use error::Error;
pub use evaluate::{Finding, Found, Rows, Shape, Validation, validate};
pub use expectations::{ColumnExpectation, Expectations, RowBound, UnknownColumns};
pub use frame::{Frame, Reading};
pub use gate::ExpectationGate;
pub use gx_result::{GX_VERSION, Level, ResultFormat};
pub use mask::Mask;
pub use near::{Alike, exact_duplicates, near_duplicates};
pub use pii::{PersonalData, PiiFinding, PiiKind, pii};
pub use quarantine::{QUARANTINE_COLUMNS, Quarantined, quarantine_table};
pub use query::{Outcome, report, result, results, text};
pub use report::{Check, FailingRow, Report};
pub use split::{Split, SplitBy, SplitPlan};
pub use suite::{Dialect, Expectation, InferOptions, Suite, infer as infer_suite, read as read_suite};

pub const COMPONENT: ledger::Component = ledger::Component {
    name: "curation",
    migrations: &[ledger::Migration { version: 1, sql: include_str!("../migrations/0001_curation.sql") }],
    facts: &[],
};
