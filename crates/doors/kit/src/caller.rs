use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use types::{Actor, Class, Fault, Hint, Level, Permission, ResourceKind};

use crate::Answer;

/// Who is calling. The server's middleware has found it out before any door sees the request; a handler cannot
/// get at an [`Actor`] in another way, so that forgetting to ask does not compile.
#[derive(Clone, Debug)]
pub struct Caller(pub Actor);

impl Caller {
    /// Errors: `Denied` unless the caller's role and scopes allow it.
    pub fn require(&self, permission: Permission) -> Result<&Actor, Denied> {
        if self.0.may(permission) {
            Ok(&self.0)
        } else {
            Err(Denied::Forbidden { actor: self.0.to_string(), permission })
        }
    }
}

/// Whether an actor may do that much with one resource.
pub fn reaches(actor: &Actor, kind: ResourceKind, id: &str, least: Level) -> bool {
    let asks = if least > Level::Read { Permission::Write } else { Permission::Read };
    actor.in_scope(asks) && actor.level([(kind, id)]).is_some_and(|level| level >= least)
}

/// Why a caller may not.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Denied {
    #[error("sign in first")]
    Unauthenticated,
    #[error("{actor} may not {permission:?}")]
    Forbidden { actor: String, permission: Permission },
}

impl Fault for Denied {
    fn class(&self) -> Class {
        match self {
            Denied::Unauthenticated => Class::Unauthenticated,
            Denied::Forbidden { .. } => Class::Forbidden,
        }
    }

    fn hint(&self) -> Hint {
        Some(match self {
            Denied::Unauthenticated => {
                "send `Authorization: Bearer <token>`, or Basic with the token as password; \
                 make one with `mlwright token create`"
                    .into()
            }
            Denied::Forbidden { permission, .. } => {
                format!(
                    "it needs the permission {permission:?}: ask an admin for a role or token that has it"
                )
            }
        })
    }
}

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        let mut response = Answer::from(&self).into_response();
        if matches!(self, Denied::Unauthenticated) {
            *response.status_mut() = StatusCode::UNAUTHORIZED;
            if let Ok(value) = "Basic realm=\"mlwright\"".parse() {
                response.headers_mut().insert(http::header::WWW_AUTHENTICATE, value);
            }
        }
        response
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Denied;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Denied> {
        parts.extensions.get::<Actor>().cloned().map(Caller).ok_or(Denied::Unauthenticated)
    }
}
