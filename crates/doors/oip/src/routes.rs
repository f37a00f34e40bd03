use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use kit::{Door, Routes};
use tower_http::decompression::RequestDecompressionLayer;

use crate::{State, infer, metadata, scoring};

/// Every path of both protocols.
pub fn routes(state: State) -> Door {
    let limit = DefaultBodyLimit::max(state.most_bytes);
    Routes::new()
        .route("/v2", get(metadata::server))
        .route("/v2/", get(metadata::server))
        .route("/v2/health/live", get(metadata::live))
        .route("/v2/health/ready", get(metadata::ready))
        .route("/v2/models/stats", get(metadata::stats))
        .route("/v2/models/{model}", get(metadata::model))
        .route("/v2/models/{model}/ready", get(metadata::model_ready))
        .route("/v2/models/{model}/config", get(metadata::config))
        .route("/v2/models/{model}/stats", get(metadata::model_stats))
        .route("/v2/models/{model}/infer", post(infer::infer))
        .route("/v2/models/{model}/versions/{version}", get(metadata::model_version))
        .route("/v2/models/{model}/versions/{version}/ready", get(metadata::version_ready))
        .route("/v2/models/{model}/versions/{version}/infer", post(infer::infer_version))
        .route("/v2/repository/index", post(metadata::index).get(metadata::index))
        .route("/v2/repository/models/{model}/load", post(metadata::load))
        .route("/v2/repository/models/{model}/unload", post(metadata::unload))
        .route("/ping", get(scoring::ping))
        .route("/invocations", post(scoring::invocations))
        .route("/endpoints/{endpoint}/invocations", post(scoring::endpoint_invocations))
        .map(|router| router.layer(limit).layer(RequestDecompressionLayer::new()))
        .door("oip", state)
}
