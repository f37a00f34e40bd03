//! Uploads in parts: each part is staged by itself, in any order and from several connections, and the object
//! appears when all of them are joined. Joining twice gives the same object, since clients try again.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _};
use futures::{Stream, TryStreamExt as _};
use types::{Digest, io};

use crate::local::{Local, UPLOAD_AGE};
use crate::{Blobs, BoxError, Error, Store, blocking, spool};

/// Parts are counted from 1 to here, as S3 counts them.
pub const MAX_PARTS: u32 = 10_000;

/// A part that was sent, as the store's answer tagged it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub number: u32,
    /// The `ETag` of the answer, with or without its quotes; empty if the client did not see it.
    pub tag: String,
}

impl Part {
    fn bare(&self) -> &str {
        self.tag.trim().trim_matches('"')
    }

    fn missing(&self, upload: &str) -> Error {
        Error::NoPart { upload: upload.to_owned(), number: self.number, tag: self.tag.clone() }
    }
}

impl Blobs {
    /// An address that takes a part of `upload` straight into the store; `None` where parts come through
    /// [`Blobs::put_part`]. `upload` is a word of letters, digits and hyphens.
    pub async fn sign_part(
        &self,
        upload: &str,
        number: u32,
        lasts: Duration,
    ) -> Result<Option<String>, Error> {
        match &*self.store {
            Store::Local(_) => Ok(None),
            Store::Remote(remote) => {
                remote.signed(http::Method::PUT, &remote.staged(upload, &format!("/{number}")), lasts).await
            }
        }
    }

    /// An address that reads the object straight from the store; `None` where the store gives none.
    pub async fn sign_get(&self, digest: &Digest, lasts: Duration) -> Result<Option<String>, Error> {
        match &*self.store {
            Store::Local(_) => Ok(None),
            Store::Remote(remote) => remote.signed(http::Method::GET, &remote.object(digest), lasts).await,
        }
    }

    /// Stages a part, replacing the one of that number. Answers its tag. Errors: `Cut`.
    pub async fn put_part<S, E>(&self, upload: &str, number: u32, stream: S) -> Result<String, Error>
    where
        S: Stream<Item = Result<Bytes, E>> + Send,
        E: Into<BoxError>,
    {
        let spooled = spool::stream(self.uploads(), stream).await?;
        match &*self.store {
            Store::Local(_) => {
                let upload = upload.to_owned();
                self.on_local(move |local| {
                    let dir = staging(local, &upload);
                    if !dir.exists() {
                        local.sweep();
                        io::create_dir_all(&dir)?;
                    }
                    let tag = spooled.digest.hex();
                    let to = staged(local, &upload, number, &tag);
                    std::fs::rename(spooled.temp.path(), &to).map_err(|e| io::Error::new("place", to, e))?;
                    Ok(tag)
                })
                .await
            }
            Store::Remote(remote) => {
                let key = remote.staged(upload, &format!("/{number}"));
                remote.put(&key, &spooled).await?;
                Ok(remote.tag(&key).await?.unwrap_or_default().trim_matches('"').to_owned())
            }
        }
    }

    /// Joins parts, in the order given, into an object. Errors: `NoPart`.
    pub async fn join_parts(&self, upload: &str, parts: Vec<Part>) -> Result<(Digest, u64), Error> {
        if let Some(done) = self.joined(upload).await? {
            return Ok(done);
        }
        let joined = match &*self.store {
            Store::Local(_) => self.join_local(upload, parts).await,
            Store::Remote(_) => self.join_remote(upload, parts).await,
        };
        let spooled = match joined {
            Ok(spooled) => spooled,
            // The same request, sent twice, may have been joined meanwhile and its parts be gone.
            Err(error) => return self.joined(upload).await?.ok_or(error),
        };
        let done = self.keep(spooled, None).await?;
        self.remember(upload, format!("{} {}", done.0.hex(), done.1)).await?;
        self.drop_parts(upload).await?;
        Ok(done)
    }

