//! What people read when a project file is wrong. Each file of `cases/` is one project file.

use std::path::Path;

use mlwright_project as project;

/// Adding a file to `cases/` adds a test; `INSTA_UPDATE=always` writes its snapshot, for a person to read.
#[test]
fn every_case_has_the_messages_that_its_snapshot_shows() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/cases");
    let mut cases: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|e| e.unwrap().path()).collect();
    cases.retain(|p| p.extension().is_some_and(|e| e == "yaml"));
    cases.sort();
    assert!(cases.len() >= 10, "the cases are missing");
    for case in cases {
        let name = case.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = types::io::read_to_string(&case).unwrap();
        let message = match project::parse("mlwright.yaml", &text) {
            Ok(_) => "ok\n".to_owned(),
            Err(found) => found.to_string(),
        };
        insta::assert_snapshot!(name, message);
    }
}

#[test]
fn the_complete_file_reads_into_typed_sections() {
    let text = include_str!("cases/complete.yaml");
    let read = project::parse("mlwright.yaml", text).unwrap();
    insta::assert_json_snapshot!("complete_resolved", read);
}

#[test]
fn the_resolved_form_survives_json() {
    let read = project::parse("mlwright.yaml", include_str!("cases/complete.yaml")).unwrap();
    let json = serde_json::to_string(&read).unwrap();
    assert_eq!(serde_json::from_str::<project::Project>(&json).unwrap(), read);
}
