//! What a signature says about the body, and the body without its wrapping.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _};
use http::HeaderMap;
use types::Digest;

use crate::Error;
use crate::chunked::Decoder;
use crate::v4::ChunkSigner;

/// What is known about the body before it is read.
#[derive(Clone, Debug)]
pub enum Payload {
    /// Not signed.
    Unsigned,
    /// Signed by its SHA-256.
    Whole(Digest),
    /// In chunks, signed each or not at all.
    Chunked(Chunks),
}

/// How a body in chunks is signed.
#[derive(Clone, Debug)]
pub struct Chunks {
    signer: Option<ChunkSigner>,
    trailer: bool,
}

/// A body that can be read.
pub struct Opened {
    /// The content alone.
    pub content: BoxStream<'static, Result<Bytes, Error>>,
    /// To be asked when the content has been read.
    pub arrived: Arrived,
    /// Bytes of the content, if the request says so.
    pub size: Option<u64>,
}

/// What became of a body. Nothing of it may be believed before [`Arrived::finish`].
#[derive(Debug)]
pub struct Arrived {
    announced: Option<Digest>,
    /// Trailers that must have come, in lower case.
    expected: Vec<String>,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    error: Option<Error>,
    trailers: Vec<(String, String)>,
    ended: bool,
}

impl Payload {
    pub(crate) fn of_kind(kind: &str, signer: impl FnOnce() -> ChunkSigner) -> Result<Self, Error> {
        match kind {
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" => {
                Ok(Self::Chunked(Chunks { signer: Some(signer()), trailer: false }))
            }
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" => {
                Ok(Self::Chunked(Chunks { signer: Some(signer()), trailer: true }))
            }
            other => Self::of_unsigned(other),
        }
    }

    /// The kinds that need no key.
    pub(crate) fn of_unsigned(kind: &str) -> Result<Self, Error> {
        match kind {
            "UNSIGNED-PAYLOAD" => Ok(Self::Unsigned),
            "STREAMING-UNSIGNED-PAYLOAD-TRAILER" => Ok(Self::Chunked(Chunks { signer: None, trailer: true })),
            hash if hash.len() == 64 => {
                hash.parse().map(Self::Whole).map_err(|_| Error::PayloadKind(kind.to_owned()))
            }
            _ => Err(Error::PayloadKind(kind.to_owned())),
        }
    }

    /// Takes the body apart as it is read.
    ///
    /// Errors: `NoLength` if a body in chunks does not say how long its content is.
    pub fn open<S, E>(self, headers: &HeaderMap, body: S) -> Result<Opened, Error>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: std::fmt::Display + 'static,
    {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let number = |name: &str| text(name).and_then(|value| value.trim().parse::<u64>().ok());
        let seen = Arc::new(Mutex::new(Seen::default()));
        let body = body.map(|piece| piece.map_err(|e| Error::Cut(e.to_string())));
        let (mut announced, mut expected) = (None, Vec::new());
        let (decoder, size) = match self {
            Self::Unsigned => (None, number("content-length")),
            Self::Whole(digest) => {
                announced = Some(digest);
                (None, number("content-length"))
            }
            Self::Chunked(Chunks { signer, trailer }) => {
                let size = number("x-amz-decoded-content-length").ok_or(Error::NoLength)?;
                if trailer {
                    let names = text("x-amz-trailer").unwrap_or_default().split(',');
                    expected =
                        names.map(|n| n.trim().to_ascii_lowercase()).filter(|n| !n.is_empty()).collect();
                }
                (Some(Decoder::new(size, signer)), Some(size))
            }
        };
        let content = match decoder {
            None => watched(body, Arc::clone(&seen)).boxed(),
            Some(decoder) => decoded(body, decoder, Arc::clone(&seen)).boxed(),
        };
        Ok(Opened { content, arrived: Arrived { announced, expected, seen }, size })
    }
}

impl Arrived {
    /// What went wrong while the content was read, if anything did.
    pub fn error(&self) -> Option<Error> {
        self.seen().error.clone()
    }

    /// Whether the content is what was signed and announced; then its trailer, with names in lower case. `sha256` is that
    /// of the content.
    ///
    /// Errors: `PayloadHash`, `BadTrailer` if an announced one did not come, and what [`Arrived::error`] says.
    pub fn finish(self, sha256: &Digest) -> Result<Vec<(String, String)>, Error> {
        let seen = std::mem::take(&mut *self.seen());
        if let Some(error) = seen.error {
            return Err(error);
        }
        if !seen.ended {
            return Err(Error::Cut("it was not read to its end".into()));
        }
        if let Some(announced) = self.announced.filter(|announced| announced != sha256) {
            return Err(Error::PayloadHash { announced: announced.hex(), found: sha256.hex() });
        }
        for name in &self.expected {
            if !seen.trailers.iter().any(|(n, _)| n == name) {
                return Err(Error::BadTrailer(format!("`{name}` was announced and did not come")));
            }
        }
        Ok(seen.trailers)
    }

    /// A panic elsewhere leaves it usable.
    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        lock(&self.seen)
    }
}

fn lock(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The body as it is; how it ended is noted.
fn watched<S>(body: S, seen: Arc<Mutex<Seen>>) -> impl Stream<Item = Result<Bytes, Error>> + Send
where
    S: Stream<Item = Result<Bytes, Error>> + Send + 'static,
{
    let end = Arc::clone(&seen);
    let noted = body.inspect(move |piece| {
        if let Err(error) = piece {
            lock(&seen).error = Some(error.clone());
        }
    });
    noted.chain(futures::stream::poll_fn(move |_| {
        lock(&end).ended = true;
        std::task::Poll::Ready(None)
    }))
}

/// The content of a body in chunks; ends with the error that was found, if one was.
fn decoded<S>(
    body: S,
    decoder: Decoder,
    seen: Arc<Mutex<Seen>>,
) -> impl Stream<Item = Result<Bytes, Error>> + Send
where
    S: Stream<Item = Result<Bytes, Error>> + Send + 'static,
{
    let start = (body.boxed(), Some(decoder));
    let pieces = futures::stream::unfold(start, move |(mut body, decoder)| {
        let seen = Arc::clone(&seen);
        async move {
            let mut decoder = decoder?;
            let fail = |error: Error| {
                lock(&seen).error = Some(error.clone());
                vec![Err(error)]
            };
            match body.next().await {
                Some(Ok(input)) => {
                    let mut content = Vec::new();
                    let pushed = decoder.push(input, &mut content);
                    let mut items: Vec<_> = content.into_iter().map(Ok).collect();
                    match pushed {
                        Ok(()) => Some((items, (body, Some(decoder)))),
                        Err(error) => {
                            items.extend(fail(error));
                            Some((items, (body, None)))
                        }
                    }
                }
                Some(Err(error)) => Some((fail(error), (body, None))),
                None => {
                    let items = match decoder.finish() {
                        Ok(trailers) => {
                            let mut seen = lock(&seen);
                            (seen.trailers, seen.ended) = (trailers, true);
                            Vec::new()
                        }
                        Err(error) => fail(error),
                    };
                    Some((items, (body, None)))
                }
            }
        }
    });
    pieces.flat_map(futures::stream::iter)
}
