//! Judging a model version: metrics over all rows and by slice, against thresholds and against the champion on the
//! same rows. The verdict is kept with what was observed, from how many rows, and a report for people.

mod error;
mod evaluate;
mod judge;
mod model;
mod report;
mod score;
mod store;

pub use error::Error;
pub use evaluate::{evaluate, evaluations_of, get, report};
pub use judge::higher_is_better;
pub use model::{Bound, Champion, ChampionResult, Check, Evaluation, Outcome, Request, Slice, Task, Verdict};

pub const COMPONENT: ledger::Component = ledger::Component {
    name: "evaluation",
    migrations: &[ledger::Migration { version: 1, sql: include_str!("../migrations/0001_evaluation.sql") }],
    facts: &[],
};
