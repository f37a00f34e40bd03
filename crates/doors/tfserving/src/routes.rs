use axum::extract::DefaultBodyLimit;
use axum::routing::get;
use kit::{Door, Routes};
use tower_http::decompression::RequestDecompressionLayer;
use wire_grpc::unary;

use crate::{State, grpc, metadata, rest};

const MOST: usize = 64 << 20;

/// The verb follows the last name, after a colon.
pub fn routes(state: State) -> Door {
    let routes = Routes::new()
        .route("/v1/models/{model}", get(metadata::status).post(rest::latest))
        .route("/v1/models/{model}/versions/{version}", get(metadata::version_status).post(rest::version))
        .route("/v1/models/{model}/labels/{label}", get(metadata::label_status).post(rest::label))
        .route("/v1/models/{model}/metadata", get(metadata::metadata))
        .route("/v1/models/{model}/versions/{version}/metadata", get(metadata::version_metadata))
        .route("/v1/models/{model}/labels/{label}/metadata", get(metadata::label_metadata))
        .map(|router| router.layer(DefaultBodyLimit::max(MOST)).layer(RequestDecompressionLayer::new()));
    let predict = |method: &str| format!("/tensorflow.serving.PredictionService/{method}");
    let model = |method: &str| format!("/tensorflow.serving.ModelService/{method}");
    routes
        .route(&predict("Predict"), unary(grpc::predict))
        .route(&predict("Classify"), unary(grpc::classify))
        .route(&predict("Regress"), unary(grpc::regress))
        .route(&predict("MultiInference"), unary(grpc::multi_inference))
        .route(&predict("GetModelMetadata"), unary(grpc::get_model_metadata))
        .route(&model("GetModelStatus"), unary(grpc::get_model_status))
        .route(&model("HandleReloadConfigRequest"), unary(grpc::handle_reload_config_request))
        .door("tfserving", state)
}
