//! Splits that leak nothing and never move a row: which part a row belongs to depends on the row alone, so that it
//! stays there as data grows.

use std::collections::BTreeMap;

use columns::Table;
use serde::{Deserialize, Serialize};
use types::{DataType, Digest, Timestamp};

use crate::Error;

/// How rows are told apart into parts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitPlan {
    /// Names and shares, which sum to one.
    pub parts: Vec<(String, f64)>,
    pub by: SplitBy,
    /// Another salt is another split.
    #[serde(default)]
    pub salt: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SplitBy {
    /// By the row's key, or by all its values where none is named: equal rows are never on both sides.
    Hash { key: Vec<String> },
    /// Rows of one group (a customer, a patient) are never on both sides.
    Group { column: String },
    /// Before the first time, between the first and second, and so on; there is one time less than parts. Their shares
    /// are of no matter.
    Time { column: String, cuts: Vec<Timestamp> },
    /// By key, inside each value of `label` on its own: every label has about the shares in every part.
    Stratified { label: String, key: Vec<String> },
}

/// Which part each row belongs to.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    pub names: Vec<String>,
    /// One a row: a place in `names`.
    pub parts: Vec<usize>,
}

impl SplitPlan {
    /// Errors: `BadSplit`; `Columns` for a column that is not there.
    pub fn split(&self, table: &Table) -> Result<Split, Error> {
        let bad = |reason: String| Error::BadSplit { reason };
        let names: Vec<String> = self.parts.iter().map(|(n, _)| n.clone()).collect();
        let sum: f64 = self.parts.iter().map(|(_, s)| s).sum();
        let timed = matches!(self.by, SplitBy::Time { .. });
        if self.parts.is_empty() || self.parts.iter().any(|(_, s)| !(0.0..=1.0).contains(s)) {
            return Err(bad("parts need names and shares between 0 and 1".into()));
        }
        if !timed && (sum - 1.0).abs() > 1e-9 {
            return Err(bad(format!("the shares sum to {sum}, not to 1")));
        }
        let parts = match &self.by {
            SplitBy::Hash { key } => self.hashed(&keys(table, key)?),
            SplitBy::Group { column } => self.hashed(&keys(table, std::slice::from_ref(column))?),
            SplitBy::Stratified { label, key } => {
                let labels = keys(table, std::slice::from_ref(label))?;
                let rows = keys(table, key)?;
                self.hashed(
                    &labels.iter().zip(&rows).map(|(l, r)| format!("{l}\u{1f}{r}")).collect::<Vec<_>>(),
                )
            }
            SplitBy::Time { column, cuts } => {
                if cuts.len() + 1 != self.parts.len() || !cuts.windows(2).all(|w| w[0] < w[1]) {
                    return Err(bad("there must be one time less than parts, in order".into()));
                }
                times(table, column)?.into_iter().map(|at| cuts.partition_point(|cut| *cut <= at)).collect()
            }
        };
        Ok(Split { names, parts })
    }

    fn hashed(&self, keys: &[String]) -> Vec<usize> {
        let mut edges = Vec::with_capacity(self.parts.len());
        let mut sum = 0.0;
        for (_, share) in &self.parts {
            sum += share;
            edges.push(sum);
        }
        let last = self.parts.len() - 1;
        let part = |key: &String| {
            let place = position(&self.salt, key);
            edges.iter().position(|edge| place < *edge).unwrap_or(last)
        };
        keys.iter().map(part).collect()
    }
}

impl Split {
    /// Rows of each part, by name.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts: BTreeMap<String, usize> = self.names.iter().map(|n| (n.clone(), 0)).collect();
        for part in &self.parts {
            if let Some(count) = self.names.get(*part).and_then(|n| counts.get_mut(n)) {
                *count += 1;
            }
        }
        counts
    }

    /// The rows of one part. Errors: `Columns`.
    pub fn part(&self, table: &Table, name: &str) -> Result<Table, Error> {
        let place = self.names.iter().position(|n| n == name);
        let keep: Vec<bool> = self.parts.iter().map(|p| Some(*p) == place).collect();
        Ok(table.filter(&keep)?)
    }
}

