use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;
use types::{Digest, io};

use crate::{EnvironmentSpec, Error};

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

/// Written last into a finished environment.
const COMPLETE: &str = ".mlwright-complete";

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
    let mut find = command(uv);
    find.args(["python", "find", "--no-project", "--system"]).arg(&spec.python);
    let interpreter = PathBuf::from(output(find, name)?.trim());
    let mut version = Command::new(&interpreter);
    version.arg("-VV");
    let python = output(version, name)?.trim().to_owned();
    let platform = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
    let lock_digest = Digest::of(&lock);
    let identity = json!({ "format": 1, "python": python, "platform": platform, "lock": lock_digest });
    let key = Digest::of(identity.to_string());
    Ok(Environment { name: name.to_owned(), key, lock, lock_digest, interpreter, python, platform })
}

/// The directory of the environment below `root`, built if it is not there yet. One builder works at a time;
/// the others wait and find it done. Blocks, for minutes if packages must be downloaded.
pub(crate) fn build(uv: Option<&Path>, root: &Path, environment: &Environment) -> Result<PathBuf, Error> {
    let name = environment.key.hex();
    let dir = root.join(&name);
    if dir.join(COMPLETE).exists() {
        return Ok(dir);
    }
    io::create_dir_all(root)?;
    let path = root.join(format!("{name}.lock"));
    let lock = io::create(&path)?;
    lock.lock().map_err(|e| io::Error::new("lock", &path, e))?;
    if dir.join(COMPLETE).exists() {
        return Ok(dir);
    }
    tracing::info!(environment = environment.name, key = %environment.key, "building an environment");
    if dir.exists() {
        std::fs::remove_dir_all(&dir).map_err(|e| io::Error::new("remove", &dir, e))?;
    }
    let requirements = root.join(format!("{name}.txt"));
    io::write_atomic(&requirements, &environment.lock)?;
    let mut venv = command(uv);
    venv.args(["venv", "-q", "--no-project", "--python"]).arg(&environment.interpreter).arg(&dir);
    run(venv, &environment.name, &lock, &path)?;
    let mut sync = command(uv);
    sync.args(["pip", "sync", "-q", "--require-hashes", "--allow-empty-requirements", "--python"])
        .arg(dir.join("bin/python"));
    sync.arg(&requirements);
    run(sync, &environment.name, &lock, &path)?;
    io::write_atomic(dir.join(COMPLETE), format!("{}\n", environment.key))?;
    Ok(dir)
}

fn command(uv: Option<&Path>) -> Command {
    Command::new(uv.unwrap_or(Path::new("uv")))
}

/// `uv` gets the lock as its standard input: should this process be killed, the lock is held until `uv` has ended,
/// so that nobody builds beside it.
fn run(mut command: Command, environment: &str, lock: &File, path: &Path) -> Result<(), Error> {
    let held = lock.try_clone().map_err(|e| io::Error::new("share", path, e))?;
    command.stdin(Stdio::from(held));
    output(command, environment).map(drop)
}

fn output(mut command: Command, environment: &str) -> Result<String, Error> {
    let line = || {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    };
    let line = line();
    let output = match command.output() {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::NoUv { environment: environment.to_owned() });
        }
        Err(error) => return Err(io::Error::new("start", command.get_program(), error).into()),
    };
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.trim().lines().collect();
    let last = lines[lines.len().saturating_sub(20)..].join("\n");
    Err(Error::Command {
        command: line,
        output: if last.is_empty() { output.status.to_string() } else { last },
    })
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
