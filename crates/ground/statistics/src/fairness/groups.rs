use std::collections::BTreeMap;

use super::{Confusion, share};
use crate::Error;

/// What is compared between groups: fairlearn's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupMetric {
    Accuracy,
    SelectionRate,
    TruePositiveRate,
    FalsePositiveRate,
    TrueNegativeRate,
    FalseNegativeRate,
    Precision,
    Count,
}

impl GroupMetric {
    pub const ALL: [Self; 8] = [
        Self::Accuracy,
        Self::SelectionRate,
        Self::TruePositiveRate,
        Self::FalsePositiveRate,
        Self::TrueNegativeRate,
        Self::FalseNegativeRate,
        Self::Precision,
        Self::Count,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::SelectionRate => "selection_rate",
            Self::TruePositiveRate => "tpr",
            Self::FalsePositiveRate => "fpr",
            Self::TrueNegativeRate => "tnr",
            Self::FalseNegativeRate => "fnr",
            Self::Precision => "precision",
            Self::Count => "count",
        }
    }
}

/// The rates of one group. A rate over nothing (no positives, say) is 0, as upstream has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Rates {
    pub confusion: Confusion,
    pub rows: usize,
}

impl Rates {
    pub fn get(&self, metric: GroupMetric) -> f64 {
        let c = &self.confusion;
        match metric {
            GroupMetric::Accuracy => share(c.true_positive + c.true_negative, c.total()),
            GroupMetric::SelectionRate => share(c.predicted_positives(), c.total()),
            GroupMetric::TruePositiveRate => share(c.true_positive, c.positives()),
            GroupMetric::FalsePositiveRate => share(c.false_positive, c.negatives()),
            GroupMetric::TrueNegativeRate => share(c.true_negative, c.negatives()),
            GroupMetric::FalseNegativeRate => share(c.false_negative, c.positives()),
            GroupMetric::Precision => share(c.true_positive, c.predicted_positives()),
            GroupMetric::Count => self.rows as f64,
        }
    }
}

/// What a difference is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    BetweenGroups,
    ToOverall,
}

/// Differences and ratios of one metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Across {
    pub min: f64,
    pub max: f64,
    pub difference: f64,
    pub ratio: f64,
}

/// How the two halves of equalized odds make one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregate {
    WorstCase,
    Mean,
}

/// Rates over all rows and by group, in order of the groups' names (fairlearn's `MetricFrame`).
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    pub overall: Rates,
    pub by_group: BTreeMap<String, Rates>,
}

impl Frame {
    /// Groups of fewer rows than `least` are left out of `by_group`, though not of `overall`. Errors: `Length`,
    /// `Empty`; `NotComputable` if no group is left.
    pub fn new(
        truth: &[bool],
        predicted: &[bool],
        groups: &[String],
        weights: Option<&[f64]>,
        least: usize,
    ) -> Result<Self, Error> {
        Error::length("the predictions", truth.len(), predicted.len())?;
        Error::length("the groups", truth.len(), groups.len())?;
        if let Some(weights) = weights {
            Error::length("the weights", truth.len(), weights.len())?;
        }
        if truth.is_empty() {
            return Err(Error::Empty("the table of predictions"));
        }
        let mut rows: BTreeMap<&String, Vec<usize>> = BTreeMap::new();
        groups.iter().enumerate().for_each(|(row, group)| rows.entry(group).or_default().push(row));
        let rates = |rows: &[usize]| Rates {
            confusion: Confusion::of(truth, predicted, weights, rows),
            rows: rows.len(),
        };
        let all: Vec<usize> = (0..truth.len()).collect();
        let large = rows.into_iter().filter(|(_, rows)| rows.len() >= least);
        let by_group: BTreeMap<String, Rates> = large.map(|(name, r)| (name.clone(), rates(&r))).collect();
        if by_group.is_empty() {
            return Err(Error::why("a comparison of groups", format!("no group has {least} rows")));
        }
        Ok(Self { overall: rates(&all), by_group })
    }

    pub fn across(&self, metric: GroupMetric, method: Method) -> Across {
        let values = || self.by_group.values().map(|rates| rates.get(metric));
        let min = values().fold(f64::INFINITY, f64::min);
        let max = values().fold(f64::NEG_INFINITY, f64::max);
        let overall = self.overall.get(metric);
        let (difference, ratio) = match method {
            Method::BetweenGroups => (max - min, min / max),
            Method::ToOverall => {
                let furthest = values().map(|v| (v - overall).abs()).fold(0.0, f64::max);
                let ratio = |v: f64| if v > overall { overall / v } else { v / overall };
                (furthest, values().map(ratio).fold(f64::INFINITY, f64::min))
            }
        };
        Across { min, max, difference, ratio }
    }

    /// The difference of selection rates: 0 is parity.
    pub fn demographic_parity_difference(&self) -> f64 {
        self.across(GroupMetric::SelectionRate, Method::BetweenGroups).difference
    }

    /// The ratio of selection rates: 1 is parity, below 0.8 fails the four-fifths rule.
    pub fn demographic_parity_ratio(&self) -> f64 {
        self.across(GroupMetric::SelectionRate, Method::BetweenGroups).ratio
    }

    /// Of the differences of true and false positive rates.
    pub fn equalized_odds_difference(&self, aggregate: Aggregate) -> f64 {
        let of = |metric| self.across(metric, Method::BetweenGroups).difference;
        let (t, f) = (of(GroupMetric::TruePositiveRate), of(GroupMetric::FalsePositiveRate));
        match aggregate {
            Aggregate::WorstCase => t.max(f),
            Aggregate::Mean => (t + f) / 2.0,
        }
    }

    /// Of the ratios of true and false positive rates.
    pub fn equalized_odds_ratio(&self, aggregate: Aggregate) -> f64 {
        let of = |metric| self.across(metric, Method::BetweenGroups).ratio;
        let (t, f) = (of(GroupMetric::TruePositiveRate), of(GroupMetric::FalsePositiveRate));
        match aggregate {
            Aggregate::WorstCase => t.min(f),
            Aggregate::Mean => (t + f) / 2.0,
        }
    }

    pub fn equal_opportunity_difference(&self) -> f64 {
        self.across(GroupMetric::TruePositiveRate, Method::BetweenGroups).difference
    }

    pub fn equal_opportunity_ratio(&self) -> f64 {
        self.across(GroupMetric::TruePositiveRate, Method::BetweenGroups).ratio
    }
}
