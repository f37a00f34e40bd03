//! Data sets: list them, import files.

use std::path::PathBuf;

use serde_json::{Value, json};
use types::{Digest, Hasher, io};

use crate::api::{Api, segment};
use crate::args::{List, What};
use crate::failure::Failure;
use crate::lists;
use crate::screen::{note, say};
use crate::table::cell;

pub async fn list(api: &Api) -> Result<(), Failure> {
    lists::list(api, List { what: What::Datasets, json: false, limit: 500 }).await
}

pub async fn import(api: &Api, dataset: &str, files: &[PathBuf], key: Option<String>) -> Result<(), Failure> {
    let mut sent: Vec<Value> = Vec::new();
    for path in files {
        let digest = digest(path)?;
        if api.put_file(&digest, path).await? {
            note(format!("  sent {}", path.display()));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        sent.push(json!({ "name": name, "digest": digest }));
    }
    let body = json!({ "files": sent, "key": key });
    let version = api.post(&format!("datasets/{}/versions", segment(dataset)), body).await?;
    say(format!(
        "{dataset} version {}: {} rows, {}",
        cell(&version, "number"),
        cell(&version, "rows"),
        cell(&version, "digest")
    ));
    Ok(())
}

/// Of a file's bytes.
pub fn digest(path: &std::path::Path) -> Result<Digest, Failure> {
    use std::io::Read as _;
    let mut file = io::open(path)?;
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer).map_err(|e| io::Error::new("read", path, e))? {
            0 => return Ok(hasher.finish()),
            n => hasher.update(&buffer[..n]),
        }
    }
}
