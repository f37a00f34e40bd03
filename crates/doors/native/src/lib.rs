//! mlwright's own REST API below `/api/v1`, which the web app, the command line and the SDK use.
//!
//! JSON with snake_case names; times are RFC 3339 in UTC, names that end in `_ms` are milliseconds since 1970;
//! errors are `{"error": {"code", "message", "hint"}}`.

mod admin;
mod content;
mod data;
mod datasets;
mod endpoints;
mod failure;
mod graphs;
mod history;
mod imports;
mod keys;
mod label_reviews;
mod labels;
mod model_versions;
mod monitors;
mod overview;
mod packaging;
mod pipelines;
mod preview;
mod projects;
mod registry;
mod retrainings;
mod reviews;
mod rollouts;
mod routes;
mod run_notes;
mod run_table;
mod run_views;
mod runs;
mod users;
mod view;
mod webhooks;
mod why;

use std::sync::Arc;

use blobs::Blobs;
use ledger::Ledger;

pub use self::webhooks::TOPICS;
pub use failure::Failure;
pub use packaging::Packaging;
pub use projects::{Projects, Refusal};
pub use routes::routes;
pub use run_table::RunGrammar;

/// What the door needs of the house.
#[derive(Clone)]
pub struct State {
    pub ledger: Ledger,
    pub blobs: Blobs,
    pub keys: kit::AccessKeys,
    pub vault: vault::Vault,
    pub engine: ::pipelines::Engine,
    pub serving: serving::Serving,
    pub log: predictions::Log,
    pub repositories: repositories::Repositories,
    pub tables: tables::Tables,
    pub projects: Arc<dyn Projects>,
    pub grammar: Arc<dyn RunGrammar>,
    /// `None`: this server makes no packages.
    pub packaging: Option<Packaging>,
    pub about: Arc<About>,
}

/// What the server says of itself.
#[derive(Clone, Debug)]
pub struct About {
    pub version: &'static str,
    pub started_at: types::Timestamp,
    pub data_dir: String,
}
