//! Kubeflow Pipelines' REST API (v2beta1 of kubeflow/pipelines at 2.17) over pipelines: at `/apis/v2beta1`, where
//! `kfp.Client` looks, and below `/kfp`.
//!
//! Names and fields are upstream's. A compiled pipeline becomes a plan ([`ir`]), and its components become processes by
//! the adapter [`Kubeflow`]. `README.md` lists every operation.

mod about;
mod archive;
mod artifacts;
mod call;
mod details;
mod errors;
mod experiments;
mod filters;
pub mod ir;
mod launch;
mod listing;
mod pipelines;
mod recurring;
mod routes;
mod runs;
mod upload;
mod versions;
mod wire;

use ::pipelines::Engine;
use blobs::Blobs;
use ledger::Ledger;

pub use launch::{Kubeflow, environment_of};
pub use routes::routes;

/// The kind of work that the adapter knows, and the door's name.
pub const KIND: &str = "kfp";

/// What the door needs of the house.
#[derive(Clone)]
pub struct State {
    pub ledger: Ledger,
    pub blobs: Blobs,
    pub engine: Engine,
}
