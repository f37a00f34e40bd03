//! Secrets that a process wants by the words of its own world, such as `<secret>/<key>` of Kubernetes.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Component, Path, PathBuf};

use types::{Actor, io};

use crate::{Engine, Error};

/// Secrets of the workspace that a process gets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// By the variable of its environment that gets the value.
    pub variables: BTreeMap<String, WantedSecret>,
    pub folders: Vec<WantedFolder>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WantedSecret {
    pub name: String,
    /// Nothing is set if the workspace does not have it.
    pub optional: bool,
    /// Its value may be seen in logs: a setting, not a secret.
    pub is_open: bool,
}

/// A folder with a file for each secret of the workspace whose name begins with `<prefix>/`; the rest of the name is the
/// file's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WantedFolder {
    /// Relative to [`crate::Call::dir`], below [`SECRETS`].
    pub path: PathBuf,
    pub prefix: String,
    /// The folder is empty if the workspace has none.
    pub optional: bool,
    pub is_open: bool,
}

/// In the attempt's directory: holds files with secrets while the attempt runs.
pub const SECRETS: &str = "secrets";

/// Wanted secrets with their values.
#[derive(Debug, Default)]
pub(crate) struct Opened {
    pub env: BTreeMap<String, String>,
    /// Texts that the log does not show.
    pub mask: Vec<String>,
    /// Relative to the attempt's directory.
    folders: BTreeSet<PathBuf>,
    files: Vec<(PathBuf, String)>,
}

impl Wanted {
    pub fn is_empty(&self) -> bool {
        self.variables.is_empty() && self.folders.is_empty()
    }

    /// With the secrets that a task of a plan names, by variable.
    pub(crate) fn with(mut self, named: &BTreeMap<String, String>) -> Self {
        for (variable, name) in named {
            self.variables
                .insert(variable.clone(), WantedSecret { name: name.clone(), ..WantedSecret::default() });
        }
        self
    }
}

impl Engine {
    /// Errors: `Refused` if a secret is not there or cannot be opened.
    pub(crate) async fn open_wanted(&self, actor: &Actor, wanted: &Wanted) -> Result<Opened, Error> {
        let mut opened = Opened::default();
        if wanted.is_empty() {
            return Ok(opened);
        }
        let names = wanted.variables.values().map(|secret| secret.name.clone()).collect();
        let prefixes: Vec<String> = wanted.folders.iter().map(|folder| folder.prefix.clone()).collect();
        let values = self.open_secrets(actor, names, &prefixes).await?;
        for (variable, secret) in &wanted.variables {
            let Some(value) = values.get(&secret.name) else {
                if secret.optional {
                    continue;
                }
                return Err(missing(&secret.name, &secret.name));
            };
            opened.take(value, secret.is_open);
            opened.env.insert(variable.clone(), value.clone());
        }
        for folder in &wanted.folders {
            let prefix = format!("{}/", folder.prefix);
            let mut found =
                values.iter().filter_map(|(name, value)| Some((name.strip_prefix(&prefix)?, value)));
            let mut is_empty = true;
            for (key, value) in found.by_ref().filter(|(key, _)| is_plain(key)) {
                is_empty = false;
                opened.take(value, folder.is_open);
                opened.files.push((folder.path.join(key), value.clone()));
            }
            if is_empty && !folder.optional {
                return Err(missing(&folder.prefix, &format!("{prefix}<key>")));
            }
            opened.folders.insert(folder.path.clone());
        }
        Ok(opened)
    }
}

fn missing(name: &str, set: &str) -> Error {
    Error::Refused(format!(
        "its secret `{name}` does not exist · hint: `mlwright secrets set {set}` keeps one"
    ))
}

/// One name, without a way out of its folder.
fn is_plain(key: &str) -> bool {
    let mut parts = Path::new(key).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None))
}

impl Opened {
    fn take(&mut self, value: &str, is_open: bool) {
        if !is_open {
            self.mask.push(value.to_owned());
        }
    }

    /// Writes the files of folders, for this user alone. Blocks.
    pub fn write(&self, dir: &Path) -> Result<(), Error> {
        for folder in &self.folders {
            let folder = dir.join(folder);
            io::create_dir_all(&folder)?;
            let private = std::fs::Permissions::from_mode(0o700);
            std::fs::set_permissions(dir.join(SECRETS), private)
                .map_err(|e| io::Error::new("protect", dir.join(SECRETS), e))?;
        }
        for (path, value) in &self.files {
            use std::io::Write as _;
            let path = dir.join(path);
            let failed = |e| io::Error::new("write", &path, e);
            let mut options = std::fs::File::options();
            let options = options.write(true).create(true).truncate(true).mode(0o600);
            let mut file = options.open(&path).map_err(failed)?;
            file.write_all(value.as_bytes()).map_err(failed)?;
        }
        Ok(())
    }
}
