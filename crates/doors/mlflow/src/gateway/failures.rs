//! The gateway's errors in upstream's words.

use super::{ENDPOINT, MODEL, SECRET, endpoint_id, not_found};
use crate::errors::{Code, Failure, by_class};

impl From<gateway::Error> for Failure {
    fn from(error: gateway::Error) -> Self {
        use gateway::Error as E;
        let taken = |message: String| Self::new(Code::ResourceAlreadyExists, message);
        match error {
            E::SecretNotFound(id) => not_found("GatewaySecret", "secret_id", &format!("{SECRET}{id}")),
            E::ModelNotFound(id) => {
                not_found("GatewayModelDefinition", "model_definition_id", &format!("{MODEL}{id}"))
            }
            E::EndpointNotFound(by) if by.parse::<types::Uid>().is_ok() => {
                not_found("GatewayEndpoint", "endpoint_id", &format!("{ENDPOINT}{by}"))
            }
            E::EndpointNotFound(name) => not_found("GatewayEndpoint", "name", &name),
            E::BindingNotFound { endpoint, resource_type, resource_id } => Self::missing(format!(
                "GatewayEndpointBinding not found (endpoint_id='{}', resource_type='{resource_type}', \
                 resource_id='{resource_id}')",
                endpoint_id(endpoint)
            )),
            E::NotAttached { endpoint, model } => Self::missing(format!(
                "Model definition '{MODEL}{model}' is not attached to endpoint '{}'",
                endpoint_id(endpoint)
            )),
            E::Attached { endpoint, model } => taken(format!(
                "Model definition '{MODEL}{model}' is already attached to endpoint '{}'",
                endpoint_id(endpoint)
            )),
            E::SecretExists(name) => taken(format!("Secret with name '{name}' already exists")),
            E::ModelExists(name) => taken(format!("Model definition with name '{name}' already exists")),
            E::EndpointExists(name) => taken(format!("Endpoint with name '{name}' already exists")),
            E::ModelInUse(_) => Self::new(
                Code::InvalidState,
                "Cannot delete model definition that is currently in use by endpoints. Detach it from all endpoints first.",
            ),
            E::Ledger(error) => error.into(),
            other => by_class(&other),
        }
    }
}
