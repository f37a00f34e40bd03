//! `InvokeEndpointWithResponseStream`: the answer in parts, as AWS's event stream frames them.
//! <https://smithy.io/2.0/aws/amazon-eventstream.html>

use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::response::{IntoResponse, Response};
use crc_fast::{CrcAlgorithm, checksum};
use http::request::Parts;
use http::{HeaderValue, header};

use crate::errors::Failure;
use crate::invoke::{INVOKED, in_parts, note, predicted};
use crate::{State, body, sign_in};

/// Bytes of one part.
const PART: usize = 64 << 10;

pub async fn invoke(
    state: Extract<State>,
    Path(endpoint): Path<String>,
    parts: Parts,
    bytes: Bytes,
) -> Result<Response, Failure> {
    let actor = sign_in::actor(&state, &parts, &bytes).await?;
    if let Some(streaming) = in_parts(&state, &actor, &endpoint, &parts.headers, &bytes).await? {
        let variant = HeaderValue::from_str(&streaming.variant);
        // A line a part, as containers that generate text send them.
        let line = |part: &str| payload_part(format!("{part}\n").as_bytes());
        let body = wire_inference::stream::body(streaming, line, "");
        let mut response =
            ([(header::CONTENT_TYPE, "application/vnd.amazon.eventstream")], body).into_response();
        if let Ok(variant) = variant {
            response.headers_mut().insert(INVOKED, variant);
        }
        let kind = HeaderValue::from_static("application/jsonlines");
        response.headers_mut().insert("x-amzn-sagemaker-content-type", kind);
        return Ok(response);
    }
    let (answer, reply) = predicted(&state, &actor, &endpoint, &parts.headers, bytes).await?;
    let accept = parts.headers.get("x-amzn-sagemaker-accept").or_else(|| parts.headers.get(header::ACCEPT));
    let (kind, bytes) = body::written(accept, &answer, reply);
    let framed: Vec<u8> = bytes.chunks(PART).flat_map(payload_part).collect();
    let mut response =
        ([(header::CONTENT_TYPE, "application/vnd.amazon.eventstream")], framed).into_response();
    note(response.headers_mut(), &parts.headers, &answer);
    response.headers_mut().insert("x-amzn-sagemaker-content-type", HeaderValue::from_static(kind));
    Ok(response)
}

/// One `PayloadPart` event.
fn payload_part(bytes: &[u8]) -> Vec<u8> {
    let mut headers = Vec::new();
    for (name, value) in [
        (":event-type", "PayloadPart"),
        (":content-type", "application/octet-stream"),
        (":message-type", "event"),
    ] {
        headers.push(name.len() as u8);
        headers.extend_from_slice(name.as_bytes());
        // 7: a text, after its length.
        headers.push(7);
        headers.extend_from_slice(&(value.len() as u16).to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let total = 12 + headers.len() + bytes.len() + 4;
    let mut frame = Vec::with_capacity(total);
    frame.extend_from_slice(&(total as u32).to_be_bytes());
    frame.extend_from_slice(&(headers.len() as u32).to_be_bytes());
    frame.extend_from_slice(&crc32(&frame).to_be_bytes());
    frame.extend_from_slice(&headers);
    frame.extend_from_slice(bytes);
    frame.extend_from_slice(&crc32(&frame).to_be_bytes());
    frame
}

fn crc32(bytes: &[u8]) -> u32 {
    checksum(CrcAlgorithm::Crc32IsoHdlc, bytes) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_lengths_and_checksums_where_the_format_puts_them() {
        let frame = payload_part(b"abc");
        let u32_at = |at: usize| u32::from_be_bytes(frame[at..at + 4].try_into().unwrap());
        assert_eq!(u32_at(0) as usize, frame.len());
        assert_eq!(u32_at(8), crc32(&frame[..8]));
        let headers = u32_at(4) as usize;
        assert_eq!(&frame[12 + headers..frame.len() - 4], b"abc");
        assert_eq!(u32_at(frame.len() - 4), crc32(&frame[..frame.len() - 4]));
        assert_eq!(&frame[13..24], b":event-type");
    }
}
