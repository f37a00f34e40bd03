use std::ffi::OsStr;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use blobs::Blobs;
use serde::{Deserialize, Serialize};
use types::{Digest, io};

use crate::Error;
use crate::error::blocking;

const LIMIT_MIB: u64 = 512;
/// Left out where there is no git to say what is ignored.
const NEVER: [&str; 7] = [".git", ".hg", ".venv", "venv", "__pycache__", "node_modules", ".mlwright"];

/// The code that a run executes: every file that git tracks or would track, as a blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeSnapshot {
    /// Of a tar in which only paths, contents and the executable bit count: the same files give the same digest.
    pub digest: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_commit: Option<String>,
    /// Of `git diff HEAD` in the directory; `None` if it is clean or there is no git.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_diff_digest: Option<Digest>,
}

/// A snapshot with its bytes, before they are stored.
pub struct SnapshotTar {
    pub bytes: Vec<u8>,
    /// What `git diff HEAD` says; empty if clean.
    pub diff: Vec<u8>,
    pub snapshot: CodeSnapshot,
}

/// Takes a snapshot of a directory: `git ls-files -co --exclude-standard`, or the whole tree where there is no
/// git. `exclude` holds paths relative to `dir`, such as data files that are versioned as data. Blocks.
/// Symbolic links that lead outside are left out. Errors: `CodeTooLarge` above 512 MiB, or `Io`.
pub fn snapshot_tar(dir: &Path, exclude: &[PathBuf]) -> Result<SnapshotTar, Error> {
    let listed = git(dir, &["ls-files", "-coz", "--exclude-standard", "--deduplicate"]);
    let mut paths = Vec::new();
    match &listed {
        Some(list) => {
            for name in list.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
                let path = PathBuf::from(OsStr::from_bytes(name));
                // A tracked file may be gone, and a submodule is listed as a directory.
                match dir.join(&path).symlink_metadata() {
                    Ok(meta) if meta.is_dir() => walk(dir, &path, &NEVER, &mut paths)?,
                    Ok(_) => paths.push(path),
                    Err(_) => {}
                }
            }
        }
        None => walk(dir, Path::new(""), &NEVER, &mut paths)?,
    }
    paths.retain(|path| !exclude.iter().any(|out| path.starts_with(out)));
    let bytes = pack(dir, paths)?;
    let commit = listed.as_ref().and_then(|_| git(dir, &["rev-parse", "--verify", "-q", "HEAD"]));
    let git_commit = commit.map(|text| String::from_utf8_lossy(&text).trim().to_owned());
    let diff = match git_commit {
        Some(_) => git(dir, &["diff", "HEAD", "--binary", "--no-ext-diff", "--", "."]).unwrap_or_default(),
        None => Vec::new(),
    };
    let git_diff_digest = (!diff.is_empty()).then(|| Digest::of(&diff));
    let snapshot = CodeSnapshot { digest: Digest::of(&bytes), git_commit, git_diff_digest };
    Ok(SnapshotTar { bytes, diff, snapshot })
}

/// [`snapshot_tar`], stored.
pub async fn snapshot_code(blobs: &Blobs, dir: &Path, exclude: &[PathBuf]) -> Result<CodeSnapshot, Error> {
    let (dir, exclude) = (dir.to_owned(), exclude.to_vec());
    let taken = blocking(move || snapshot_tar(&dir, &exclude)).await?;
    blobs.put_bytes(taken.bytes).await?;
    if !taken.diff.is_empty() {
        blobs.put_bytes(taken.diff).await?;
    }
    Ok(taken.snapshot)
}

/// The deterministic tar of a whole directory. Blocks.
pub(crate) fn pack_tree(dir: &Path) -> Result<Vec<u8>, Error> {
    let mut paths = Vec::new();
    walk(dir, Path::new(""), &[], &mut paths)?;
    pack(dir, paths)
}

fn git(dir: &Path, args: &[&str]) -> Option<Vec<u8>> {
    let output = Command::new("git").arg("-C").arg(dir).args(args).output().ok()?;
    output.status.success().then_some(output.stdout)
}

fn walk(root: &Path, below: &Path, never: &[&str], paths: &mut Vec<PathBuf>) -> Result<(), Error> {
    let dir = root.join(below);
    let entries = std::fs::read_dir(&dir).map_err(|e| io::Error::new("list", &dir, e))?;
    for entry in entries {
        let entry = entry.map_err(|e| io::Error::new("list", &dir, e))?;
        let name = entry.file_name();
        if never.iter().any(|never| name == *never) {
            continue;
        }
        let path = below.join(&name);
        let kind = entry.file_type().map_err(|e| io::Error::new("look at", entry.path(), e))?;
        if kind.is_dir() {
            walk(root, &path, never, paths)?;
        } else if kind.is_file() || kind.is_symlink() {
            paths.push(path);
        }
    }
    Ok(())
}

