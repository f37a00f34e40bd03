//! `cargo xtask tidy`: the invariants of docs/ARCHITECTURE.md, checked from `cargo metadata` and the sources.
//!
//! Each check is a function from the [`Tree`] to breaches, with tests that it fails when the rule is broken.

mod dependencies;
mod migrations;
mod names;
mod sql;
mod starts;
pub mod tree;

use std::path::Path;
use tree::Tree;

/// One broken rule: where, what, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub struct Breach {
    pub place: String,
    pub what: String,
    pub hint: &'static str,
}

impl Breach {
    fn new(place: impl Into<String>, what: impl Into<String>, hint: &'static str) -> Breach {
        Breach { place: place.into(), what: what.into(), hint }
    }
}

type Check = fn(&Tree) -> Vec<Breach>;

const CHECKS: &[(&str, Check)] = &[
    ("dependencies point down the floors", dependencies::floors),
    ("stages use earlier stages only", dependencies::stages),
    ("doors use kit and wire-* only", dependencies::doors),
    ("each heavy library has one owner", dependencies::owners),
    ("SQL stands in store and migrations only", sql::check),
    ("foreign code and connections start where they may", starts::check),
    ("every table has a workspace", migrations::workspaces),
    ("columns have portable types", migrations::types),
    ("declared fact tables exist", migrations::facts),
    ("files are short", names::lengths),
    ("names are the field's words", names::words),
    ("every crate takes the workspace's lints", names::lints),
    ("every door says what it answers", names::readmes),
];

/// Prints every check; the number of passed and failed ones.
pub fn run(root: &Path) -> Result<(usize, usize), String> {
    let tree = Tree::load(root)?;
    let (mut passed, mut failed) = (0, 0);
    for (name, check) in CHECKS {
        let breaches = check(&tree);
        if breaches.is_empty() {
            passed += 1;
            println!("  ok  {name}");
            continue;
        }
        failed += 1;
        println!("  FAILED  {name}");
        for Breach { place, what, hint } in &breaches {
            println!("      {place}: {what}\n        hint: {hint}");
        }
    }
    println!("\nfact tables (ledger.record may write them without an event of their own):");
    for (component, tables) in migrations::declared_facts(&tree) {
        println!("  {component}: {}", tables.join(", "));
    }
    Ok((passed, failed))
}

/// Trees for the tests of the checks.
#[cfg(test)]
pub mod sample {
    use super::tree::{Dependency, File, Kind, Package, Tree};

    pub fn package(folder: &str, dependencies: &[&str]) -> Package {
        let name = match folder.strip_prefix("crates/doors/") {
            Some(door) if door != "kit" => format!("mlwright-door-{door}"),
            _ => format!("mlwright-{}", folder.rsplit('/').next().unwrap_or(folder)),
        };
        let dependencies = dependencies.iter().map(|name| match name.strip_prefix("dev:") {
            Some(name) => Dependency { name: name.to_owned(), kind: Kind::Dev },
            None => Dependency { name: (*name).to_owned(), kind: Kind::Normal },
        });
        Package { name, folder: folder.to_owned(), dependencies: dependencies.collect() }
    }

    /// A small house in order: one crate a floor, and a few stages.
    pub fn house() -> Vec<Package> {
        vec![
            package("crates/ground/types", &["serde"]),
            package("crates/ground/ledger", &["mlwright-types", "rusqlite", "postgres"]),
            package("crates/ground/outbound", &["mlwright-types", "reqwest"]),
            package("crates/ground/runtimes", &["mlwright-types", "ort"]),
            package("crates/stages/datasets", &["mlwright-ledger"]),
            package("crates/stages/tracking", &["mlwright-ledger", "mlwright-datasets"]),
            package("crates/stages/models", &["mlwright-tracking"]),
            package("crates/doors/kit", &["mlwright-types", "axum"]),
            package("crates/doors/mlflow", &["mlwright-kit", "mlwright-tracking", "axum"]),
            package("crates/doors/oip", &["mlwright-kit", "axum"]),
            package("crates/house/cli", &["mlwright-door-mlflow"]),
        ]
    }

    pub fn with(packages: Vec<Package>) -> Tree {
        Tree { packages, files: Vec::new() }
    }

    pub fn file(path: &str, text: &str) -> Tree {
        Tree { packages: Vec::new(), files: vec![File { path: path.to_owned(), text: text.to_owned() }] }
    }
}
