//! File access whose errors say which file. `std::fs` names no path in its errors.

use std::io;
use std::path::{Path, PathBuf};

use crate::{Class, Fault, Hint};

/// An I/O error with the path and what was being done.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} `{}`: {source}", path.display())]
pub struct Error {
    pub action: &'static str,
    pub path: PathBuf,
    pub source: io::Error,
}

impl Error {
    pub fn new(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self { action, path: path.into(), source }
    }
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self.source.kind() {
            io::ErrorKind::NotFound => Class::NotFound,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Class::Unavailable,
            io::ErrorKind::PermissionDenied => Class::Forbidden,
            _ => Class::Internal,
        }
    }

    fn hint(&self) -> Hint {
        let hint = match self.source.kind() {
            io::ErrorKind::NotFound => "check the path",
            io::ErrorKind::StorageFull => "the disk is full: free space and try again; nothing was lost",
            io::ErrorKind::PermissionDenied => "check who may read and write it",
            _ => return None,
        };
        Some(hint.into())
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the wrapper that names the path")]
pub fn read(path: impl AsRef<Path>) -> Result<Vec<u8>, Error> {
    let path = path.as_ref();
    std::fs::read(path).map_err(|e| Error::new("read", path, e))
}

#[expect(clippy::disallowed_methods, reason = "this is the wrapper that names the path")]
pub fn read_to_string(path: impl AsRef<Path>) -> Result<String, Error> {
    let path = path.as_ref();
    std::fs::read_to_string(path).map_err(|e| Error::new("read", path, e))
}

#[expect(clippy::disallowed_methods, reason = "this is the wrapper that names the path")]
pub fn write(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> Result<(), Error> {
    let path = path.as_ref();
    std::fs::write(path, bytes).map_err(|e| Error::new("write", path, e))
}

pub fn create_dir_all(path: impl AsRef<Path>) -> Result<(), Error> {
    let path = path.as_ref();
    std::fs::create_dir_all(path).map_err(|e| Error::new("create directory", path, e))
}

pub fn open(path: impl AsRef<Path>) -> Result<std::fs::File, Error> {
    let path = path.as_ref();
    std::fs::File::open(path).map_err(|e| Error::new("open", path, e))
}

pub fn create(path: impl AsRef<Path>) -> Result<std::fs::File, Error> {
    let path = path.as_ref();
    std::fs::File::create(path).map_err(|e| Error::new("create", path, e))
}

/// Writes `bytes` so that a reader, or a crash, sees the old file or the whole new one: a sibling file is
/// written, synced and renamed, then the directory is synced.
pub fn write_atomic(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> Result<(), Error> {
    use std::io::Write as _;
    let path = path.as_ref();
    let parent = path.parent().unwrap_or(Path::new("."));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let sibling = parent.join(name);
    let mut file = create(&sibling)?;
    file.write_all(bytes.as_ref()).map_err(|e| Error::new("write", &sibling, e))?;
    file.sync_all().map_err(|e| Error::new("sync", &sibling, e))?;
    std::fs::rename(&sibling, path).map_err(|e| Error::new("replace", path, e))?;
    sync_dir(parent)
}

/// Makes a rename or creation in `dir` survive a power cut.
pub fn sync_dir(dir: impl AsRef<Path>) -> Result<(), Error> {
    let dir = dir.as_ref();
    open(dir)?.sync_all().map_err(|e| Error::new("sync", dir, e))
}