fn pack(dir: &Path, mut paths: Vec<PathBuf>) -> Result<Vec<u8>, Error> {
    paths.sort_by(|a, b| a.as_os_str().as_bytes().cmp(b.as_os_str().as_bytes()));
    paths.dedup();
    let mut builder = tar::Builder::new(Vec::new());
    for path in &paths {
        let full = dir.join(path);
        let meta = full.symlink_metadata().map_err(|e| io::Error::new("look at", &full, e))?;
        let mut header = tar::Header::new_gnu();
        header.set_mtime(0);
        let packed = if meta.is_symlink() {
            let target = std::fs::read_link(&full).map_err(|e| io::Error::new("read", &full, e))?;
            if leaves(path, &target) {
                tracing::warn!(path = %path.display(), "a symbolic link leads outside and is left out");
                continue;
            }
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_mode(0o777);
            header.set_size(0);
            builder.append_link(&mut header, path, target)
        } else {
            let bytes = io::read(&full)?;
            header.set_entry_type(tar::EntryType::Regular);
            header.set_mode(if meta.permissions().mode() & 0o111 == 0 { 0o644 } else { 0o755 });
            header.set_size(bytes.len() as u64);
            builder.append_data(&mut header, path, bytes.as_slice())
        };
        packed.map_err(|e| io::Error::new("pack", &full, e))?;
        if builder.get_ref().len() as u64 > LIMIT_MIB << 20 {
            return Err(Error::CodeTooLarge { directory: dir.display().to_string(), limit_mib: LIMIT_MIB });
        }
    }
    Ok(builder.into_inner().map_err(|e| io::Error::new("pack", dir, e))?)
}

/// Whether a link at `path` (relative to the root) leads out of the root.
fn leaves(path: &Path, target: &Path) -> bool {
    let mut depth = path.components().count() as i64 - 1;
    for component in target.components() {
        match component {
            Component::Normal(_) => depth += 1,
            Component::ParentDir => depth -= 1,
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return true,
        }
        if depth < 0 {
            return true;
        }
    }
    false
}

/// Unpacks a snapshot into `dir`. Only files, directories and links that stay inside are taken. Blocks.
pub(crate) fn unpack(digest: Digest, bytes: &[u8], dir: &Path) -> Result<(), Error> {
    unpack_from(digest, bytes, dir)
}

/// [`unpack`] of what is not held in memory. `digest` is for errors.
pub(crate) fn unpack_from(digest: Digest, bytes: impl std::io::Read, dir: &Path) -> Result<(), Error> {
    let bad = |reason: String| Error::BadCode { digest, reason };
    io::create_dir_all(dir)?;
    let mut archive = tar::Archive::new(bytes);
    archive.set_preserve_mtime(false);
    for entry in archive.entries().map_err(|e| bad(e.to_string()))? {
        let mut entry = entry.map_err(|e| bad(e.to_string()))?;
        let path = entry.path().map_err(|e| bad(e.to_string()))?.into_owned();
        match entry.header().entry_type() {
            tar::EntryType::Regular | tar::EntryType::Directory => {}
            tar::EntryType::Symlink => {
                let target = entry.link_name().map_err(|e| bad(e.to_string()))?;
                if target.is_none_or(|target| leaves(&path, &target)) {
                    return Err(bad(format!("link `{}` leads outside", path.display())));
                }
            }
            other => return Err(bad(format!("`{}` is of kind {other:?}", path.display()))),
        }
        let inside = entry.unpack_in(dir).map_err(|e| io::Error::new("unpack into", dir, e))?;
        if !inside {
            return Err(bad(format!("`{}` leads outside", path.display())));
        }
    }
    Ok(())
}

/// One file of a snapshot; `None` if it is not there.
pub(crate) fn file_of(digest: Digest, bytes: &[u8], wanted: &str) -> Result<Option<Vec<u8>>, Error> {
    let bad = |e: std::io::Error| Error::BadCode { digest, reason: e.to_string() };
    for entry in tar::Archive::new(bytes).entries().map_err(bad)? {
        let mut entry = entry.map_err(bad)?;
        let path = entry.path().map_err(bad)?.into_owned();
        if path.components().eq(Path::new(wanted).components()) && entry.header().entry_type().is_file() {
            let mut content = Vec::new();
            entry.read_to_end(&mut content).map_err(bad)?;
            return Ok(Some(content));
        }
    }
    Ok(None)
}
