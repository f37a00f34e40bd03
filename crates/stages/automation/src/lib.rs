//! Automation: an alarm becomes a retraining that ends in a swap, or in a reason why not.
//!
//! A retraining is a state machine in the ledger. Every state does work that can be done again (an import of the
//! same rows is the same version, a submitted run is found by its trigger), then moves on in one transaction with an
//! event and edges: a server that is killed goes on where it was. Projects as they were applied are kept here too,
//! because they declare the policies.

mod alarms;
mod answered;
mod cancel;
mod commits;
mod decide;
mod declare;
mod define;
mod due;
mod error;
mod freeze;
mod model;
mod query;
mod rollout;
mod rows;
mod steps;
mod store;
mod trigger;
mod watch;

pub use cancel::{Cancellation, cancel};
pub use commits::{CommitRule, PendingCommits};
pub use decide::{Decision, decide};
pub use declare::{
    AppliedProject, Declaration, DeclaredDataset, NewApply, declarations, declared_dataset, projects,
    record_apply,
};
pub use define::{define, policies, policy, remove};
pub use due::{PerformanceRule, ScheduleRule, Triggers};
pub use error::Error;
pub use evaluation::Bound;
pub use freeze::{DAYS, Freeze};
pub use model::{
    Budget, ChampionRule, Gate, Labels, OutputRef, Policy, PolicyView, Recipe, Retraining, State, StepTaken,
    Trigger,
};
pub use query::{get, list};
pub use rollout::{ApprovalRule, CanaryRule, RolloutRule, ShadowRule};
pub use trigger::{trigger_first, trigger_manual};
pub use watch::Automation;

pub const COMPONENT: ledger::Component = ledger::Component {
    name: "automation",
    migrations: &[
        ledger::Migration { version: 1, sql: include_str!("../migrations/0001_automation.sql") },
        ledger::Migration { version: 2, sql: include_str!("../migrations/0002_rollouts.sql") },
        ledger::Migration { version: 3, sql: include_str!("../migrations/0003_people_and_triggers.sql") },
        ledger::Migration { version: 4, sql: include_str!("../migrations/0004_data_commits.sql") },
        ledger::Migration { version: 5, sql: include_str!("../migrations/0005_cancel.sql") },
        ledger::Migration { version: 6, sql: include_str!("../migrations/0006_skipped.sql") },
    ],
    // Which alarms stand and which commits wait is a reading of events; marks say where counting begins.
    facts: &["retrain_alarm", "retrain_commit", "retrain_mark"],
};
