//! BentoML's HTTP protocol (`_bentoml_impl/server/app.py` of 1.4): each endpoint is an API of one service, described by
//! `/schema.json`, from which clients learn everything else. `/predict` is the API of the only endpoint, where there is one.

mod errors;
mod predict;
mod routes;
mod schema;
mod tasks;

use std::sync::Arc;

use serving::Serving;

pub use routes::routes;

/// What the door needs. Cheap to clone.
#[derive(Clone)]
pub struct State {
    pub serving: Serving,
    tasks: Arc<tasks::Tasks>,
}

impl State {
    pub fn new(serving: Serving) -> Self {
        Self { serving, tasks: Arc::default() }
    }
}