/// Where a key falls between 0 and 1: the first 53 bits of its SHA-256.
fn position(salt: &str, key: &str) -> f64 {
    let digest = Digest::of(format!("{salt}\u{1e}{key}")).to_string();
    let hex: String = digest.chars().filter(char::is_ascii_hexdigit).rev().take(14).collect();
    let bits = u64::from_str_radix(&hex, 16).unwrap_or(0) & ((1 << 53) - 1);
    bits as f64 / (1_u64 << 53) as f64
}

/// The values of those columns (all, if none is named) of each row, as one text.
fn keys(table: &Table, columns: &[String]) -> Result<Vec<String>, Error> {
    let names: Vec<String> = if columns.is_empty() {
        table.schema().names().filter(|n| *n != datasets::ROW_ID).map(str::to_owned).collect()
    } else {
        columns.to_vec()
    };
    let mut out = vec![String::new(); table.rows()];
    for name in &names {
        for (key, value) in out.iter_mut().zip(table.texts(name)?) {
            // A missing value is not the empty text.
            match value {
                Some(value) => key.push_str(&value),
                None => key.push('\u{0}'),
            }
            key.push('\u{1f}');
        }
    }
    Ok(out)
}

fn times(table: &Table, column: &str) -> Result<Vec<Timestamp>, Error> {
    let missing =
        |row: usize| Error::BadSplit { reason: format!("row {} has no time in `{column}`", row + 1) };
    let all: Vec<Option<Timestamp>> = match table.field(column)?.data_type {
        DataType::Date => {
            let days = table.texts(column)?.into_iter();
            days.map(|d| d.and_then(|d| crate::texts::dates::nanos(&d)).map(|n| Timestamp(n / 1000)))
                .collect()
        }
        _ => table.timestamps(column)?,
    };
    all.into_iter().enumerate().map(|(row, at)| at.ok_or_else(|| missing(row))).collect()
}

#[cfg(test)]
mod tests {
    use columns::column;

    use super::*;

    fn table(rows: i64) -> Table {
        let group = (0..rows).map(|i| Some(i / 7));
        let label = (0..rows).map(|i| Some(if i % 10 == 0 { "rare" } else { "common" }));
        Table::new(vec![
            ("id".into(), column::integers((0..rows).map(Some))),
            ("group".into(), column::integers(group)),
            ("label".into(), column::strings(label)),
            ("at".into(), column::timestamps((0..rows).map(|i| Some(Timestamp(i * 1_000_000))))),
        ])
        .unwrap()
    }

    fn plan(by: SplitBy) -> SplitPlan {
        SplitPlan { parts: vec![("train".into(), 0.8), ("test".into(), 0.2)], by, salt: "s".into() }
    }

    #[test]
    fn no_row_moves_as_data_grows() {
        for by in [
            SplitBy::Hash { key: vec!["id".into()] },
            SplitBy::Hash { key: Vec::new() },
            SplitBy::Group { column: "group".into() },
            SplitBy::Stratified { label: "label".into(), key: vec!["id".into()] },
            SplitBy::Time { column: "at".into(), cuts: vec![Timestamp(1_500_000_000)] },
        ] {
            let plan = plan(by);
            let (small, large) = (plan.split(&table(2_000)).unwrap(), plan.split(&table(5_000)).unwrap());
            assert_eq!(small.parts[..], large.parts[..2_000], "{:?}", plan.by);
        }
    }

    #[test]
    fn groups_stay_together_and_shares_hold_in_every_stratum() {
        let data = table(20_000);
        let groups = plan(SplitBy::Group { column: "group".into() }).split(&data).unwrap();
        assert!(groups.parts.chunks(7).all(|g| g.iter().all(|p| *p == g[0])));
        let split =
            plan(SplitBy::Stratified { label: "label".into(), key: vec!["id".into()] }).split(&data).unwrap();
        let rare = split.parts.iter().step_by(10).filter(|p| **p == 1).count() as f64 / 2_000.0;
        assert!((rare - 0.2).abs() < 0.04, "{rare}");
        assert_eq!(split.counts().values().sum::<usize>(), 20_000);
        assert!(plan(SplitBy::Time { column: "at".into(), cuts: Vec::new() }).split(&data).is_err());
    }
}
