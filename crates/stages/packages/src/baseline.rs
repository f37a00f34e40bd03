//! What a model's training data look like, small enough to travel with it, and how far a window of inputs has moved away.

use std::collections::BTreeMap;

use blobs::Blobs;
use columns::{Bins, Table, drift};
use curation::rows::RowProfile;
use ledger::Ledger;
use serde::{Deserialize, Serialize};
use types::{Actor, DataType, Uid};

use crate::Error;

/// Quantile bins of a numeric column.
const BINS: usize = 10;
/// A column of texts with more different ones than this says nothing by its shares.
const MOST_TEXTS: usize = 200;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    pub rows: u64,
    pub columns: BTreeMap<String, BaselineColumn>,
    /// What single rows are held against as they are predicted; packages made earlier have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row_profile: Option<RowProfile>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BaselineColumn {
    pub bins: Bins,
    /// By bin.
    pub counts: Vec<u64>,
    /// Rows without a (finite) value.
    pub missing: u64,
}

/// One column of a window, against the baseline's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Moved {
    pub column: String,
    /// Population stability index; above 0.2 is commonly read as drift. `None` if one of them has no values.
    pub psi: Option<f64>,
    /// Jensen–Shannon distance, from 0 to √ln 2.
    pub jensen_shannon: Option<f64>,
    /// Shares of missing values.
    pub missing: f64,
    pub baseline_missing: f64,
    /// Counts of the window by the baseline's bins.
    pub counts: Vec<u64>,
}

impl Baseline {
    /// Bins every column; texts that are nearly all different are left out.
    pub fn of(table: &Table) -> Result<Self, Error> {
        let mut columns = BTreeMap::new();
        for name in table.schema().names() {
            let bins = match sample(table, name)? {
                Sample::Numbers(values) => Bins::of_numbers(&values, BINS),
                Sample::Texts(values) => {
                    let bins = Bins::of_texts(values.iter().map(String::as_str));
                    if bins.len() > MOST_TEXTS {
                        continue;
                    }
                    bins
                }
            };
            let (counts, missing) = count(table, name, &bins)?;
            columns.insert(name.to_owned(), BaselineColumn { bins, counts, missing });
        }
        Ok(Self { rows: table.rows() as u64, columns, row_profile: None })
    }

    /// With what single rows are held against, of the columns that the model takes; without it where these have no names.
    pub fn with_rows(self, table: &Table, inputs: &[String]) -> Result<Self, Error> {
        if inputs.is_empty() {
            return Ok(self);
        }
        Ok(Self { row_profile: Some(RowProfile::of(table, inputs)?), ..self })
    }

    /// Every column that both have, by name.
    pub fn compare(&self, window: &Table) -> Result<Vec<Moved>, Error> {
        let mut moved = Vec::new();
        let share = |missing: u64, rows: u64| if rows == 0 { 0.0 } else { missing as f64 / rows as f64 };
        for (name, column) in &self.columns {
            if window.field(name).is_err() {
                continue;
            }
            let (counts, missing) = count(window, name, &column.bins)?;
            moved.push(Moved {
                column: name.clone(),
                psi: drift::psi(&column.counts, &counts).ok(),
                jensen_shannon: drift::jensen_shannon(&column.counts, &counts).ok(),
                missing: share(missing, window.rows() as u64),
                baseline_missing: share(column.missing, self.rows),
                counts,
            });
        }
        Ok(moved)
    }
}

/// The names of the columns that a version takes, by its signature; none where it has none.
/// Errors: `NoFiles`, as the models say it.
pub async fn input_names(
    ledger: &Ledger,
    blobs: &Blobs,
    actor: &Actor,
    version: Uid,
) -> Result<Vec<String>, Error> {
    let spec = models::load_spec(ledger, blobs, actor, version).await?;
    let inputs = spec.mlmodel["signature"]["inputs"].as_str().unwrap_or("[]");
    let inputs: Vec<serde_json::Value> = serde_json::from_str(inputs).unwrap_or_default();
    Ok(inputs.iter().filter_map(|column| Some(column["name"].as_str()?.to_owned())).collect())
}

enum Sample {
    Numbers(Vec<f64>),
    Texts(Vec<String>),
}

fn sample(table: &Table, name: &str) -> Result<Sample, Error> {
    let data_type = table.field(name)?.data_type;
    Ok(if data_type.is_numeric() || data_type == DataType::Boolean {
        Sample::Numbers(table.numbers(name)?.into_iter().flatten().filter(|v| v.is_finite()).collect())
    } else {
        Sample::Texts(table.texts(name)?.into_iter().flatten().collect())
    })
}

fn count(table: &Table, name: &str, bins: &Bins) -> Result<(Vec<u64>, u64), Error> {
    let (counts, present) = match sample(table, name)? {
        Sample::Numbers(values) => (bins.count_numbers(&values), values.len()),
        Sample::Texts(values) => (bins.count_texts(values.iter().map(String::as_str)), values.len()),
    };
    Ok((counts, (table.rows() - present) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(shift: f64) -> Table {
        let text: String = (0..200)
            .map(|i| format!("{},{}\n", f64::from(i) * 0.37 + shift, if i % 3 == 0 { "a" } else { "b" }))
            .collect();
        columns::read("x.csv", format!("n,t\n{text}").into_bytes().into(), None).unwrap()
    }

    #[test]
    fn what_moved_is_told_from_what_did_not_also_after_a_journey() {
        let baseline = Baseline::of(&table(0.0)).unwrap();
        let text = serde_json::to_string(&baseline).unwrap();
        let baseline: Baseline = serde_json::from_str(&text).unwrap();
        let same = baseline.compare(&table(0.0)).unwrap();
        assert!(same.iter().all(|m| m.psi.unwrap() < 1e-9), "{same:?}");
        let moved = baseline.compare(&table(30.0)).unwrap();
        let psi = |name: &str| moved.iter().find(|m| m.column == name).unwrap().psi.unwrap();
        assert!(psi("n") > 0.2 && psi("t") < 1e-9, "{moved:?}");
    }

    #[test]
    fn a_package_of_an_older_server_has_no_row_profile_and_is_read() {
        let baseline = Baseline::of(&table(0.0)).unwrap();
        let older = serde_json::to_string(&baseline).unwrap();
        assert!(!older.contains("row_profile"));
        assert_eq!(serde_json::from_str::<Baseline>(&older).unwrap(), baseline);
        let with = baseline.with_rows(&table(0.0), &["n".to_owned()]).unwrap();
        let text = serde_json::to_string(&with).unwrap();
        let back: Baseline = serde_json::from_str(&text).unwrap();
        let profile = back.row_profile.unwrap();
        assert_eq!((profile.rows, profile.columns.len(), profile.novelty.is_some()), (200, 1, true));
    }
}
