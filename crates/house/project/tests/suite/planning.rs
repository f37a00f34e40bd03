//! What `plan` says.

use mlwright_project as project;
use project::{Action, Code, Plan, Project, Request, SourceFile, diff, paths, render_plan, resources};
use types::Digest;

const TEXT: &str = include_str!("cases/complete.yaml");

fn read(text: &str) -> Project {
    project::parse("mlwright.yaml", text).unwrap()
}

fn request(text: &str, code: &str) -> Request {
    let files = paths(&read(text))
        .into_iter()
        .map(|p| SourceFile { path: p.to_owned(), digest: Digest::of(p), bytes: 10 })
        .collect();
    let code = Code { digest: Digest::of(code), git_commit: None, git_diff_digest: None };
    Request { text: text.to_owned(), dir: "/somewhere".into(), files, code }
}

fn plan(before: Option<(&str, &str)>, after: (&str, &str)) -> Plan {
    let all = |(text, code): (&str, &str)| resources(&read(text), &request(text, code));
    let standing = before.map(all).unwrap_or_default();
    let changes = diff(&all(after), &standing);
    Plan { project: "visits".into(), changes, missing: Vec::new(), first_training: Vec::new() }
}

#[test]
fn a_first_plan_creates_everything_in_the_order_of_applying() {
    insta::assert_snapshot!("plan_first", render_plan(&plan(None, (TEXT, "code"))));
}

#[test]
fn the_same_file_changes_nothing() {
    let same = plan(Some((TEXT, "code")), (TEXT, "code"));
    assert!(same.is_empty());
    insta::assert_snapshot!("plan_same", render_plan(&same));
}

#[test]
fn changed_fields_are_shown_with_both_values() {
    let edited = TEXT
        .replace("timeout: 10m", "timeout: 20m")
        .replace("seed: 7", "seed: 8")
        .replace("slices: [sex]", "slices: [sex, age]")
        .replace("    cooldown: 5m\n", "");
    insta::assert_snapshot!("plan_edited", render_plan(&plan(Some((TEXT, "code")), (&edited, "new code"))));
}

#[test]
fn what_left_the_file_is_removed_users_before_what_they_use() {
    let cut = TEXT.split("monitors:").next().unwrap();
    let smaller = plan(Some((TEXT, "code")), (cut, "code"));
    let gone: Vec<_> =
        smaller.changes.iter().filter(|c| c.action == Action::Remove).map(|c| &*c.kind).collect();
    assert_eq!(gone, ["retrain", "monitor"]);
}
