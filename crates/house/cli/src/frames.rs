//! Data that a command looks at: a file here, an object or a data set of a server.

use std::path::Path;

use columns::Table;
use columns::drift::Frame;
use outbound::{Body, Method};
use serde_json::Value;

use crate::api::{Api, segment};
use crate::args::Connection;
use crate::failure::Failure;

/// A file; else `dataset:NAME[@VERSION]` or `REPOSITORY@REF:PATH` of the server. Errors name what was asked for.
pub async fn open(connection: &Connection, data: &str) -> Result<Frame, Failure> {
    if Path::new(data).is_file() {
        return Ok(Frame::open(data)?);
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
        let bytes = Api::new(connection)?.bytes(Method::Get, &address, Body::Empty).await?;
        return Ok(Frame::read(path, bytes.into())?);
    }
    Err(Failure::new(format!("there is no file `{data}`"))
        .hint("name a CSV, JSON Lines or Parquet file, REPOSITORY@REF:PATH, or dataset:NAME"))
}

async fn dataset(api: &Api, data: &str, name: &str) -> Result<Frame, Failure> {
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
    Ok(Frame::of_table(data, Table::concat(&tables)?))
}

/// `NAME=VALUE`, by the last `=`.
pub fn pair<'a>(text: &'a str, form: &str) -> Result<(&'a str, &'a str), Failure> {
    text.rsplit_once('=')
        .filter(|(name, value)| !name.is_empty() && !value.is_empty())
        .ok_or_else(|| Failure::new(format!("`{text}` is not {form}")))
}

/// On one line.
pub fn json(value: &Value) -> String {
    value.to_string()
}
