//! The Open Inference Protocol v2: REST with Triton's binary tensors and its other extensions, and gRPC on the same port.
//! A model name in a path is the name of an endpoint.

mod about;
mod classes;
mod errors;
mod generate;
mod grpc;
mod infer;
mod metadata;
mod routes;
mod settings;
mod wire;

use serving::Serving;

pub use routes::routes;

/// What the door needs. Cheap to clone.
#[derive(Clone)]
pub struct State {
    pub serving: Serving,
    /// Bytes of a request's body, after decompression.
    pub most_bytes: usize,
}

impl State {
    pub fn new(serving: Serving) -> Self {
        Self { serving, most_bytes: 64 << 20 }
    }
}
