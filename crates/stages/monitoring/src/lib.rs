//! Watching endpoints: windows of predictions are compared with the data that the serving model learned from,
//! feature by feature; enough drifted features in enough windows in a row raise the alarm, which is an event.
//! Nothing here acts on it.

mod alarm;
mod attribution;
mod baseline;
mod bias;
mod clients;
mod define;
mod error;
mod judge;
mod mail;
mod model;
mod performance;
mod records;
mod resolve;
mod rules;
mod signals;
mod store;
mod watch;

pub use baseline::Baseline;
pub use define::{define, get, list, remove, window};
pub use error::Error;
pub use judge::judge;
pub use mail::{MailSettings, Mails};
pub use model::{
    BaselineRef, FeatureRule, FeatureScore, Judgement, Method, Monitor, MonitorSpec, MonitorSummary,
    Performance, WindowRows, WindowView,
};
pub use records::pending_rows;
pub use resolve::baseline_of;
pub use rules::{Against, Bias, Clients, Level, Limits, Records, Rules};
pub use signals::Signal;
pub use watch::Monitoring;

pub const COMPONENT: ledger::Component = ledger::Component {
    name: "monitoring",
    migrations: &[
        ledger::Migration { version: 1, sql: include_str!("../migrations/0001_monitoring.sql") },
        ledger::Migration { version: 2, sql: include_str!("../migrations/0002_rules.sql") },
        ledger::Migration { version: 3, sql: include_str!("../migrations/0003_records.sql") },
        ledger::Migration { version: 4, sql: include_str!("../migrations/0004_mail.sql") },
    ],
    // The reading position moves with traffic, and metrics with late labels; a judged window has its event. What is to be
    // mailed is a reading of events.
    facts: &["monitor_position", "monitor_performance", "monitor_mail", "monitor_mailed"],
};
