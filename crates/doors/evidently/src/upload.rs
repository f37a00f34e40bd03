//! Forms that carry a file.

use std::collections::BTreeMap;

use axum::extract::Request;
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use http::{StatusCode, header};

use crate::errors::Failure;

/// Largest file.
const MOST: usize = 1 << 30;

pub(crate) struct Form {
    pub fields: BTreeMap<String, String>,
    pub file: Bytes,
    pub file_name: String,
}

pub(crate) async fn form(request: Request) -> Result<Form, Failure> {
    let wrong = |error: multer::Error| Failure::invalid(format!("the form cannot be read: {error}"));
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let boundary = multer::parse_boundary(kind.unwrap_or_default()).map_err(wrong)?;
    let stream = request.into_body().into_data_stream();
    let mut parts = multer::Multipart::new(stream, boundary);
    let mut out = Form { fields: BTreeMap::new(), file: Bytes::new(), file_name: String::new() };
    let mut seen = false;
    while let Some(mut part) = parts.next_field().await.map_err(wrong)? {
        let name = part.name().unwrap_or_default().to_owned();
        let file_name = part.file_name().map(str::to_owned);
        let mut content = BytesMut::new();
        while let Some(chunk) = part.next().await {
            content.extend_from_slice(&chunk.map_err(wrong)?);
            if content.len() > MOST {
                return Err(Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "the file is too large"));
            }
        }
        if name == "file" {
            out.file = content.freeze();
            out.file_name = file_name.unwrap_or_default();
            seen = true;
        } else {
            out.fields.insert(name, String::from_utf8_lossy(&content).into_owned());
        }
    }
    if seen { Ok(out) } else { Err(Failure::invalid("the form has no `file`")) }
}
