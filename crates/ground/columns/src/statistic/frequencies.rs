//! Tests over counts of the same categories, in the same order, in a reference and a current sample.

use super::special::{chi_square_survival, normal_cumulative};
use super::sums::sum;
use crate::drift::NotComputable;

/// p-value of Pearson's χ² that `current` follows the shares of `reference`; 0 where a category is new, NaN where there
/// is only one (`scipy.stats.chisquare` with one degree of freedom less than categories).
pub(crate) fn chi_square(reference: &[u64], current: &[u64]) -> f64 {
    let (n, m) = (reference.iter().sum::<u64>() as f64, current.iter().sum::<u64>() as f64);
    let scale = m / n;
    let terms: Vec<f64> = reference
        .iter()
        .zip(current)
        .map(|(r, c)| {
            let expected = *r as f64 * scale;
            (*c as f64 - expected).powi(2) / expected
        })
        .collect();
    chi_square_survival(terms.len() as f64 - 1.0, sum(&terms))
}

/// p-value of the G-test (log-likelihood ratio). The counts are not scaled, so that samples must have equal sizes.
/// Errors: `Reason` where they do not.
pub(crate) fn g_test(reference: &[u64], current: &[u64]) -> Result<f64, NotComputable> {
    let (n, m) = (reference.iter().sum::<u64>() as f64, current.iter().sum::<u64>() as f64);
    if (n - m).abs() / n.min(m) > f64::EPSILON.sqrt() {
        return Err(NotComputable::reason(format!(
            "the G-test needs samples of equal size, not {n} and {m}"
        )));
    }
    let terms: Vec<f64> = reference
        .iter()
        .zip(current)
        .map(|(r, c)| {
            let (expected, observed) = (*r as f64, *c as f64);
            if *c == 0 { 0.0 } else { 2.0 * observed * (observed / expected).ln() }
        })
        .collect();
    Ok(chi_square_survival(terms.len() as f64 - 1.0, sum(&terms)))
}

/// p-value of the z-test that the first category has the same share in both; 1 where both samples hold one and the same
/// category only.
pub(crate) fn z_test(reference: &[u64], current: &[u64]) -> f64 {
    if reference.len() == 1 {
        return 1.0;
    }
    let (n, m) = (reference.iter().sum::<u64>() as f64, current.iter().sum::<u64>() as f64);
    let others = |counts: &[u64]| counts.iter().skip(1).sum::<u64>() as f64;
    let (p, q) = (others(reference) / n, others(current) / m);
    let pooled = (p * n + q * m) / (n + m);
    let z = (p - q) / (pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m)).sqrt();
    2.0 * (1.0 - normal_cumulative(z.abs()))
}
