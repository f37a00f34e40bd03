//! Environments that are built once, whoever asks: a folder for each key, filled by `uv` under a lock.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use types::{Digest, io};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("`uv` was not found")]
    NoUv,
    /// The command line, and the end of what it said.
    #[error("`{command}` failed: {output}")]
    Command { command: String, output: String },
}

/// What environments of this machine have in common.
pub fn platform() -> String {
    format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS)
}

/// The folder of a key below `root`, filled by `fill` unless its file `mark` is there; `fill` gives what stands in that file. One builder
/// works at a time; the others wait and find it done. Blocks, for minutes if packages must be downloaded.
///
/// Errors: those of `fill`; what it left is removed by the next one.
pub fn once<E: From<Error>>(
    root: &Path,
    key: &Digest,
    mark: &str,
    fill: impl FnOnce(&Path, &Held) -> Result<String, E>,
) -> Result<PathBuf, E> {
    let dir = root.join(key.hex());
    if dir.join(mark).exists() {
        return Ok(dir);
    }
    let own = |error: io::Error| E::from(Error::Io(error));
    io::create_dir_all(root).map_err(own)?;
    let path = root.join(format!("{}.lock", key.hex()));
    let lock = io::create(&path).map_err(own)?;
    lock.lock().map_err(|e| own(io::Error::new("lock", &path, e)))?;
    if dir.join(mark).exists() {
        return Ok(dir);
    }
    if dir.exists() {
        std::fs::remove_dir_all(&dir).map_err(|e| own(io::Error::new("remove", &dir, e)))?;
    }
    // Held until the mark is there: who waits must find the environment complete.
    let held = Held { lock, path };
    let text = fill(&dir, &held)?;
    io::write_atomic(dir.join(mark), text).map_err(own)?;
    drop(held);
    Ok(dir)
}

/// The lock of an environment that is being built.
#[derive(Debug)]
pub struct Held {
    lock: File,
    path: PathBuf,
}

impl Held {
    /// What the command prints. It gets the lock as its standard input: should this process be killed, the lock is held until
    /// the command has ended, so that nobody builds beside it.
    pub fn run(&self, mut command: Command) -> Result<String, Error> {
        let held = self.lock.try_clone().map_err(|e| io::Error::new("share", &self.path, e))?;
        command.stdin(Stdio::from(held));
        output(command)
    }

    /// Makes an environment in `dir` with the first of these versions of Python that can be had: what is asked for is a wish, and any
    /// other one does at last. Errors: `NoUv`, `Command` of the last try.
    pub fn venv(&self, uv: Option<&Path>, dir: &Path, versions: &[&str]) -> Result<(), Error> {
        let mut last = Error::NoUv;
        for version in versions.iter().copied().map(Some).chain([None]) {
            let mut venv = self::uv(uv);
            venv.args(["venv", "-q", "--no-project", "--clear"]);
            if let Some(version) = version {
                venv.arg("--python").arg(version);
            }
            match self.run(arguments(venv, dir)) {
                Ok(_) => return Ok(()),
                Err(Error::NoUv) => return Err(Error::NoUv),
                Err(error) => {
                    if let Some(version) = version {
                        tracing::warn!(version, %error, "no such Python: an environment is built with another");
                    }
                    last = error;
                }
            }
        }
        Err(last)
    }
}

fn arguments(mut command: Command, dir: &Path) -> Command {
    command.arg(dir);
    command
}

/// `uv` of the search path if none is given.
pub fn uv(uv: Option<&Path>) -> Command {
    Command::new(uv.unwrap_or(Path::new("uv")))
}

/// What a command prints. Errors: `NoUv` if there is no such program, `Command` with the last of its words on standard error.
pub fn output(mut command: Command) -> Result<String, Error> {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let line = words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    let output = match command.output() {
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
    let output = if last.is_empty() { output.status.to_string() } else { last };
    Err(Error::Command { command: line, output })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_built_is_not_built_again_and_what_failed_is() {
        let root = tempfile::tempdir().unwrap();
        let key = Digest::of("x");
        let failed = once::<Error>(root.path(), &key, "done", |dir, _| {
            io::create_dir_all(dir)?;
            io::write(dir.join("half"), "x")?;
            Err(Error::NoUv)
        });
        assert!(matches!(failed, Err(Error::NoUv)));
        let dir = once::<Error>(root.path(), &key, "done", |dir, held| {
            assert!(!dir.exists(), "half of it is gone");
            io::create_dir_all(dir)?;
            held.run(Command::new("true"))?;
            Ok("whole".into())
        });
        let dir = dir.unwrap();
        assert_eq!(io::read_to_string(dir.join("done")).unwrap(), "whole");
        let again = once::<Error>(root.path(), &key, "done", |_, _| panic!("built twice"));
        assert_eq!(again.unwrap(), dir);
    }

    #[test]
    fn a_command_that_fails_says_its_last_words() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo broken >&2; exit 3"]);
        let error = output(command).unwrap_err().to_string();
        assert!(error.ends_with("failed: broken"), "{error}");
        assert!(matches!(output(Command::new("no-such-program")), Err(Error::NoUv)));
    }
}
