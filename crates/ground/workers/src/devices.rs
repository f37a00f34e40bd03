//! Devices that models compute on: files below `/dev` which the sandbox lets through where the configuration says so.

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Variables that choose among devices or say where their drivers are; of CUDA, ROCm and Level Zero.
pub(crate) const VARIABLES: [&str; 7] = [
    "CUDA_VISIBLE_DEVICES",
    "CUDA_DEVICE_ORDER",
    "NVIDIA_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
    "ZE_AFFINITY_MASK",
    "LD_LIBRARY_PATH",
];

/// The path of a device, or of those whose names begin so, as in `/dev/nvidia*`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern {
    folder: PathBuf,
    name: String,
}

impl TryFrom<String> for Pattern {
    type Error = String;

    /// Errors: the path leads elsewhere than below `/dev`, or names all that is there.
    fn try_from(text: String) -> Result<Self, String> {
        let path = Path::new(&text);
        let bad = |why: &str| Err(format!("`{text}` {why}; devices are named as in \"/dev/nvidia*\""));
        let plain = path.components().all(|part| part != Component::ParentDir);
        let (Some(folder), Some(name), true) = (path.parent(), path.file_name(), plain) else {
            return bad("is no path of a device");
        };
        let (folder, name) = (folder.to_owned(), name.to_string_lossy().into_owned());
        if !folder.starts_with("/dev") {
            return bad("is not below `/dev`");
        }
        let star = name.find('*').is_some_and(|at| at + 1 < name.len());
        if star || folder.to_string_lossy().contains('*') {
            return bad("has a `*` before its end");
        }
        if name == "*" {
            return bad("names every device");
        }
        Ok(Self { folder, name })
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.folder.join(pattern.name).to_string_lossy().into_owned()
    }
}

/// The devices that are there. A pattern that none matches names none: one configuration serves machines with and without.
pub fn find(patterns: &[Pattern]) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = patterns.iter().flat_map(matching).collect();
    found.sort();
    found.dedup();
    found
}

fn matching(pattern: &Pattern) -> Vec<PathBuf> {
    let Some(start) = pattern.name.strip_suffix('*') else {
        let path = pattern.folder.join(&pattern.name);
        return Some(path).filter(|path| path.exists()).into_iter().collect();
    };
    let entries = std::fs::read_dir(&pattern.folder).into_iter().flatten().flatten();
    entries.filter(|e| e.file_name().to_string_lossy().starts_with(start)).map(|e| e.path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_what_is_there() {
        let patterns = ["/dev/nul*", "/dev/null", "/dev/no-such-device"];
        let patterns = patterns.map(|text| Pattern::try_from(text.to_owned()).unwrap());
        assert_eq!(find(&patterns), [PathBuf::from("/dev/null")]);
        assert_eq!(find(&[]), Vec::<PathBuf>::new());
    }

    #[test]
    fn nothing_but_devices_is_named() {
        let elsewhere =
            ["/etc/passwd", "/dev/../etc/passwd", "dev/null", "null", "/d*/null", "/", "/dev", ""];
        for bad in elsewhere.into_iter().chain(["/dev/*", "/dev/n*l", "/dev/**"]) {
            assert!(Pattern::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
