use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use types::{Digest, io};
use workers::home::{self, Held};

use crate::executors::RemotePython;
use crate::{EnvironmentSpec, Error, PythonEnv};

/// A locked environment: the same Python build, platform and lock file have the same key.
#[derive(Clone, Debug)]
pub(crate) struct Environment {
    pub name: String,
    pub key: Digest,
    pub lock: Vec<u8>,
    pub lock_digest: Digest,
    /// The interpreter that it is made from.
    interpreter: PathBuf,
    /// What `python -VV` says.
    pub python: String,
    pub platform: String,
}

impl Environment {
    /// The same environment on another machine.
    pub fn elsewhere(&self) -> RemotePython {
        let version = self.python.split_whitespace().nth(1).map(str::to_owned);
        let version = version.map(|text| text.split('.').take(2).collect::<Vec<_>>().join("."));
        RemotePython {
            key: self.key,
            version,
            requirements: String::from_utf8_lossy(&self.lock).lines().map(str::to_owned).collect(),
            locked: true,
        }
    }
}

/// Written last into a finished environment.
const COMPLETE: &str = ".mlwright-complete";
/// How a requirement begins that is installed without what it depends on.
const NO_DEPS: &str = "--no-deps ";

/// Works out which environment `spec` names, without building it. Blocks.
/// Errors: `NoHash`, `NoUv`, `Command` if there is no such Python.
pub(crate) fn resolve(
    uv: Option<&Path>,
    name: &str,
    spec: &EnvironmentSpec,
    lock: Vec<u8>,
) -> Result<Environment, Error> {
    if let Some(requirement) = first_without_hash(&String::from_utf8_lossy(&lock)) {
        let (environment, path) = (name.to_owned(), spec.requirements.clone());
        return Err(Error::NoHash { environment, path, requirement });
    }
    let mut find = home::uv(uv);
    find.args(["python", "find", "--no-project", "--system"]).arg(&spec.python);
    let interpreter = PathBuf::from(home::output(find).map_err(|e| of(name, e))?.trim());
    let mut version = Command::new(&interpreter);
    version.arg("-VV");
    let python = home::output(version).map_err(|e| of(name, e))?.trim().to_owned();
    let platform = home::platform();
    let lock_digest = Digest::of(&lock);
    let identity = json!({ "format": 1, "python": python, "platform": platform, "lock": lock_digest });
    let key = Digest::of(identity.to_string());
    Ok(Environment { name: name.to_owned(), key, lock, lock_digest, interpreter, python, platform })
}

/// The directory of the environment below `root`, built if it is not there yet. One builder works at a time;
/// the others wait and find it done. Blocks, for minutes if packages must be downloaded.
pub(crate) fn build(uv: Option<&Path>, root: &Path, environment: &Environment) -> Result<PathBuf, Error> {
    once(root, &environment.key, &environment.name, |dir, held| {
        let requirements = root.join(format!("{}.txt", environment.key.hex()));
        io::write_atomic(&requirements, &environment.lock)?;
        let mut venv = home::uv(uv);
        venv.args(["venv", "-q", "--no-project", "--python"]).arg(&environment.interpreter).arg(dir);
        held.run(venv)?;
        let mut sync = home::uv(uv);
        sync.args(["pip", "sync", "-q", "--require-hashes", "--allow-empty-requirements", "--python"])
            .arg(dir.join("bin/python"));
        sync.arg(&requirements);
        held.run(sync).map(drop)
    })
}

/// The key of an environment that a piece of work asks for by its requirements.
pub(crate) fn key_of(python: &PythonEnv) -> Digest {
    let mut requirements: Vec<&str> = python.requirements.iter().map(|line| line.trim()).collect();
    requirements.sort_unstable();
    requirements.dedup();
    let platform = home::platform();
    let identity = json!({
        "format": 2, "python": python.version, "platform": platform, "requirements": requirements,
    });
    Digest::of(identity.to_string())
}

/// Like [`build`], from requirements that are not locked: what they are resolved to when it is built stays. Once it is
/// built nothing is looked up any more. Blocks.
pub(crate) fn build_python(
    uv: Option<&Path>,
    root: &Path,
    key: Digest,
    python: &PythonEnv,
) -> Result<PathBuf, Error> {
    let name = if python.requirements.is_empty() { "empty".into() } else { python.requirements.join(" ") };
    once(root, &key, &name, |dir, held| {
        // A version that the machine does not have and cannot get is a wish: the work runs with another.
        let wishes: Vec<&str> = python.version.as_deref().into_iter().collect();
        held.venv(uv, dir, &wishes)?;
        let (options, packages): (Vec<&str>, Vec<&str>) = python
            .requirements
            .iter()
            .map(String::as_str)
            .partition(|line| line.starts_with("--") && !line.starts_with(NO_DEPS));
        let (alone, whole): (Vec<&str>, Vec<&str>) =
            packages.into_iter().partition(|line| line.starts_with(NO_DEPS));
        let alone: Vec<&str> = alone.into_iter().filter_map(|line| line.strip_prefix(NO_DEPS)).collect();
        let requirements = root.join(format!("{}.txt", key.hex()));
        for (lines, option) in [(whole, None), (alone, Some("--no-deps"))] {
            if lines.is_empty() {
                continue;
            }
            io::write_atomic(&requirements, [options.clone(), lines].concat().join("\n"))?;
            let mut install = home::uv(uv);
            install.args(["pip", "install", "-q", "--python"]).arg(dir.join("bin/python"));
            install.args(option).arg("-r").arg(&requirements);
            held.run(install)?;
        }
        Ok(())
    })
}

/// [`home::once`] with this stage's errors.
fn once(
    root: &Path,
    key: &Digest,
    name: &str,
    fill: impl FnOnce(&Path, &Held) -> Result<(), home::Error>,
) -> Result<PathBuf, Error> {
    let built = home::once::<home::Error>(root, key, COMPLETE, |dir, held| {
        tracing::info!(environment = name, %key, "building an environment");
        fill(dir, held)?;
        Ok(format!("{key}\n"))
    });
    built.map_err(|error| of(name, error))
}

fn of(environment: &str, error: home::Error) -> Error {
    match error {
        home::Error::Io(error) => error.into(),
        home::Error::NoUv => Error::NoUv { environment: environment.to_owned() },
        home::Error::Command { command, output } => Error::Command { command, output },
    }
}

/// The first requirement of a lock file that carries no hash.
fn first_without_hash(lock: &str) -> Option<String> {
    let joined = lock.replace("\r\n", "\n").replace("\\\n", " ");
    joined
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#') && !line.starts_with('-'))
        .find(|line| !line.contains("--hash="))
        .map(|line| line.split_whitespace().next().unwrap_or(line).to_owned())
}

#[cfg(test)]
mod tests {
    use super::first_without_hash;

    #[test]
    fn a_requirement_without_a_hash_is_named() {
        let good = "# made by uv\n--index-url https://pypi.org/simple\nnumpy==2.0 \\\n    --hash=sha256:ab \\\n    --hash=sha256:cd\n    # via x\n";
        assert_eq!(first_without_hash(good), None);
        assert_eq!(first_without_hash(&format!("{good}pandas==2.0\n")), Some("pandas==2.0".into()));
    }
}
