//! `mlwright validate`: exit codes, what stands on standard output, and every kind of suite.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test may fail by panicking"
)]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

const DATA: &str = "id,age,city,when\n1,34,Paris,2024-01-05\n2,,Rome,2024-01-06\n3,270,Oslo,not a day\n3,18,Paris,2024-02-01\n";

fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_mlwright")).current_dir(folder).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

fn folder(suite: &str, content: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("data.csv"), DATA).unwrap();
    std::fs::write(folder.path().join(suite), content).unwrap();
    folder
}

fn failed(output: &str) -> Vec<String> {
    let value: Value = serde_json::from_str(output).unwrap();
    let all = value["expectations"].as_array().unwrap().iter().filter(|e| e["success"] == false);
    all.map(|e| format!("{} {}", e["type"].as_str().unwrap(), e["column"].as_str().unwrap_or("-"))).collect()
}

#[test]
fn a_suite_of_great_expectations_decides_the_exit_code() {
    let suite = json!({"name": "s", "expectations": [
        {"type": "expect_column_values_to_be_between", "kwargs": {"column": "age", "min_value": 0, "max_value": 120}},
        {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "id"}},
        {"type": "expect_column_mean_to_be_between", "kwargs": {"column": "city", "min_value": 0}},
        {"expectation_type": "expect_column_to_exist", "kwargs": {"column": "when"}},
    ]});
    let folder = folder("suite.json", &suite.to_string());
    let (code, out, _) = run(folder.path(), &["validate", "data.csv", "--suite", "suite.json"]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("✗ age: values to be between") && out.contains("1 of 3 are not: 270"), "{out}");
    assert!(out.contains("! city: mean to be between"), "{out}");
    let gx = [
        "validate",
        "data.csv",
        "--suite",
        "suite.json",
        "--format",
        "gx",
        "--result-format",
        "COMPLETE",
        "--index-column",
        "id",
    ];
    let (code, out, _) = run(folder.path(), &gx);
    let result: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &result["success"]), (1, &json!(false)));
    assert_eq!(result["results"][1]["result"]["unexpected_index_list"], json!([{"id": 3}, {"id": 3}]));
    assert_eq!(result["results"][2]["exception_info"]["raised_exception"], true);
    assert_eq!(result["statistics"]["successful_expectations"], 1);
    let (code, out, _) = run(
        folder.path(),
        &["validate", "data.csv", "--suite", "suite.json", "--json", "--quarantine", "bad.parquet"],
    );
    assert_eq!((code, failed(&out).len()), (1, 3));
    let table = columns::read_file(folder.path().join("bad.parquet"), None).unwrap();
    assert_eq!(
        table.texts("_place").unwrap().into_iter().flatten().collect::<Vec<_>>(),
        ["line 4", "line 5"]
    );
}

