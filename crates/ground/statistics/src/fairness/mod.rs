//! Fairness of labels and predictions between groups, by the definitions of fairlearn, AIF360 and SageMaker Clarify.

mod clarify;
mod differences;
mod entropy;
mod groups;

pub use clarify::{Clarify, FacetCounts, clarify_posttraining, clarify_pretraining, flip_test};
pub use differences::{Binary, Differences, consistency, differential_fairness};
pub use entropy::{benefits, between_groups, generalized_entropy};
pub use groups::{Across, Aggregate, Frame, GroupMetric, Method, Rates};

/// Counts of a binary prediction, weighed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Confusion {
    pub true_positive: f64,
    pub false_positive: f64,
    pub true_negative: f64,
    pub false_negative: f64,
}

impl Confusion {
    /// Over these rows; without weights each counts once.
    pub fn of(truth: &[bool], predicted: &[bool], weights: Option<&[f64]>, rows: &[usize]) -> Self {
        let mut found = Self::default();
        for row in rows {
            let weight = weights.map_or(1.0, |w| w[*row]);
            let cell = match (truth[*row], predicted[*row]) {
                (true, true) => &mut found.true_positive,
                (false, true) => &mut found.false_positive,
                (false, false) => &mut found.true_negative,
                (true, false) => &mut found.false_negative,
            };
            *cell += weight;
        }
        found
    }

    pub fn total(&self) -> f64 {
        self.positives() + self.negatives()
    }

    pub fn positives(&self) -> f64 {
        self.true_positive + self.false_negative
    }

    pub fn negatives(&self) -> f64 {
        self.true_negative + self.false_positive
    }

    pub fn predicted_positives(&self) -> f64 {
        self.true_positive + self.false_positive
    }

    pub fn predicted_negatives(&self) -> f64 {
        self.true_negative + self.false_negative
    }
}

/// `part / whole`, 0 where there is nothing.
pub(crate) fn share(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}
