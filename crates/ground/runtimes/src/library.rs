//! Where `libonnxruntime` is: the configuration, then `MLWRIGHT_ONNXRUNTIME`, `ORT_DYLIB_PATH`, the active virtual
//! environment, and the environments that pipelines built.

use std::path::{Path, PathBuf};

use crate::Error;

const PACKAGE: &str = "site-packages/onnxruntime/capi";

/// The library's path. `configured` is used as it is (a file, or a directory that holds one);
/// `roots` are searched for Python environments up to two levels deep.
pub fn find(configured: Option<&Path>, roots: &[PathBuf]) -> Result<PathBuf, Error> {
    let mut looked = Vec::new();
    let named = configured
        .map(|p| ("configuration", p.to_owned()))
        .into_iter()
        .chain(variable("MLWRIGHT_ONNXRUNTIME"))
        .chain(variable("ORT_DYLIB_PATH"));
    for (origin, path) in named {
        if let Some(file) = library_at(&path) {
            return Ok(file);
        }
        looked.push(format!("{origin} (`{}`)", path.display()));
    }
    let active = variable("VIRTUAL_ENV").map(|(_, path)| path);
    for root in active.iter().chain(roots) {
        if let Some(file) = in_environments(root, 2) {
            return Ok(file);
        }
        looked.push(format!("`{}`", root.display()));
    }
    if looked.is_empty() {
        looked.push("MLWRIGHT_ONNXRUNTIME (not set)".to_owned());
    }
    Err(Error::LibraryMissing { looked: looked.join(", ") })
}

fn variable(name: &'static str) -> Option<(&'static str, PathBuf)> {
    std::env::var_os(name).filter(|v| !v.is_empty()).map(|v| (name, PathBuf::from(v)))
}

/// `path` itself if it is a file, or the newest `libonnxruntime` inside it.
fn library_at(path: &Path) -> Option<PathBuf> {
    if path.is_file() {
        return Some(path.to_owned());
    }
    let mut found: Vec<PathBuf> = entries(path)
        .into_iter()
        .filter(|p| {
            let name = p.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            (name.starts_with("libonnxruntime.so")
                || name.starts_with("libonnxruntime") && name.ends_with(".dylib"))
                && p.is_file()
        })
        .collect();
    found.sort();
    found.pop()
}

fn in_environments(root: &Path, depth: u8) -> Option<PathBuf> {
    for python in entries(&root.join("lib")) {
        if let Some(file) = library_at(&python.join(PACKAGE)) {
            return Some(file);
        }
    }
    if depth == 0 {
        return None;
    }
    entries(root).into_iter().filter(|p| p.is_dir()).find_map(|p| in_environments(&p, depth - 1))
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let Ok(found) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = found.flatten().map(|e| e.path()).collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_that_a_pipeline_built_is_found() {
        let root = tempfile::tempdir().unwrap();
        let capi = root.path().join("key/venv/lib/python3.11").join(PACKAGE);
        std::fs::create_dir_all(&capi).unwrap();
        assert!(in_environments(root.path(), 2).is_none());
        types::io::write(capi.join("libonnxruntime_providers_shared.so"), b"").unwrap();
        assert!(in_environments(root.path(), 2).is_none());
        types::io::write(capi.join("libonnxruntime.so.1.32.0"), b"").unwrap();
        assert_eq!(in_environments(root.path(), 2), Some(capi.join("libonnxruntime.so.1.32.0")));
    }

    #[test]
    fn a_configured_directory_gives_its_newest_library() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["libonnxruntime.so.1.30.0", "libonnxruntime.so.1.32.0", "other.so"] {
            types::io::write(dir.path().join(name), b"").unwrap();
        }
        assert_eq!(find(Some(dir.path()), &[]).unwrap(), dir.path().join("libonnxruntime.so.1.32.0"));
    }
}
