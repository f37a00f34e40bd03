//! Project files. What a project means needs every stage at once, so the house answers through a port.

use async_trait::async_trait;
use axum::Json;
use axum::extract::{Query, State as Shared};
use kit::Caller;
use serde::Deserialize;
use serde_json::Value;
use types::{Actor, Permission};

use crate::{Failure, State};

/// Why a project was not planned or applied.
pub type Refusal = Failure;

/// Implemented by the house.
#[async_trait]
pub trait Projects: Send + Sync {
    async fn plan(&self, actor: &Actor, request: Value) -> Result<Value, Refusal>;
    async fn apply(&self, actor: &Actor, request: Value) -> Result<Value, Refusal>;
    async fn status(&self, actor: &Actor, project: Option<&str>) -> Result<Value, Refusal>;
}

/// `POST projects/plan`
pub async fn plan(
    Shared(state): Shared<State>,
    caller: Caller,
    Json(request): Json<Value>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    state.projects.plan(actor, request).await.map(Json)
}

/// `POST projects/apply`
pub async fn apply(
    Shared(state): Shared<State>,
    caller: Caller,
    Json(request): Json<Value>,
) -> Result<Json<Value>, Failure> {
    caller.require(Permission::RunCode)?;
    let actor = caller.require(Permission::Deploy)?;
    state.projects.apply(actor, request).await.map(Json)
}

#[derive(Debug, Deserialize)]
pub struct StatusQuery {
    project: Option<String>,
}

/// `GET projects/status?project`
pub async fn status(
    Shared(state): Shared<State>,
    caller: Caller,
    Query(query): Query<StatusQuery>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    state.projects.status(actor, query.project.as_deref()).await.map(Json)
}
