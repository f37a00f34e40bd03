//! Rows that fail, with the reasons and where they stand in their file.

use std::collections::BTreeMap;

use bytes::Bytes;
use columns::{ByColumn, Table, column};
use datasets::Rows as Places;

use crate::Error;
use crate::evaluate::{Found, Validation};

/// The columns that a quarantine adds to those of the data.
pub const QUARANTINE_COLUMNS: [&str; 3] = ["_reasons", "_file", "_place"];

/// One row that fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// From 0.
    pub row: u32,
    /// The expectations that it breaks, in words.
    pub reasons: Vec<String>,
}

impl Validation {
    /// Rows that break an expectation that failed, in order.
    pub fn quarantine(&self) -> Vec<Quarantined> {
        let mut rows: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        for (expectation, finding) in self.failed() {
            let Found::Rows(found) = &finding.found else { continue };
            let reason = expectation.phrase();
            for row in &found.unexpected {
                rows.entry(*row).or_default().push(reason.clone());
            }
        }
        rows.into_iter().map(|(row, reasons)| Quarantined { row, reasons }).collect()
    }
}

/// The table of rows that fail: all their columns, the reasons, and the line or row of the file that they came from.
/// `bytes` is the file, where places should be lines of it; it is gone through once.
/// Errors: `Columns` where rows cannot be shown as a table.
pub fn quarantine_table(
    file: &str,
    bytes: Option<Bytes>,
    data: &ByColumn,
    rows: &[Quarantined],
) -> Result<Table, Error> {
    let picked: Vec<u32> = rows.iter().map(|r| r.row).collect();
    let table = columns::plain(file, &[data.take(&picked)?])?;
    let places = bytes.map(|bytes| Places::of_file(file, bytes, data.rows()));
    with_reasons(&table, file, places.as_ref(), rows)
}

/// [`quarantine_table`] of a table whose places are known.
pub(crate) fn told(
    all: &Table,
    file: &str,
    places: Option<&Places>,
    rows: &[Quarantined],
) -> Result<Table, Error> {
    let table = all.take(&rows.iter().map(|r| r.row as usize).collect::<Vec<_>>())?;
    with_reasons(&table, file, places, rows)
}

fn with_reasons(
    table: &Table,
    file: &str,
    places: Option<&Places>,
    rows: &[Quarantined],
) -> Result<Table, Error> {
    let (files, at): (Vec<String>, Vec<String>) = match places {
        Some(places) => {
            let picked: Vec<usize> = rows.iter().map(|r| r.row as usize).collect();
            places.places(&picked).into_iter().map(|(file, place)| (file, place.to_string())).unzip()
        }
        None => rows.iter().map(|r| (file.to_owned(), format!("row {}", r.row + 1))).unzip(),
    };
    let [reasons, name, line] = QUARANTINE_COLUMNS;
    Ok(table
        .with_column(reasons, column::strings(rows.iter().map(|r| Some(r.reasons.join("; ")))))?
        .with_column(name, column::strings(files.iter().map(Some)))?
        .with_column(line, column::strings(at.iter().map(Some)))?)
}
