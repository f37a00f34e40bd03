//! Bins of one variable, made from a baseline and then filled with any sample.

use serde::{Deserialize, Serialize};

/// Up to this many different values, a numeric baseline is binned by value.
const BY_VALUE: usize = 20;

/// Counts by bin. `edges` has one more item than `counts`; `categories` has as many.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edges: Option<Vec<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub categories: Option<Vec<String>>,
    pub counts: Vec<u64>,
}

/// How a variable is cut. Every value falls into exactly one bin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Bins {
    /// Left-closed intervals, the last one closed; values outside fall into the first or last.
    Intervals { edges: Vec<f64> },
    /// One bin for each number, and one for all others.
    Numbers { values: Vec<f64> },
    /// One bin for each text, and one for all others.
    Texts { values: Vec<String> },
}

impl Bins {
    /// `count` intervals of equal width over `sorted`, which is ascending, finite and not empty.
    pub fn equal_width(sorted: &[f64], count: usize) -> Self {
        let (low, high) = (sorted.first().copied().unwrap_or(0.0), sorted.last().copied().unwrap_or(0.0));
        let (low, high) = if low == high { (low - 0.5, high + 0.5) } else { (low, high) };
        let width = (high - low) / count as f64;
        let mut edges: Vec<f64> = (0..count).map(|i| low + width * i as f64).collect();
        edges.push(high);
        edges.dedup();
        Self::Intervals { edges }
    }

    /// At most `count` intervals that hold about equally many of the baseline; by value where it has at most 20
    /// different ones. Not finite values are left out.
    pub fn of_numbers(baseline: &[f64], count: usize) -> Self {
        let mut sorted: Vec<f64> = baseline.iter().copied().filter(|v| v.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let mut values = sorted.clone();
        values.dedup();
        if values.len() <= BY_VALUE {
            return Self::Numbers { values };
        }
        let last = sorted.len() - 1;
        let mut edges: Vec<f64> = (0..=count).map(|i| sorted[i * last / count]).collect();
        edges.dedup();
        Self::Intervals { edges }
    }

    /// A bin for each of the baseline's texts, by name.
    pub fn of_texts<'a>(baseline: impl IntoIterator<Item = &'a str>) -> Self {
        let values: std::collections::BTreeSet<&str> = baseline.into_iter().collect();
        Self::Texts { values: values.into_iter().map(str::to_owned).collect() }
    }

    pub fn len(&self) -> usize {
        match self {
            Self::Intervals { edges } => edges.len().saturating_sub(1),
            Self::Numbers { values } => values.len() + 1,
            Self::Texts { values } => values.len() + 1,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Counts of finite numbers by bin. All are "other" if the bins are of texts.
    pub fn count_numbers(&self, sample: &[f64]) -> Vec<u64> {
        let mut counts = vec![0; self.len()];
        for value in sample.iter().filter(|v| v.is_finite()) {
            let bin = match self {
                Self::Intervals { edges } => edges
                    .partition_point(|e| e <= value)
                    .saturating_sub(1)
                    .min(counts.len().saturating_sub(1)),
                Self::Numbers { values } => {
                    values.binary_search_by(|v| v.total_cmp(value)).unwrap_or(values.len())
                }
                Self::Texts { values } => values.len(),
            };
            if let Some(count) = counts.get_mut(bin) {
                *count += 1;
            }
        }
        counts
    }

    /// Counts of texts by bin. All are "other" unless the bins are of texts.
    pub fn count_texts<'a>(&self, sample: impl IntoIterator<Item = &'a str>) -> Vec<u64> {
        let mut counts = vec![0; self.len()];
        let last = counts.len().saturating_sub(1);
        for value in sample {
            let bin = match self {
                Self::Texts { values } => values.binary_search_by(|v| v.as_str().cmp(value)).unwrap_or(last),
                _ => last,
            };
            if let Some(count) = counts.get_mut(bin) {
                *count += 1;
            }
        }
        counts
    }

    pub fn histogram(&self, sample: &[f64]) -> Histogram {
        self.with_counts(self.count_numbers(sample))
    }

    /// A histogram of these bins with given counts; an empty last bin for "other" is left out.
    pub fn with_counts(&self, mut counts: Vec<u64>) -> Histogram {
        match self {
            Self::Intervals { edges } => Histogram { edges: Some(edges.clone()), categories: None, counts },
            Self::Numbers { values } => {
                counts.resize(values.len() + 1, 0);
                let mut categories: Vec<String> = values.iter().map(ToString::to_string).collect();
                categories.push("(other)".into());
                Histogram { edges: None, categories: Some(categories), counts }
            }
            Self::Texts { values } => {
                let mut categories = values.clone();
                categories.push("(other)".into());
                Histogram { edges: None, categories: Some(categories), counts }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_falls_into_exactly_one_bin() {
        let baseline: Vec<f64> = (0..1000).map(f64::from).collect();
        let bins = Bins::of_numbers(&baseline, 10);
        assert_eq!(bins.len(), 10);
        let counts = bins.count_numbers(&baseline);
        assert_eq!(counts.iter().sum::<u64>(), 1000);
        assert!(counts.iter().all(|c| (99..=102).contains(c)), "{counts:?}");
        assert_eq!(bins.count_numbers(&[-5.0, 2000.0, f64::NAN]).iter().sum::<u64>(), 2);
    }

    #[test]
    fn few_different_values_are_binned_by_value_and_new_ones_are_other() {
        let bins = Bins::of_numbers(&[0.0, 1.0, 1.0], 10);
        assert_eq!(bins.count_numbers(&[1.0, 7.0]), [0, 1, 1]);
        let bins = Bins::of_texts(["b", "a"]);
        assert_eq!(bins.count_texts(["a", "c"]), [1, 0, 1]);
    }

    #[test]
    fn a_constant_column_has_one_filled_bin() {
        let histogram = Bins::equal_width(&[3.0, 3.0], 4).histogram(&[3.0, 3.0]);
        assert_eq!(histogram.counts.iter().sum::<u64>(), 2);
    }
}
