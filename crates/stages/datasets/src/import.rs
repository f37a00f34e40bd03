use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use blobs::Blobs;
use bytes::Bytes;
use ledger::Ledger;
use serde::{Deserialize, Serialize};
use types::{Actor, DataType, Digest, Schema};

use crate::commit::{NewPart, NewVersion, commit};
use crate::load::{Loaded, Rules, SourceBytes, load};
use crate::{Candidate, Error, Gate, Version, name, store};

/// Files that become a version of a data set.
pub struct Import<'a> {
    /// Made if absent.
    pub dataset: String,
    /// In order; all of the same columns.
    pub files: Vec<SourceFile>,
    /// The column whose values identify rows: unique, never missing.
    pub key: Option<String>,
    /// Types of columns, instead of inferred ones. Names that the files lack are passed over.
    pub types: BTreeMap<String, DataType>,
    /// All columns, instead of inferring any: other columns are refused.
    pub schema: Option<Schema>,
    pub non_finite: NonFinite,
    pub gate: Option<&'a dyn Gate>,
    /// Where the data comes from, for people and for the lineage: ids and names, no personal data.
    pub origin: serde_json::Value,
    /// Nodes of the graph (kind, key) that the data was derived from, beside the files.
    pub derived_from: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Shown in messages; its extension tells the format.
    pub name: String,
    pub source: Source,
    /// The digest that the file must have.
    pub expected: Option<Digest>,
}

#[derive(Clone, Debug)]
pub enum Source {
    Path(PathBuf),
    Bytes(Bytes),
    /// An object that is in the store already.
    Blob(Digest),
}

/// What to do about NaN and infinities in float columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NonFinite {
    #[default]
    Reject,
    Allow,
}

impl Import<'_> {
    pub fn new(dataset: impl Into<String>, files: Vec<SourceFile>) -> Self {
        Self {
            dataset: dataset.into(),
            files,
            key: None,
            types: BTreeMap::new(),
            schema: None,
            non_finite: NonFinite::Reject,
            gate: None,
            origin: serde_json::json!({}),
            derived_from: Vec::new(),
        }
    }
}

impl SourceFile {
    pub fn new(name: impl Into<String>, source: Source) -> Self {
        Self { name: name.into(), source, expected: None }
    }
}

/// Reads the files, asks the gate, and makes the version visible in one step. The same content (files, schema,
/// key) is the same version: then that one is answered, provided that the gate agrees today.
///
/// Errors: what is wrong with a file, by name, line and column; `Checksum`; `Rejected` with the gate's report;
/// `Gate` if the gate could not answer. In every one of these cases nothing became visible.
pub async fn import(
    ledger: &Ledger,
    blobs: &Blobs,
    actor: &Actor,
    import: Import<'_>,
) -> Result<Version, Error> {
    name::check(&import.dataset)?;
    let files = sources(blobs, import.files).await?;
    let rules = Rules {
        key: import.key.clone(),
        schema: import.schema,
        types: import.types,
        non_finite: import.non_finite,
    };
    let read = files.clone();
    let loaded = blocking(move || load(&read, &rules)).await?;
    let digest = content_digest(&loaded.schema, import.key.as_deref(), &files);
    let candidate = Candidate {
        dataset: import.dataset.clone(),
        digest,
        table: loaded.whole.clone(),
        rows: Arc::new(loaded.rows.clone()),
    };
    let report_digest = ask(import.gate, candidate).await?;

    let dataset = import.dataset.clone();
    let known = ledger.read(actor.workspace, move |rx| store::by_digest(rx, &dataset, &digest)).await?;
    if let Some(version) = known {
        return Ok(version);
    }
    let schema = loaded.schema.clone();
    let rows = loaded.whole.rows();
    let (parts, profile_digest) = keep(blobs, &files, loaded).await?;
    let new = NewVersion {
        dataset: import.dataset,
        digest,
        schema,
        key: import.key,
        rows,
        parts,
        profile_digest,
        report_digest,
        origin: import.origin,
        derived_from: import.derived_from,
    };
    commit(ledger, actor, new).await
}

/// The bytes of every file, whose digests are the declared ones.
async fn sources(blobs: &Blobs, files: Vec<SourceFile>) -> Result<Vec<SourceBytes>, Error> {
    if files.is_empty() {
        return Err(Error::NoFiles);
    }
    let mut read: Vec<SourceBytes> = Vec::with_capacity(files.len());
    for file in files {
        let bytes = match file.source {
            Source::Bytes(bytes) => bytes,
            Source::Blob(digest) => blobs.get_bytes(&digest).await?,
            Source::Path(path) => blocking(move || Ok(Bytes::from(types::io::read(path)?))).await?,
        };
        let (digest, bytes) = blocking(move || Ok((Digest::of(&bytes), bytes))).await?;
        if let Some(expected) = file.expected.filter(|e| *e != digest) {
            let bytes = bytes.len() as u64;
            return Err(Error::Checksum { file: file.name, expected, actual: digest, bytes });
        }
        if let Some(same) = read.iter().find(|f| f.digest == digest) {
            return Err(Error::SameFile { file: file.name, other: same.name.clone() });
        }
        read.push(SourceBytes { name: file.name, digest, bytes });
    }
    Ok(read)
}

/// Independent of time, of file names and of how Parquet is written.
fn content_digest(schema: &Schema, key: Option<&str>, files: &[SourceBytes]) -> Digest {
    let sources: Vec<Digest> = files.iter().map(|f| f.digest).collect();
    let content = serde_json::json!({ "format": 1, "key": key, "schema": schema, "sources": sources });
    Digest::of(content.to_string())
}

/// Fails closed: no answer is a refusal.
async fn ask(gate: Option<&dyn Gate>, candidate: Candidate) -> Result<Option<Digest>, Error> {
    let Some(gate) = gate else { return Ok(None) };
    let dataset = candidate.dataset.clone();
    match gate.check(candidate).await {
        Ok(verdict) if verdict.passed => Ok(Some(verdict.report)),
        Ok(v) => Err(Error::Rejected { dataset, summary: v.summary, text: v.text, report: v.report }),
        Err(cause) => Err(Error::Gate { dataset, cause }),
    }
}

/// Stores the files, their Parquet and the profile. Until the version is committed nothing refers to them.
async fn keep(blobs: &Blobs, files: &[SourceBytes], loaded: Loaded) -> Result<(Vec<NewPart>, Digest), Error> {
    let (encoded, profile) = blocking(move || {
        let encoded: Vec<_> = loaded
            .tables
            .iter()
            .map(|t| Ok((t.rows(), t.to_parquet()?)))
            .collect::<Result<_, columns::Error>>()?;
        let profile = columns::Profile::of(&loaded.whole)?;
        let profile = serde_json::to_vec(&profile).map_err(|e| Error::Stopped(e.to_string()))?;
        Ok((encoded, profile))
    })
    .await?;
    let mut parts = Vec::with_capacity(files.len());
    for (file, (rows, parquet)) in files.iter().zip(encoded) {
        let source_digest = blobs.put_bytes(file.bytes.clone()).await?;
        let (source_bytes, parquet_bytes) = (file.bytes.len(), parquet.len());
        let parquet_digest = blobs.put_bytes(parquet).await?;
        let name = file.name.clone();
        parts.push(NewPart { name, source_digest, source_bytes, parquet_digest, parquet_bytes, rows });
    }
    Ok((parts, blobs.put_bytes(profile).await?))
}

pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::Stopped(e.to_string()))?
}
