//! Objects into a folder. Nothing is ever written outside of it, whatever the objects are called.

use std::collections::HashSet;
use std::io::{ErrorKind, Write as _};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex};

use futures::{StreamExt as _, TryStreamExt as _};
use outbound::{Body, Method};
use serde::Deserialize;
use serde_json::json;
use types::io;

use super::progress::Progress;
use super::upload::is_same;
use super::{Place, frames, query, size};
use crate::api::Api;
use crate::args::Transfer;
use crate::failure::Failure;
use crate::screen::say;
use crate::tracking::text;

const SMALL: u64 = 1 << 20;
const BATCH: usize = 2_000;
const BATCH_BYTES: u64 = 8 << 20;

/// What a listing or a look says of an object, as far as it is asked for here.
#[derive(Debug, Deserialize)]
struct Listed {
    path: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    etag: String,
}

#[derive(Debug, Deserialize)]
struct Listing {
    objects: Vec<Listed>,
    next: Option<String>,
}

#[derive(Clone, Debug)]
struct Wanted {
    path: String,
    to: PathBuf,
    size: u64,
    etag: String,
}

/// The folder that is written into, and which folders in it are known to lie in it.
struct Target {
    root: PathBuf,
    checked: Mutex<HashSet<PathBuf>>,
}

pub async fn download(api: &Api, from: &Place, to: &Path, transfer: &Transfer) -> Result<(), Failure> {
    let objects = found(api, from).await?;
    // Nothing can be here already in a folder that is new or empty: every object would be looked for.
    let is_new = std::fs::read_dir(to).map_or(true, |mut entries| entries.next().is_none());
    io::create_dir_all(to)?;
    let root = std::fs::canonicalize(to).map_err(|e| io::Error::new("find", to, e))?;
    let mut wanted = Vec::with_capacity(objects.len());
    for (below, Listed { path, size, etag }) in objects {
        let to = root.join(inside(&below, &path)?);
        if path.ends_with('/') {
            // Some clients mark a folder by an empty object.
            io::create_dir_all(&to)?;
            continue;
        }
        wanted.push(Wanted { path, to, size, etag });
    }
    let target = Arc::new(Target { root, checked: Mutex::default() });
    let found = wanted.len();
    if !transfer.all && !is_new {
        let work = move || missing(wanted);
        wanted = tokio::task::spawn_blocking(work).await.map_err(|e| Failure::new(e.to_string()))??;
    }
    let same = found - wanted.len();
    let progress =
        Progress::new("download", wanted.len() as u64, wanted.iter().map(|object| object.size).sum());
    let fetched = futures::stream::iter(
        batches(wanted).into_iter().map(|batch| fetch(api, from, batch, &target, &progress)),
    )
    .buffer_unordered(transfer.parallel.max(1))
    .try_collect::<()>()
    .await;
    let (count, bytes) = progress.end();
    fetched?;
    let rest = if same > 0 { format!(", {same} were here already") } else { String::new() };
    say(format!("{count} files, {} in {}{rest}", size(bytes), to.display()));
    Ok(())
}

/// Path below the target and what is known of it: of the object, or of all below the prefix.
async fn found(api: &Api, from: &Place) -> Result<Vec<(String, Listed)>, Failure> {
    if !from.path.is_empty() && !from.path.ends_with('/') {
        let stat = format!("{}/stat{}", from.reference(), query(&[("path", &from.path)]));
        if let Some(object) = api.find(&stat).await? {
            let name = from.path.rsplit('/').next().unwrap_or_default().to_owned();
            let (size, etag) = (object["size"].as_u64().unwrap_or(0), text(&object, "etag"));
            return Ok(vec![(name, Listed { path: from.path.clone(), size, etag })]);
        }
    }
    let prefix = match from.path.as_str() {
        path if path.is_empty() || path.ends_with('/') => path.to_owned(),
        path => format!("{path}/"),
    };
    let (mut objects, mut after) = (Vec::new(), String::new());
    loop {
        let asked = query(&[("prefix", &prefix), ("after", &after), ("limit", "1000")]);
        let answer =
            api.bytes(Method::Get, &format!("{}/objects{asked}", from.reference()), Body::Empty).await?;
        let page: Listing = serde_json::from_slice(&answer)
            .map_err(|e| Failure::new(format!("the server's listing cannot be read: {e}")))?;
        objects.extend(page.objects.into_iter().map(|object| {
            let below = object.path[prefix.len().min(object.path.len())..].to_owned();
            (below, object)
        }));
        match page.next {
            Some(next) if !next.is_empty() => after = next,
            _ => break,
        }
    }
    if objects.is_empty() {
        let hint = format!("`mlwright data ls {}@{}` shows what there is", from.repository, from.reference);
        return Err(Failure::new(format!("there is nothing at {from}")).hint(hint));
    }
    Ok(objects)
}

/// The place of an object below the target. Errors unless every part of it is a plain name.
fn inside(below: &str, path: &str) -> Result<PathBuf, Failure> {
    let bad = || {
        Failure::new(format!(
            "object `{path}` would be written outside of the folder, or has no place in one"
        ))
        .hint("download it by itself with `mlwright data cat`")
    };
    let trimmed = below.strip_suffix('/').unwrap_or(below);
    let parts: Vec<&str> = trimmed.split('/').collect();
    let plain = |part: &&str| !part.is_empty() && *part != "." && *part != ".." && !part.contains('\0');
    let relative: PathBuf = parts.iter().collect();
    let normal = relative.components().all(|part| matches!(part, Component::Normal(_)));
    if !parts.iter().all(plain) || !normal { Err(bad()) } else { Ok(relative) }
}

