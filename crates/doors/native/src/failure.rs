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
