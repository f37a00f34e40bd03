use std::ops::Range;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use columns::{Chunks, Error, File};
use futures::{StreamExt as _, TryStreamExt as _};
use repositories::{Object, Physical, Repositories};
use types::Digest;

/// A file of a repository as the ground reads it.
#[derive(Clone)]
pub struct RepositoryFile {
    repositories: Repositories,
    object: Object,
    name: String,
    digest: String,
}

impl std::fmt::Debug for RepositoryFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RepositoryFile({})", self.name)
    }
}

impl RepositoryFile {
    /// `name` is what errors call it.
    pub fn new(repositories: Repositories, object: Object, name: String) -> Self {
        let digest = identity(&object);
        Self { repositories, object, name, digest }
    }

    fn failed(name: &str, error: repositories::Error) -> Error {
        Error::Unreadable { file: name.to_owned(), cause: Box::new(error) }
    }
}

/// Equal for equal bytes, as far as their places say so. What is imported in place may change where it lies: its ETag
/// and time tell.
fn identity(object: &Object) -> String {
    let place = match &object.physical {
        Physical::Blob(digest) => return digest.hex(),
        Physical::Slice { blob, offset } => format!("{blob} {offset} {}", object.size),
        Physical::Parts(parts) => {
            parts.iter().map(|(digest, size)| format!("{digest} {size}")).collect::<Vec<_>>().join(" ")
        }
        Physical::External(at) => format!("{at} {} {} {:?}", object.size, object.etag, object.modified_at),
    };
    Digest::of(place).hex()
}

#[async_trait]
impl File for RepositoryFile {
    fn name(&self) -> &str {
        &self.name
    }

    fn size(&self) -> u64 {
        self.object.size
    }

    fn digest(&self) -> Option<String> {
        Some(self.digest.clone())
    }

    async fn read(&self, range: Range<u64>) -> Result<Bytes, Error> {
        let range = range.start..range.end.min(self.object.size);
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let failed = |e| Self::failed(&self.name, e);
        let mut body = self.repositories.read(&self.object, Some(range.clone())).await.map_err(failed)?.body;
        let first = body.try_next().await.map_err(failed)?.unwrap_or_default();
        let wanted = (range.end - range.start) as usize;
        if first.len() == wanted {
            return Ok(first);
        }
        let mut bytes = BytesMut::with_capacity(wanted);
        bytes.extend_from_slice(&first);
        while let Some(chunk) = body.try_next().await.map_err(failed)? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes.freeze())
    }

    async fn stream(&self) -> Result<Chunks, Error> {
        if self.object.size == 0 {
            return Ok(futures::stream::empty().boxed());
        }
        let opened = self.repositories.read(&self.object, None).await;
        let opened = opened.map_err(|e| Self::failed(&self.name, e))?;
        let name = self.name.clone();
        Ok(opened.body.map_err(move |e| Self::failed(&name, e)).boxed())
    }
}
