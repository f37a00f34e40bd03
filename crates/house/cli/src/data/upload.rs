//! Files into a repository. Small ones travel thousands at a time, large ones by themselves; what is there already, by
//! size and ETag, does not travel at all, so an upload that was cut goes on where it was.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use futures::{StreamExt as _, TryStreamExt as _};
use md5::{Digest as _, Md5};
use outbound::{Body, Method};
use serde_json::Value;
use types::io;

use super::progress::Progress;
use super::{Place, frames, history, pages, query, size};
use crate::api::Api;
use crate::args::Transfer;
use crate::failure::Failure;
use crate::screen::say;
use crate::tracking::text;

/// Files up to here travel together.
const SMALL: u64 = 1 << 20;
/// What one request carries.
const BATCH: usize = 2_000;
const BATCH_BYTES: u64 = 8 << 20;

/// A file on this machine, and where it goes.
#[derive(Clone, Debug)]
struct Sent {
    from: PathBuf,
    path: String,
    size: u64,
}

pub async fn upload(
    api: &Api,
    from: &Path,
    to: &Place,
    transfer: &Transfer,
    message: Option<String>,
) -> Result<(), Failure> {
    let mut files = gather(from, &to.path)?;
    let found = files.len();
    if !transfer.all {
        files = missing(api, to, files).await?;
    }
    let same = found - files.len();
    let total = files.iter().map(|file| file.size).sum();
    let progress = Progress::new("upload", files.len() as u64, total);
    let requests = batches(files);
    let sent = futures::stream::iter(requests.into_iter().map(|batch| send(api, to, batch, &progress)))
        .buffer_unordered(transfer.parallel.max(1))
        .try_collect::<()>()
        .await;
    let (count, bytes) = progress.end();
    sent?;
    let rest = if same > 0 { format!(", {same} were there already") } else { String::new() };
    say(format!("{count} files, {} to {to}{rest}", size(bytes)));
    match message {
        Some(message) => history::commit(api, to, message, &[], false).await,
        None => Ok(()),
    }
}

