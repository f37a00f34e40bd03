//! Files of runs and models that are on this machine.

use std::path::{Path, PathBuf};

use types::io;

use crate::Error;
use crate::model::Files;

/// The folder that a URI names on this machine: a path, `file:…`, or `mlflow-artifacts:/…` below `proxied`.
pub fn folder(uri: &str, proxied: Option<&Path>) -> Option<PathBuf> {
    if let Some(rest) = uri.strip_prefix("mlflow-artifacts:") {
        let path = match rest.strip_prefix("//") {
            Some(with_host) => with_host.split_once('/').map_or("", |(_, path)| path),
            None => rest,
        };
        let path = path.trim_matches('/');
        let inside = !path.split('/').any(|part| part == "..");
        return proxied.filter(|_| inside).map(|root| root.join(path));
    }
    if let Some(rest) = uri.strip_prefix("file:") {
        let path = rest.strip_prefix("//localhost").or_else(|| rest.strip_prefix("//")).unwrap_or(rest);
        return Some(PathBuf::from(decoded(path)));
    }
    (!uri.contains("://") && !uri.is_empty()).then(|| PathBuf::from(uri))
}

fn decoded(path: &str) -> String {
    let bytes = path.as_bytes();
    let (mut text, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let code = path.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        if let Some(byte) = code.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            text.push(byte);
            at += 3;
        } else {
            text.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// Every file below a folder, by path; links are not followed.
pub fn below(root: &Path) -> Result<Files, Error> {
    let (mut files, mut open) = (Vec::new(), vec![String::new()]);
    while let Some(relative) = open.pop() {
        let folder = root.join(&relative);
        let entries = folder.read_dir().map_err(|e| io::Error::new("list", &folder, e))?;
        for entry in entries {
            let entry = entry.map_err(|e| io::Error::new("list", &folder, e))?;
            let kind = entry.file_type().map_err(|e| io::Error::new("look at", entry.path(), e))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if relative.is_empty() { name } else { format!("{relative}/{name}") };
            if kind.is_dir() {
                open.push(path);
            } else if kind.is_file() {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_found_in_each_of_its_spellings() {
        let root = Path::new("/srv/mlartifacts");
        let proxied = |uri| folder(uri, Some(root));
        assert_eq!(proxied("mlflow-artifacts:/1/a/artifacts"), Some(root.join("1/a/artifacts")));
        assert_eq!(proxied("mlflow-artifacts://host:5000/1/a"), Some(root.join("1/a")));
        assert_eq!(proxied("file:///data/a%20b"), Some("/data/a b".into()));
        assert_eq!(proxied("./mlruns/1"), Some("./mlruns/1".into()));
        assert_eq!(proxied("s3://bucket/1"), None);
        assert_eq!(folder("mlflow-artifacts:/1", None), None);
    }

    #[test]
    fn a_uri_does_not_climb_out_of_the_artifact_folder() {
        assert_eq!(folder("mlflow-artifacts:/../../etc", Some(Path::new("/srv"))), None);
    }
}
