//! What webhooks are told: the model registry's events in MLflow's form, and monitors' in our own.

use async_trait::async_trait;
use ledger::Event;
use serde_json::json;
use webhooks::{Compose, Error, Notice};

pub struct Notices(pub door_mlflow::Composer);

#[async_trait]
impl Compose for Notices {
    async fn notices(&self, event: &Event) -> Result<Vec<Notice>, Error> {
        if !door_native::TOPICS.contains(&event.kind.as_str()) {
            return self.0.notices(event).await;
        }
        let body = json!({
            "event": event.kind,
            "at": event.at.rfc3339(),
            "workspace": event.workspace,
            "data": event.payload,
        });
        Ok(vec![Notice { topic: event.kind.clone(), body }])
    }
}
