use serde::{Deserialize, Serialize};
use serde_json::Value;
use types::Digest;

/// What was found, expectation by expectation. Its shape is a stored format.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub format: u32,
    pub passed: bool,
    pub rows: u64,
    pub columns: u64,
    pub checks: Vec<Check>,
    /// Object: the rows that break a rule, as Parquet, with reasons and places ([`crate::QUARANTINE_COLUMNS`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<Digest>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// For people: `age is between 0 and 120`.
    pub name: String,
    /// The word of the expectations: `rows`, `unknown_columns`, `exists`, `type`, `between`, …
    pub rule: String,
    pub column: Option<String>,
    pub passed: bool,
    pub expected: Value,
    pub observed: Value,
    /// For people: `2 of 1000 values are not`.
    pub text: String,
    /// Values that break the rule, where it is about values.
    pub failed_rows: u64,
    /// The first of them.
    pub failing: Vec<FailingRow>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailingRow {
    pub file: String,
    /// `line 17` of a text file, `row 16` of a Parquet file.
    pub place: String,
    pub row_id: String,
    pub value: Value,
}

impl Report {
    pub fn failed(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|c| !c.passed)
    }

    /// One line: how many failed, and the first of them with the first row.
    pub fn summary(&self) -> String {
        let all = self.checks.len();
        let Some(first) = self.failed().next() else {
            return format!("all {all} expectations hold for {} rows", self.rows);
        };
        let mut text =
            format!("{} of {all} expectations failed; {}: {}", self.failed().count(), first.name, first.text);
        if let Some(row) = first.failing.first() {
            text.push_str(&format!(" (first: {} in `{}`, {})", row.value, row.file, row.place));
        }
        text
    }
}
