use std::collections::BTreeMap;

use super::{Chunk, Limits, limits};
use crate::interval::mean;
use crate::linear::dot;
use crate::{Error, Matrix, eigen};

/// The share of the variance that the kept components have.
const KEPT: f64 = 0.65;

/// One column of the data.
#[derive(Clone, Copy, Debug)]
pub enum Feature<'a> {
    /// NaN is missing.
    Number(&'a [f64]),
    Category(&'a [Option<String>]),
}

#[derive(Clone, Debug)]
enum Encoding {
    /// What stands for a missing value.
    Number { mean: f64 },
    /// How often each category is in the reference, and which is the commonest.
    Category { shares: BTreeMap<String, f64>, commonest: Option<String> },
}

/// How badly rows are put together again from the reference's principal components: what the columns had to do with
/// each other has changed where this rises.
#[derive(Clone, Debug)]
pub struct Reconstruction {
    encodings: Vec<Encoding>,
    middles: Vec<f64>,
    scales: Vec<f64>,
    components: Matrix,
    /// Of the mean error of a chunk; none below 0.
    pub limits: Limits,
}

impl Reconstruction {
    /// `chunks` cut the reference to tell what is usual. Errors: `Length`, `Empty`.
    pub fn fit(features: &[Feature<'_>], chunks: &[Chunk]) -> Result<Self, Error> {
        let encodings = features.iter().map(encoding).collect::<Result<Vec<_>, _>>()?;
        let table = encoded(&encodings, features)?;
        let middles = table.means();
        let variances = table.covariance();
        let scale = |i: usize| {
            let spread = variances.get(i, i).sqrt();
            if spread == 0.0 { 1.0 } else { spread }
        };
        let scales: Vec<f64> = (0..features.len()).map(scale).collect();
        let found = eigen(&scaled(&table, &middles, &scales).covariance());
        let whole: f64 = found.values.iter().sum();
        let mut sum = 0.0;
        // As many as bring the share above what is kept (searchsorted from the right, and one).
        let wanted = found.values.iter().take_while(|value| {
            sum += **value / whole;
            sum <= KEPT
        });
        let count = (wanted.count() + 1).min(features.len());
        let components = found.vectors.take(&(0..count).collect::<Vec<_>>());
        let mut fitted = Self { encodings, middles, scales, components, limits: Limits::default() };
        let errors = fitted.errors(features)?;
        let means: Vec<f64> = chunks.iter().map(|chunk| mean(&errors[chunk.clone()])).collect();
        fitted.limits = limits(&means, 3.0, Some(0.0), None, true);
        Ok(fitted)
    }

    /// The distance of each row from what is put together again. Errors: `Length`.
    pub fn errors(&self, features: &[Feature<'_>]) -> Result<Vec<f64>, Error> {
        Error::length("the table", self.encodings.len(), features.len())?;
        let table = scaled(&encoded(&self.encodings, features)?, &self.middles, &self.scales);
        Ok(table
            .iter()
            .map(|row| {
                let mut left = row.to_vec();
                for component in self.components.iter() {
                    let weight = dot(row, component);
                    left.iter_mut().zip(component).for_each(|(cell, c)| *cell -= weight * c);
                }
                dot(&left, &left).sqrt()
            })
            .collect())
    }

    /// Mean error and its standard error. NaN for the latter if there is one row.
    pub fn summary(errors: &[f64]) -> (f64, f64) {
        let n = errors.len() as f64;
        let middle = mean(errors);
        let variance = errors.iter().map(|e| (e - middle) * (e - middle)).sum::<f64>() / (n - 1.0);
        (middle, variance.sqrt() / n.sqrt())
    }
}

fn encoding(feature: &Feature<'_>) -> Result<Encoding, Error> {
    match feature {
        Feature::Number(values) => {
            let known: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
            if known.is_empty() {
                return Err(Error::Empty("a column of the reference"));
            }
            Ok(Encoding::Number { mean: mean(&known) })
        }
        Feature::Category(values) => {
            let mut counts: BTreeMap<&String, f64> = BTreeMap::new();
            values.iter().flatten().for_each(|v| *counts.entry(v).or_default() += 1.0);
            // The first in order among the commonest, as scikit-learn's imputer.
            let most = counts.values().copied().fold(0.0, f64::max);
            let commonest = counts.iter().find(|(_, n)| **n == most).map(|(v, _)| (*v).clone());
            let missing = values.iter().filter(|v| v.is_none()).count() as f64;
            let n = values.len() as f64;
            let share = |(value, count): (&&String, &f64)| {
                let filled = if Some(*value) == commonest.as_ref() { missing } else { 0.0 };
                ((*value).clone(), (count + filled) / n)
            };
            let shares = counts.iter().map(share).collect();
            Ok(Encoding::Category { shares, commonest })
        }
    }
}

fn encoded(encodings: &[Encoding], features: &[Feature<'_>]) -> Result<Matrix, Error> {
    let column = |(encoding, feature): (&Encoding, &Feature<'_>)| match (encoding, feature) {
        (Encoding::Number { mean }, Feature::Number(values)) => {
            Ok(values.iter().map(|v| if v.is_nan() { *mean } else { *v }).collect())
        }
        (Encoding::Category { shares, commonest }, Feature::Category(values)) => {
            let code = |value: &Option<String>| {
                let value = value.as_ref().or(commonest.as_ref());
                value.and_then(|v| shares.get(v)).copied().unwrap_or(0.0)
            };
            Ok(values.iter().map(code).collect())
        }
        _ => {
            Err(Error::why("the reconstruction", "a column has become of another kind than in the reference"))
        }
    };
    let columns: Vec<Vec<f64>> = encodings.iter().zip(features).map(column).collect::<Result<_, _>>()?;
    Matrix::of_columns(&columns)
}

fn scaled(table: &Matrix, middles: &[f64], scales: &[f64]) -> Matrix {
    let mut table = table.centred(middles);
    for row in 0..table.rows() {
        table.row_mut(row).iter_mut().zip(scales).for_each(|(cell, scale)| *cell /= scale);
    }
    table
}
