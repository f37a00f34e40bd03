use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use kit::{Door, Routes};
use tower_http::decompression::RequestDecompressionLayer;

use crate::{State, databricks, mlflow};

pub fn routes(state: State) -> Door {
    let limit = DefaultBodyLimit::max(state.most_bytes);
    Routes::new()
        .route("/ping", get(mlflow::ping))
        .route("/invocations", post(mlflow::invocations))
        .route("/.well-known/databricks-config", get(databricks::well_known))
        .route("/serving-endpoints/{endpoint}/invocations", post(databricks::invocations))
        .route("/serving-endpoints/{endpoint}/served-models/{entity}/invocations", post(databricks::entity))
        .route("/api/2.0/serving-endpoints", get(databricks::list))
        // As MLflow's client asks.
        .route("/api/2.0/serving-endpoints/", get(databricks::list))
        .route("/api/2.0/serving-endpoints/{endpoint}", get(databricks::get))
        .route("/api/2.0/serving-endpoints/{endpoint}/metrics", get(databricks::metrics))
        .route("/api/2.0/serving-endpoints/{endpoint}/openapi", get(databricks::openapi))
        .map(|router| router.layer(limit).layer(RequestDecompressionLayer::new()))
        .door("scoring", state)
}
