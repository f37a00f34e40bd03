//! The native door's port to project files, which need every stage at once.

use door_native::{Projects, Refusal};
use project::Context;
use serde_json::Value;
use types::Actor;

use crate::compose::Stages;

pub struct Port(Context);

impl Port {
    pub fn new(stages: &Stages) -> Self {
        Self(Context {
            ledger: stages.ground.ledger.clone(),
            blobs: stages.ground.blobs.clone(),
            serving: stages.serving.clone(),
        })
    }
}

fn request(body: Value) -> Result<project::Request, Refusal> {
    serde_json::from_value(body).map_err(|e| {
        Refusal::invalid(
            format!("the request is not a project: {e}"),
            "send it with `mlwright plan` or `apply`",
        )
    })
}

fn json(answer: &impl serde::Serialize) -> Result<Value, Refusal> {
    serde_json::to_value(answer)
        .map_err(|e| Refusal::new(types::Class::Internal, format!("the answer is not JSON: {e}"), None))
}

#[async_trait::async_trait]
impl Projects for Port {
    async fn plan(&self, actor: &Actor, body: Value) -> Result<Value, Refusal> {
        json(&project::plan(&self.0, actor, request(body)?).await?)
    }

    async fn apply(&self, actor: &Actor, body: Value) -> Result<Value, Refusal> {
        json(&project::apply(&self.0, actor, request(body)?).await?)
    }

    async fn status(&self, actor: &Actor, project: Option<&str>) -> Result<Value, Refusal> {
        json(&project::status(&self.0, actor, project).await?)
    }
}
