//! What a project file points at: data, lock files and the code beside it, named by their digests.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use types::{Digest, Hasher, io};

use crate::Project;

/// One file that the project names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// As it stands in the project file.
    pub path: String,
    pub digest: Digest,
    pub bytes: u64,
}

/// The snapshot of the code that pipeline steps run from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    /// Of the snapshot's tar file.
    pub digest: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_commit: Option<String>,
    /// Of the changes that are not committed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_diff_digest: Option<Digest>,
}

/// What a client sends to have a project planned or applied. The files and the code travel as blobs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The text of the project file.
    pub text: String,
    /// Where it stands on the client's machine, for people.
    #[serde(default)]
    pub dir: String,
    pub files: Vec<SourceFile>,
    pub code: Code,
}

impl Request {
    pub fn file(&self, path: &str) -> Option<&SourceFile> {
        self.files.iter().find(|f| f.path == path)
    }
}

/// The files that the project names: data first, then lock files; each once.
pub fn paths(project: &Project) -> Vec<&str> {
    let data = project.datasets.values().flat_map(|d| d.files.iter().map(String::as_str));
    let locks = project.environments.values().map(|e| e.requirements.as_str());
    let mut seen = BTreeSet::new();
    data.chain(locks).filter(|p| seen.insert(*p)).collect()
}

/// Digests the files that `project` names, below `dir`.
///
/// Errors: a file that cannot be read.
pub fn collect(project: &Project, dir: &Path) -> Result<Vec<SourceFile>, io::Error> {
    paths(project).into_iter().map(|path| digest_file(dir, path)).collect()
}

fn digest_file(dir: &Path, path: &str) -> Result<SourceFile, io::Error> {
    let full = dir.join(path);
    let mut file = io::open(&full)?;
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut bytes = 0;
    loop {
        let n = file.read(&mut buffer).map_err(|e| io::Error::new("read", &full, e))?;
        if n == 0 {
            return Ok(SourceFile { path: path.to_owned(), digest: hasher.finish(), bytes });
        }
        hasher.update(&buffer[..n]);
        bytes += n as u64;
    }
}
