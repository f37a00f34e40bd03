use std::fmt;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;

use crate::Error;

pub type Chunks = BoxStream<'static, Result<Bytes, Error>>;

/// A file that can be read from any place in it, wherever it is kept. Its content never changes.
#[async_trait]
pub trait File: fmt::Debug + Send + Sync + 'static {
    /// What errors call it; its extension tells the format.
    fn name(&self) -> &str;

    /// Bytes.
    fn size(&self) -> u64;

    /// Equal for files of equal content, where that is known without reading them.
    fn digest(&self) -> Option<String> {
        None
    }

    /// `range` is within the size.
    async fn read(&self, range: Range<u64>) -> Result<Bytes, Error>;

    /// All of it, from the start.
    async fn stream(&self) -> Result<Chunks, Error>;
}

/// A small file that is here already.
#[derive(Clone, Debug)]
pub struct InMemory {
    name: String,
    bytes: Bytes,
}

impl InMemory {
    pub fn new(name: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        Self { name: name.into(), bytes: bytes.into() }
    }
}

#[async_trait]
impl File for InMemory {
    fn name(&self) -> &str {
        &self.name
    }

    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    async fn read(&self, range: Range<u64>) -> Result<Bytes, Error> {
        let end = range.end.min(self.size());
        Ok(self.bytes.slice(range.start.min(end) as usize..end as usize))
    }

    async fn stream(&self) -> Result<Chunks, Error> {
        let bytes = self.bytes.clone();
        Ok(futures::stream::once(async move { Ok(bytes) }).boxed())
    }
}
