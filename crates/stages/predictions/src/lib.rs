//! The prediction log and late labels. A request never waits for it (unless it asks to): records go through a
//! bounded queue to a spool file within 50 ms, and from there into Parquet segments that are blobs with a node in
//! the graph. Rows have a dense ordinal per endpoint, so that a reader can take up where it left off.

mod chunk;
mod error;
mod labels;
mod log;
mod marked;
mod model;
mod read;
mod rows;
mod seal;
mod spool;
mod spool_lines;
mod store;
mod table;
mod tail;
mod writer;

pub use error::Error;
pub use log::Log;
pub use marked::Marked;
pub use model::{Batch, Found, Label, Labelled, Labelling, LogConfig, LogStats, NewLabel, Rows, Window};
pub use read::{params_json, params_of};

pub const COMPONENT: ledger::Component = ledger::Component {
    name: "predictions",
    migrations: &[ledger::Migration { version: 1, sql: include_str!("../migrations/0001_predictions.sql") }],
    // Labels arrive at the rate of predictions; a segment's event stands for its rows.
    facts: &["prediction_label"],
};
