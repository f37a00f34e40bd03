//! Environments of models: made from their requirements by `uv`, once for each set of them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;
use types::{Digest, io};

use crate::Error;

/// What a model asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirements {
    /// Such as `3.11.7`; a patch release that the machine does not have is a wish.
    pub python: Option<String>,
    /// Lines of `requirements.txt`.
    pub lines: Vec<String>,
}

/// Written last into a finished environment: what it was resolved to.
const LOCK: &str = "environment.lock";

impl Requirements {
    /// From `requirements.txt`, and `python_env.yaml` where it names a Python.
    pub fn parse(requirements: &str, python_env: Option<&str>) -> Self {
        let lines =
            requirements.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let python = python_env.and_then(|text| {
            let line = text.lines().find_map(|line| line.trim().strip_prefix("python:"))?;
            Some(line.trim().trim_matches(['"', '\'']).to_owned()).filter(|version| !version.is_empty())
        });
        Self { python, lines: lines.map(str::to_owned).collect() }
    }

    /// The same requirements on the same platform have the same key.
    pub fn key(&self) -> Digest {
        let mut lines: Vec<&str> = self.lines.iter().map(String::as_str).collect();
        lines.sort_unstable();
        lines.dedup();
        let platform = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
        let identity = json!({ "format": 1, "kind": "model", "python": self.python, "platform": platform, "requirements": lines });
        Digest::of(identity.to_string())
    }
}

/// An environment that is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    pub key: Digest,
    pub python: PathBuf,
    /// Every package with its version, one a line, in order.
    pub lock: String,
}

/// The environment of `requirements` below `root`, built if it is not there yet. One builder works at a time. Nothing of a
/// package is run while it is built: packages come as wheels, or not at all. Blocks, for minutes if much must be downloaded.
///
/// Errors: `NoUv`, `Command` with what `uv` says.
pub fn build(uv: Option<&Path>, root: &Path, requirements: &Requirements) -> Result<Environment, Error> {
    let key = requirements.key();
    let dir = root.join(key.hex());
    let ready = |dir: &Path| -> Result<Option<Environment>, Error> {
        let lock = dir.join(LOCK);
        if !lock.exists() {
            return Ok(None);
        }
        Ok(Some(Environment { key, python: dir.join("bin/python"), lock: io::read_to_string(&lock)? }))
    };
    if let Some(environment) = ready(&dir)? {
        return Ok(environment);
    }
    io::create_dir_all(root)?;
    let path = root.join(format!("{}.lock", key.hex()));
    let held = io::create(&path)?;
    held.lock().map_err(|e| io::Error::new("lock", &path, e))?;
    if let Some(environment) = ready(&dir)? {
        return Ok(environment);
    }
    tracing::info!(%key, packages = requirements.lines.len(), "building the environment of a model");
    if dir.exists() {
        std::fs::remove_dir_all(&dir).map_err(|e| io::Error::new("remove", &dir, e))?;
    }
    venv(uv, &dir, requirements.python.as_deref(), &held)?;
    let list = root.join(format!("{}.txt", key.hex()));
    io::write_atomic(&list, requirements.lines.join("\n"))?;
    let mut install = command(uv);
    install.args(["pip", "install", "-q", "--no-build", "--python"]).arg(dir.join("bin/python"));
    install.arg("-r").arg(&list);
    output(install, &held)?;
    let mut freeze = command(uv);
    freeze.args(["pip", "freeze", "-q", "--python"]).arg(dir.join("bin/python"));
    let lock = output(freeze, &held)?;
    io::write_atomic(dir.join(LOCK), lock)?;
    ready(&dir)?.ok_or_else(|| io::Error::new("finish", &dir, std::io::ErrorKind::NotFound.into()).into())
}

/// What the environment of `requirements` was resolved to, if it is built.
pub fn lock_of(root: &Path, requirements: &Requirements) -> Option<String> {
    io::read_to_string(root.join(requirements.key().hex()).join(LOCK)).ok()
}

/// With the Python that is asked for, else with one of the same minor version, else with any.
fn venv(uv: Option<&Path>, dir: &Path, wish: Option<&str>, held: &File) -> Result<(), Error> {
    let minor = wish.and_then(|wish| {
        let mut parts = wish.split('.');
        Some(format!("{}.{}", parts.next()?, parts.next()?))
    });
    let mut last = None;
    for version in [wish.map(str::to_owned), minor, None] {
        let mut venv = command(uv);
        venv.args(["venv", "-q", "--no-project", "--clear"]);
        if let Some(version) = &version {
            venv.arg("--python").arg(version);
        }
        venv.arg(dir);
        match output(venv, held) {
            Ok(_) => return Ok(()),
            Err(Error::NoUv) => return Err(Error::NoUv),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or(Error::NoUv))
}

fn command(uv: Option<&Path>) -> Command {
    Command::new(uv.unwrap_or(Path::new("uv")))
}

/// `uv` gets the lock as its standard input: should this process be killed, the lock is held until `uv` has ended.
fn output(mut command: Command, held: &File) -> Result<String, Error> {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let line = words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    let held = held.try_clone().map_err(|e| io::Error::new("share the lock of", &line, e))?;
    let output = match command.stdin(Stdio::from(held)).output() {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(Error::NoUv),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_have_one_key_in_any_order() {
        let one = Requirements::parse(
            "# made by mlflow\nnumpy==2.0\n\nmlflow==3.17.2\n",
            Some("python: 3.11.7\nbuild_dependencies:\n- pip\n"),
        );
        let other = Requirements::parse("mlflow==3.17.2\nnumpy==2.0", Some("python: '3.11.7'"));
        assert_eq!(one.python.as_deref(), Some("3.11.7"));
        assert_eq!(one.key(), other.key());
        assert_ne!(one.key(), Requirements::parse("numpy==2.1", Some("python: 3.11.7")).key());
    }
}
