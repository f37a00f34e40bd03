//! Sums in NumPy's order, so that what cancels there cancels here.

/// NumPy's pairwise sum: eight running sums up to 128 values, halves above.
pub fn sum(values: &[f64]) -> f64 {
    let n = values.len();
    if n < 8 {
        return values.iter().fold(0.0, |total, v| total + v);
    }
    if n <= 128 {
        let mut r = [0.0; 8];
        r.copy_from_slice(&values[..8]);
        let whole = n - n % 8;
        for chunk in values[8..whole].chunks_exact(8) {
            for (total, v) in r.iter_mut().zip(chunk) {
                *total += v;
            }
        }
        let total = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
        return values[whole..].iter().fold(total, |total, v| total + v);
    }
    let half = n / 2;
    let half = half - half % 8;
    sum(&values[..half]) + sum(&values[half..])
}

/// NaN for no values.
pub(crate) fn mean(values: &[f64]) -> f64 {
    sum(values) / values.len() as f64
}

/// Sum of squared differences from the mean.
pub(crate) fn squares(values: &[f64]) -> f64 {
    let mean = mean(values);
    let apart: Vec<f64> = values.iter().map(|v| (v - mean) * (v - mean)).collect();
    sum(&apart)
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
