//! Reports: results that evaluation programs computed elsewhere and sent here. A project has reports (each with its
//! values, so that they can be drawn over time), a dashboard, data sets and versioned artifacts.

mod document;
mod error;
mod point;
mod store;

pub use document::{
    Change, Document, Kind, NewDocument, create, delete, document, documents, named, save_dashboard, update,
};
pub use error::Error;
pub use point::{Point, ReportPoints, add_report, points};

pub const COMPONENT: ledger::Component = ledger::Component {
    name: "reports",
    migrations: &[ledger::Migration { version: 1, sql: include_str!("../migrations/0001_reports.sql") }],
    facts: &[],
};
