//! The one table of errors: `{"error": text}` over REST, as Triton does, and a status over gRPC.

use std::io::Read as _;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use types::Fault;
use wire_inference::{log_internal, status, with_hint};

use crate::State;

/// An error of the Open Inference Protocol.
#[derive(Debug)]
pub struct OipError {
    pub status: StatusCode,
    pub message: String,
}

impl OipError {
    pub fn bad(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: message.into() }
    }
}

impl From<serving::Error> for OipError {
    fn from(error: serving::Error) -> Self {
        let message = match &error {
            // Triton's words: clients look for them.
            serving::Error::NoEndpoint(name) => format!("Request for unknown model: '{name}' is not found"),
            serving::Error::NoVersion { endpoint, version, known } => format!(
                "Request for unknown model: '{endpoint}' version {version} is not found; it serves {known}"
            ),
            other => with_hint(other),
        };
        log_internal(&error);
        Self { status: status(&error), message }
    }
}

impl From<kit::Denied> for OipError {
    fn from(error: kit::Denied) -> Self {
        Self { status: kit::status(error.class()), message: with_hint(&error) }
    }
}

impl IntoResponse for OipError {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.message }).to_string();
        (self.status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}

/// A request's body. One that cannot be read (too large, wrongly compressed, cut off) is told in the protocol's form.
/// Bodies in gzip are plain when they come here; Triton's clients may send deflate, too.
pub struct Body(pub Bytes);

impl FromRequest<State> for Body {
    type Rejection = OipError;

    async fn from_request(request: Request, state: &State) -> Result<Self, OipError> {
        let encoding = request.headers().get(header::CONTENT_ENCODING).cloned();
        let read = Bytes::from_request(request, state).await;
        let body = read.map_err(|e| OipError { status: e.status(), message: e.body_text() })?;
        match encoding.as_ref().map(|value| value.as_bytes()) {
            None | Some(b"" | b"identity") => Ok(Self(body)),
            Some(b"deflate") => Ok(Self(inflated(&body, state.most_bytes)?)),
            Some(other) => Err(OipError {
                status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
                message: format!(
                    "bodies are read plain, in gzip or in deflate, not in '{}'",
                    String::from_utf8_lossy(other)
                ),
            }),
        }
    }
}

/// A body of zlib's format (RFC 1950), of no more than `most` bytes.
fn inflated(body: &[u8], most: usize) -> Result<Bytes, OipError> {
    let mut plain = Vec::new();
    let mut reader = flate2::read::ZlibDecoder::new(body).take(most as u64 + 1);
    reader.read_to_end(&mut plain).map_err(|e| OipError::bad(format!("the body is not deflate: {e}")))?;
    if plain.len() > most {
        return Err(OipError {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            message: format!("the body has more than {most} bytes"),
        });
    }
    Ok(plain.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_deflated_body_is_read_up_to_the_limit() {
        let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        writer.write_all(&[b'x'; 100_000]).unwrap();
        let packed = writer.finish().unwrap();
        assert_eq!(inflated(&packed, 100_000).unwrap().len(), 100_000);
        assert_eq!(inflated(&packed, 99_999).unwrap_err().status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(inflated(b"no zlib", 100).unwrap_err().status, StatusCode::BAD_REQUEST);
        assert_eq!(inflated(&packed[..20], 100_000).unwrap_err().status, StatusCode::BAD_REQUEST);
    }
}
