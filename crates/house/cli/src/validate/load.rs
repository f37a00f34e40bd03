//! The data: a file here, an object or a data set of a server; columns keep the types that they have there.

use std::path::Path;

use bytes::Bytes;
use columns::{ByColumn, Format, Table};
use outbound::{Body, Method};

use crate::api::{Api, segment};
use crate::args::Connection;
use crate::failure::Failure;

pub struct Loaded {
    pub name: String,
    pub columns: ByColumn,
    /// Of a file of lines, to say in which line a row stands.
    pub bytes: Option<Bytes>,
}

pub async fn open(connection: &Connection, data: &str) -> Result<Loaded, Failure> {
    if Path::new(data).is_file() {
        if Format::of(data)? == Format::Parquet {
            return Ok(Loaded { name: data.to_owned(), columns: ByColumn::open_parquet(data)?, bytes: None });
        }
        return file(data, types::io::read(data)?.into());
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
        return file(path, bytes);
    }
    Err(Failure::new(format!("there is no file `{data}`"))
        .hint("name a CSV, JSON Lines or Parquet file, REPOSITORY@REF:PATH, or dataset:NAME"))
}

fn file(name: &str, bytes: Bytes) -> Result<Loaded, Failure> {
    if Format::of(name)? == Format::Parquet {
        let columns = ByColumn::of_parquet(name, bytes)?;
        return Ok(Loaded { name: name.to_owned(), columns, bytes: None });
    }
    // Of CSV and JSON Lines as pandas has them: a suite may say what a text looks like that is a date.
    let columns = in_memory(name, &columns::read_as_pandas(name, bytes.clone())?);
    Ok(Loaded { name: name.to_owned(), columns, bytes: Some(bytes) })
}

fn in_memory(name: &str, table: &Table) -> ByColumn {
    let batch = table.batch();
    ByColumn::of_batches(name, batch.schema(), vec![batch.clone()])
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
    Ok(Loaded { name: data.to_owned(), columns: in_memory(data, &Table::concat(&tables)?), bytes: None })
}
