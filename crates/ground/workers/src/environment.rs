//! Environments of models: made from their requirements by `uv`, once for each set of them.

use std::path::{Path, PathBuf};

use serde_json::json;
use types::{Digest, io};

use crate::{Error, home};

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
        let platform = home::platform();
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
    let dir = home::once::<Error>(root, &key, LOCK, |dir, held| {
        tracing::info!(%key, packages = requirements.lines.len(), "building the environment of a model");
        let wish = requirements.python.as_deref();
        let minor = wish.and_then(|wish| {
            let mut parts = wish.split('.');
            Some(format!("{}.{}", parts.next()?, parts.next()?))
        });
        let wishes: Vec<&str> = wish.into_iter().chain(minor.as_deref()).collect();
        held.venv(uv, dir, &wishes)?;
        let list = root.join(format!("{}.txt", key.hex()));
        io::write_atomic(&list, requirements.lines.join("\n"))?;
        let mut install = home::uv(uv);
        install.args(["pip", "install", "-q", "--no-build", "--python"]).arg(dir.join("bin/python"));
        install.arg("-r").arg(&list);
        held.run(install)?;
        let mut freeze = home::uv(uv);
        freeze.args(["pip", "freeze", "-q", "--python"]).arg(dir.join("bin/python"));
        Ok(held.run(freeze)?)
    })?;
    Ok(Environment { key, python: dir.join("bin/python"), lock: io::read_to_string(dir.join(LOCK))? })
}

/// What the environment of `requirements` was resolved to, if it is built.
pub fn lock_of(root: &Path, requirements: &Requirements) -> Option<String> {
    io::read_to_string(root.join(requirements.key().hex()).join(LOCK)).ok()
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
