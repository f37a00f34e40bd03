//! How far a row lies from those of a table, with a known rate of false alarms.

use columns::Table;
use serde::{Deserialize, Serialize};
use statistics::outliers::Covariance;
use statistics::{Matrix, Random};
use types::DataType;

use super::profile::category_counts;
use crate::Error;

/// Columns whose covariance is looked at together; a row's cost grows with their square.
const MOST_COLUMNS: usize = 128;
/// Rows that the distance is learned from, and as many that its threshold is taken from.
const MOST_ROWS: usize = 20_000;
const LEAST_ROWS: usize = 50;
/// Robust deviations at which a number counts as no farther away: one far value must not hide others.
const FARTHEST: f64 = 10.0;
/// The largest of the distances that thresholds are taken from.
const KEPT: usize = 1_000;
/// The interquartile range of a normal distribution, in standard deviations.
const IQR: f64 = 1.348_979_500_392_163;

/// The Mahalanobis distance from a table's rows, with the threshold of split conformal prediction.
///
/// Each number becomes `(x − median) / (IQR / 1.349)` (the standard deviation where the IQR is 0), held to ±10; each category its
/// surprise `−ln((count + ½) / (rows + ½ · categories))` in standard deviations. Middle and covariance (Ledoit–Wolf) come from one half
/// of the rows, drawn by a fixed seed; the distances of the other half say what is far. A row is novel at rate α when at most
/// ⌊α(n + 1)⌋ − 1 of those n distances are as large as its own: of rows from the same distribution as the table's at most α are, whatever
/// that distribution is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Novelty {
    pub columns: Vec<Scale>,
    middle: Vec<f64>,
    /// The inverse of the covariance, row after row.
    precision: Vec<f64>,
    /// Squared distances of the rows that thresholds are taken from, the largest first; not all of them.
    farthest: Vec<f64>,
    /// How many those rows are.
    pub calibration_rows: u64,
}

/// One column's way to a number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scale {
    pub name: String,
    #[serde(flatten)]
    pub of: ScaleOf,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ScaleOf {
    Number {
        middle: f64,
        spread: f64,
    },
    /// Scaled surprises by category, in ascending order of the texts; and that of any other.
    Category {
        texts: Vec<String>,
        surprises: Vec<f64>,
        other: f64,
    },
}

/// What counts as novel at one rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Novel {
    /// Of squared distances; a row above it is novel.
    pub above: f64,
    /// The rate of false alarms that it holds: the one that was asked for, or what so few rows allow.
    pub rate: f64,
}

impl Scale {
    /// A finite number as a coordinate.
    pub fn number(&self, value: f64) -> Option<f64> {
        match &self.of {
            ScaleOf::Number { middle, spread } if value.is_finite() => {
                Some(((value - middle) / spread).clamp(-FARTHEST, FARTHEST))
            }
            _ => None,
        }
    }

    /// A text as a coordinate.
    pub fn text(&self, value: &str) -> Option<f64> {
        match &self.of {
            ScaleOf::Category { texts, surprises, other } => {
                let found = texts.binary_search_by(|t| t.as_str().cmp(value));
                Some(found.ok().and_then(|i| surprises.get(i)).copied().unwrap_or(*other))
            }
            ScaleOf::Number { .. } => None,
        }
    }
}

