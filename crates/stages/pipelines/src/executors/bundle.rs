//! What travels to a cluster: the attempt's directory and the folders that its process reads, as one tar.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use types::{Digest, WorkspaceId, io};

use super::image::ImageTask;
use super::{ExecutorSpec, Resources};
use crate::{Error, PythonEnv, VolumeClaim, shim};

/// In the attempt's directory: everything that is known of its job. Holds a secret.
pub(crate) const REMOTE: &str = "remote.json";
/// In the attempt's directory.
pub(crate) const BUNDLE: &str = "bundle.tar";
/// Where the attempt's directory lies in the bundle.
pub(crate) const ATTEMPT: &str = "attempt";

/// The job of an attempt.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Remote {
    pub workspace: WorkspaceId,
    /// As it was declared when the attempt was prepared.
    pub executor: ExecutorSpec,
    /// Under which the job is submitted.
    pub job: String,
    /// What the cluster calls it; `None` until a submission was acknowledged.
    #[serde(default)]
    pub handle: Option<String>,
    /// What the job shows to this server; of no use once the attempt has ended.
    pub token: String,
    /// Where the cluster finds this server.
    pub url: String,
    pub resources: Resources,
    /// Built there before the process starts.
    #[serde(default)]
    pub python: Option<RemotePython>,
    /// Paths of this machine by what they are called in the bundle.
    pub folders: Vec<(String, PathBuf)>,
    /// Files of the attempt, relative to its directory, in which such paths stand: before it starts, and after.
    #[serde(default)]
    pub paths_in: Vec<PathBuf>,
    /// See [`crate::Launch::pod`].
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub pod: serde_json::Value,
    /// The image that is the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageTask>,
    /// What is asked of the cluster, where nothing runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<VolumeClaim>,
}

/// A Python environment to be built on a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RemotePython {
    /// Environments with the same key are the same.
    pub key: Digest,
    pub version: Option<String>,
    /// Lines of a requirements file.
    pub requirements: Vec<String>,
    /// The lines are a lock with hashes.
    pub locked: bool,
}

impl RemotePython {
    pub fn of(key: Digest, python: &PythonEnv) -> Self {
        let (version, requirements) = (python.version.clone(), python.requirements.clone());
        Self { key, version, requirements, locked: false }
    }
}

impl Remote {
    /// Errors: `Io` also if it cannot be understood.
    pub fn read(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(REMOTE);
        serde_json::from_slice(&io::read(&path)?)
            .map_err(|e| io::Error::new("understand", path, e.into()).into())
    }

    pub fn write(&self, dir: &Path) -> Result<(), Error> {
        let path = dir.join(REMOTE);
        let bytes = serde_json::to_vec(self).map_err(|e| io::Error::new("write", &path, e.into()))?;
        Ok(shim::write_whole(&path, &bytes)?)
    }
}

/// Packs what travels and notes the job. The attempt's directory is complete, but for its task. Blocks.
pub(crate) fn prepare(dir: &Path, remote: &Remote) -> Result<(), Error> {
    let path = dir.join(BUNDLE);
    let file = io::create(&path)?;
    let failed = |e| io::Error::new("pack into", &path, e);
    let mut builder = tar::Builder::new(BufWriter::new(file));
    builder.follow_symlinks(false);
    for (name, folder) in &remote.folders {
        pack(&mut builder, folder, Path::new(name), folder == dir)?;
    }
    builder.into_inner().and_then(|mut out| out.flush()).map_err(failed)?;
    remote.write(dir)
}

/// Whether a file of the attempt's directory stays on this machine.
fn stays(name: &std::ffi::OsStr) -> bool {
    [BUNDLE, REMOTE, shim::TASK, shim::LOCK].iter().any(|own| name == *own)
}

fn pack(
    builder: &mut tar::Builder<BufWriter<File>>,
    from: &Path,
    to: &Path,
    is_attempt: bool,
) -> Result<(), Error> {
    let failed = |e| io::Error::new("pack", from, e);
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Directory);
    header.set_mode(0o755);
    header.set_size(0);
    builder.append_data(&mut header, to, std::io::empty()).map_err(failed)?;
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(from).map_err(|e| io::Error::new("list", from, e))? {
        entries.push(entry.map_err(|e| io::Error::new("list", from, e))?.file_name());
    }
    entries.sort();
    for name in entries {
        if is_attempt && stays(&name) {
            continue;
        }
        let (path, to) = (from.join(&name), to.join(&name));
        let failed = |e| io::Error::new("pack", &path, e);
        let meta = path.symlink_metadata().map_err(failed)?;
        if meta.is_dir() {
            pack(builder, &path, &to, false)?;
            continue;
        }
        let mut header = tar::Header::new_gnu();
        header.set_mtime(0);
        if meta.is_symlink() {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_mode(0o777);
            header.set_size(0);
            let target = std::fs::read_link(&path).map_err(failed)?;
            builder.append_link(&mut header, &to, target).map_err(failed)?;
        } else if meta.is_file() {
            header.set_entry_type(tar::EntryType::Regular);
            header.set_mode(0o644 | (meta.permissions().mode() & 0o111));
            header.set_size(meta.len());
            builder.append_data(&mut header, &to, io::open(&path)?).map_err(failed)?;
        }
    }
    Ok(())
}

/// The letters of a job's name that every cluster takes.
pub(crate) fn job_name(step: types::Uid, attempt: i64) -> String {
    format!("mlw-{}-{attempt}", step.hex())
}
