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

    /// The profile of `table` over the bins of `other`, so that both can be merged and compared. A column that
    /// `other` lacks gets bins of its own.
    pub fn like(table: &Table, other: &Profile) -> Result<Self, Error> {
        let mut profile = Self::of(table)?;
        for column in &mut profile.columns {
            let known = other.column(&column.name).and_then(|c| c.histogram.as_ref());
            let Some(known) = known else { continue };
            column.histogram = Some(match &known.edges {
                Some(edges) if column.data_type.is_numeric() => {
                    let values: Vec<f64> = table.numbers(&column.name)?.into_iter().flatten().collect();
                    Bins::Intervals { edges: edges.clone() }.histogram(&values)
                }
                _ => recount(known, &table.texts(&column.name)?),
            });
        }
        Ok(profile)
    }

    /// The profile of the rows of both, which must have the same columns over the same bins ([`Profile::like`]).
    /// `distinct` is the larger of the two: how many values they share is not known.
    /// Errors: `Merge`.
    pub fn merge(&self, other: &Profile) -> Result<Self, Error> {
        let wrong = |detail: String| Err(Error::Merge { detail });
        if self.columns.len() != other.columns.len() {
            return wrong(format!("they have {} and {} columns", self.columns.len(), other.columns.len()));
        }
        let mut columns = Vec::with_capacity(self.columns.len());
        for a in &self.columns {
            let Some(b) = other.column(&a.name).filter(|b| b.data_type == a.data_type) else {
                return wrong(format!("only one has a {} column `{}`", a.data_type.name(), a.name));
            };
            let Some(histogram) = added(a.histogram.as_ref(), b.histogram.as_ref()) else {
                return wrong(format!("the bins of column `{}` differ", a.name));
            };
            let (mean, std) = moments(a, b);
            columns.push(ColumnProfile {
                name: a.name.clone(),
                data_type: a.data_type,
                count: a.count + b.count,
                null_count: a.null_count + b.null_count,
                nan_count: a.nan_count + b.nan_count,
                inf_count: a.inf_count + b.inf_count,
                min: [a.min, b.min].into_iter().flatten().reduce(f64::min),
                max: [a.max, b.max].into_iter().flatten().reduce(f64::max),
                mean,
                std,
                distinct: a.distinct.max(b.distinct),
                histogram,
            });
        }
        Ok(Self { version: VERSION, rows: self.rows + other.rows, columns })
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

/// Counts of texts over the categories of `known`; others go to its last one if that is `(other)`, else to one more.
fn recount(known: &Histogram, texts: &[Option<String>]) -> Histogram {
    let mut categories = known.categories.clone().unwrap_or_default();
    let mut counts = vec![0; categories.len()];
    let mut rest = 0;
    for text in texts.iter().flatten() {
        match categories.iter().position(|c| c == text) {
            Some(place) => counts[place] += 1,
            None => rest += 1,
        }
    }
    if rest > 0 {
        match categories.iter().position(|c| c == "(other)") {
            Some(place) => counts[place] += rest,
            None => {
                categories.push("(other)".into());
                counts.push(rest);
            }
        }
    }
    Histogram { edges: None, categories: Some(categories), counts }
}

/// `None` where the bins differ.
fn added(a: Option<&Histogram>, b: Option<&Histogram>) -> Option<Option<Histogram>> {
    let (Some(a), Some(b)) = (a, b) else { return Some(a.or(b).cloned()) };
    if a.edges != b.edges || a.categories != b.categories || a.counts.len() != b.counts.len() {
        return None;
    }
    let counts = a.counts.iter().zip(&b.counts).map(|(x, y)| x + y).collect();
    Some(Some(Histogram { counts, ..a.clone() }))
}

/// Mean and deviation of the finite values of both (Chan, Golub and LeVeque).
fn moments(a: &ColumnProfile, b: &ColumnProfile) -> (Option<f64>, Option<f64>) {
    let finite = |c: &ColumnProfile| (c.count - c.nan_count - c.inf_count) as f64;
    let (Some(mean_a), Some(mean_b)) = (a.mean, b.mean) else {
        return (a.mean.or(b.mean), a.std.or(b.std));
    };
    let (n, m) = (finite(a), finite(b));
    let mean = (n * mean_a + m * mean_b) / (n + m);
    let squares = |c: &ColumnProfile, n: f64| c.std.map_or(0.0, |s| s * s * (n - 1.0));
    let apart = (mean_a - mean_b).powi(2) * n * m / (n + m);
    let std = ((squares(a, n) + squares(b, m) + apart) / (n + m - 1.0)).sqrt();
    (Some(mean), Some(std))
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
