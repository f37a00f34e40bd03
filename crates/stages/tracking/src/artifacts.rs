//! Files of runs and models: which digest stands at which path. The bytes themselves are blobs; whoever receives
//! them stores them first and records the path then, so a path never names bytes that are not there.

use std::collections::BTreeSet;

use ledger::{Ledger, Tx};
use serde::Serialize;
use serde_json::json;
use types::{Actor, Digest};

use crate::error::Error;
use crate::store::Reads;
use crate::store::artifacts as store;

/// A file or folder directly inside a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    pub name: String,
    /// `None` for a folder.
    pub digest: Option<Digest>,
    /// 0 for a folder.
    pub bytes: i64,
}

/// A file below some folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct File {
    /// Relative to that folder, with `/`.
    pub path: String,
    pub digest: Digest,
    pub bytes: i64,
}

/// A checked path: relative, no empty, `.` or `..` segment, no control characters or backslashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactPath(String);

impl ArtifactPath {
    /// Empty stands for the top. Slashes at the end are dropped. Errors: `BadPath`.
    pub fn parse(path: &str) -> Result<Self, Error> {
        let trimmed = path.trim_end_matches('/');
        let bad = |segment: &str| {
            segment.is_empty()
                || segment == "."
                || segment == ".."
                || segment.len() > 255
                || segment.chars().any(|c| c.is_control() || c == '\\')
        };
        if trimmed.is_empty() && path.is_empty() {
            return Ok(Self(String::new()));
        }
        if trimmed.len() > 4_096 || trimmed.split('/').any(bad) {
            return Err(Error::BadPath { path: path.to_owned() });
        }
        Ok(Self(trimmed.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder that holds it, and its own name.
    fn split(&self) -> (&str, &str) {
        self.0.rsplit_once('/').unwrap_or(("", &self.0))
    }
}

/// Records that a file stands at `path` (replacing the one before). The blob must be stored already.
///
/// Errors: `BadPath` for the top itself, `PathTaken` if a folder is there, or a file is on the way.
pub async fn put(
    ledger: &Ledger,
    actor: &Actor,
    path: ArtifactPath,
    digest: Digest,
    bytes: i64,
) -> Result<(), Error> {
    if path.as_str().is_empty() {
        return Err(Error::BadPath { path: String::new() });
    }
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let now = tx.now();
            let (folder, name) = path.split();
            let mut parent = String::new();
            for segment in folder.split('/').filter(|s| !s.is_empty()) {
                let taken = store::find(tx, &parent, segment)?.is_some_and(|entry| entry.digest.is_some());
                if taken {
                    return Err(Error::PathTaken {
                        path: join(&parent, segment),
                        found: "a file",
                        wanted: "a folder",
                    });
                }
                store::put_folder(tx, &parent, segment, now)?;
                parent = join(&parent, segment);
            }
            if store::find(tx, folder, name)?.is_some_and(|entry| entry.digest.is_none()) {
                return Err(Error::PathTaken {
                    path: path.as_str().to_owned(),
                    found: "a folder",
                    wanted: "a file",
                });
            }
            store::put_file(tx, folder, name, &digest, bytes, now)?;
            let payload = json!({ "path": path.as_str(), "digest": digest, "bytes": bytes });
            Ok(tx.event("artifact.stored", &format!("artifact:{digest}"), payload)?)
        })
        .await
}

/// What is directly inside a folder, by name. Nothing if the folder does not exist.
pub async fn list(ledger: &Ledger, actor: &Actor, folder: ArtifactPath) -> Result<Vec<Entry>, Error> {
    ledger.read(actor.workspace, move |rx| Ok(store::list(rx, folder.as_str())?)).await
}

/// The file or folder at `path`.
pub async fn find(ledger: &Ledger, actor: &Actor, path: ArtifactPath) -> Result<Option<Entry>, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            let (folder, name) = path.split();
            Ok(store::find(rx, folder, name)?)
        })
        .await
}

/// Every file below a folder, by path.
pub async fn tree(ledger: &Ledger, actor: &Actor, folder: ArtifactPath) -> Result<Vec<File>, Error> {
    ledger.read(actor.workspace, move |rx| Ok(walk(rx, folder.as_str())?.0)).await
}

/// Removes a file, or a folder with all below it. The number of files. The blobs stay, since others may use them.
///
/// Errors: `ArtifactNotFound`.
pub async fn delete(ledger: &Ledger, actor: &Actor, path: ArtifactPath) -> Result<usize, Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let (folder, name) = path.split();
            let found = store::find(tx, folder, name)?
                .ok_or_else(|| Error::ArtifactNotFound(path.as_str().to_owned()))?;
            let mut files = 1;
            if found.digest.is_none() {
                let (below, folders) = walk(tx, path.as_str())?;
                files = below.len();
                for place in below.iter().map(|f| join(path.as_str(), &f.path)).chain(folders) {
                    let (folder, name) = place.rsplit_once('/').unwrap_or(("", &place));
                    store::delete(tx, folder, name)?;
                }
            }
            store::delete(tx, folder, name)?;
            let payload = json!({ "path": path.as_str(), "files": files });
            tx.event("artifact.deleted", &format!("artifact:{}", path.as_str()), payload)?;
            Ok(files)
        })
        .await
}

/// Files below `top` (relative), and folders below it (absolute).
fn walk(on: &mut impl Reads, top: &str) -> Result<(Vec<File>, BTreeSet<String>), ledger::Error> {
    let (mut files, mut folders, mut open) = (Vec::new(), BTreeSet::new(), vec![String::new()]);
    while let Some(relative) = open.pop() {
        for entry in store::list(on, &join(top, &relative))? {
            let path = join(&relative, &entry.name);
            match entry.digest {
                Some(digest) => files.push(File { path, digest, bytes: entry.bytes }),
                None => {
                    folders.insert(join(top, &path));
                    open.push(path);
                }
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok((files, folders))
}

fn join(folder: &str, name: &str) -> String {
    match (folder, name) {
        ("", name) => name.to_owned(),
        (folder, "") => folder.to_owned(),
        (folder, name) => format!("{folder}/{name}"),
    }
}
