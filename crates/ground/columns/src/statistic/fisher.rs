use statrs::function::factorial::ln_binomial;

/// Two-sided p-value of Fisher's exact test of the table [[a, b], [c, d]] (`scipy.stats.fisher_exact`): the tables that
/// are at most as likely as this one. 1 where a row or a column is empty.
pub(crate) fn fisher(a: u64, b: u64, c: u64, d: u64) -> f64 {
    let (row, other, column) = (a + b, c + d, a + c);
    if row == 0 || other == 0 || column == 0 || b + d == 0 {
        return 1.0;
    }
    let (low, high) = (column.saturating_sub(other), column.min(row));
    let mode = (((column + 1) as f64 * (row + 1) as f64 / (row + other + 2) as f64) as u64).clamp(low, high);
    // Shares relative to the mode's, by the ratio of neighbours, so that equal ones are found equal.
    let up = |k: u64| {
        ((row - k) as f64 * (column - k) as f64) / ((k + 1) as f64 * (other + k + 1 - column) as f64)
    };
    let mut relative = vec![0.0; (high - low + 1) as usize];
    let at = |k: u64| (k - low) as usize;
    relative[at(mode)] = 1.0;
    for k in mode..high {
        relative[at(k + 1)] = relative[at(k)] * up(k);
    }
    for k in (low..mode).rev() {
        relative[at(k)] = relative[at(k + 1)] / up(k);
    }
    let here = relative[at(a)];
    let total: f64 = relative.iter().sum();
    let tail: f64 = relative.iter().filter(|p| **p <= here * (1.0 + 1e-12)).sum();
    if here == 0.0 {
        // Too far from the mode for the ratios: the table's own probability bounds the tail.
        return (ln_binomial(row, a) + ln_binomial(other, c) - ln_binomial(row + other, column)).exp();
    }
    (tail / total).min(1.0)
}
