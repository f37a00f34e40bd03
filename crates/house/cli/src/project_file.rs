//! The project file and everything that it points at, read from this machine.

use std::path::{Path, PathBuf};

use project::{Code, Request};

use crate::args::Place;
use crate::failure::Failure;

pub struct Local {
    pub request: Request,
    pub folder: PathBuf,
    /// The code snapshot, and what differs from its commit.
    pub code: Vec<u8>,
    pub diff: Vec<u8>,
}

/// Errors: every mistake in the file; a file that it names and that cannot be read. Blocks.
pub fn read(place: &Place) -> Result<Local, Failure> {
    let file = if place.file.is_dir() { place.file.join(project::FILE_NAME) } else { place.file.clone() };
    let text = types::io::read_to_string(&file).map_err(|error| {
        let hint = "run this in the project's folder, or name the file with --file";
        Failure::of(&error).hint(hint)
    })?;
    let parsed = project::parse(&file.display().to_string(), &text);
    let project = parsed.map_err(|mistakes| Failure::new(mistakes.to_string().trim_end()))?;
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = std::fs::canonicalize(parent).map_err(|e| types::io::Error::new("find", parent, e))?;
    let files = project::collect(&project, &folder)?;
    let data: Vec<PathBuf> =
        project.datasets.values().flat_map(|dataset| &dataset.files).map(PathBuf::from).collect();
    let taken = ::pipelines::snapshot_tar(&folder, &data)?;
    let code = Code {
        digest: taken.snapshot.digest,
        git_commit: taken.snapshot.git_commit.clone(),
        git_diff_digest: taken.snapshot.git_diff_digest,
    };
    let request = Request { text, dir: folder.display().to_string(), files, code };
    Ok(Local { request, folder, code: taken.bytes, diff: taken.diff })
}
