//! A request whose signature holds: who calls, and what is asked.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use http::HeaderMap;
use http::request::Parts;
use repositories::Repositories;
use types::{Actor, Hasher, Level, ResourceKind, Timestamp};
use wire_aws::{Node, Opened, Payload, Query};

use crate::S3;
use crate::errors::Failure;

/// Bytes of the longest XML body: a thousand keys of 1,024 bytes that are escaped throughout.
const LONGEST_XML: usize = 8 << 20;

/// Bytes of a refused body that are read nevertheless: a connection that is closed while the client still sends loses the
/// answer on its way.
const MOST_DRAINED: usize = 16 << 20;

/// The body of a request, until somebody takes it.
#[derive(Clone)]
pub(crate) struct Unread(Arc<Mutex<Option<Body>>>);

impl Unread {
    pub fn new(body: Body) -> Self {
        Self(Arc::new(Mutex::new(Some(body))))
    }

    fn take(&self) -> Option<Body> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub fn is_unread(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Reads what nobody wanted, within bounds.
    pub async fn drain(&self) {
        let Some(body) = self.take() else { return };
        let (mut pieces, mut read) = (body.into_data_stream(), 0);
        while let Some(Ok(piece)) = pieces.next().await {
            read += piece.len();
            if read > MOST_DRAINED {
                return;
            }
        }
    }
}

pub(crate) struct Call {
    pub s3: S3,
    pub actor: Actor,
    pub parts: Parts,
    pub query: Query,
    payload: Payload,
    body: Unread,
}

impl Call {
    pub fn new(s3: S3, actor: Actor, parts: Parts, query: Query, payload: Payload, body: Unread) -> Self {
        Self { s3, actor, parts, query, payload, body }
    }

    pub fn repositories(&self) -> &Repositories {
        &self.s3.0.repositories
    }

    pub fn now(&self) -> Timestamp {
        self.s3.0.clock.now()
    }

    pub fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    /// A header's value, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.parts.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Refuses whoever may not do that much with a repository; whoever may not even read it does not hear that it exists.
    pub fn require(&self, repository: &str, least: Level) -> Result<(), Failure> {
        let reaches = |level| kit::reaches(&self.actor, ResourceKind::Repository, repository, level);
        if reaches(least) {
            Ok(())
        } else if reaches(Level::Read) {
            Err(Failure::denied(format!("{} may not change the repository `{repository}`", self.actor)))
        } else {
            Err(Failure::no_such_bucket(repository))
        }
    }

    /// The body without its wrapping; once.
    pub fn open(&mut self) -> Result<Opened, Failure> {
        let body = self.body.take().unwrap_or_default();
        Ok(self.payload.clone().open(&self.parts.headers, body.into_data_stream())?)
    }

    /// A small body, verified.
    pub async fn bytes(&mut self) -> Result<Bytes, Failure> {
        let Opened { mut content, arrived, .. } = self.open()?;
        let (mut bytes, mut sha256) = (BytesMut::new(), Hasher::new());
        while let Some(piece) = content.next().await {
            let piece = piece?;
            if bytes.len() + piece.len() > LONGEST_XML {
                return Err(Failure::malformed_xml("the body is longer than 8 MiB"));
            }
            sha256.update(&piece);
            bytes.extend_from_slice(&piece);
        }
        arrived.finish(&sha256.finish())?;
        Ok(bytes.freeze())
    }

    pub async fn xml(&mut self) -> Result<Node, Failure> {
        Ok(Node::parse(&self.bytes().await?)?)
    }
}
