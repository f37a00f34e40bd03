//! Who is calling: access keys as Basic credentials, the tokens that `/auth/login` gives for them, and its cookie.

use axum::body::to_bytes;
use axum::extract::{Request, State as Shared};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use types::Actor;

use crate::call::{Answer, Body, json, ok};
use crate::errors::Failure;
use crate::{State, convert, wire};

/// `auth.InternalAuthSessionName`.
const COOKIE: &str = "internal_auth_session";
/// `auth.login_duration` of lakeFS, in seconds.
const LASTS: i64 = 7 * 86_400;
const PURPOSE: &str = "lakefs-login";
/// The longest text that axum refuses a request with.
const REFUSAL_BYTES: usize = 16 << 10;

/// What a token of `/auth/login` says. It ends with its key.
#[derive(Serialize, Deserialize)]
struct Login {
    key: String,
}

/// Middleware: the house has looked for its own credentials and for access keys already; whom it does not know may
/// show a token of [`login`], as `Bearer` or as its cookie.
pub(crate) async fn sign_in(Shared(state): Shared<State>, mut request: Request, next: Next) -> Response {
    if request.extensions().get::<Actor>().is_none()
        && let Some(token) = token(request.headers())
    {
        match who(&state, token).await {
            Ok(Some(actor)) => {
                request.extensions_mut().insert(actor);
            }
            Ok(None) => {}
            Err(failure) => return failure.into_response(),
        }
    }
    next.run(request).await
}

async fn who(state: &State, token: &str) -> Result<Option<Actor>, Failure> {
    let now = state.ledger.clock().now();
    let Some(login) = state.vault.read_signed::<Login>(PURPOSE, now, token) else { return Ok(None) };
    Ok(state.keys.find(&login.key).await?.map(|(actor, _)| actor))
}

fn token(headers: &HeaderMap) -> Option<&str> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then_some(token.trim());
    }
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

/// What axum refuses by itself, in lakeFS's envelope.
pub(crate) async fn in_envelope(response: Response) -> Response {
    let status = response.status();
    let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let plain = content_type.is_none_or(|text| text.starts_with("text/plain"));
    let (parts, body) = response.into_parts();
    if !status.is_client_error() || !plain {
        return Response::from_parts(parts, body);
    }
    let bytes = to_bytes(body, REFUSAL_BYTES).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let message = if text.is_empty() {
        status.canonical_reason().unwrap_or("the request was refused").to_ascii_lowercase()
    } else {
        text
    };
    Failure { status, message }.into_response()
}

/// `OapiRequestValidatorWithOptions`: what is no operation is a bad request.
pub(crate) async fn no_operation() -> Answer {
    Err(Failure::bad("no matching operation was found"))
}

/// Single sign-on and its kin are configured for the whole server, not here.
pub(crate) async fn not_here() -> Answer {
    Err(Failure::new(StatusCode::NOT_IMPLEMENTED, "Not Implemented"))
}

pub(crate) async fn setup_state() -> Answer {
    ok(&wire::SetupState {
        state: "initialized",
        comm_prefs_missing: false,
        login_config: wire::LoginConfig {
            rbac: "none",
            login_url: "",
            login_url_method: "none",
            login_failed_message: "The credentials don't match.",
            login_cookie_names: vec![COOKIE],
            logout_url: "",
        },
    })
}

/// The server makes its first key pair itself at its first start, so there is nothing left to set up.
pub(crate) async fn setup(Body(body): Body<wire::Setup>) -> Answer {
    if body.username.is_empty() {
        return Err(Failure::bad("empty user display name"));
    }
    Err(Failure::new(StatusCode::CONFLICT, "lakeFS already initialized"))
}

pub(crate) async fn capabilities() -> Answer {
    ok(&wire::AuthCapabilities { invite_user: false, forgot_password: false })
}

pub(crate) async fn login(Shared(state): Shared<State>, Body(body): Body<wire::LoginInformation>) -> Answer {
    let actor = state.keys.check(&body.access_key_id, &body.secret_access_key).await?;
    actor.ok_or_else(Failure::unauthenticated)?;
    let until = state.ledger.clock().now().plus_seconds(LASTS);
    let token = state.vault.sign(PURPOSE, until, &Login { key: body.access_key_id })?;
    let cookie = format!("{COOKIE}={token}; Path=/; Max-Age={LASTS}; HttpOnly; SameSite=Lax");
    let body = wire::AuthenticationToken { token, token_expiration: convert::seconds(until) };
    Ok(([(header::SET_COOKIE, cookie)], json(StatusCode::OK, &body)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: header::HeaderName, value: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        token(&headers).map(str::to_owned)
    }

    #[test]
    fn a_token_comes_as_bearer_or_as_the_cookie() {
        assert_eq!(shown(header::AUTHORIZATION, "Bearer a.b").as_deref(), Some("a.b"));
        assert_eq!(shown(header::AUTHORIZATION, "Basic a.b"), None);
        assert_eq!(shown(header::COOKIE, "x=1; internal_auth_session=a.b; y=2").as_deref(), Some("a.b"));
        assert_eq!(shown(header::COOKIE, "x=1"), None);
    }
}
