use super::special::normal_cumulative;
use super::{ranks, sums::sum};

/// Both samples larger than this are compared by the normal approximation.
const MOST_EXACT: usize = 8;

/// p-value of the Mann–Whitney U test that the first sorted sample is stochastically less than the second
/// (`scipy.stats.mannwhitneyu(alternative="less")`): exact where one sample has at most 8 values and no value comes
/// twice, else normal with a continuity correction and a correction for ties.
pub(crate) fn mann_whitney_less(x: &[f64], y: &[f64]) -> f64 {
    let (rank_x, _, ties) = ranks(x, y);
    let (n, m) = (x.len() as f64, y.len() as f64);
    let u = n * m - (sum(&rank_x) - n * (n + 1.0) / 2.0);
    let tied = ties.iter().any(|t| *t > 1.0);
    if x.len().min(y.len()) <= MOST_EXACT && !tied {
        return exact(u as usize, x.len().min(y.len()), x.len().max(y.len())).clamp(0.0, 1.0);
    }
    let all = n + m;
    let tie_term: f64 = sum(&ties.iter().map(|t| t.powi(3) - t).collect::<Vec<_>>());
    let spread = (n * m / 12.0 * ((all + 1.0) - tie_term / (all * (all - 1.0)))).sqrt();
    normal_cumulative(-((u - n * m / 2.0 - 0.5) / spread)).clamp(0.0, 1.0)
}

/// P(U ≥ u) for samples of `n` ≤ `m` without ties.
fn exact(u: usize, n: usize, m: usize) -> f64 {
    let complement = n * m - u;
    let least = complement.min(u);
    // How many orders give 0, 1, … `least`: the coefficients of ∏ (1 − q^(m+i))/(1 − q^i).
    let mut counts = vec![0.0; least + 1];
    counts[0] = 1.0;
    for i in 1..=n {
        for k in i..=least {
            counts[k] += counts[k - i];
        }
        for k in (m + i..=least).rev() {
            counts[k] -= counts[k - m - i];
        }
    }
    let total = (1..=n).fold(1.0, |c, i| c * (m + i) as f64 / i as f64);
    let below: f64 = counts.iter().sum::<f64>() / total;
    if u < complement { 1.0 - below + counts[least] / total } else { below }
}
