use std::collections::BTreeSet;

use super::{Chunk, Estimate, Feature, Limits, alert, limits};
use crate::Error;
use crate::boosting::{Boosted, Column, Objective};
use crate::interval::{deviation, mean};

/// What stands for a missing category, which is one of its own.
const MISSING: &str = "NML_missing_value";

/// What can be estimated of a regression before its labels come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LossMetric {
    MeanAbsolute,
    MeanAbsolutePercentage,
    MeanSquared,
    MeanSquaredLog,
    RootMeanSquared,
    RootMeanSquaredLog,
}

impl LossMetric {
    pub const ALL: [Self; 6] = [
        Self::MeanAbsolute,
        Self::MeanAbsolutePercentage,
        Self::MeanSquared,
        Self::MeanSquaredLog,
        Self::RootMeanSquared,
        Self::RootMeanSquaredLog,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::MeanAbsolute => "mae",
            Self::MeanAbsolutePercentage => "mape",
            Self::MeanSquared => "mse",
            Self::MeanSquaredLog => "msle",
            Self::RootMeanSquared => "rmse",
            Self::RootMeanSquaredLog => "rmsle",
        }
    }

    fn is_root(self) -> bool {
        matches!(self, Self::RootMeanSquared | Self::RootMeanSquaredLog)
    }

    fn of_row(self, truth: f64, predicted: f64) -> f64 {
        match self {
            Self::MeanAbsolute => (truth - predicted).abs(),
            Self::MeanAbsolutePercentage => (truth - predicted).abs() / truth.abs().max(f64::EPSILON),
            Self::MeanSquared | Self::RootMeanSquared => (truth - predicted).powi(2),
            Self::MeanSquaredLog | Self::RootMeanSquaredLog => (truth.ln_1p() - predicted.ln_1p()).powi(2),
        }
    }

    /// The metric of rows whose losses are these; NaN for none.
    fn of_losses(self, losses: &[f64]) -> f64 {
        let mean = mean(losses);
        if self.is_root() { mean.sqrt() } else { mean }
    }

    /// What the metric came to where labels are known; rows without a label or a prediction (NaN) are left out. NaN for no rows.
    pub fn realized(self, truth: &[f64], predicted: &[f64]) -> f64 {
        let known = truth.iter().zip(predicted).filter(|(t, p)| !t.is_nan() && !p.is_nan());
        let losses: Vec<f64> = known.map(|(t, p)| self.of_row(*t, *p)).collect();
        self.of_losses(&losses)
    }
}

/// Direct loss estimation: boosted trees learn from the reference how large the loss of a row is, and tell it for rows
/// without labels.
#[derive(Clone, Debug)]
pub struct DirectLoss {
    metric: LossMetric,
    /// Of each column of categories, those of the reference.
    categories: Vec<Option<BTreeSet<String>>>,
    model: Boosted,
    /// Deviation and mean of the reference's losses.
    spread: (f64, f64),
    limits: Limits,
}

impl DirectLoss {
    /// `features` are those of the model, and `chunks` cut the reference to tell what is usual.
    /// Errors: `Length`, `Empty`; `OutOfRange` for a loss that is not finite (no label, a logarithm of −1 or less).
    pub fn fit(
        features: &[Feature<'_>],
        predicted: &[f64],
        truth: &[f64],
        metric: LossMetric,
        chunks: &[Chunk],
    ) -> Result<Self, Error> {
        Error::length("the predictions", truth.len(), predicted.len())?;
        let losses: Vec<f64> = truth.iter().zip(predicted).map(|(t, p)| metric.of_row(*t, *p)).collect();
        let categories: Vec<_> = features.iter().map(known).collect();
        let encoded = encoded(&categories, features);
        let model = Boosted::fit(&columns(&encoded, predicted), &losses, Objective::SquaredError)?;
        let usual: Vec<f64> = chunks.iter().map(|chunk| metric.of_losses(&losses[chunk.clone()])).collect();
        // Upstream divides by the label itself here, which may be negative.
        let spread = match metric {
            LossMetric::MeanAbsolutePercentage => {
                truth.iter().zip(predicted).map(|(t, p)| (t - p).abs() / t).collect()
            }
            _ => losses,
        };
        Ok(Self {
            metric,
            categories,
            model,
            spread: (deviation(&spread), mean(&spread)),
            limits: limits(&usual, 3.0, Some(0.0), None, false),
        })
    }

    /// What the metric of these rows will come to. Errors: `Length`, `Empty`.
    pub fn estimate(&self, features: &[Feature<'_>], predicted: &[f64]) -> Result<Estimate, Error> {
        Error::length("the table", self.categories.len(), features.len())?;
        if predicted.is_empty() {
            return Err(Error::Empty("the chunk"));
        }
        let encoded = encoded(&self.categories, features);
        let losses = self.model.predict(&columns(&encoded, predicted))?;
        let losses: Vec<f64> = losses.into_iter().map(|loss| loss.max(0.0)).collect();
        let value = self.metric.of_losses(&losses);
        let n = predicted.len() as f64;
        let (deviation, mean) = self.spread;
        let sampling_error = if self.metric.is_root() {
            (deviation * deviation / (4.0 * n * mean)).sqrt()
        } else {
            deviation / n.sqrt()
        };
        Ok(Estimate {
            value,
            sampling_error,
            lower: (value - 3.0 * sampling_error).max(0.0),
            upper: value + 3.0 * sampling_error,
            limits: self.limits,
            alert: alert(value, &self.limits),
        })
    }
}

/// A column as trees take it.
enum Encoded<'a> {
    Number(&'a [f64]),
    Category(Vec<i64>),
}

fn named(value: &Option<String>) -> &str {
    value.as_deref().unwrap_or(MISSING)
}

fn known(feature: &Feature<'_>) -> Option<BTreeSet<String>> {
    match feature {
        Feature::Number(_) => None,
        Feature::Category(values) => Some(values.iter().map(|v| named(v).to_owned()).collect()),
    }
}

/// Categories by their place among the known ones, from 1; unknown ones are 0.
fn encoded<'a>(categories: &[Option<BTreeSet<String>>], features: &[Feature<'a>]) -> Vec<Encoded<'a>> {
    let code = |known: &Option<BTreeSet<String>>, value: &Option<String>| -> i64 {
        let place = known.iter().flatten().position(|name| name == named(value));
        place.map_or(0, |place| place as i64 + 1)
    };
    let pairs = categories.iter().zip(features);
    pairs
        .map(|(known, feature)| match feature {
            Feature::Number(values) => Encoded::Number(values),
            Feature::Category(values) => Encoded::Category(values.iter().map(|v| code(known, v)).collect()),
        })
        .collect()
}

fn columns<'a>(encoded: &'a [Encoded<'a>], predicted: &'a [f64]) -> Vec<Column<'a>> {
    let column = |encoded: &'a Encoded<'a>| match encoded {
        Encoded::Number(values) => Column::Number(values),
        Encoded::Category(codes) => Column::Category(codes),
    };
    encoded.iter().map(column).chain([Column::Number(predicted)]).collect()
}
