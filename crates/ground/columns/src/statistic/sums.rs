//! Sums in NumPy's order, so that what cancels there cancels here.

pub(crate) use statistics::{pairwise_sum as sum, pairwise_sum_of};

/// NaN for no values.
pub(crate) fn mean(values: &[f64]) -> f64 {
    sum(values) / values.len() as f64
}

/// Sum of squared differences from the mean.
pub(crate) fn squares(values: &[f64]) -> f64 {
    let mean = mean(values);
    pairwise_sum_of(values, |v| (v - mean) * (v - mean))
}

/// Standard deviation of the population (NumPy's `std`).
pub(crate) fn deviation(values: &[f64]) -> f64 {
    (squares(values) / values.len() as f64).sqrt()
}

/// NumPy's linear percentile of an ascending sample, `q` in 0..=100.
pub(crate) fn percentile(sorted: &[f64], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let at = last as f64 * (q / 100.0);
    let low = (at.floor().max(0.0) as usize).min(last);
    let high = (low + 1).min(last);
    let t = at - low as f64;
    let (a, b) = (sorted[low], sorted[high]);
    if t >= 0.5 { b - (b - a) * (1.0 - t) } else { a + (b - a) * t }
}
