//! What a table's columns look like: counts, moments, histograms. Stored as JSON with a version.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use types::DataType;

use crate::bins::{Bins, Histogram};
use crate::{Error, Table};

/// The form that [`Profile`] is stored in.
const VERSION: u32 = 1;
/// Equal-width bins of a numeric column's histogram.
const WIDTH_BINS: usize = 20;
/// Most categories that a histogram names; the rest are counted together.
const CATEGORIES: usize = 30;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    pub version: u32,
    pub rows: u64,
    pub columns: Vec<ColumnProfile>,
}

/// One column. Moments are over finite values; `std` is the sample's (n − 1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColumnProfile {
    pub name: String,
    #[serde(rename = "type")]
    pub data_type: DataType,
    /// Values that are not null.
    pub count: u64,
    pub null_count: u64,
    pub nan_count: u64,
    pub inf_count: u64,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub mean: Option<f64>,
    pub std: Option<f64>,
    /// Different values, nulls and NaN aside.
    pub distinct: u64,
    pub histogram: Option<Histogram>,
}

impl Profile {
    pub fn of(table: &Table) -> Result<Self, Error> {
        let columns = table
            .schema()
            .fields
            .iter()
            .map(|field| {
                if field.data_type.is_numeric() {
                    numeric(&field.name, field.data_type, &table.numbers(&field.name)?)
                } else {
                    categorical(&field.name, field.data_type, &table.texts(&field.name)?)
                }
            })
            .collect::<Result<_, Error>>()?;
        Ok(Self { version: VERSION, rows: table.rows() as u64, columns })
    }

    /// Errors: `Version` for a profile that a newer program wrote.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Error> {
        let profile: Self = serde_json::from_slice(bytes).map_err(|e| Error::Malformed {
            file: "profile".into(),
            format: "profile",
            detail: e.to_string(),
        })?;
        if profile.version > VERSION {
            return Err(Error::Version { found: profile.version, known: VERSION });
        }
        Ok(profile)
    }

    pub fn column(&self, name: &str) -> Option<&ColumnProfile> {
        self.columns.iter().find(|c| c.name == name)
    }
}

fn numeric(name: &str, data_type: DataType, values: &[Option<f64>]) -> Result<ColumnProfile, Error> {
    let present: Vec<f64> = values.iter().copied().flatten().collect();
    let nan_count = present.iter().filter(|v| v.is_nan()).count() as u64;
    let inf_count = present.iter().filter(|v| v.is_infinite()).count() as u64;
    let mut finite: Vec<f64> = present.iter().copied().filter(|v| v.is_finite()).collect();
    finite.sort_by(f64::total_cmp);
    let n = finite.len();
    let mean = (n > 0).then(|| finite.iter().sum::<f64>() / n as f64);
    let std = mean
        .filter(|_| n > 1)
        .map(|mean| (finite.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1) as f64).sqrt());
    let distinct = finite.chunk_by(|a, b| a == b).count();
    let histogram = (n > 0).then(|| Bins::equal_width(&finite, WIDTH_BINS).histogram(&finite));
    Ok(ColumnProfile {
        name: name.to_owned(),
        data_type,
        count: present.len() as u64,
        null_count: (values.len() - present.len()) as u64,
        nan_count,
        inf_count,
        min: finite.first().copied(),
        max: finite.last().copied(),
        mean,
        std,
        distinct: distinct as u64,
        histogram,
    })
}

fn categorical(name: &str, data_type: DataType, values: &[Option<String>]) -> Result<ColumnProfile, Error> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for value in values.iter().flatten() {
        *counts.entry(value).or_default() += 1;
    }
    let count: u64 = counts.values().sum();
    let distinct = counts.len() as u64;
    let mut ranked: Vec<(&str, u64)> = counts.into_iter().collect();
    ranked.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let rest: u64 = ranked.iter().skip(CATEGORIES).map(|(_, n)| n).sum();
    ranked.truncate(CATEGORIES);
    let mut histogram = Histogram {
        edges: None,
        categories: Some(ranked.iter().map(|(v, _)| (*v).to_owned()).collect()),
        counts: ranked.iter().map(|(_, n)| *n).collect(),
    };
    if rest > 0 {
        histogram.categories.get_or_insert_default().push("(other)".into());
        histogram.counts.push(rest);
    }
    Ok(ColumnProfile {
        name: name.to_owned(),
        data_type,
        count,
        null_count: values.len() as u64 - count,
        nan_count: 0,
        inf_count: 0,
        min: None,
        max: None,
        mean: None,
        std: None,
        distinct,
        histogram: (count > 0).then_some(histogram),
    })
}
