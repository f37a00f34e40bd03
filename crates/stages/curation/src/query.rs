use blobs::Blobs;
use ledger::Ledger;
use serde::Serialize;
use types::{Actor, Digest, Timestamp};

use crate::{Error, Report, store};

/// What the gate answered once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    pub dataset: String,
    /// The digest that the version has, or would have had.
    pub candidate: Digest,
    pub passed: bool,
    pub summary: String,
    pub checks: i64,
    pub failed: i64,
    pub rows: i64,
    /// Object: the [`Report`] as JSON.
    pub report: Digest,
    /// Object: the report as Markdown.
    pub text: Digest,
    /// Object: the expectations as JSON.
    pub expectations: Digest,
    pub checked_at: Timestamp,
    pub checked_by: String,
}

/// The newest answer about data of that digest (a version's, or a refused one's).
pub async fn result(
    ledger: &Ledger,
    actor: &Actor,
    dataset: &str,
    digest: Digest,
) -> Result<Option<Outcome>, Error> {
    let dataset = dataset.to_owned();
    ledger.read(actor.workspace, move |rx| store::by_candidate(rx, &dataset, &digest)).await
}

/// Answers about a data set, newest first.
pub async fn results(
    ledger: &Ledger,
    actor: &Actor,
    dataset: &str,
    limit: u32,
) -> Result<Vec<Outcome>, Error> {
    let dataset = dataset.to_owned();
    ledger.read(actor.workspace, move |rx| store::by_dataset(rx, &dataset, limit)).await
}

pub async fn report(blobs: &Blobs, digest: &Digest) -> Result<Report, Error> {
    let bytes = blobs.get_bytes(digest).await?;
    serde_json::from_slice(&bytes).map_err(|e| Error::BadReport { digest: *digest, reason: e.to_string() })
}

/// The report as Markdown, as it was kept.
pub async fn text(blobs: &Blobs, outcome: &Outcome) -> Result<String, Error> {
    let bytes = blobs.get_bytes(&outcome.text).await?;
    String::from_utf8(bytes.into())
        .map_err(|e| Error::BadReport { digest: outcome.text, reason: e.to_string() })
}
