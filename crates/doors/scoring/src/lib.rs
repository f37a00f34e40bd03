//! MLflow's scoring server (`mlflow/pyfunc/scoring_server/__init__.py` of 3.17), and Databricks' serving endpoints, whose
//! invocations carry the same bodies.

mod databricks;
mod mlflow;
mod routes;

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
