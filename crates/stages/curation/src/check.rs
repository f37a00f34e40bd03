use std::collections::BTreeMap;

use bytes::Bytes;
use columns::Table;
use datasets::{ROW_ID, Rows};
use serde_json::{Value, json};
use types::DataType;

use crate::evaluate::Evaluator;
use crate::rule::{Judged, Rule, rules};
use crate::verify::{Verification, findings_as_checks, verify};
use crate::{Check, Error, Expectations, FailingRow, Frame, Quarantined, Reading, Report, UnknownColumns};

/// Checks every expectation; each column is read once. `rows` says where the rows stand in their files; without it
/// the report counts them from 1.
///
/// Errors: `BadExpectation`. Data that breaks an expectation is no error: it is in the report.
pub fn check(table: &Table, rows: Option<&Rows>, expectations: &Expectations) -> Result<Report, Error> {
    checked(table, rows, expectations).map(|(report, _)| report)
}

/// [`check`], and the rows that break a rule that failed.
pub(crate) fn checked(
    table: &Table,
    rows: Option<&Rows>,
    expectations: &Expectations,
) -> Result<(Report, Vec<Quarantined>), Error> {
    let mut bad: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    expectations.validate()?;
    let frame = Frame::of_table(table, Reading::Exact)?;
    let evaluator = Evaluator::new(&frame);
    let mut checks = Vec::new();
    if let Some(bound) = expectations.rows {
        let n = table.rows() as u64;
        let (min, max) = (bound.min.unwrap_or(0), bound.max.unwrap_or(u64::MAX));
        let name = match (bound.min, bound.max) {
            (Some(min), Some(max)) => format!("there are {min} to {max} rows"),
            (Some(min), None) => format!("there are at least {min} rows"),
            (None, Some(max)) => format!("there are at most {max} rows"),
            (None, None) => "there are rows".to_owned(),
        };
        let passed = (min..=max).contains(&n);
        checks.push(simple(name, "rows", None, passed, json!(bound), json!(n), format!("there are {n}")));
    }
    if expectations.unknown_columns == UnknownColumns::Reject {
        checks.push(unknown_columns(table, expectations));
    }
    for (column, wanted) in &expectations.columns {
        let Some(field) = table.schema().field(column) else {
            let there = wanted.optional;
            let text = if there { "it is absent, which is allowed" } else { "it is missing" };
            let text = text.to_owned() + &near(column, table);
            let name = format!("{column} exists");
            checks.push(simple(name, "exists", Some(column), there, json!(!there), json!(false), text));
            continue;
        };
        if let Some(wanted) = wanted.data_type {
            let found = field.data_type;
            let passed = found == wanted || (wanted, found) == (DataType::Float, DataType::Integer);
            let (name, text) = (format!("{column} is {}", wanted.name()), format!("it is {}", found.name()));
            let (expected, observed) = (json!(wanted), json!(found));
            checks.push(simple(name, "type", Some(column), passed, expected, observed, text));
        }
        let Some(place) = frame.place(column) else { continue };
        for rule in rules(column, wanted)? {
            let found = rule.judge(&evaluator, place);
            if !found.passed {
                for row in &found.rows {
                    bad.entry(*row).or_default().push(format!("{column} {}", rule.phrase));
                }
            }
            checks.push(judged(column, rule, found, rows));
        }
    }
    frame.sound()?;
    let report = Report {
        format: 1,
        passed: checks.iter().all(|c| c.passed),
        rows: table.rows() as u64,
        columns: table.schema().names().filter(|n| *n != ROW_ID).count() as u64,
        checks,
        quarantine: None,
    };
    Ok((report, bad.into_iter().map(|(row, reasons)| Quarantined { row, reasons }).collect()))
}

/// Checks a file in memory; `file` tells its format. Errors: `BadExpectation`; `Columns` with file and line if it cannot
/// be read, or has a value of another type than the declared one.
pub fn check_file(file: &str, bytes: Bytes, expectations: &Expectations) -> Result<Report, Error> {
    expectations.validate()?;
    let table = columns::read_typed(file, bytes.clone(), &expectations.types())?;
    let rows = Rows::of_file(file, bytes, table.rows());
    let mut report = check(&table, Some(&rows), expectations)?;
    verified(&table, Some(&rows), expectations, &mut report)?;
    Ok(report)
}

/// Adds what verification finds to the report, where the expectations ask for it. Errors: `BadVerification`.
pub(crate) fn verified(
    table: &Table,
    rows: Option<&Rows>,
    expectations: &Expectations,
    report: &mut Report,
) -> Result<Option<Verification>, Error> {
    let Some(plan) = &expectations.verification else { return Ok(None) };
    let verification = verify(table, None, plan)?;
    let place = |row: usize, value: Value| failing_row(row, value, rows);
    report.checks.extend(findings_as_checks(&verification, place));
    report.passed = report.checks.iter().all(|check| check.passed);
    Ok(Some(verification))
}

fn simple(
    name: String,
    rule: &str,
    column: Option<&String>,
    passed: bool,
    expected: Value,
    observed: Value,
    text: String,
) -> Check {
    let (rule, column) = (rule.to_owned(), column.cloned());
    Check { name, rule, column, passed, expected, observed, text, failed_rows: 0, failing: Vec::new() }
}

fn unknown_columns(table: &Table, expectations: &Expectations) -> Check {
    let unknown: Vec<&str> =
        table.schema().names().filter(|n| *n != ROW_ID && !expectations.columns.contains_key(*n)).collect();
    let text = if unknown.is_empty() {
        "there are none".to_owned()
    } else {
        let listed: Vec<String> = unknown.iter().take(12).map(|n| format!("`{n}`")).collect();
        let more = if unknown.len() > 12 { ", …" } else { "" };
        format!("there is {}{more}: declare it, drop it, or set unknown_columns: allow", listed.join(", "))
    };
    let (name, expected) = ("no column is unknown".to_owned(), json!("reject"));
    simple(name, "unknown_columns", None, unknown.is_empty(), expected, json!(unknown), text)
}

fn judged(column: &str, rule: Rule, found: Judged, rows: Option<&Rows>) -> Check {
    let Judged { passed, of, failed, first, .. } = found;
    let text = if failed == 0 {
        format!("true of all {of} values")
    } else if matches!(rule.name, "not_null" | "max_null_share") {
        format!("it is missing in {failed} of {of} rows")
    } else {
        format!("{failed} of {of} values break this")
    };
    let failing = first.into_iter().map(|(row, value)| failing_row(row, value, rows)).collect();
    Check {
        name: format!("{column} {}", rule.phrase),
        rule: rule.name.to_owned(),
        column: Some(column.to_owned()),
        passed,
        expected: rule.expected,
        observed: json!({ "failed": failed, "of": of }),
        text,
        failed_rows: failed,
        failing,
    }
}

fn failing_row(row: usize, value: Value, rows: Option<&Rows>) -> FailingRow {
    match rows.map(|r| r.locate(row)) {
        Some(at) => FailingRow { file: at.file, place: at.place.to_string(), row_id: at.row_id, value },
        None => FailingRow {
            file: "table".into(),
            place: format!("row {}", row + 1),
            row_id: (row + 1).to_string(),
            value,
        },
    }
}

/// A column of nearly that name, if there is one.
fn near(column: &str, table: &Table) -> String {
    let best = table.schema().names().map(|n| (strsim::levenshtein(column, n), n)).min();
    match best {
        Some((distance, name)) if distance <= column.chars().count().max(3) / 3 => {
            format!("; did you mean `{name}`, which is there?")
        }
        _ => String::new(),
    }
}
