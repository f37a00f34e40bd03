use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use kit::{Door, Routes};

use crate::{State, asynchronous, invoke, stream};

/// Bytes of a body, as SageMaker has it for real-time endpoints (25 MB), rounded up.
const MOST: usize = 64 << 20;

pub fn routes(state: State) -> Door {
    Routes::new()
        .route("/endpoints/{endpoint}/invocations", post(invoke::invoke))
        .route("/endpoints/{endpoint}/invocations-response-stream", post(stream::invoke))
        .route("/endpoints/{endpoint}/async-invocations", post(asynchronous::invoke))
        .map(|router| router.layer(DefaultBodyLimit::max(MOST)))
        .door("sagemaker", state)
}
