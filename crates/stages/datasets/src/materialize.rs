use std::path::Path;

use blobs::Blobs;
use columns::{Profile, Table};
use serde::{Deserialize, Serialize};
use types::{Digest, Schema, Uid};

use crate::import::blocking;
use crate::rows::row_id;
use crate::{Error, ROW_ID, Version};

/// `manifest.json` beside the Parquet files of a materialised version: enough to tell which row is which.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Of this file's shape.
    pub format: u32,
    pub dataset: String,
    pub number: i64,
    pub version: Uid,
    pub digest: Digest,
    pub schema: Schema,
    /// The column that holds row ids; if null, a row's id is `<first 12 digits of its file's source>:<ordinal from 1>`.
    pub key: Option<String>,
    pub parts: Vec<ManifestPart>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ManifestPart {
    /// The Parquet file in this folder.
    pub file: String,
    /// The name of the file that was imported.
    pub name: String,
    pub source: Digest,
    pub parquet: Digest,
    pub rows: i64,
}

impl Manifest {
    pub fn of(version: &Version) -> Self {
        let parts = version.parts.iter().enumerate().map(|(i, part)| ManifestPart {
            file: format!("part-{i:05}.parquet"),
            name: part.name.clone(),
            source: part.source_digest,
            parquet: part.parquet_digest,
            rows: part.rows,
        });
        Self {
            format: 1,
            dataset: version.dataset.clone(),
            number: version.number,
            version: version.uid,
            digest: version.digest,
            schema: version.schema.clone(),
            key: version.key.clone(),
            parts: parts.collect(),
        }
    }
}

/// All rows of the version, in the order of its files, with their ids in a last column `_row_id`.
pub async fn table(blobs: &Blobs, version: &Version) -> Result<Table, Error> {
    let mut encoded = Vec::with_capacity(version.parts.len());
    for part in &version.parts {
        encoded.push(blobs.get_bytes(&part.parquet_digest).await?);
    }
    let version = version.clone();
    blocking(move || {
        let mut tables = Vec::with_capacity(encoded.len());
        let mut ids: Vec<Option<String>> = Vec::new();
        for (part, bytes) in version.parts.iter().zip(encoded) {
            let table = columns::read_parquet(&part.name, bytes, Some(&version.schema))?;
            match &version.key {
                Some(key) => ids.extend(table.texts(key)?),
                None => ids.extend((0..table.rows()).map(|i| Some(row_id(&part.source_digest, i)))),
            }
            tables.push(table);
        }
        Ok(Table::concat(&tables)?.with_column(ROW_ID, columns::column::strings(ids))?)
    })
    .await
}

pub async fn profile(blobs: &Blobs, version: &Version) -> Result<Profile, Error> {
    let bytes = blobs.get_bytes(&version.profile_digest).await?;
    Ok(Profile::from_json(&bytes)?)
}

/// Writes the version into a folder: `part-00000.parquet` and so on, and `manifest.json`. The files are copies.
pub async fn materialize(blobs: &Blobs, version: &Version, folder: &Path) -> Result<Manifest, Error> {
    let manifest = Manifest::of(version);
    types::io::create_dir_all(folder)?;
    for part in &manifest.parts {
        blobs.materialize(&part.parquet, &folder.join(&part.file)).await?;
    }
    let text = serde_json::to_vec_pretty(&manifest).map_err(|e| Error::Stopped(e.to_string()))?;
    let path = folder.join("manifest.json");
    blocking(move || Ok(types::io::write_atomic(path, text)?)).await?;
    Ok(manifest)
}
