//! Only pipelines, runtimes and the command line start processes; only outbound opens a connection.

use super::Breach;
use super::tree::Tree;
use crate::lex::lex;

/// Text in code, the folders in which it may stand, and what to do instead.
const RULES: &[(&[&str], &[&str], &str)] = &[
    (
        &["process::Command", "Command::new"],
        &[
            "crates/stages/pipelines/",
            "crates/ground/runtimes/",
            "crates/ground/workers/",
            "crates/house/cli/",
            "crates/ground/blobs/build.rs",
            "xtask/",
        ],
        "foreign code starts in pipelines and workers only: hand it to them",
    ),
    (
        &["TcpStream::connect"],
        &["crates/ground/outbound/", "xtask/"],
        "only outbound opens a connection to somewhere else: use outbound::Client",
    ),
    (
        &["UnixStream::connect"],
        // To the warm processes that it started itself.
        &["crates/ground/outbound/", "crates/stages/pipelines/", "xtask/"],
        "only outbound opens a connection to somewhere else: use outbound::Client",
    ),
    (&["process::exit"], &["xtask/"], "return an error: only main decides the exit code"),
];

pub fn check(tree: &Tree) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for file in tree.rust_files().filter(|file| !is_test(&file.path)) {
        let lexed = lex(&file.text);
        for (line, code) in lexed.lines_outside_tests() {
            for (words, allowed, hint) in RULES {
                let found = words.iter().find(|word| code.contains(**word));
                if let Some(word) = found
                    && !allowed.iter().any(|folder| file.path.starts_with(folder))
                    // clap has a Command of its own.
                    && !code.contains("clap::Command")
                {
                    breaches.push(Breach::new(format!("{}:{line}", file.path), format!("{word} here"), hint));
                }
            }
        }
    }
    breaches
}

/// Files that only tests compile: `tests/…`, `src/tests.rs`, `src/tests/…`, `benches/…`.
pub fn is_test(path: &str) -> bool {
    path.contains("/tests/")
        || path.ends_with("/tests.rs")
        || path.contains("/benches/")
        || path.starts_with("benches/")
        || path.ends_with("testing.rs")
}

#[cfg(test)]
mod tests {
    use super::super::sample::file;
    use super::*;

    #[test]
    fn a_process_started_outside_pipelines_fails() {
        let text = "use std::process::Command;\nfn f() { Command::new(\"ls\"); }\n";
        assert_eq!(check(&file("crates/stages/models/src/load.rs", text)).len(), 2);
        assert_eq!(check(&file("crates/stages/pipelines/src/local.rs", text)), vec![]);
        assert_eq!(check(&file("crates/stages/models/tests/main.rs", text)), vec![]);
    }

    #[test]
    fn a_connection_opened_outside_outbound_fails() {
        let text = "async fn f() { tokio::net::TcpStream::connect(\"x:1\").await; }";
        assert_eq!(check(&file("crates/doors/mlflow/src/runs.rs", text)).len(), 1);
        assert_eq!(check(&file("crates/ground/outbound/src/client.rs", text)), vec![]);
    }

    #[test]
    fn a_comment_or_a_unit_test_is_no_breach() {
        let text = "// Command::new\n#[cfg(test)]\nmod tests { fn f() { Command::new(\"ls\"); } }\n";
        assert_eq!(check(&file("crates/stages/models/src/load.rs", text)), vec![]);
    }
}
