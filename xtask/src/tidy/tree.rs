//! What the checks look at: packages as cargo sees them, and the text of every source file.

use crate::json::Json;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Normal,
    Dev,
    Build,
}

#[derive(Debug, Clone)]
pub struct Dependency {
    pub name: String,
    pub kind: Kind,
}

#[derive(Debug, Clone, Default)]
pub struct Package {
    pub name: String,
    /// Folder relative to the repository, with `/`: `crates/stages/models`.
    pub folder: String,
    pub dependencies: Vec<Dependency>,
}

impl Package {
    /// `stages` and `models` of `crates/stages/models`.
    pub fn floor_and_name(&self) -> Option<(&str, &str)> {
        self.folder.strip_prefix("crates/")?.split_once('/')
    }
}

#[derive(Debug, Clone)]
pub struct File {
    /// Relative to the repository, with `/`.
    pub path: String,
    pub text: String,
}

#[derive(Debug, Clone, Default)]
pub struct Tree {
    pub packages: Vec<Package>,
    pub files: Vec<File>,
}

impl Tree {
    /// Reads the repository: `cargo metadata`, and every file that git tracks or would track.
    pub fn load(root: &Path) -> Result<Tree, String> {
        let metadata =
            output(Command::new(cargo()).args(["metadata", "--format-version", "1", "--no-deps"]), root)?;
        let metadata = Json::parse(&metadata).map_err(|e| format!("cargo metadata: {e}"))?;
        let packages = metadata.get("packages").list().iter().map(|p| package(p, root)).collect();
        let listed = output(
            Command::new("git").args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"]),
            root,
        )?;
        let mut files = Vec::new();
        for path in listed.split('\0').filter(|path| is_text(path)) {
            // A file that is deleted but still in the index is no file.
            if let Ok(text) = std::fs::read_to_string(root.join(path)) {
                files.push(File { path: path.to_owned(), text });
            }
        }
        Ok(Tree { packages, files })
    }

    pub fn rust_files(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.path.ends_with(".rs"))
    }
}

pub fn cargo() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from)
}

fn output(command: &mut Command, root: &Path) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.current_dir(root).output().map_err(|e| format!("cannot start {name}: {e}"))?;
    if !output.status.success() {
        return Err(format!("{name} failed: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn package(json: &Json, root: &Path) -> Package {
    let manifest = Path::new(json.get("manifest_path").text().unwrap_or_default());
    let folder = manifest.parent().unwrap_or(manifest);
    let folder = folder.strip_prefix(root).unwrap_or(folder).to_string_lossy().replace('\\', "/");
    let dependencies = json.get("dependencies").list().iter().map(|dependency| Dependency {
        name: dependency.get("name").text().unwrap_or_default().to_owned(),
        kind: match dependency.get("kind").text() {
            Some("dev") => Kind::Dev,
            Some("build") => Kind::Build,
            _ => Kind::Normal,
        },
    });
    Package {
        name: json.get("name").text().unwrap_or_default().to_owned(),
        folder,
        dependencies: dependencies.collect(),
    }
}

fn is_text(path: &str) -> bool {
    let ends = [".rs", ".sql", ".toml", ".ts", ".tsx", ".css", ".py", ".md", ".yaml", ".yml", ".mjs", ".js"];
    ends.iter().any(|end| path.ends_with(end))
}