/// Every file below a folder, sorted by the path that it gets; or one file.
fn gather(from: &Path, to: &str) -> Result<Vec<Sent>, Failure> {
    let facts = std::fs::metadata(from).map_err(|e| io::Error::new("look at", from, e))?;
    if facts.is_file() {
        let name = from.file_name().unwrap_or_default().to_string_lossy();
        let path = if to.is_empty() || to.ends_with('/') { format!("{to}{name}") } else { to.to_owned() };
        return Ok(vec![Sent { from: from.to_owned(), path, size: facts.len() }]);
    }
    let prefix = if to.is_empty() || to.ends_with('/') { to.to_owned() } else { format!("{to}/") };
    let (mut files, mut open) = (Vec::new(), vec![(from.to_owned(), prefix)]);
    while let Some((folder, prefix)) = open.pop() {
        for entry in std::fs::read_dir(&folder).map_err(|e| io::Error::new("list", &folder, e))? {
            let entry = entry.map_err(|e| io::Error::new("list", &folder, e))?;
            let from = entry.path();
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
                return Err(
                    Failure::new(format!("the name of {} is not UTF-8", from.display())).hint("rename it")
                );
            };
            let kind = entry.file_type().map_err(|e| io::Error::new("look at", &from, e))?;
            if kind.is_dir() {
                open.push((from, format!("{prefix}{name}/")));
                continue;
            }
            // A link to a file is that file; a link to a folder may lead in a circle and is passed over.
            let facts = std::fs::metadata(&from).map_err(|e| io::Error::new("look at", &from, e))?;
            if facts.is_file() {
                files.push(Sent { from, path: format!("{prefix}{name}"), size: facts.len() });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// Those that the server does not have with the same content.
async fn missing(api: &Api, to: &Place, files: Vec<Sent>) -> Result<Vec<Sent>, Failure> {
    let prefix = match files.as_slice() {
        [one] => one.path.as_str(),
        _ => &to.path,
    };
    let asked = [("prefix", prefix)];
    let listed = pages(api, &format!("{}/objects", to.reference()), "objects", &asked, usize::MAX).await?;
    let listed: HashMap<String, (u64, String)> = listed
        .iter()
        .map(|o| (text(o, "path"), (o["size"].as_u64().unwrap_or(0), text(o, "etag"))))
        .collect();
    let differs = move |file: &Sent| -> Result<bool, Failure> {
        match listed.get(&file.path) {
            Some((size, etag)) if *size == file.size => Ok(!is_same(&file.from, etag)?),
            _ => Ok(true),
        }
    };
    let work = move || {
        let mut left = Vec::new();
        for file in files {
            if differs(&file)? {
                left.push(file);
            }
        }
        Ok(left)
    };
    tokio::task::spawn_blocking(work).await.map_err(|e| Failure::new(e.to_string()))?
}

/// Whether a file has the content that the ETag stands for: the MD5, or half of the SHA-256 and `-1`, which this program's
/// server gives large files. What came in several parts counts as different.
pub fn is_same(path: &Path, etag: &str) -> Result<bool, Failure> {
    if let Some(half) = etag.strip_suffix("-1") {
        let mut hasher = types::Hasher::new();
        walk(path, |bytes| hasher.update(bytes))?;
        return Ok(half.len() == 32 && hasher.finish().hex().starts_with(half));
    }
    if etag.len() != 32 {
        return Ok(false);
    }
    let mut hasher = Md5::new();
    walk(path, |bytes| hasher.update(bytes))?;
    let sum: [u8; 16] = hasher.finalize().into();
    Ok(sum.iter().map(|byte| format!("{byte:02x}")).collect::<String>() == etag)
}

fn walk(path: &Path, mut seen: impl FnMut(&[u8])) -> Result<(), Failure> {
    use std::io::Read as _;
    let mut file = io::open(path)?;
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer).map_err(|e| io::Error::new("read", path, e))? {
            0 => return Ok(()),
            n => seen(&buffer[..n]),
        }
    }
}

fn batches(files: Vec<Sent>) -> Vec<Vec<Sent>> {
    let (mut batches, mut open, mut bytes) = (Vec::new(), Vec::new(), 0);
    for file in files {
        if file.size > SMALL {
            batches.push(vec![file]);
            continue;
        }
        if open.len() >= BATCH || bytes + file.size > BATCH_BYTES {
            batches.push(std::mem::take(&mut open));
            bytes = 0;
        }
        bytes += file.size;
        open.push(file);
    }
    if !open.is_empty() {
        batches.push(open);
    }
    batches
}

async fn send(api: &Api, to: &Place, batch: Vec<Sent>, progress: &Progress) -> Result<(), Failure> {
    if let [file] = batch.as_slice()
        && file.size > SMALL
    {
        let address = format!("/api/v1/{}/object{}", to.branch(), query(&[("path", &file.path)]));
        api.upload(&address, &file.from).await?;
        progress.add(1, file.size);
        return Ok(());
    }
    let (count, bytes) = (batch.len() as u64, batch.iter().map(|file| file.size).sum());
    let read = move || -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        for file in &batch {
            frames::push(&mut body, &file.path, &io::read(&file.from)?);
        }
        frames::end(&mut body);
        Ok(body)
    };
    let body = tokio::task::spawn_blocking(read).await.map_err(|e| Failure::new(e.to_string()))??;
    let answer: Value =
        api.ask(Method::Post, &format!("{}/upload", to.branch()), Body::Bytes(body.into())).await?;
    if answer["objects"].as_u64() != Some(count) {
        return Err(Failure::new(format!("the server stored {} of {count} files", answer["objects"]))
            .hint("run the command again"));
    }
    progress.add(count, bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_either_etag() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        types::io::write(&path, "abc").unwrap();
        let same = |etag: &str| is_same(&path, etag).unwrap();
        assert!(same("900150983cd24fb0d6963f7d28e17f72") && same("ba7816bf8f01cfea414140de5dae2223-1"));
        for other in
            ["", "900150983cd24fb0d6963f7d28e17f73", "900150983cd24fb0d6963f7d28e17f72-1", "-1", "ba78-2"]
        {
            assert!(!same(other), "{other}");
        }
    }

    #[test]
    fn a_folder_becomes_sorted_paths_below_the_prefix() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        types::io::create_dir_all(at("b/c")).unwrap();
        for name in ["z", "b/c/one", "a"] {
            types::io::write(at(name), name).unwrap();
        }
        let paths = |to: &str| -> Vec<String> {
            gather(folder.path(), to).unwrap().into_iter().map(|file| file.path).collect()
        };
        assert_eq!(paths(""), ["a", "b/c/one", "z"]);
        assert_eq!(paths("x/y"), ["x/y/a", "x/y/b/c/one", "x/y/z"]);
        let one = |to: &str| gather(&at("a"), to).unwrap()[0].path.clone();
        assert_eq!((one(""), one("d/"), one("d")), ("a".into(), "d/a".into(), "d".into()));
    }

    #[test]
    fn small_files_travel_together_and_large_ones_alone() {
        let file = |size| Sent { from: PathBuf::new(), path: String::new(), size };
        let sizes = [10, SMALL + 1, 20, BATCH_BYTES - 10, 5].map(|size| file(size.min(3 << 20)));
        let counts: Vec<usize> = batches(sizes.to_vec()).iter().map(Vec::len).collect();
        assert_eq!(counts.iter().sum::<usize>(), 5);
        let many = batches(vec![file(1); BATCH + 1]);
        assert_eq!(many.iter().map(Vec::len).collect::<Vec<_>>(), [BATCH, 1]);
    }
}
