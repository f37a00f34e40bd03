//! `inference.GRPCInferenceService`, with Triton's extensions of it.

mod admin;
mod admin_wire;
mod health;
mod infer;
mod wire;

use kit::Routes;
use wire_grpc::{Status, one_by_one, unary};

use crate::State;
use crate::errors::OipError;

pub fn add(routes: Routes<State>) -> Routes<State> {
    let path = |method: &str| format!("/inference.GRPCInferenceService/{method}");
    routes
        .route(&path("ServerLive"), unary(health::server_live))
        .route(&path("ServerReady"), unary(health::server_ready))
        .route(&path("ModelReady"), unary(health::model_ready))
        .route(&path("ServerMetadata"), unary(health::server_metadata))
        .route(&path("ModelMetadata"), unary(health::model_metadata))
        .route(&path("ModelInfer"), unary(infer::model_infer))
        .route(&path("ModelStreamInfer"), one_by_one(infer::streamed))
        .route(&path("ModelConfig"), unary(admin::model_config))
        .route(&path("ModelStatistics"), unary(admin::model_statistics))
        .route(&path("RepositoryIndex"), unary(admin::repository_index))
        .route(&path("RepositoryModelLoad"), unary(admin::repository_model_load))
        .route(&path("RepositoryModelUnload"), unary(admin::repository_model_unload))
        .route(&path("SystemSharedMemoryStatus"), unary(admin::system_shared_memory_status))
        .route(&path("CudaSharedMemoryStatus"), unary(admin::cuda_shared_memory_status))
        .route(&path("TraceSetting"), unary(admin::trace_setting))
        .route(&path("LogSettings"), unary(admin::log_settings))
}

/// The same error that REST tells.
fn told(error: OipError) -> Status {
    use wire_grpc::Code;
    let code = match error.status.as_u16() {
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::NotFound,
        409 => Code::FailedPrecondition,
        413 | 429 => Code::ResourceExhausted,
        503 => Code::Unavailable,
        400..500 => Code::InvalidArgument,
        _ => Code::Internal,
    };
    Status::new(code, error.message)
}

/// Protobuf has no null: an empty version is none.
fn given(text: &str) -> Option<&str> {
    Some(text).filter(|t| !t.is_empty())
}
