use axum::body::to_bytes;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use kit::Answer;
use types::{Class, Fault};

/// An error on its way to the caller. Any [`Fault`] becomes one by `?`.
#[derive(Clone, Debug)]
pub struct Failure(pub Answer);

impl Failure {
    pub fn not_found(what: &str, name: &str) -> Self {
        Self::new(Class::NotFound, format!("there is no {what} `{name}`"), None)
    }

    pub fn invalid(message: impl Into<String>, hint: &str) -> Self {
        Self::new(Class::Invalid, message.into(), Some(hint.to_owned()))
    }

    /// A request body that is not the JSON that was expected.
    pub fn body(rejection: &axum::extract::rejection::JsonRejection) -> Self {
        let class = if rejection.status() == http::StatusCode::PAYLOAD_TOO_LARGE {
            Class::TooLarge
        } else {
            Class::Invalid
        };
        let hint = "send JSON with `content-type: application/json`".to_owned();
        Self::new(class, rejection.body_text(), Some(hint))
    }

    pub fn new(class: Class, message: String, hint: Option<String>) -> Self {
        Self(Answer { status: kit::status(class), code: kit::code(class), message, hint })
    }
}

impl<E: Fault> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(Answer::from(&error))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

/// The longest text that axum refuses a request with.
const REFUSAL_BYTES: usize = 16 << 10;

/// What axum refuses by itself (a path, query or method that fits no handler) as text, in the door's own envelope.
pub async fn in_envelope(response: Response) -> Response {
    let status = response.status();
    let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let plain = content_type.is_none_or(|t| t.starts_with("text/plain"));
    if !status.is_client_error() || !plain {
        return response;
    }
    let bytes = to_bytes(response.into_body(), REFUSAL_BYTES).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let message = if text.is_empty() {
        status.canonical_reason().unwrap_or("the request was refused").to_ascii_lowercase()
    } else {
        text
    };
    let hint = Some("`mlwright routes` lists every route of this server".to_owned());
    Answer { status, code: "invalid", message, hint }.into_response()
}
