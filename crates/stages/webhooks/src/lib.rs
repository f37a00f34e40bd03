//! Webhooks: other programs hear of what happened, over HTTP, signed, at least once.
//!
//! Events are read by a cursor, so nothing is lost by a crash: an event becomes one row a webhook, and the row stays
//! until the receiver has answered well or has been given up. What is told, and in which form, the door says whose
//! protocol it is ([`Compose`]).

mod define;
mod deliver;
mod error;
mod model;
mod store;

pub use define::{create, delete, get, list, update};
pub use deliver::{Compose, Notice, Style, Webhooks};
pub use error::Error;
pub use model::{Change, NewWebhook, Tried, Webhook};

pub const COMPONENT: ledger::Component = ledger::Component {
    name: "webhooks",
    migrations: &[ledger::Migration { version: 1, sql: include_str!("../migrations/0001_webhooks.sql") }],
    // What still has to be told: each row follows from an event.
    facts: &["webhook_delivery"],
};