    /// Forgets an upload and its parts; nothing happens if there are none.
    pub async fn drop_parts(&self, upload: &str) -> Result<(), Error> {
        match &*self.store {
            Store::Local(_) => {
                let upload = upload.to_owned();
                self.on_local(move |local| {
                    let dir = staging(local, &upload);
                    match std::fs::remove_dir_all(&dir) {
                        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                            Err(io::Error::new("remove", dir, e).into())
                        }
                        _ => Ok(()),
                    }
                })
                .await
            }
            Store::Remote(remote) => {
                remote.sweep(&remote.staged(upload, ""), Duration::ZERO).await?;
                remote.sweep(&remote.staged("", ""), UPLOAD_AGE).await
            }
        }
    }

    async fn join_local(&self, upload: &str, parts: Vec<Part>) -> Result<spool::Spooled, Error> {
        let upload = upload.to_owned();
        self.on_local(move |local| {
            let mut sources = Vec::with_capacity(parts.len());
            for part in &parts {
                let to = find(local, &upload, part).ok_or_else(|| part.missing(&upload))?;
                sources.push(to);
            }
            spool::joined(&local.uploads(), &sources)
        })
        .await
    }

    async fn join_remote(&self, upload: &str, parts: Vec<Part>) -> Result<spool::Spooled, Error> {
        let Store::Remote(remote) = &*self.store else {
            return Err(Error::Stopped { reason: "the store is local".into() });
        };
        for part in &parts {
            let tag = remote.tag(&remote.staged(upload, &format!("/{}", part.number))).await?;
            let same = tag.is_some_and(|tag| part.bare().is_empty() || tag.trim_matches('"') == part.bare());
            if !same {
                return Err(part.missing(upload));
            }
        }
        let state = (Arc::clone(&self.store), upload.to_owned(), parts.into_iter());
        let pieces = stream::try_unfold(state, |(store, upload, mut parts)| async move {
            let (Store::Remote(remote), Some(part)) = (&*store, parts.next()) else { return Ok(None) };
            let key = remote.staged(&upload, &format!("/{}", part.number));
            let object = remote.get(&key, None).await?.ok_or_else(|| part.missing(&upload))?;
            Ok::<_, Error>(Some((object.stream, (store, upload, parts))))
        });
        let pieces = pieces.try_flatten().boxed();
        spool::stream(self.uploads(), pieces).await
    }

    /// What an upload was joined to already.
    async fn joined(&self, upload: &str) -> Result<Option<(Digest, u64)>, Error> {
        let text = match &*self.store {
            Store::Local(local) => {
                let path = done(local, upload);
                blocking(move || match io::read_to_string(&path) {
                    Ok(text) => Ok(Some(text)),
                    Err(e) if e.source.kind() == std::io::ErrorKind::NotFound => Ok(None),
                    Err(e) => Err(e.into()),
                })
                .await?
            }
            Store::Remote(remote) => match remote.get(&remote.staged(upload, ".done"), None).await? {
                Some(object) => Some(String::from_utf8_lossy(&object.bytes().await?).into_owned()),
                None => None,
            },
        };
        Ok(text.as_deref().and_then(|text| {
            let (digest, size) = text.split_once(' ')?;
            Some((digest.parse().ok()?, size.parse().ok()?))
        }))
    }

    async fn remember(&self, upload: &str, text: String) -> Result<(), Error> {
        match &*self.store {
            Store::Local(local) => {
                let path = done(local, upload);
                blocking(move || Ok(io::write(path, text)?)).await
            }
            Store::Remote(remote) => {
                remote.put_small(&remote.staged(upload, ".done"), text.into_bytes()).await
            }
        }
    }
}

fn staging(local: &Local, upload: &str) -> PathBuf {
    local.uploads().join(upload)
}

fn staged(local: &Local, upload: &str, number: u32, tag: &str) -> PathBuf {
    staging(local, upload).join(format!("{number:05}-{tag}"))
}

fn done(local: &Local, upload: &str) -> PathBuf {
    local.uploads().join(format!("{upload}.done"))
}

/// The staged file of a part. Without a tag, any file of that number: a client may not have seen the answer.
fn find(local: &Local, upload: &str, part: &Part) -> Option<PathBuf> {
    if !part.bare().is_empty() {
        let plain = part.bare().bytes().all(|b| b.is_ascii_hexdigit());
        return Some(staged(local, upload, part.number, part.bare())).filter(|to| plain && to.is_file());
    }
    let prefix = format!("{:05}-", part.number);
    let entries = std::fs::read_dir(staging(local, upload)).ok()?;
    let mut of_number = entries.flatten().filter(|e| e.file_name().to_string_lossy().starts_with(&prefix));
    of_number.next().map(|e| e.path())
}
