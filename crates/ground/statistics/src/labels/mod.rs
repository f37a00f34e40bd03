//! Label noise by confident learning (Northcutt, Jiang and Chuang, 2021), with the definitions and the corner cases
//! of cleanlab 2.9, so that numbers agree.

mod annotators;
mod issues;
mod joint;
mod latent;
mod quality;
mod ties;

pub use annotators::{AnnotatorStatistics, Annotators, Consensus, consensus, majority_vote};
pub use issues::{FilterBy, count_issues, issues, ranked};
pub use joint::{ConfidentJoint, calibrated, confident_joint, thresholds};
pub use latent::{Latent, latent};
pub use quality::{Quality, quality};

use crate::Error;

/// What a model, not trained on the row, gives each class: a row an item, a column a class.
pub type Probabilities = [Vec<f64>];

pub(crate) fn argmax(values: &[f64]) -> usize {
    let mut best = 0;
    for (i, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = i;
        }
    }
    best
}

/// The number of classes. Errors: `Empty`, `Length`, `OutOfRange`.
pub(crate) fn checked(labels: &[usize], probabilities: &Probabilities) -> Result<usize, Error> {
    let classes = probabilities.first().ok_or(Error::Empty("the table of probabilities"))?.len();
    Error::length("the table of probabilities", labels.len(), probabilities.len())?;
    if classes < 2 {
        return Err(Error::why("label noise", "there is one class only"));
    }
    for row in probabilities {
        Error::length("a row of probabilities", classes, row.len())?;
        if let Some(value) = row.iter().find(|p| !(0.0..=1.0 + 1e-6).contains(*p)) {
            let wanted = "a probability from 0 to 1";
            return Err(Error::OutOfRange {
                what: "a predicted probability",
                value: value.to_string(),
                wanted,
            });
        }
    }
    match labels.iter().find(|label| **label >= classes) {
        Some(label) => Err(Error::OutOfRange {
            what: "a label",
            value: label.to_string(),
            wanted: "the number of a class that has a column of probabilities",
        }),
        None => Ok(classes),
    }
}
