//! The tools of the machine: what is missing is named with the package that has it.

use crate::shell::which;
use std::path::{Path, PathBuf};

pub struct Tool {
    pub name: &'static str,
    pub purpose: &'static str,
    pub package: &'static str,
    pub found: bool,
}

/// Everything that the commands use, found or not.
pub fn all() -> Vec<Tool> {
    let tool = |name, purpose, package, found| Tool { name, purpose, package, found };
    vec![
        tool("git", "code snapshots", "Debian: git", which("git").is_some()),
        tool("cc", "building SQLite", "Debian: build-essential", which("cc").is_some()),
        tool("node", "building the web app", "Debian: nodejs (20.19 or later)", which("node").is_some()),
        tool("npm", "building the web app", "Debian: npm", which("npm").is_some()),
        tool("python3", "steps and real clients", "Debian: python3 python3-venv", which("python3").is_some()),
        tool("uv", "locked environments of steps", "PyPI: uv", which("uv").is_some()),
        tool("postgres", "tests on the second database", "Debian: postgresql", postgres_bin().is_some()),
        tool("chromium", "the browser test", "Debian: chromium", chromium().is_some()),
        tool(
            "cargo-nextest",
            "running the tests faster",
            "crates.io: cargo-nextest",
            which("cargo-nextest").is_some(),
        ),
    ]
}

/// Errs with one line for each of `names` that is missing.
pub fn need(names: &[&str]) -> Result<(), String> {
    let missing: Vec<String> = all()
        .into_iter()
        .filter(|tool| names.contains(&tool.name) && !tool.found)
        .map(|tool| format!("{} is missing ({}); install {}", tool.name, tool.purpose, tool.package))
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(missing.join("\n")) }
}

/// The folder that has `initdb`: PATH, or the newest that Debian or Homebrew installed.
pub fn postgres_bin() -> Option<PathBuf> {
    if let Some(initdb) = which("initdb") {
        // PATH may hold links to a few of the programs: the folder that has all of them is where the link leads.
        let initdb = initdb.canonicalize().unwrap_or(initdb);
        return initdb.parent().map(PathBuf::from);
    }
    let versions = |folder: &str| std::fs::read_dir(folder).into_iter().flatten().flatten();
    let installed =
        versions("/usr/lib/postgresql").chain(versions("/opt/homebrew/opt")).map(|entry| entry.path());
    let mut found: Vec<PathBuf> =
        installed.map(|folder| folder.join("bin")).filter(|bin| bin.join("initdb").is_file()).collect();
    let version = |bin: &PathBuf| -> u32 {
        let name = bin.parent().and_then(|p| p.file_name()).map(|n| n.to_string_lossy().into_owned());
        name.unwrap_or_default().chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0)
    };
    found.sort_by_key(version);
    found.pop()
}

pub fn chromium() -> Option<PathBuf> {
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
        .iter()
        .find_map(|name| which(name))
}

/// Why a long script cannot run on this machine.
pub fn lacks(script: &str) -> Option<String> {
    if script == "serving_schema" && std::env::var_os("MLWRIGHT_OIP_SPEC").is_none() {
        let spec = "specification/protocol/open_inference_rest.yaml";
        return Some(format!("set MLWRIGHT_OIP_SPEC to {spec} of github.com/kserve/open-inference-protocol"));
    }
    let (programs, packages): (&[&str], &str) = match script {
        "executors_slurm" => (
            &["slurmctld", "slurmd", "slurmrestd", "munged"],
            "slurm-wlm slurmrestd slurm-wlm-jwt-plugin munge python3",
        ),
        "kfp_containers" => (&["podman"], "podman runc busybox-static"),
        _ => return None,
    };
    let is_there = |name: &&str| which(name).is_some() || Path::new("/usr/sbin").join(name).is_file();
    let missing: Vec<&str> = programs.iter().copied().filter(|name| !is_there(name)).collect();
    if !missing.is_empty() {
        return Some(format!("no {}; install Debian: {packages}", missing.join(", ")));
    }
    let needs_root = script == "executors_slurm" && !crate::shell::is_root();
    needs_root.then(|| "Slurm's daemons want root".to_owned())
}

/// Whether a missing tool fails the run: on a build machine it does, on a person's it is said loudly.
pub fn strict() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "0" && value != "false")
}

/// Prints what is there and what is missing.
pub fn report() {
    for tool in all() {
        let Tool { name, purpose, package, found } = tool;
        if found {
            println!("  ok       {name}");
        } else {
            println!("  MISSING  {name} ({purpose}); install {package}");
        }
    }
}
