//! What the stage promises, on both databases.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

// Under the name that the rest of the house knows it by.
extern crate mlwright_repositories as repositories;

mod branching;
mod committing;
mod crashes;
mod gates;
mod listing;
mod merging;
mod reads;
mod staging;
mod touched;
mod uploading;

use std::path::PathBuf;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use ledger::Ledger;
use repositories::{
    Condition, Entry, FailPoint, Listing, Metadata, NewCommit, NewRepository, Object, Options, Repositories,
};
use types::Actor;

pub const ALL: [ledger::Component; 1] = [repositories::COMPONENT];

pub fn me() -> Actor {
    Actor::local()
}

/// A stage with one repository `repo`, whose default branch is `main`.
pub struct House {
    pub stage: Repositories,
    /// Files that imports may read.
    pub folder: tempfile::TempDir,
    pub blobs: tempfile::TempDir,
}

pub async fn house(ledger: &Ledger) -> House {
    house_with(ledger, FailPoint::default()).await
}

pub async fn house_with(ledger: &Ledger, fail: FailPoint) -> House {
    let (folder, store) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let stage = open(ledger, store.path().to_owned(), folder.path().to_owned(), fail).await;
    let house = House { stage, folder, blobs: store };
    house.create("repo").await;
    house
}

pub async fn open(ledger: &Ledger, blobs: PathBuf, folder: PathBuf, fail: FailPoint) -> Repositories {
    let blobs = blobs::Blobs::open(&blobs::BlobConfig::Local(blobs)).await.unwrap();
    let options = Options { local_roots: vec![folder], fail, ..Options::default() };
    Repositories::open(ledger.clone(), blobs, options)
}

impl House {
    pub async fn create(&self, name: &str) {
        let new = NewRepository {
            name: name.to_owned(),
            storage_namespace: format!("local://{name}"),
            default_branch: "main".to_owned(),
            read_only: false,
            metadata: Metadata::new(),
        };
        self.stage.create_repository(&me(), new).await.unwrap();
    }

    pub async fn object(&self, content: &[u8]) -> Object {
        let chunk = Bytes::copy_from_slice(content);
        let body = futures::stream::iter([Ok(chunk)]).boxed();
        let received = self.stage.receive(body, &[]).await.unwrap();
        Object {
            etag: received.etag(),
            physical: received.physical,
            size: received.size,
            modified_at: self.stage.ledger().clock().now(),
            content_type: None,
            metadata: Metadata::new(),
            checksums: Metadata::new(),
            headers: Metadata::new(),
        }
    }

    pub async fn put(&self, branch: &str, path: &str, content: &str) {
        let object = self.object(content.as_bytes()).await;
        self.stage.stage(&me(), "repo", branch, path, object, Condition::default()).await.unwrap();
    }

    pub async fn delete(&self, branch: &str, path: &str) -> bool {
        self.stage.delete(&me(), "repo", branch, path, Condition::default()).await.unwrap()
    }

    pub async fn commit(&self, branch: &str, message: &str) -> repositories::Commit {
        self.stage.commit(&me(), "repo", branch, message_only(message)).await.unwrap()
    }

    pub async fn branch(&self, name: &str, source: &str) {
        self.stage.create_branch(&me(), "repo", name, source, false, false).await.unwrap();
    }

    /// The text at a path, or the error.
    pub async fn read(&self, reference: &str, path: &str) -> Result<String, repositories::Error> {
        let object = self.stage.stat(&me(), "repo", reference, path).await?;
        let opened = self.stage.read(&object, None).await?;
        let chunks: Vec<Bytes> = opened.body.try_collect().await?;
        Ok(String::from_utf8(chunks.concat()).unwrap())
    }

    /// Everything that a ref shows, as `path` or `prefix/`.
    pub async fn paths(&self, reference: &str, prefix: &str, delimiter: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut listing = Listing {
            prefix: prefix.to_owned(),
            delimiter: delimiter.to_owned(),
            limit: 3,
            ..Listing::default()
        };
        loop {
            let page = self.stage.list(&me(), "repo", reference, listing.clone()).await.unwrap();
            found.extend(page.items.into_iter().map(|entry| match entry {
                Entry::Object { path, .. } | Entry::Prefix(path) => path,
            }));
            match page.next {
                Some(next) => listing.after = next,
                None => return found,
            }
        }
    }
}

pub fn message_only(message: &str) -> NewCommit {
    NewCommit { message: message.to_owned(), ..NewCommit::default() }
}
