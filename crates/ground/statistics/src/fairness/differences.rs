use std::collections::BTreeMap;

use super::{Confusion, share};
use crate::outliers::Neighbours;
use crate::{Error, Matrix};

/// Binary labels, and perhaps predictions, of two groups.
#[derive(Clone, Copy, Debug)]
pub struct Binary<'a> {
    pub truth: &'a [bool],
    pub predicted: &'a [bool],
    /// Whether the row is of the group that is better off.
    pub privileged: &'a [bool],
}

/// AIF360's differences: unprivileged less privileged. 0 is parity.
#[derive(Clone, Debug, PartialEq)]
pub struct Differences {
    /// Of selection rates: the ratio, 1 is parity.
    pub disparate_impact: f64,
    pub statistical_parity_difference: f64,
    pub equal_opportunity_difference: f64,
    pub average_odds_difference: f64,
    pub average_abs_odds_difference: f64,
    pub false_discovery_rate_difference: f64,
    pub false_omission_rate_difference: f64,
    pub error_rate_difference: f64,
}

impl Differences {
    /// To compare labels themselves, give them as the predictions too. Errors: `Length`; `NotComputable` if a group
    /// is empty.
    pub fn of(binary: Binary<'_>) -> Result<Self, Error> {
        let Binary { truth, predicted, privileged } = binary;
        Error::length("the predictions", truth.len(), predicted.len())?;
        Error::length("the groups", truth.len(), privileged.len())?;
        let rows = |which: bool| -> Vec<usize> {
            privileged.iter().enumerate().filter(|(_, p)| **p == which).map(|(row, _)| row).collect()
        };
        let (better, worse) = (rows(true), rows(false));
        if better.is_empty() || worse.is_empty() {
            return Err(Error::why("a difference between groups", "one of the two groups is empty"));
        }
        let (p, u) =
            (Confusion::of(truth, predicted, None, &better), Confusion::of(truth, predicted, None, &worse));
        let difference = |rate: &dyn Fn(&Confusion) -> f64| rate(&u) - rate(&p);
        let selection = |c: &Confusion| c.predicted_positives() / c.total();
        let tpr = difference(&|c| c.true_positive / c.positives());
        let fpr = difference(&|c| c.false_positive / c.negatives());
        Ok(Self {
            disparate_impact: selection(&u) / selection(&p),
            statistical_parity_difference: difference(&selection),
            equal_opportunity_difference: tpr,
            average_odds_difference: (fpr + tpr) / 2.0,
            average_abs_odds_difference: (fpr.abs() + tpr.abs()) / 2.0,
            false_discovery_rate_difference: difference(&|c| {
                share(c.false_positive, c.predicted_positives())
            }),
            false_omission_rate_difference: difference(&|c| share(c.false_negative, c.predicted_negatives())),
            error_rate_difference: difference(&|c| 1.0 - (c.true_positive + c.true_negative) / c.total()),
        })
    }
}

/// How like the labels of near rows are (Zemel and others, 2013): 1 less the mean distance of a label from the mean of
/// its `k` nearest rows, itself among them. Errors: `Length`, `Empty`, `NotComputable` for fewer than `k` rows.
pub fn consistency(features: &Matrix, labels: &[f64], k: usize) -> Result<f64, Error> {
    Error::length("the labels", features.rows(), labels.len())?;
    let index = Neighbours::new(features)?;
    let mut apart = 0.0;
    for (row, label) in features.iter().zip(labels) {
        let near = index.nearest(row, k)?;
        apart += (label - near.iter().map(|n| labels[n.row]).sum::<f64>() / near.len() as f64).abs();
    }
    Ok(1.0 - apart / labels.len() as f64)
}

/// The largest log ratio of smoothed rates between two groups (Foulds and others, 2020): 0 is parity. `concentration`
/// is the weight of the prior. Errors: `Length`; `NotComputable` for fewer than two groups.
pub fn differential_fairness<G: Ord>(
    positive: &[bool],
    groups: &[G],
    concentration: f64,
) -> Result<f64, Error> {
    Error::length("the groups", positive.len(), groups.len())?;
    let mut counts: BTreeMap<&G, (f64, f64)> = BTreeMap::new();
    for (positive, group) in positive.iter().zip(groups) {
        let count = counts.entry(group).or_default();
        *count = (count.0 + f64::from(u8::from(*positive)), count.1 + 1.0);
    }
    if counts.len() < 2 {
        return Err(Error::why("differential fairness", "there are fewer than two groups"));
    }
    let rates: Vec<f64> =
        counts.values().map(|(yes, n)| (yes + concentration / 2.0) / (n + concentration)).collect();
    let spread = |of: &dyn Fn(f64) -> f64| {
        let values = || rates.iter().map(|r| of(*r).ln());
        values().fold(f64::NEG_INFINITY, f64::max) - values().fold(f64::INFINITY, f64::min)
    };
    Ok(spread(&|r| r).max(spread(&|r| 1.0 - r)))
}
