use super::{Probabilities, checked, thresholds};
use crate::Error;

const LEAST: f64 = 1e-6;

/// How likely a label is right, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quality {
    /// The probability of the label.
    SelfConfidence,
    /// How far it is above the most probable other class, moved to 0–1.
    NormalizedMargin,
    /// The entropy of the row beside the probability of the label.
    ConfidenceWeightedEntropy,
}

/// One score a row. `adjust` takes the classes' thresholds off first, which helps where classes are unequal; it does
/// not go with the entropy. Errors: `Empty`, `Length`, `OutOfRange`; `NotComputable` for the entropy adjusted.
pub fn quality(
    labels: &[usize],
    probabilities: &Probabilities,
    by: Quality,
    adjust: bool,
) -> Result<Vec<f64>, Error> {
    checked(labels, probabilities)?;
    if !adjust {
        return Ok(scores(labels, probabilities, by));
    }
    if by == Quality::ConfidenceWeightedEntropy {
        return Err(Error::why("the adjusted quality", "the entropy has no adjusted form"));
    }
    let thresholds = thresholds(labels, probabilities)?;
    let most = thresholds.iter().copied().fold(f64::MIN, f64::max);
    let adjusted: Vec<Vec<f64>> = probabilities
        .iter()
        .map(|row| {
            let moved: Vec<f64> = row.iter().zip(&thresholds).map(|(p, t)| p - t + most).collect();
            let sum: f64 = moved.iter().sum();
            moved.iter().map(|p| p / sum).collect()
        })
        .collect();
    Ok(scores(labels, &adjusted, by))
}

pub(super) fn scores(labels: &[usize], probabilities: &Probabilities, by: Quality) -> Vec<f64> {
    labels.iter().zip(probabilities).map(|(label, row)| score(*label, row, by)).collect()
}

fn score(label: usize, row: &[f64], by: Quality) -> f64 {
    let own = row[label];
    match by {
        Quality::SelfConfidence => own,
        Quality::NormalizedMargin => {
            let others = row.iter().enumerate().filter(|(class, _)| *class != label);
            let best = others.map(|(_, p)| *p).fold(f64::MIN, f64::max);
            (own - best + 1.0) / 2.0
        }
        Quality::ConfidenceWeightedEntropy => {
            let entropy: f64 = row.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum();
            let weighted = entropy / (row.len() as f64).ln() / own.max(LEAST);
            (weighted + 1.0).ln() / weighted.max(LEAST)
        }
    }
}
