//! Tables: each has a workspace that leads its keys, portable column types, and is declared if it holds facts.

use super::Breach;
use super::tree::Tree;
use crate::lex::lex;
use std::collections::{BTreeMap, BTreeSet};

/// Tables that belong to the server, not to a workspace.
const WITHOUT_WORKSPACE: &[(&str, &str)] = &[
    ("workspace", "it is the workspace"),
    ("component_version", "one schema serves every workspace"),
    ("schema_version", "one schema serves every workspace"),
    ("migration", "one schema serves every workspace"),
    ("lease", "leases belong to servers"),
    ("server", "servers serve every workspace"),
    ("ledger_meta", "one file, one identity"),
];

/// Keys that need not begin with the workspace: their values are unique everywhere by themselves.
const GLOBAL_KEYS: &[(&str, &str)] = &[
    ("event", "position is one chain over all workspaces"),
    ("access_token", "a token is looked up before its workspace is known"),
    ("signing_secret", "an access key was looked up in it before its workspace was known; gone since"),
    ("access_key", "it is looked up before its workspace is known"),
];

const TYPES: [&str; 6] = ["BIGINT", "DOUBLE PRECISION", "BOOLEAN", "TEXT", "BYTEA", "@id@"];

struct Table {
    file: String,
    line: usize,
    name: String,
    /// Column and constraint definitions, split at the commas of the outer level.
    items: Vec<String>,
}

fn tables(tree: &Tree) -> Vec<Table> {
    let mut tables = Vec::new();
    for file in tree.files.iter().filter(|f| f.path.contains("/migrations/") && f.path.ends_with(".sql")) {
        let text = without_comments(&file.text);
        let mut from = 0;
        while let Some(found) = text[from..].to_uppercase().find("CREATE TABLE ") {
            let start = from + found + "CREATE TABLE ".len();
            let Some(open) = text[start..].find('(').map(|at| start + at) else { break };
            let name = text[start..open].trim().trim_start_matches("IF NOT EXISTS ").to_owned();
            let (items, end) = outer_items(&text, open);
            let line = text[..start].matches('\n').count() + 1;
            tables.push(Table { file: file.path.clone(), line, name, items });
            from = end;
        }
    }
    tables
}

/// `--` comments become spaces, so that offsets and lines stay.
fn without_comments(text: &str) -> String {
    let blank = |line: &str| match line.find("--") {
        Some(at) => line[..at].to_owned(),
        None => line.to_owned(),
    };
    text.lines().map(blank).collect::<Vec<_>>().join("\n")
}

fn outer_items(text: &str, open: usize) -> (Vec<String>, usize) {
    let (mut depth, mut items, mut item) = (0, Vec::new(), String::new());
    for (offset, character) in text[open..].char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        let inside = depth > 1
            || (depth == 1 && !matches!(character, '(' | ','))
            || (depth == 1 && !item.is_empty() && character == ')');
        if depth == 0 || (depth == 1 && character == ',') {
            items.push(item.split_whitespace().collect::<Vec<_>>().join(" "));
            item.clear();
            if depth == 0 {
                return (items, open + offset + 1);
            }
        } else if inside {
            item.push(character);
        }
    }
    (items, text.len())
}

fn is_constraint(item: &str) -> bool {
    let upper = item.to_uppercase();
    ["PRIMARY KEY", "UNIQUE", "FOREIGN KEY", "CHECK", "CONSTRAINT"].iter().any(|word| upper.starts_with(word))
}

pub fn workspaces(tree: &Tree) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for table in tables(tree) {
        let place = format!("{}:{}", table.file, table.line);
        if WITHOUT_WORKSPACE.iter().any(|(name, _)| *name == table.name) {
            continue;
        }
        if !table.items.iter().any(|item| item.starts_with("workspace_id BIGINT NOT NULL")) {
            breaches.push(Breach::new(
                place,
                format!("table {} has no `workspace_id BIGINT NOT NULL`", table.name),
                "add it, or say why not in WITHOUT_WORKSPACE in xtask/src/tidy/migrations.rs",
            ));
            continue;
        }
        if GLOBAL_KEYS.iter().any(|(name, _)| *name == table.name) {
            continue;
        }
        for item in &table.items {
            let upper = item.to_uppercase();
            let leads = |key: &str| {
                upper.strip_prefix(key).map(|rest| rest.trim_start().starts_with("(WORKSPACE_ID"))
            };
            let unkeyed =
                !is_constraint(item) && (upper.contains(" UNIQUE") || upper.contains(" PRIMARY KEY"));
            if unkeyed || leads("PRIMARY KEY") == Some(false) || leads("UNIQUE") == Some(false) {
                breaches.push(Breach::new(
                    &place,
                    format!("key of table {} does not begin with the workspace: {item}", table.name),
                    "write PRIMARY KEY (workspace_id, …) or UNIQUE (workspace_id, …)",
                ));
            }
        }
    }
    breaches
}

