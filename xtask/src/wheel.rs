//! The Python wheel: built from the binary that is there, installed into an environment of its own, and used.

use crate::python::Python;
use crate::report::{self, Count};
use crate::shell::{command, forget_outer_cargo, heard, root, run, target};
use std::path::{Path, PathBuf};

/// Builds with the profile of the tests, so that nothing is compiled again.
pub fn check(python: &Python) -> Result<Count, String> {
    let folder = target().join("wheel");
    let _ = std::fs::remove_dir_all(&folder);
    let wheels = folder.join("dist");
    let mut build = command(python.program(), &["-m", "maturin", "build", "--profile", "dev", "--out"]);
    forget_outer_cargo(&mut build);
    run(build.arg(&wheels).current_dir(root().join("python")))?;
    let wheel = wheel_in(&wheels).ok_or_else(|| format!("no wheel in {}", wheels.display()))?;

    let environment = folder.join("env");
    python.make_environment(&environment)?;
    python.install(&environment, &wheel)?;
    let mut start = command(environment.join("bin/python"), &["conformance/wheel/start.py"]);
    // The client comes from the environment of the other clients.
    start.env("PYTHONPATH", python.packages()?).env("PYTHONUNBUFFERED", "1");
    let (said, succeeded) = heard(&mut start)?;
    Ok(report::checks(&said, succeeded))
}

fn wheel_in(folder: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).find(|path| path.extension().is_some_and(|end| end == "whl"))
}
