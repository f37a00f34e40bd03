//! The real program: what it prints, and how it ends.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod data;

use std::path::Path;
use std::process::{Command, Output};

fn mlwright(folder: &Path, arguments: &[&str]) -> Output {
    mlwright_with(folder, arguments, &[])
}

fn mlwright_with(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mlwright"));
    command.current_dir(folder).args(arguments);
    for name in ["MLWRIGHT_URL", "MLWRIGHT_TOKEN", "MLWRIGHT_READER", "MLFLOW_RUN_ID"] {
        command.env_remove(name);
    }
    command.env("NO_COLOR", "1").envs(variables.iter().copied()).output().unwrap()
}

fn said(output: &Output) -> String {
    let code = output.status.code().unwrap_or(-1);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("exit {code}\n-- stdout\n{out}-- stderr\n{err}")
}

#[test]
fn nobody_at_the_address_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let output = mlwright(folder.path(), &["list", "runs", "--server", "http://127.0.0.1:9"]);
    insta::assert_snapshot!(said(&output), @r"
    exit 1
    -- stdout
    -- stderr
    error: no server answers at http://127.0.0.1:9: Connection refused (os error 111)
    hint: start one with `mlwright serve`, or name another with --server URL (or MLWRIGHT_URL)
    ");
}

#[test]
fn a_folder_without_a_project_file_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let output = mlwright(folder.path(), &["plan"]);
    insta::assert_snapshot!(said(&output), @r"
    exit 1
    -- stdout
    -- stderr
    error: cannot read `mlwright.yaml`: No such file or directory (os error 2)
    hint: run this in the project's folder, or name the file with --file
    ");
}

#[test]
fn a_mistake_in_the_project_file_is_shown_with_its_place_before_any_server_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    types::io::write(
        folder.path().join("mlwright.yaml"),
        "version: 1\nproject: p\ndataset:\n  a: {files: [a.csv]}\n",
    )
    .unwrap();
    let output = mlwright(folder.path(), &["plan", "--server", "http://127.0.0.1:9"]);
    assert_eq!(output.status.code(), Some(1));
    let text = said(&output);
    assert!(text.contains("mlwright.yaml:3:1") && text.contains("datasets"), "{text}");
}

#[test]
fn the_first_token_is_made_without_a_server_and_shown_on_standard_output_alone() {
    let folder = tempfile::tempdir().unwrap();
    let output = mlwright(folder.path(), &["token", "create", "--user", "ann", "--role", "admin"]);
    assert!(output.status.success(), "{}", said(&output));
    let token = String::from_utf8(output.stdout).unwrap();
    assert!(token.starts_with("mlw_") && token.lines().count() == 1, "{token}");
}

#[test]
fn a_role_that_does_not_exist_is_refused_with_those_that_do() {
    let folder = tempfile::tempdir().unwrap();
    let output = mlwright(folder.path(), &["token", "create", "--user", "ann", "--role", "boss"]);
    assert_eq!(output.status.code(), Some(2));
    let text = said(&output);
    assert!(text.contains("choose viewer, client, member, editor, operator or admin"), "{text}");
}

#[test]
fn the_configuration_that_is_printed_can_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let output = mlwright(folder.path(), &["config"]);
    types::io::write(folder.path().join("mlwright.toml"), &output.stdout).unwrap();
    let output = mlwright(folder.path(), &["routes", "--config", "mlwright.toml"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("/api/2.0/mlflow/runs/create"));
}

#[test]
fn a_user_is_made_with_a_password_from_standard_input() {
    use std::io::Write as _;
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_mlwright"))
        .current_dir(folder.path())
        .args(["user", "create", "ann", "--role", "admin"])
        .env_remove("MLWRIGHT_URL")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"correct horse\n").unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
    let listed = mlwright(folder.path(), &["user", "list"]);
    let text = said(&listed);
    assert!(listed.status.success() && text.contains("ann") && text.contains("admin"), "{text}");
    let refused = mlwright(folder.path(), &["user", "create", "bob"]);
    assert!(said(&refused).contains("no password was given"), "{}", said(&refused));
}

#[test]
fn a_place_that_names_nothing_says_how_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let output = mlwright(folder.path(), &["data", "ls", "sales"]);
    insta::assert_snapshot!(said(&output), @r"
    exit 1
    -- stdout
    -- stderr
    error: `sales` names no place in a repository
    hint: write it as repository@branch:path, such as sales@main:orders/2026.csv
    ");
    let output = mlwright(folder.path(), &["data", "diff", "sales@main"]);
    insta::assert_snapshot!(said(&output), @r"
    exit 1
    -- stdout
    -- stderr
    error: `sales@main` names no two refs
    hint: write them as repository@left..right, or with three dots from their merge base
    ");
    let output = mlwright(folder.path(), &["data", "cat", "sales@main"]);
    assert!(said(&output).contains("`sales@main` names no object"), "{}", said(&output));
}