#[test]
fn a_column_that_should_name_rows_must_exist() {
    let suite = json!({"name": "s", "expectations": [{"type": "expect_column_to_exist", "kwargs": {"column": "id"}}]});
    let folder = folder("suite.json", &suite.to_string());
    for (name, hint) in [("ids", "did you mean `id`?"), ("somewhere_else", "id")] {
        let arguments =
            ["validate", "data.csv", "--suite", "suite.json", "--format", "gx", "--index-column", name];
        let (code, out, err) = run(folder.path(), &arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(err.contains(&format!("`{name}`")) && err.contains(hint), "{err}");
    }
}

#[test]
fn what_cannot_be_read_is_an_error_and_not_a_failed_expectation() {
    let folder = folder("suite.json", "{oops");
    for arguments in [
        &["validate", "data.csv", "--suite", "suite.json", "--json"][..],
        &["validate", "none.csv", "--suite", "suite.json"],
        &["validate", "data.csv", "--suite", "none.json"],
    ] {
        let (code, out, err) = run(folder.path(), arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(err.contains("error"), "{err}");
    }
}

#[test]
fn suites_of_other_programs_are_read() {
    let dbt = "version: 2\nmodels:\n  - name: people\n    columns:\n      - name: id\n        data_tests: [unique, not_null]\n      - name: city\n        tests:\n          - accepted_values:\n              values: [Paris, Rome]\n              config: {where: \"id < 3\"}\n          - relationships: {to: ref('cities'), field: name}\n";
    let pandera = "schema_type: dataframe\nversion: 0.20.4\ncolumns:\n  age:\n    dtype: float64\n    nullable: true\n    checks:\n      in_range: {min_value: 0, max_value: 120}\n  city:\n    dtype: object\n    nullable: false\n    checks:\n      isin: [Paris, Rome, Oslo]\nchecks: null\n";
    let schema = json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "required": ["id", "zip"],
        "properties": {"id": {"type": "integer", "minimum": 2}, "city": {"type": "string", "maxLength": 4}}});
    let sagemaker = json!({"version": 0.0, "features": [
        {"name": "age", "inferred_type": "Fractional", "completeness": 1.0, "num_constraints": {"is_non_negative": true}},
        {"name": "city", "inferred_type": "String", "completeness": 1.0, "string_constraints": {"domains": ["Paris", "Rome"]}},
    ]});
    let cases: [(&str, String, &[&str]); 4] = [
        ("schema.yml", dbt.to_owned(), &["expect_column_values_to_be_unique id"]),
        ("pandera.yaml", pandera.to_owned(), &["expect_column_values_to_be_between age"]),
        (
            "schema.json",
            schema.to_string(),
            &[
                "expect_column_to_exist zip",
                "expect_column_values_to_be_between id",
                "expect_column_value_lengths_to_be_between city",
            ],
        ),
        (
            "constraints.json",
            sagemaker.to_string(),
            &[
                "expect_column_values_to_not_be_null age",
                "expect_column_values_to_be_in_set city",
                "expect_table_columns_to_match_set -",
            ],
        ),
    ];
    for (name, content, wanted) in cases {
        let folder = folder(name, &content);
        let (code, out, err) = run(folder.path(), &["validate", "data.csv", "--suite", name, "--json"]);
        assert_eq!(code, 1, "{name}: {err}");
        let mut found = failed(&out);
        let mut wanted: Vec<String> = wanted.iter().map(|w| (*w).to_owned()).collect();
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted, "{name}: {out}");
    }
}

#[test]
fn a_draft_of_the_data_holds_for_the_data() {
    let folder = folder("none", "");
    let (code, out, _) = run(folder.path(), &["validate", "data.csv", "--infer"]);
    assert_eq!(code, 0);
    std::fs::write(folder.path().join("draft.json"), &out).unwrap();
    let (code, out, err) = run(folder.path(), &["validate", "data.csv", "--suite", "draft.json"]);
    assert_eq!(code, 0, "{out}{err}");
}

/// As `pandas.read_csv` has it: a date is a text, `007` a number, and NA nothing.
#[test]
fn csv_is_validated_as_pandas_reads_it() {
    let suite = json!({"expectation_suite_name": "s", "expectations": [
        {"expectation_type": "expect_column_values_to_match_strftime_format", "kwargs": {"column": "day", "strftime_format": "%Y-%m-%d"}},
        {"expectation_type": "expect_column_values_to_be_dateutil_parseable", "kwargs": {"column": "day"}},
        {"expectation_type": "expect_column_type_to_be", "kwargs": {"column": "code", "type_": "int64"}},
        {"expectation_type": "expect_column_type_to_be", "kwargs": {"column": "x", "type_": "float64"}},
        {"expectation_type": "expect_column_values_to_not_be_null", "kwargs": {"column": "x", "mostly": 0.5}},
    ]});
    let folder = folder("suite.json", &suite.to_string());
    std::fs::write(folder.path().join("data.csv"), "day,code,x\n2024-01-05,007,NA\n\n2024-02-01,012,3\n")
        .unwrap();
    let arguments = ["validate", "data.csv", "--suite", "suite.json", "--format", "gx"];
    let (code, out, err) = run(folder.path(), &arguments);
    assert_eq!(code, 0, "{out}{err}");
    let result: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(result["results"][4]["result"]["unexpected_percent"], 50.0);
}

#[test]
fn a_pattern_made_to_explode_ends() {
    let suite = json!({"name": "s", "expectations": [
        {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "t", "regex": r"^(?=a)(a+)+\1$"}},
        {"type": "expect_column_to_exist", "kwargs": {"column": "t"}},
    ]});
    let folder = folder("suite.json", &suite.to_string());
    std::fs::write(folder.path().join("data.csv"), format!("t\n{}!\n", "a".repeat(60))).unwrap();
    let started = std::time::Instant::now();
    let (code, out, _) = run(folder.path(), &["validate", "data.csv", "--suite", "suite.json", "--json"]);
    assert_eq!((code, failed(&out).len()), (1, 1), "{out}");
    assert!(started.elapsed().as_secs() < 30);
}
