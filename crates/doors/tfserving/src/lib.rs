//! TensorFlow Serving: <https://github.com/tensorflow/serving/blob/master/tensorflow_serving/g3doc/api_rest.md>, and
//! `tensorflow.serving.PredictionService` and `ModelService` over gRPC on the same port. A model is an endpoint; a version is
//! the number of a model version that it serves, a label the label or name of a variant.

mod errors;
mod examples;
mod grpc;
mod metadata;
mod predict;
mod rest;
mod results;
mod routes;
mod tensors;
mod wire;

use serving::Serving;

pub use routes::routes;

/// What the door needs. Cheap to clone.
#[derive(Clone)]
pub struct State {
    pub serving: Serving,
}
