//! SQL text stands only in `store.rs`, `store/*.rs` and `migrations/*.sql`. The ledger itself is the one exception.

use super::Breach;
use super::tree::Tree;
use crate::lex::lex;

pub fn check(tree: &Tree) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for file in tree.rust_files().filter(|file| !may_hold_sql(&file.path)) {
        for (line, text) in lex(&file.text).strings_outside_tests() {
            if is_sql(text) {
                let shown: String =
                    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(60).collect();
                breaches.push(Breach::new(
                    format!("{}:{line}", file.path),
                    format!("SQL outside the store: {shown:?}"),
                    "move the statement into this crate's store.rs (or store/), as a function named by what it answers",
                ));
            }
        }
    }
    for file in tree.files.iter().filter(|file| file.path.ends_with(".sql")) {
        if file.path.starts_with("crates/") && !file.path.contains("/migrations/") {
            let hint = "SQL files live in the crate's migrations/";
            breaches.push(Breach::new(&file.path, "SQL file outside migrations/", hint));
        }
    }
    breaches
}

fn may_hold_sql(path: &str) -> bool {
    !path.starts_with("crates/")
        || path.starts_with("crates/ground/ledger/")
        || path.ends_with("/store.rs")
        // Integration tests look at what is stored; benchmarks have a side that is written by hand.
        || path.contains("/tests/")
        || path.contains("/benches/")
        || path.contains("/src/store/")
}

/// Whether the literal reads as a statement, or as a part of one that names a table.
fn is_sql(text: &str) -> bool {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let upper = text.to_uppercase();
    // At the start of a literal a statement counts in any case; inside of one only in capitals, as prose has none.
    statement(&upper, true) || statement(&text, false)
}

fn statement(text: &str, at_start: bool) -> bool {
    let has = |first: &str, then: &str| {
        let from = if at_start { text.starts_with(first).then_some(0) } else { text.find(first) };
        from.is_some_and(|from| text[from + first.len()..].contains(then))
    };
    has("SELECT ", " FROM ")
        || has("INSERT INTO ", "(")
        || has("INSERT INTO ", " VALUES")
        || has("UPDATE ", " SET ")
        || has("DELETE FROM ", "")
        || has("CREATE TABLE ", "")
        || has("CREATE INDEX ", "")
        || has("CREATE UNIQUE INDEX ", "")
        || has("ALTER TABLE ", "")
        || has("DROP TABLE ", "")
        || has("PRAGMA ", "")
}

#[cfg(test)]
mod tests {
    use super::super::sample::file;
    use super::*;

    #[test]
    fn sql_outside_the_store_fails() {
        for statement in [
            "SELECT uid FROM run WHERE id = $1",
            "select uid\\n  from run",
            "INSERT INTO run (uid) VALUES ($1)",
            "UPDATE run SET name = $1",
            "DELETE FROM run",
            "CREATE TABLE run (id @id@)",
            "WITH x AS (SELECT 1 FROM run) SELECT * FROM x",
            "PRAGMA journal_mode",
        ] {
            let text = format!("fn f() {{ tx.execute(\"{statement}\", &[]); }}");
            let found = check(&file("crates/stages/tracking/src/log.rs", &text.replace("\\n", "\n")));
            assert_eq!(found.len(), 1, "{statement}: {found:?}");
            assert_eq!(check(&file("crates/stages/tracking/src/store.rs", &text)), vec![]);
            assert_eq!(check(&file("crates/stages/tracking/src/store/runs.rs", &text)), vec![]);
        }
    }

    #[test]
    fn raw_strings_count_and_prose_and_comments_do_not() {
        let raw = "const Q: &str = r#\"SELECT a FROM b\"#;";
        assert_eq!(check(&file("crates/doors/mlflow/src/runs.rs", raw)).len(), 1);
        let prose = "// SELECT a FROM b\nconst H: &str = \"please select a run from the list; update it, set a name\";";
        assert_eq!(check(&file("crates/doors/mlflow/src/runs.rs", prose)), vec![]);
    }

    #[test]
    fn a_sql_file_outside_migrations_fails() {
        assert_eq!(check(&file("crates/stages/models/queries/all.sql", "SELECT 1")).len(), 1);
        assert_eq!(
            check(&file("crates/stages/models/migrations/0001_models.sql", "CREATE TABLE m ()")),
            vec![]
        );
    }
}
