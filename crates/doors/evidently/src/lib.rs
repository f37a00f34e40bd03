//! Evidently's workspace API (evidently 0.7.23, `src/evidently/ui/service/api`) over reports: at `/api`, where
//! `RemoteWorkspace` looks, and below `/evidently`.
//!
//! Names and fields are upstream's. `README.md` lists every operation.

mod about;
mod artifacts;
mod call;
mod data;
mod datasets;
mod errors;
mod json;
mod page;
mod projects;
mod prompts;
mod results;
mod routes;
mod series;
mod snapshots;
mod upload;

use blobs::Blobs;
use ledger::Ledger;

pub use routes::routes;

/// The version whose API this is.
const UPSTREAM: &str = "0.7.23";

/// What the door needs of the house.
#[derive(Clone)]
pub struct State {
    pub ledger: Ledger,
    pub blobs: Blobs,
}
