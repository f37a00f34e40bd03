//! gRPC calls with one message and one answer: a frame there, a frame back over HTTP/2, the status in the trailers
//! (<https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>).

use bytes::{BufMut as _, Bytes, BytesMut};
use http_body_util::BodyExt as _;
use reqwest::header::HeaderMap;

use crate::client::{Version, failed};
use crate::percent::percent_decoded;
use crate::trace::Traced;
use crate::{Body, Call, Client, Error, Method, Policy};

/// A frame: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// What a gRPC method answered, whatever its status.
#[derive(Clone, Debug)]
pub struct GrpcAnswer {
    /// `google.rpc.Code`; 0 is success.
    pub code: u32,
    /// What was said about a failure.
    pub message: String,
    /// The answer's message; empty where there is none.
    pub body: Bytes,
}

/// Speaks HTTP/2 from the first byte, as gRPC servers without TLS want it. Cheap to clone; connections are shared and kept open.
#[derive(Clone, Debug)]
pub struct GrpcClient(Client);

impl GrpcClient {
    /// Errors: `Start`.
    pub fn new(policy: Policy) -> Result<Self, Error> {
        Client::speaking(policy, Version::Two).map(Self)
    }

    /// `url` is that of the method: `http://host:port/package.Service/Method`. Metadata goes as `headers`. Sent once.
    ///
    /// Errors: `BadUrl`, `Private`, `Unreachable`, `TimedOut`, `TooLarge`, `NoGrpc`.
    pub async fn call(
        &self,
        url: &str,
        headers: &[(String, String)],
        message: &[u8],
    ) -> Result<GrpcAnswer, Error> {
        let length = u32::try_from(message.len())
            .map_err(|_| Error::TooLarge { url: url.to_owned(), limit: u64::from(u32::MAX) })?;
        let mut frame = BytesMut::with_capacity(PREFIX + message.len());
        frame.put_u8(0);
        frame.put_u32(length);
        frame.put_slice(message);
        let own = [("content-type", "application/grpc"), ("te", "trailers")];
        let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let call = Call {
            method: Method::Post,
            url: url.to_owned(),
            headers: headers.iter().cloned().chain(own).collect(),
            body: Body::Bytes(frame.freeze()),
        };
        self.0.check(url)?;
        let traced = Traced::begin(&call);
        let result = self.sent(&call, &traced).await;
        traced.end(result.as_ref().map(|_| 200));
        result
    }

    async fn sent(&self, call: &Call, traced: &Traced) -> Result<GrpcAnswer, Error> {
        let limit = self.0.policy().largest_answer;
        let answer = self.0.request(call, traced).await?.send().await;
        let answer = answer.map_err(|e| failed(call, &e, self.0.policy()))?;
        let http = answer.status().as_u16();
        let mut said = answer.headers().clone();
        let mut body = reqwest::Body::from(answer);
        let mut frames = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|e| failed(call, &e, self.0.policy()))?;
            match frame.into_data() {
                Ok(data) if (frames.len() + data.len()) as u64 > limit => {
                    return Err(Error::TooLarge { url: call.url.clone(), limit });
                }
                Ok(data) => frames.extend_from_slice(&data),
                Err(frame) => {
                    if let Ok(trailers) = frame.into_trailers() {
                        said.extend(trailers);
                    }
                }
            }
        }
        let no_grpc = |reason: String| Error::NoGrpc { url: call.url.clone(), reason };
        let Some(code) = text(&said, "grpc-status") else {
            return match of_http(http) {
                Some(code) => Ok(GrpcAnswer { code, message: format!("HTTP {http}"), body: Bytes::new() }),
                None => Err(no_grpc("it has no grpc-status".into())),
            };
        };
        let code = code.parse().map_err(|_| no_grpc(format!("its grpc-status is `{code}`")))?;
        let message = percent_decoded(&text(&said, "grpc-message").unwrap_or_default());
        let body = match code {
            0 => message_of(frames.freeze()).ok_or_else(|| no_grpc("it is not one plain message".into()))?,
            _ => Bytes::new(),
        };
        Ok(GrpcAnswer { code, message, body })
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// What a status of HTTP stands for where there is none of gRPC
/// (<https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md>).
fn of_http(status: u16) -> Option<u32> {
    Some(match status {
        200 => return None,
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502..=504 => 14,
        _ => 2,
    })
}

/// The only message; `None` if it is compressed, cut off or followed by another.
fn message_of(frames: Bytes) -> Option<Bytes> {
    let (compressed, rest) = frames.split_first()?;
    let length = u32::from_be_bytes(rest.first_chunk::<4>().copied()?);
    let whole = frames.len() == PREFIX + usize::try_from(length).ok()?;
    (*compressed == 0 && whole).then(|| frames.slice(PREFIX..))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_must_be_whole_and_plain() {
        let frame = |bytes: &'static [u8]| message_of(Bytes::from_static(bytes));
        assert_eq!(frame(&[0, 0, 0, 0, 2, 7, 8]).unwrap(), [7_u8, 8].as_slice());
        assert_eq!(frame(&[0, 0, 0, 0, 0]).unwrap(), [0_u8; 0].as_slice());
        for wrong in [
            [].as_slice(),
            &[0, 0, 0],
            &[0, 0, 0, 0, 3, 7, 8],
            &[1, 0, 0, 0, 1, 7],
            &[0, 0, 0, 0, 1, 7, 0],
            &[0, 255, 255, 255, 255, 7],
        ] {
            assert_eq!(message_of(Bytes::from(wrong.to_vec())), None, "{wrong:?}");
        }
    }

    #[tokio::test]
    async fn nobody_there_and_private_addresses_are_told_apart() {
        let gone = GrpcClient::new(Policy::local()).unwrap().call("http://127.0.0.1:1/a.B/C", &[], b"").await;
        assert!(matches!(gone, Err(Error::Unreachable { .. })), "{gone:?}");
        let private = GrpcClient::new(Policy::default()).unwrap();
        let private = private.call("http://localhost:1/a.B/C", &[], b"").await;
        assert!(matches!(private, Err(Error::Private { .. })), "{private:?}");
    }
}