impl Novelty {
    /// Over those of `names` that vary and are numbers or categories (at most `most_texts` different ones), at most 128 of them.
    /// `None` where fewer than 100 rows have them all.
    ///
    /// Errors: `Columns`.
    pub(super) fn of(table: &Table, names: &[String], most_texts: usize) -> Result<Option<Self>, Error> {
        let mut scales: Vec<Scale> = Vec::new();
        let mut coordinates: Vec<Vec<Option<f64>>> = Vec::new();
        for name in names {
            if scales.len() == MOST_COLUMNS {
                break;
            }
            let data_type = table.field(name)?.data_type;
            let (of, values) = if data_type.is_numeric() || data_type == DataType::Boolean {
                let values = table.numbers(name)?;
                let Some(of) = number_scale(&values) else { continue };
                let scale = Scale { name: name.clone(), of };
                let values: Vec<_> = values.into_iter().map(|v| v.and_then(|v| scale.number(v))).collect();
                (scale, values)
            } else if data_type == DataType::String {
                let texts = table.texts(name)?;
                let Some(of) = category_scale(&texts, most_texts) else { continue };
                let scale = Scale { name: name.clone(), of };
                let values =
                    texts.iter().map(|t| t.as_deref().and_then(|t| scale.text(t))).collect::<Vec<_>>();
                (scale, values)
            } else {
                continue;
            };
            scales.push(of);
            coordinates.push(values);
        }
        if scales.is_empty() {
            return Ok(None);
        }
        let mut complete: Vec<usize> =
            (0..table.rows()).filter(|&row| coordinates.iter().all(|c| c[row].is_some())).collect();
        if complete.len() < 2 * LEAST_ROWS {
            return Ok(None);
        }
        Random::new(0).shuffle(&mut complete);
        complete.truncate(2 * MOST_ROWS);
        let (fit, held) = complete.split_at(complete.len() / 2);
        let rows = |of: &[usize]| -> Vec<Vec<f64>> {
            of.iter().map(|&row| coordinates.iter().map(|c| c[row].unwrap_or(0.0)).collect()).collect()
        };
        let covariance = Covariance::ledoit_wolf(&Matrix::of_rows(&rows(fit))?)?.covariance;
        let mut novelty = Self {
            columns: scales,
            middle: covariance.middle().to_vec(),
            precision: covariance.precision().iter().flatten().copied().collect(),
            farthest: Vec::new(),
            calibration_rows: held.len() as u64,
        };
        let mut scratch = Vec::new();
        let mut distances: Vec<f64> =
            rows(held).iter().map(|row| novelty.squared_distance(row, &mut scratch)).collect();
        distances.sort_by(|a, b| b.total_cmp(a));
        distances.truncate(KEPT);
        novelty.farthest = distances;
        Ok(Some(novelty))
    }

    /// Of a row of as many coordinates as there are columns. `scratch` saves an allocation.
    pub fn squared_distance(&self, row: &[f64], scratch: &mut Vec<f64>) -> f64 {
        scratch.clear();
        scratch.extend(row.iter().zip(&self.middle).map(|(v, m)| v - m));
        let width = scratch.len().max(1);
        let mut sum = 0.0;
        for (apart, line) in scratch.iter().zip(self.precision.chunks_exact(width)) {
            let dot: f64 = line.iter().zip(scratch.iter()).map(|(p, a)| p * a).sum();
            sum += apart * dot;
        }
        sum
    }

    /// The threshold at a rate of false alarms, above 0 and below 1.
    pub fn at(&self, rate: f64) -> Novel {
        let n = self.calibration_rows as f64;
        let allowed = (rate * (n + 1.0)).floor().max(1.0) as usize;
        let allowed = allowed.min(self.farthest.len().max(1));
        let above = self.farthest.get(allowed - 1).copied().unwrap_or(f64::INFINITY);
        Novel { above, rate: allowed as f64 / (n + 1.0) }
    }
}

/// `None` for what is constant or has no number.
fn number_scale(values: &[Option<f64>]) -> Option<ScaleOf> {
    let mut known: Vec<f64> = values.iter().flatten().copied().filter(|v| v.is_finite()).collect();
    known.sort_by(f64::total_cmp);
    let last = known.len().checked_sub(1)?;
    let at = |q: f64| known[(last as f64 * q).round() as usize];
    let mut spread = (at(0.75) - at(0.25)) / IQR;
    if spread <= 0.0 {
        let n = known.len() as f64;
        let mean = known.iter().sum::<f64>() / n;
        spread = (known.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n).sqrt();
        // A spread that is nothing beside the mean is rounding.
        if spread <= 1e-12 * mean.abs() {
            return None;
        }
    }
    Some(ScaleOf::Number { middle: at(0.5), spread }).filter(|_| spread.is_finite())
}

/// `None` for texts that are all alike, or of too many kinds.
fn category_scale(values: &[Option<String>], most: usize) -> Option<ScaleOf> {
    let counts = category_counts(values, most)?;
    if counts.len() < 2 {
        return None;
    }
    let rows: u64 = counts.values().sum();
    let smooth = rows as f64 + 0.5 * counts.len() as f64;
    let surprise = |count: u64| -((count as f64 + 0.5) / smooth).ln();
    let mean = counts.values().map(|c| *c as f64 * surprise(*c)).sum::<f64>() / rows as f64;
    let variance = counts.values().map(|c| *c as f64 * (surprise(*c) - mean).powi(2)).sum::<f64>();
    let spread = (variance / rows as f64).sqrt();
    // Categories that are all as frequent surprise equally; only an unseen one says something.
    let spread = if spread < 1e-9 { 1.0 } else { spread };
    let scaled = |count: u64| ((surprise(count) - mean) / spread).clamp(-FARTHEST, FARTHEST);
    let surprises = counts.values().map(|c| scaled(*c)).collect();
    Some(ScaleOf::Category { texts: counts.into_keys().collect(), surprises, other: scaled(0) })
}
