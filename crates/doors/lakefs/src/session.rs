//! Who is calling: access keys as Basic credentials, the tokens that `/auth/login` gives for them, and its cookie.

use axum::body::to_bytes;
use axum::extract::{Request, State as Shared};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use types::Actor;

use crate::call::{Admin, Answer, Body, Reader, ok};
use crate::errors::Failure;
use crate::{State, wire};

/// `auth.InternalAuthSessionName`.
const COOKIE: &str = "internal_auth_session";
/// The longest text that axum refuses a request with.
const REFUSAL_BYTES: usize = 16 << 10;

/// Middleware: finds out who a request without a house's credential is by what only lakeFS's clients show.
pub(crate) async fn sign_in(Shared(_state): Shared<State>, request: Request, next: Next) -> Response {
    next.run(request).await
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

pub(crate) async fn current_user(Reader(actor): Reader) -> Answer {
    ok(&wire::CurrentUser { user: user(&actor) })
}

fn user(actor: &Actor) -> wire::User {
    wire::User { id: actor.name.clone(), creation_date: 0, friendly_name: actor.name.clone(), email: None }
}

pub(crate) async fn capabilities() -> Answer {
    ok(&wire::AuthCapabilities { invite_user: false, forgot_password: false })
}

pub(crate) async fn login(Body(_body): Body<wire::LoginInformation>) -> Answer {
    Err(Failure::unauthenticated())
}

#[allow(dead_code)]
fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

#[allow(dead_code)]
fn admin(_: Admin) {}
