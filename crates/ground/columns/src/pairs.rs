//! Binning two samples together, by the rules of Evidently's `get_binned_data`, for scores that agree with it.
//! Monitors bin by the baseline alone ([`crate::Bins`]), so that windows can be compared with each other.

use std::collections::BTreeMap;

/// Over this many different values in the baseline, numbers are cut into intervals.
const BY_VALUE: usize = 20;

/// Counts of both samples over the same bins: Sturges' intervals of their union where the baseline has more than 20
/// different values, else one bin for each value that occurs. `integers` says that both samples are whole numbers,
/// whose intervals are at least 1 wide (NumPy 2). Not finite values are left out.
pub fn binned_numbers(expected: &[f64], actual: &[f64], integers: bool) -> (Vec<u64>, Vec<u64>) {
    let finite = |sample: &[f64]| -> Vec<f64> {
        let mut sorted: Vec<f64> = sample.iter().copied().filter(|v| v.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        sorted
    };
    let (x, y) = (finite(expected), finite(actual));
    if x.chunk_by(|a, b| a == b).count() <= BY_VALUE {
        // A key that orders as the numbers do; −0 is 0.
        return by_value(x.iter().map(|v| Ordered(v + 0.0)), y.iter().map(|v| Ordered(v + 0.0)));
    }
    let edges = sturges(&x, &y, integers);
    (counts(&x, &edges), counts(&y, &edges))
}

/// Counts of both samples for each value that occurs in either, in order of the values.
pub fn by_value<T: Ord>(
    expected: impl IntoIterator<Item = T>,
    actual: impl IntoIterator<Item = T>,
) -> (Vec<u64>, Vec<u64>) {
    let mut found: BTreeMap<T, (u64, u64)> = BTreeMap::new();
    for value in expected {
        found.entry(value).or_default().0 += 1;
    }
    for value in actual {
        found.entry(value).or_default().1 += 1;
    }
    found.into_values().unzip()
}

#[derive(PartialEq)]
struct Ordered(f64);

impl Eq for Ordered {}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// NumPy's `histogram_bin_edges(x ∪ y, "sturges")` for ascending samples.
fn sturges(x: &[f64], y: &[f64], integers: bool) -> Vec<f64> {
    let ends = |s: &[f64]| s.first().copied().zip(s.last().copied());
    let (low, high) = [ends(x), ends(y)]
        .into_iter()
        .flatten()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), (a, b)| (l.min(a), h.max(b)));
    let width = (high - low) / (((x.len() + y.len()) as f64).log2() + 1.0);
    let (low, high) = if low == high { (low - 0.5, high + 0.5) } else { (low, high) };
    let width = if integers && width > 0.0 && width < 1.0 { 1.0 } else { width };
    let bins = if width > 0.0 { ((high - low) / width).ceil().max(1.0) } else { 1.0 };
    let step = (high - low) / bins;
    let mut edges: Vec<f64> = (0..bins as usize).map(|i| i as f64 * step + low).collect();
    edges.push(high);
    edges
}

/// Left-closed intervals, the last one closed.
fn counts(sorted: &[f64], edges: &[f64]) -> Vec<u64> {
    let below = |edge: f64| sorted.partition_point(|v| *v < edge) as u64;
    let mut cumulative: Vec<u64> = edges.iter().map(|e| below(*e)).collect();
    if let (Some(last), Some(edge)) = (cumulative.last_mut(), edges.last()) {
        *last = sorted.partition_point(|v| v <= edge) as u64;
    }
    cumulative.windows(2).map(|pair| pair[1] - pair[0]).collect()
}
