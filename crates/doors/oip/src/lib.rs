//! Two protocols for predictions over one data plane: the Open Inference Protocol v2 (REST, with the binary tensor
//! extension that tritonclient uses by default) and MLflow's scoring protocol (`/invocations`).
//! A model name in a path is the name of an endpoint.

mod datatype;
mod errors;
mod frames;
mod infer;
mod json;
mod metadata;
mod routes;
mod scoring;
mod wire;

use serving::Serving;

pub use routes::routes;

/// What the door needs. Cheap to clone.
#[derive(Clone)]
pub struct State {
    pub serving: Serving,
    /// Answers `/invocations`, which names no model; if `None`, the only endpoint there is does.
    pub default_endpoint: Option<String>,
    /// Bytes of a request's body, after decompression.
    pub most_bytes: usize,
}

impl State {
    pub fn new(serving: Serving) -> Self {
        Self { serving, default_endpoint: None, most_bytes: 64 << 20 }
    }
}
