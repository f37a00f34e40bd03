use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use kit::{Door, Routes};
use tower_http::decompression::RequestDecompressionLayer;

use crate::{State, generate, grpc, infer, metadata, settings};

/// Every path of the protocol; methods of gRPC are paths, too.
pub fn routes(state: State) -> Door {
    let limit = DefaultBodyLimit::max(state.most_bytes);
    let routes = Routes::new()
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
        .route("/v2/models/{model}/generate", post(generate::generate))
        .route("/v2/models/{model}/generate_stream", post(generate::generate_stream))
        .route("/v2/models/{model}/versions/{version}", get(metadata::model_version))
        .route("/v2/models/{model}/versions/{version}/ready", get(metadata::version_ready))
        .route("/v2/models/{model}/versions/{version}/config", get(metadata::version_config))
        .route("/v2/models/{model}/versions/{version}/stats", get(metadata::version_stats))
        .route("/v2/models/{model}/versions/{version}/infer", post(infer::infer_version))
        .route("/v2/models/{model}/versions/{version}/generate", post(generate::generate_version))
        .route("/v2/models/{model}/trace/setting", get(settings::model_trace).post(settings::set_model_trace))
        .route("/v2/repository/index", post(metadata::index).get(metadata::index))
        .route("/v2/repository/models/{model}/load", post(metadata::load))
        .route("/v2/repository/models/{model}/unload", post(metadata::unload))
        .route("/v2/trace/setting", get(settings::trace).post(settings::set_trace))
        .route("/v2/logging", get(settings::logging).post(settings::set_logging));
    let shared = ["systemsharedmemory", "cudasharedmemory"].into_iter().fold(routes, |routes, kind| {
        routes
            .route(&format!("/v2/{kind}/status"), get(settings::memory))
            .route(&format!("/v2/{kind}/unregister"), post(settings::unregister))
            .route(&format!("/v2/{kind}/region/{{region}}/status"), get(settings::memory))
            .route(&format!("/v2/{kind}/region/{{region}}/register"), post(settings::register))
            .route(&format!("/v2/{kind}/region/{{region}}/unregister"), post(settings::unregister))
    });
    // What it does not know, `Body` reads or refuses.
    let decompression = RequestDecompressionLayer::new().pass_through_unaccepted(true);
    let shared = shared.map(|router| router.layer(limit).layer(decompression));
    // Frames of gRPC have compression and limits of their own.
    grpc::add(shared).door("oip", state)
}
