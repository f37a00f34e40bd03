use http::request::Parts;
use types::{Actor, Permission};
use wire_aws::{Query, Signature};

use crate::State;
use crate::errors::Failure;

const SERVICE: &str = "sagemaker";

/// Who sent a request, held against its signature if it has one.
pub async fn actor(state: &State, parts: &Parts, body: &[u8]) -> Result<Actor, Failure> {
    let query = Query::parse(parts.uri.query())?;
    let actor = match Signature::of(parts, &query).transpose()? {
        Some(signature) => {
            if signature.service() != SERVICE {
                return Err(wire_aws::Error::BadHeader(format!(
                    "the credential is for the service `{}`, not {SERVICE}",
                    signature.service()
                ))
                .into());
            }
            let Some((actor, secret)) = state.keys.find(signature.key_id()).await? else {
                return Err(Failure::Access {
                    status: http::StatusCode::FORBIDDEN,
                    name: "UnrecognizedClientException",
                    message: format!(
                        "there is no access key `{}`; `mlwright key` makes one",
                        signature.key_id()
                    ),
                });
            };
            signature.verify_body(parts, &query, body, &secret, state.clock.now())?;
            actor
        }
        None => parts.extensions.get::<Actor>().cloned().ok_or(kit::Denied::Unauthenticated)?,
    };
    if actor.may(Permission::Predict) {
        return Ok(actor);
    }
    Err(kit::Denied::Forbidden { actor: actor.to_string(), permission: Permission::Predict }.into())
}
