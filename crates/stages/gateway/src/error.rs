use types::{Class, Fault, Hint, Uid};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("gateway secret `{0}` does not exist")]
    SecretNotFound(Uid),
    #[error("gateway model `{0}` does not exist")]
    ModelNotFound(Uid),
    #[error("gateway endpoint `{0}` does not exist")]
    EndpointNotFound(String),
    #[error("{resource_type} `{resource_id}` is not bound to gateway endpoint `{endpoint}`")]
    BindingNotFound { endpoint: Uid, resource_type: String, resource_id: String },
    #[error("gateway model `{model}` is not attached to endpoint `{endpoint}`")]
    NotAttached { endpoint: Uid, model: Uid },
    #[error("gateway model `{model}` is attached to endpoint `{endpoint}` already")]
    Attached { endpoint: Uid, model: Uid },
    #[error("a gateway secret is called `{0}` already")]
    SecretExists(String),
    #[error("a gateway model is called `{0}` already")]
    ModelExists(String),
    #[error("a gateway endpoint is called `{0}` already")]
    EndpointExists(String),
    #[error("gateway model `{0}` is in use by endpoints")]
    ModelInUse(Uid),
    #[error(transparent)]
    Vault(#[from] vault::Error),
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Self::SecretNotFound(_)
            | Self::ModelNotFound(_)
            | Self::EndpointNotFound(_)
            | Self::BindingNotFound { .. }
            | Self::NotAttached { .. } => Class::NotFound,
            Self::SecretExists(_)
            | Self::ModelExists(_)
            | Self::EndpointExists(_)
            | Self::Attached { .. } => Class::AlreadyExists,
            Self::ModelInUse(_) => Class::Conflict,
            Self::Vault(e) => e.class(),
            Self::Ledger(e) => e.class(),
        }
    }

    fn hint(&self) -> Hint {
        let hint = match self {
            Self::SecretNotFound(_) => "list the gateway's secrets",
            Self::ModelNotFound(_) => "list the gateway's models",
            Self::EndpointNotFound(_) | Self::BindingNotFound { .. } | Self::NotAttached { .. } => {
                "list the gateway's endpoints"
            }
            Self::SecretExists(_) | Self::ModelExists(_) | Self::EndpointExists(_) => "choose another name",
            Self::Attached { .. } => "update the endpoint instead",
            Self::ModelInUse(_) => "detach it from all endpoints first",
            Self::Vault(e) => return e.hint(),
            Self::Ledger(e) => return e.hint(),
        };
        Some(hint.to_owned())
    }
}