/// Those that are not here with the same size and ETag.
fn missing(objects: Vec<Wanted>) -> Result<Vec<Wanted>, Failure> {
    let mut left = Vec::new();
    for object in objects {
        let here =
            std::fs::metadata(&object.to).is_ok_and(|facts| facts.is_file() && facts.len() == object.size);
        if !here || !is_same(&object.to, &object.etag)? {
            left.push(object);
        }
    }
    Ok(left)
}

fn batches(objects: Vec<Wanted>) -> Vec<Vec<Wanted>> {
    let (mut batches, mut open, mut bytes) = (Vec::new(), Vec::new(), 0);
    for object in objects {
        if object.size > SMALL {
            batches.push(vec![object]);
            continue;
        }
        if open.len() >= BATCH || bytes + object.size > BATCH_BYTES {
            batches.push(std::mem::take(&mut open));
            bytes = 0;
        }
        bytes += object.size;
        open.push(object);
    }
    if !open.is_empty() {
        batches.push(open);
    }
    batches
}

impl Target {
    /// Makes the folder of a file. Errors if a link leads out of the target.
    fn folder(&self, file: &Path) -> Result<(), Failure> {
        let folder = file.parent().unwrap_or(&self.root).to_owned();
        if self.checked.lock().is_ok_and(|checked| checked.contains(&folder)) {
            return Ok(());
        }
        // The deepest part that is there already must lie inside before anything is made below it.
        let there = folder.ancestors().find(|part| part.exists()).unwrap_or(&self.root);
        let real = std::fs::canonicalize(there).map_err(|e| io::Error::new("find", there, e))?;
        if !real.starts_with(&self.root) {
            return Err(Failure::new(format!("{} leads out of {}", there.display(), self.root.display()))
                .hint("remove the link, or download into another folder"));
        }
        io::create_dir_all(&folder)?;
        if let Ok(mut checked) = self.checked.lock() {
            checked.insert(folder);
        }
        Ok(())
    }

    /// A file that is there is replaced as a whole. A new one is written in place, as `git checkout` does: should that be
    /// cut off, the next download sees that it is not whole.
    fn write(&self, file: &Path, content: &[u8]) -> Result<(), Failure> {
        self.folder(file)?;
        match create(file, content) {
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            other => return Ok(other.map_err(|e| io::Error::new("write", file, e))?),
        }
        let part = beside(file);
        // What an earlier try left, or a link: never written through.
        drop(std::fs::remove_file(&part));
        create(&part, content).map_err(|e| io::Error::new("write", &part, e))?;
        std::fs::rename(&part, file).map_err(|e| io::Error::new("replace", file, e))?;
        Ok(())
    }
}

/// Errors: `AlreadyExists`, also for a link.
fn create(file: &Path, content: &[u8]) -> std::io::Result<()> {
    std::fs::File::create_new(file)?.write_all(content)
}

fn beside(file: &Path) -> PathBuf {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    file.with_file_name(format!(".{name}.part"))
}

async fn fetch(
    api: &Api,
    from: &Place,
    batch: Vec<Wanted>,
    target: &Arc<Target>,
    progress: &Progress,
) -> Result<(), Failure> {
    if let [object] = batch.as_slice()
        && object.size > SMALL
    {
        target.folder(&object.to)?;
        let part = beside(&object.to);
        drop(std::fs::remove_file(&part));
        let address = format!("/api/v1/{}/object{}", from.reference(), query(&[("path", &object.path)]));
        if !api.download(&address, &part).await? {
            return Err(Failure::new(format!("object `{}` is gone", object.path)));
        }
        std::fs::rename(&part, &object.to).map_err(|e| io::Error::new("replace", &object.to, e))?;
        progress.add(1, object.size);
        return Ok(());
    }
    let paths: Vec<&str> = batch.iter().map(|object| object.path.as_str()).collect();
    let body = Body::Json(json!({ "paths": paths }));
    let answer = api.bytes(Method::Post, &format!("{}/download", from.reference()), body).await?;
    let sums = (batch.len() as u64, batch.iter().map(|object| object.size).sum());
    let target = Arc::clone(target);
    let work = move || put(&target, &batch, &answer);
    tokio::task::spawn_blocking(work).await.map_err(|e| Failure::new(e.to_string()))??;
    progress.add(sums.0, sums.1);
    Ok(())
}

/// Writes what the server sent for a batch.
fn put(target: &Target, batch: &[Wanted], answer: &[u8]) -> Result<(), Failure> {
    let got = frames::read(answer)?;
    if got.len() != batch.len() {
        return Err(Failure::new(format!("the server sent {} of {} objects", got.len(), batch.len())));
    }
    for (object, (path, content)) in batch.iter().zip(got) {
        if path != object.path {
            return Err(Failure::new(format!("the server sent `{path}` for `{}`", object.path)));
        }
        target.write(&object.to, content)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_folder() {
        for good in ["a", "a/b.csv", "ü/ö", "a/..b/c", "folder/"] {
            assert!(inside(good, good).is_ok(), "{good}");
        }
        for bad in ["", "..", "../a", "a/../../b", "/etc/passwd", "a//b", "a/./b", "a/..", "a\0b"] {
            assert!(inside(bad, bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_link_out_of_the_folder_is_not_followed() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let root = std::fs::canonicalize(folder.path()).unwrap();
        std::os::unix::fs::symlink(other.path(), root.join("link")).unwrap();
        let target = Target { root: root.clone(), checked: Mutex::default() };
        assert!(target.write(&root.join("link/x"), b"no").is_err());
        assert!(target.write(&root.join("link/deep/x"), b"no").is_err());
        assert_eq!(std::fs::read_dir(other.path()).unwrap().count(), 0);
        target.write(&root.join("a/b/x"), b"yes").unwrap();
        assert_eq!(types::io::read(root.join("a/b/x")).unwrap(), b"yes");
    }
}
