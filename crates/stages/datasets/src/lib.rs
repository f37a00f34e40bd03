//! Data sets: files become immutable, content-addressed versions with a schema, row ids and per-file digests.
//!
//! [`import`] reads files strictly, asks a [`Gate`], and makes a [`Version`] visible in one step, or nothing.

mod commit;
mod error;
mod gate;
mod import;
mod load;
mod materialize;
mod model;
mod name;
mod place;
mod query;
mod rows;
mod store;

pub use error::{BoxFault, Error};
pub use gate::{Candidate, Gate, Verdict};
pub use import::{Import, NonFinite, Source, SourceFile, import};
pub use materialize::{Manifest, materialize, profile, table};
pub use model::{Part, Summary, Version};
pub use query::{get, latest, list, version, versions};
pub use rows::{ROW_ID, RowPlace, Rows};

pub const COMPONENT: ledger::Component = ledger::Component {
    name: "datasets",
    migrations: &[ledger::Migration { version: 1, sql: include_str!("../migrations/0001_datasets.sql") }],
    facts: &[],
};
