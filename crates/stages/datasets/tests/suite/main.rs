//! Imports against both databases and a local blob store.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail by panicking")]

mod bad_input;
mod imports;

use std::sync::Arc;

use blobs::{BlobConfig, Blobs};
use bytes::Bytes;
use mlwright_datasets as datasets;
use mlwright_datasets::{Import, Source, SourceFile};
use types::Actor;

pub struct Bench {
    pub dir: tempfile::TempDir,
    pub blobs: Blobs,
    pub actor: Actor,
}

pub async fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(&BlobConfig::Local(dir.path().join("blobs"))).await.unwrap();
    Bench { dir, blobs, actor: Actor::local() }
}

pub fn file(name: &str, content: impl Into<Bytes>) -> SourceFile {
    SourceFile::new(name, Source::Bytes(content.into()))
}

pub fn visits(files: Vec<SourceFile>) -> Import<'static> {
    Import::new("visits", files)
}

/// A gate with a fixed answer, that counts how often it was asked.
pub struct FixedGate {
    pub answer: Option<bool>,
    pub asked: Arc<std::sync::atomic::AtomicUsize>,
}

#[derive(Debug, thiserror::Error)]
#[error("the gate is out of order")]
pub struct OutOfOrder;

impl types::Fault for OutOfOrder {
    fn class(&self) -> types::Class {
        types::Class::Unavailable
    }
}

#[async_trait::async_trait]
impl datasets::Gate for FixedGate {
    async fn check(&self, candidate: datasets::Candidate) -> Result<datasets::Verdict, datasets::BoxFault> {
        self.asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let Some(passed) = self.answer else { return Err(Box::new(OutOfOrder)) };
        let row = candidate.rows.locate(0);
        Ok(datasets::Verdict {
            passed,
            summary: format!("row {} in {} at {}", row.row_id, row.file, row.place),
            text: "# Report".into(),
            report: types::Digest::of("report"),
        })
    }
}
