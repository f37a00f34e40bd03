//! gRPC methods as routes. A method is `POST /package.Service/Method` over HTTP/2, so that gRPC shares the port, the sign-in
//! and the metrics of every other protocol; framing, compression, status and trailers are tonic's.

mod codec;
mod status;

use std::convert::Infallible;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use futures::Stream;
use prost::Message;
use tonic::codec::CompressionEncoding;
use tonic::server::{Grpc, StreamingService, UnaryService};
use types::{Actor, Permission};

pub use codec::Codec;
pub use status::{code, denied, status};
pub use tonic::{Code, Status, Streaming};

/// Largest message that is taken, after decompression, in bytes.
const MOST: usize = 64 << 20;

/// What a method knows beside its message.
pub struct Call {
    actor: Option<Actor>,
    pub headers: http::HeaderMap,
    /// From `grpc-timeout`.
    pub deadline: Option<Instant>,
}

impl Call {
    fn of<T>(request: &tonic::Request<T>) -> Self {
        let headers = request.metadata().clone().into_headers();
        let timeout = headers.get("grpc-timeout").and_then(|v| v.to_str().ok()).and_then(timeout);
        Self {
            actor: request.extensions().get::<Actor>().cloned(),
            deadline: timeout.and_then(|t| Instant::now().checked_add(t)),
            headers,
        }
    }

    /// Errors: `UNAUTHENTICATED`, `PERMISSION_DENIED`.
    pub fn require(&self, permission: Permission) -> Result<&Actor, Status> {
        match &self.actor {
            None => Err(denied(&kit::Denied::Unauthenticated)),
            Some(actor) if actor.may(permission) => Ok(actor),
            Some(actor) => Err(denied(&kit::Denied::Forbidden { actor: actor.to_string(), permission })),
        }
    }
}

/// `TimeoutValue TimeoutUnit`: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>
fn timeout(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = if number.len() <= 8 { number.parse().ok()? } else { return None };
    Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

/// An answer that is being made.
pub type Running<A> = Pin<Box<dyn Future<Output = Result<A, Status>> + Send>>;
type Answered<T> = Running<tonic::Response<T>>;

struct Unary<S, F, Q> {
    state: S,
    method: F,
    takes: PhantomData<fn(Q)>,
}

impl<S, F, Fut, Q, A> UnaryService<Q> for Unary<S, F, Q>
where
    S: Clone + Send + 'static,
    F: FnMut(S, Call, Q) -> Fut,
    Fut: Future<Output = Result<A, Status>> + Send + 'static,
    A: 'static,
{
    type Response = A;
    type Future = Answered<A>;

    fn call(&mut self, request: tonic::Request<Q>) -> Self::Future {
        let call = Call::of(&request);
        let answer = (self.method)(self.state.clone(), call, request.into_inner());
        Box::pin(async move { answer.await.map(tonic::Response::new) })
    }
}

/// A method with one message and one answer.
pub fn unary<S, F, Fut, Q, A>(method: F) -> MethodRouter<S, Infallible>
where
    S: Clone + Send + Sync + 'static,
    F: Fn(S, Call, Q) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<A, Status>> + Send + 'static,
    Q: Message + Default + 'static,
    A: Message + 'static,
{
    post(move |State(state): State<S>, request: axum::extract::Request| {
        let unary = Unary { state, method: method.clone(), takes: PhantomData };
        async move { answer(grpc().unary(unary, request).await) }
    })
}

struct Streamed<S, F, Q> {
    state: S,
    method: F,
    takes: PhantomData<fn(Q)>,
}

impl<S, F, Q, A> StreamingService<Q> for Streamed<S, F, Q>
where
    S: Clone + Send + Sync + 'static,
    F: Fn(S, std::sync::Arc<Call>, Q) -> Running<A> + Clone + Send + 'static,
    Q: Send + 'static,
    A: Send + 'static,
{
    type Response = A;
    type ResponseStream = Answers<S, F, Q, A>;
    type Future = Answered<Self::ResponseStream>;

    fn call(&mut self, request: tonic::Request<Streaming<Q>>) -> Self::Future {
        let call = std::sync::Arc::new(Call::of(&request));
        let (state, method) = (self.state.clone(), self.method.clone());
        let answers = Answers { state, method, call, takes: request.into_inner(), running: None };
        Box::pin(async move { Ok(tonic::Response::new(answers)) })
    }
}

/// One answer a message, in order.
pub struct Answers<S, F, Q, A> {
    state: S,
    method: F,
    call: std::sync::Arc<Call>,
    takes: Streaming<Q>,
    running: Option<Running<A>>,
}

// Nothing of it is pinned but what is boxed.
impl<S, F, Q, A> Unpin for Answers<S, F, Q, A> {}

impl<S, F, Q, A> Stream for Answers<S, F, Q, A>
where
    S: Clone,
    F: Fn(S, std::sync::Arc<Call>, Q) -> Running<A>,
{
    type Item = Result<A, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(running) = self.running.as_mut() {
                let answer = std::task::ready!(running.as_mut().poll(cx));
                self.running = None;
                return Poll::Ready(Some(answer));
            }
            match std::task::ready!(Pin::new(&mut self.takes).poll_next(cx)) {
                None => return Poll::Ready(None),
                Some(Err(status)) => return Poll::Ready(Some(Err(status))),
                Some(Ok(message)) => {
                    let (state, call) = (self.state.clone(), std::sync::Arc::clone(&self.call));
                    self.running = Some((self.method)(state, call, message));
                }
            }
        }
    }
}

/// A method with streams both ways, one answer a message.
pub fn one_by_one<S, F, Q, A>(method: F) -> MethodRouter<S, Infallible>
where
    S: Clone + Send + Sync + 'static,
    F: Fn(S, std::sync::Arc<Call>, Q) -> Running<A> + Clone + Send + Sync + 'static,
    Q: Message + Default + 'static,
    A: Message + 'static,
{
    post(move |State(state): State<S>, request: axum::extract::Request| {
        let streamed = Streamed { state, method: method.clone(), takes: PhantomData };
        async move { answer(grpc().streaming(streamed, request).await) }
    })
}

fn grpc<A: Message + 'static, Q: Message + Default + 'static>() -> Grpc<Codec<A, Q>> {
    Grpc::new(Codec::default())
        .max_decoding_message_size(MOST)
        .accept_compressed(CompressionEncoding::Gzip)
        .send_compressed(CompressionEncoding::Gzip)
}

fn answer(response: http::Response<tonic::body::Body>) -> Response {
    response.map(axum::body::Body::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_as_grpc_writes_them() {
        assert_eq!(timeout("250m"), Some(Duration::from_millis(250)));
        assert_eq!(timeout("1S"), Some(Duration::from_secs(1)));
        assert_eq!(timeout("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
        for bad in ["", "m", "1", "1x", "999999999S", "-1S", "1é"] {
            assert_eq!(timeout(bad), None, "{bad}");
        }
    }
}
