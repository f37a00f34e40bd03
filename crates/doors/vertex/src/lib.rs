//! Vertex AI's online prediction over REST:
//! <https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.endpoints>. Any project and location names this
//! server; the id of an endpoint is its name here.

mod endpoints;
mod errors;
mod predict;
mod routes;

use serving::Serving;

pub use routes::routes;

/// What the door needs. Cheap to clone.
#[derive(Clone)]
pub struct State {
    pub serving: Serving,
}
