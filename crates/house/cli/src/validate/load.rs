//! The data: a file here, an object or a data set of a server; columns keep the types that they have there.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use columns::{InMemory, RecordBatch, Scan, SchemaRef, Source};
use futures::TryStreamExt as _;
use outbound::{Body, Method};

use crate::api::{Api, segment};
use crate::args::Connection;
use crate::failure::Failure;

pub struct Loaded {
    pub name: String,
    pub schema: SchemaRef,
    pub batches: Vec<RecordBatch>,
    /// Of a file, to say in which line a row stands.
    pub bytes: Option<Bytes>,
}

pub async fn open(connection: &Connection, data: &str) -> Result<Loaded, Failure> {
    if Path::new(data).is_file() {
        let bytes: Bytes = types::io::read(data)?.into();
        return file(data, bytes).await;
    }
    if let Some(name) = data.strip_prefix("dataset:") {
        return dataset(&Api::new(connection)?, data, name).await;
    }
    if let Some((place, path)) = data.split_once(':').filter(|(place, _)| place.contains('@')) {
        let (repository, reference) = place.split_once('@').unwrap_or((place, ""));
        let address = format!(
            "data/repositories/{}/refs/{}/object?path={}",
            segment(repository),
            segment(reference),
            segment(path)
        );
        let bytes: Bytes = Api::new(connection)?.bytes(Method::Get, &address, Body::Empty).await?.into();
        return file(path, bytes).await;
    }
    Err(Failure::new(format!("there is no file `{data}`"))
        .hint("name a CSV, JSON Lines or Parquet file, REPOSITORY@REF:PATH, or dataset:NAME"))
}

async fn file(name: &str, bytes: Bytes) -> Result<Loaded, Failure> {
    // Of CSV and JSON Lines as pandas has them: a suite may say what a text looks like that is a date.
    if columns::Format::of(name)? != columns::Format::Parquet {
        let batch = columns::read_as_pandas(name, bytes.clone())?.batch().clone();
        let name = name.to_owned();
        return Ok(Loaded { name, schema: batch.schema(), batches: vec![batch], bytes: Some(bytes) });
    }
    let source = Source::open(Arc::new(InMemory::new(name, bytes.clone()))).await?;
    let batches: Vec<RecordBatch> = source.batches(&Scan::default()).try_collect().await?;
    // What the file itself says of its columns, with what pandas wrote beside it.
    let schema =
        source.parts.first().map_or_else(|| source.schema.clone(), |(_, known)| known.schema.clone());
    Ok(Loaded { name: name.to_owned(), schema, batches, bytes: Some(bytes) })
}

async fn dataset(api: &Api, data: &str, name: &str) -> Result<Loaded, Failure> {
    let (name, number) = match name.rsplit_once('@') {
        Some((name, number)) => (name, number.to_owned()),
        None => {
            let found = api.get(&format!("datasets/{}", segment(name))).await?;
            let latest = &found["latest"]["number"];
            let number = if latest.is_null() { &found["versions"][0]["number"] } else { latest };
            (name, number.to_string())
        }
    };
    let version = api.get(&format!("datasets/{}/versions/{}", segment(name), segment(&number))).await?;
    let mut tables = Vec::new();
    for part in version["parts"].as_array().into_iter().flatten() {
        let digest = part["parquet_digest"].as_str().unwrap_or_default();
        let bytes = api.bytes(Method::Get, &format!("blobs/{digest}"), Body::Empty).await?;
        tables.push(columns::read_parquet(data, bytes.into(), None)?);
    }
    let table = columns::Table::concat(&tables)?;
    let batch = table.batch().clone();
    Ok(Loaded { name: data.to_owned(), schema: batch.schema(), batches: vec![batch], bytes: None })
}