pub fn types(tree: &Tree) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for table in tables(tree) {
        for item in table.items.iter().filter(|item| !is_constraint(item)) {
            let Some((column, rest)) = item.split_once(' ') else { continue };
            let fits = |name: &&&str| rest == **name || rest.starts_with(&format!("{name} "));
            if TYPES.iter().find(fits).is_none() {
                breaches.push(Breach::new(
                    format!("{}:{}", table.file, table.line),
                    format!("column {}.{column} has the type {rest:?}", table.name),
                    "use BIGINT, DOUBLE PRECISION, BOOLEAN, TEXT, BYTEA or @id@, which mean the same on both databases",
                ));
            }
        }
    }
    breaches
}

/// Component folder → fact tables that its `Component { facts: &[…] }` declares.
pub fn declared_facts(tree: &Tree) -> BTreeMap<String, Vec<String>> {
    let mut declared: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in
        tree.rust_files().filter(|file| file.path.starts_with("crates/") && file.path.contains("/src/"))
    {
        let lexed = lex(&file.text);
        let mut literals = lexed.strings_outside_tests();
        let lines = lexed.lines_outside_tests();
        for (index, (first, code)) in lines.iter().enumerate() {
            if !code.contains("facts: &[") || code.contains("facts: &[&") {
                continue;
            }
            let last = lines[index..].iter().find(|(_, code)| code.contains(']')).map_or(*first, |(n, _)| *n);
            let names = literals.by_ref().filter(|(line, _)| (*first..=last).contains(line));
            let folder = file.path.split("/src/").next().unwrap_or(&file.path);
            declared.entry(folder.to_owned()).or_default().extend(names.map(|(_, name)| name.clone()));
            break;
        }
    }
    declared.retain(|_, names| !names.is_empty());
    declared
}

pub fn facts(tree: &Tree) -> Vec<Breach> {
    let tables = tables(tree);
    let mut breaches = Vec::new();
    for (folder, names) in declared_facts(tree) {
        let own: BTreeSet<&str> =
            tables.iter().filter(|t| t.file.starts_with(&folder)).map(|t| t.name.as_str()).collect();
        for name in names.iter().filter(|name| !own.contains(name.as_str())) {
            breaches.push(Breach::new(
                &folder,
                format!("fact table {name:?} is declared but no migration of this crate creates it"),
                "declare only your own tables in Component.facts",
            ));
        }
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::super::sample::file;
    use super::super::tree::File;
    use super::*;

    const PATH: &str = "crates/stages/models/migrations/0001_models.sql";

    #[test]
    fn a_table_in_order_passes() {
        let sql = "-- one, (two)\nCREATE TABLE model (\n  id @id@,\n  workspace_id BIGINT NOT NULL,\n  name TEXT NOT NULL, -- a, b\n  score DOUBLE PRECISION,\n  CHECK (score > 0),\n  UNIQUE (workspace_id, name)\n);";
        let tree = file(PATH, sql);
        assert_eq!(tables(&tree)[0].items.len(), 6);
        assert_eq!(workspaces(&tree), vec![]);
        assert_eq!(types(&tree), vec![]);
    }

    #[test]
    fn a_table_without_workspace_fails() {
        assert_eq!(workspaces(&file(PATH, "CREATE TABLE model (id @id@, name TEXT);")).len(), 1);
        assert_eq!(workspaces(&file(PATH, "CREATE TABLE workspace (id BIGINT);")), vec![]);
    }

    #[test]
    fn a_key_that_does_not_begin_with_the_workspace_fails() {
        for key in ["PRIMARY KEY (name)", "UNIQUE (name, workspace_id)", "uid TEXT UNIQUE"] {
            let sql = format!("CREATE TABLE model (workspace_id BIGINT NOT NULL, name TEXT, {key});");
            assert_eq!(workspaces(&file(PATH, &sql)).len(), 1, "{key}");
        }
    }

    #[test]
    fn a_type_of_one_database_only_fails() {
        for name in ["INTEGER", "JSONB", "TIMESTAMPTZ", "REAL", "TEXTUAL"] {
            let sql = format!("CREATE TABLE model (workspace_id BIGINT NOT NULL, x {name} NOT NULL);");
            assert_eq!(types(&file(PATH, &sql)).len(), 1, "{name}");
        }
    }

    #[test]
    fn a_declared_fact_table_that_does_not_exist_fails() {
        let mut tree = file(PATH, "CREATE TABLE beat (workspace_id BIGINT NOT NULL);");
        let lib = |names: &str| File {
            path: "crates/stages/models/src/lib.rs".into(),
            text: format!(
                "const COMPONENT: Component = Component {{\n name: \"models\",\n facts: &[{names}],\n}};"
            ),
        };
        tree.files.push(lib("\"beat\""));
        assert_eq!(facts(&tree), vec![]);
        tree.files[1] = lib("\"beat\",\n \"missing\"");
        assert_eq!(facts(&tree).len(), 1);
    }
}
