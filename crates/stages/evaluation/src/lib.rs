//! Judging a model version: metrics over all rows and by slice, against thresholds and against the champion on the
//! same rows. The verdict is kept with what was observed, from how many rows, and a report for people.
//!
//! Also what applications of language models are judged by: evaluation sets and scorers.

pub mod assess;
mod domain;
mod error;
mod evaluate;
mod judge;
mod model;
mod replay;
mod report;
mod robust;
mod score;
mod scorers;
mod sets;
mod store;

pub use domain::{DomainDrift, DomainPlan, domain_drift};
pub use error::Error;
pub use evaluate::{evaluate, evaluations_of, get, report};
pub use judge::higher_is_better;
pub use model::{Bound, Champion, ChampionResult, Check, Evaluation, Outcome, Request, Slice, Task, Verdict};
pub use replay::{Difference, Replay, ReplayPlan, replay};
pub use robust::{Disturbances, Steadiness, robustness};
pub use scorers::{
    OnlineScoring, ScorerVersion, delete_scorer, latest_scorers, online_scoring, register_scorer, scorer,
    scorer_versions, set_online_scoring,
};
pub use sets::{
    EvaluationSet, NewRecord, Record, RecordsCursor, SetField, SetQuery, Upserted, add_experiments,
    create_set, delete_records, delete_set, delete_set_tag, evaluation_set, records, remove_experiments,
    search_sets, set_set_tags, upsert_records,
};

pub const COMPONENT: ledger::Component = ledger::Component {
    name: "evaluation",
    migrations: &[ledger::Migration { version: 1, sql: include_str!("../migrations/0001_evaluation.sql") }],
    facts: &[],
};
