//! Lengths of files, words that say nothing, lints, and the doors' READMEs.

use super::Breach;
use super::tree::Tree;
use crate::lex::lex;

const LONGEST: usize = 500;

/// Words that name no thing of the field (docs/glossary.md has better ones).
const EMPTY_WORDS: [&str; 4] = ["Manager", "Helper", "Utils", "Util"];

pub fn lengths(tree: &Tree) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let counted = [".rs", ".ts", ".tsx", ".py", ".mjs"];
    for file in tree.files.iter().filter(|file| counted.iter().any(|end| file.path.ends_with(end))) {
        let lines = file.text.lines().count();
        let generated = file.text.lines().take(3).any(|line| line.contains("@generated"));
        if lines > LONGEST && !generated {
            let hint = "split it by noun or verb; 100 to 300 lines are typical, 500 is the limit";
            breaches.push(Breach::new(&file.path, format!("{lines} lines"), hint));
        }
    }
    breaches
}

pub fn words(tree: &Tree) -> Vec<Breach> {
    let hint = "use the field's word for what it is (docs/glossary.md)";
    let mut breaches = Vec::new();
    for file in tree.rust_files() {
        let stem = file.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
        if ["utils", "util", "helpers", "helper", "misc", "common"].contains(&stem) {
            breaches.push(Breach::new(&file.path, format!("a file called {stem}"), hint));
        }
        for (number, line) in lex(&file.text).code.lines().enumerate() {
            let Some(name) = declared_name(line) else { continue };
            if EMPTY_WORDS.iter().any(|word| name.ends_with(word)) {
                breaches.push(Breach::new(
                    format!("{}:{}", file.path, number + 1),
                    format!("a type called {name}"),
                    hint,
                ));
            }
        }
    }
    breaches
}

fn declared_name(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line =
        ["pub(crate) ", "pub(super) ", "pub "].iter().find_map(|p| line.strip_prefix(p)).unwrap_or(line);
    let rest = ["struct ", "enum ", "trait ", "type "].iter().find_map(|word| line.strip_prefix(word))?;
    rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}

pub fn lints(tree: &Tree) -> Vec<Breach> {
    let is_crate = |path: &str| path.starts_with("crates/") && path.ends_with("/Cargo.toml");
    let crates = tree.files.iter().filter(|file| is_crate(&file.path));
    crates
        .filter(|file| !file.text.replace(' ', "").contains("[lints]\nworkspace=true"))
        .map(|file| {
            Breach::new(
                &file.path,
                "does not take the workspace's lints",
                "add `[lints]` with `workspace = true`",
            )
        })
        .collect()
}

pub fn readmes(tree: &Tree) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for package in &tree.packages {
        let Some(door) = package.folder.strip_prefix("crates/doors/") else { continue };
        if door == "kit" || door.starts_with("wire-") {
            continue;
        }
        let path = format!("{}/README.md", package.folder);
        let readme = tree.files.iter().find(|file| file.path == path);
        if !readme.is_some_and(|file| file.text.contains('✓')) {
            let hint = "list every upstream endpoint in the door's README.md, ✓ or ✗";
            breaches.push(Breach::new(path, format!("door {door} does not say what it answers"), hint));
        }
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::super::sample::{file, package, with};
    use super::super::tree::File;
    use super::*;

    #[test]
    fn a_long_file_fails_unless_it_is_generated() {
        let long = "x\n".repeat(LONGEST + 1);
        assert_eq!(lengths(&file("crates/stages/models/src/lib.rs", &long)).len(), 1);
        assert_eq!(lengths(&file("ui/src/app.tsx", &long)).len(), 1);
        assert_eq!(lengths(&file("ui/src/api.ts", &format!("// @generated\n{long}"))), vec![]);
        assert_eq!(lengths(&file("crates/stages/models/src/lib.rs", &"x\n".repeat(LONGEST))), vec![]);
    }

    #[test]
    fn an_empty_word_fails() {
        assert_eq!(words(&file("crates/stages/models/src/utils.rs", "")).len(), 1);
        assert_eq!(words(&file("crates/stages/models/src/lib.rs", "pub struct ModelManager;")).len(), 1);
        assert_eq!(
            words(&file("crates/stages/models/src/lib.rs", "// struct ModelManager\nstruct Model;")),
            vec![]
        );
    }

    #[test]
    fn a_crate_with_lints_of_its_own_fails() {
        let path = "crates/stages/models/Cargo.toml";
        assert_eq!(lints(&file(path, "[package]\nname = \"x\"\n")).len(), 1);
        assert_eq!(lints(&file(path, "[package]\n\n[lints]\nworkspace = true\n")), vec![]);
    }

    #[test]
    fn a_door_without_a_list_of_endpoints_fails() {
        let mut tree = with(vec![package("crates/doors/oip", &[]), package("crates/doors/kit", &[])]);
        assert_eq!(readmes(&tree).len(), 1);
        tree.files.push(File { path: "crates/doors/oip/README.md".into(), text: "| GET /v2 | ✓ |".into() });
        assert_eq!(readmes(&tree), vec![]);
    }
}
