use axum::extract::{Request, State as Shared};
use axum::response::{IntoResponse, Response};
use http::header;
use serde_json::json;

use crate::errors::{Code, Failure};
use crate::{EMULATED, State};

/// `GET /health`
pub(crate) async fn health() -> &'static str {
    "OK"
}

/// `GET /version`: the MLflow version that this door speaks as.
pub(crate) async fn version() -> &'static str {
    EMULATED
}

/// `GET /api/3.0/mlflow/server-info` (`mlflow/utils/server_info.py`): no secrets, since it is read without login.
pub(crate) async fn server_info(Shared(state): Shared<State>) -> Response {
    let body = json!({
        "store_type": "SqlStore",
        "workspaces_enabled": state.workspaces,
        "trace_archival_enabled": false,
        "multipart_uploads_enabled": true,
        "multipart_downloads_enabled": true,
        "presigned_upload_run_id_supported": true,
        "presigned_upload_model_id_supported": true,
        "features_enabled": { "gateway": true },
    });
    ([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// Whatever upstream has, or had, and this door does not.
pub(crate) async fn unknown(request: Request) -> Failure {
    let message = format!("No API found for '{} {}'", request.method(), request.uri().path());
    Failure::new(Code::EndpointNotFound, message)
}
