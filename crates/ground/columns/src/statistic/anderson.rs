use super::sums::sum;
use crate::drift::NotComputable;

/// Equal values: of x and of y up to their middle, how many they are, how many stand before them.
type Group = (f64, f64, f64, f64);

/// p-value of the two-sample Anderson–Darling test with midranks (`scipy.stats.anderson_ksamp`; Scholz and Stephens,
/// 1987), interpolated in their table and cut to 0.001..=0.25. Both samples sorted.
///
/// Errors: `Reason` where all values are equal, and for fewer than three values.
pub(crate) fn anderson(x: &[f64], y: &[f64]) -> Result<f64, NotComputable> {
    let total = x.len() + y.len();
    let n = total as f64;
    let mut groups: Vec<Group> = Vec::new();
    let (mut i, mut j) = (0, 0);
    while i < x.len() || j < y.len() {
        let at = match (x.get(i), y.get(j)) {
            (Some(a), Some(b)) => a.min(*b),
            (Some(a), None) => *a,
            (None, Some(b)) => *b,
            (None, None) => break,
        };
        let (from_x, from_y) = (i, j);
        while x.get(i).is_some_and(|v| *v <= at) {
            i += 1;
        }
        while y.get(j).is_some_and(|v| *v <= at) {
            j += 1;
        }
        let (in_x, in_y) = ((i - from_x) as f64, (j - from_y) as f64);
        // Values up to the middle of the group: of x, of y; then how many stand in it and before it.
        groups.push((i as f64 - in_x / 2.0, j as f64 - in_y / 2.0, in_x + in_y, (from_x + from_y) as f64));
    }
    if groups.len() < 2 {
        return Err(NotComputable::reason("the test needs more than one different value"));
    }
    if total < 3 {
        return Err(NotComputable::reason("the test needs at least three values"));
    }
    let part = |size: f64, below: fn(&Group) -> f64| {
        let terms: Vec<f64> = groups
            .iter()
            .map(|group| {
                let (here, b) = (group.2, group.3 + group.2 / 2.0);
                here / n * (n * below(group) - b * size).powi(2) / (b * (n - b) - n * here / 4.0)
            })
            .collect();
        sum(&terms) / size
    };
    let (n1, n2) = (x.len() as f64, y.len() as f64);
    let statistic = (part(n1, |g| g.0) + part(n2, |g| g.1)) * (n - 1.0) / n;
    let normal = (statistic - 1.0) / spread(total, n1, n2)?;
    Ok(significance(normal))
}

/// Standard deviation of the statistic under the null hypothesis, two samples.
fn spread(total: usize, n1: f64, n2: f64) -> Result<f64, NotComputable> {
    let n = total as f64;
    let harmonic = 1.0 / n1 + 1.0 / n2;
    let (mut h, mut g) = (0.0, 0.0);
    for step in 0..total - 2 {
        h += 1.0 / (n - 1.0 - step as f64);
        g += h / (step as f64 + 2.0);
    }
    h += 1.0;
    let k = 2.0;
    let a = (4.0 * g - 6.0) * (k - 1.0) + (10.0 - 6.0 * g) * harmonic;
    let b = (2.0 * g - 4.0) * k * k + 8.0 * h * k + (2.0 * g - 14.0 * h - 4.0) * harmonic - 8.0 * h + 4.0 * g
        - 6.0;
    let c = (6.0 * h + 2.0 * g - 2.0) * k * k
        + (4.0 * h - 4.0 * g + 6.0) * k
        + (2.0 * h - 6.0) * harmonic
        + 4.0 * h;
    let d = (2.0 * h + 6.0) * k * k - 4.0 * h * k;
    let variance = (a * n.powi(3) + b * n * n + c * n + d) / ((n - 1.0) * (n - 2.0) * (n - 3.0));
    if variance < 0.0 {
        return Err(NotComputable::reason("the samples are too small for the test"));
    }
    Ok(variance.sqrt())
}

const LEVELS: [f64; 7] = [0.25, 0.1, 0.05, 0.025, 0.01, 0.005, 0.001];
/// Critical values of the normalised statistic for two samples: b0 + b1/√m + b2/m, m = 1.
const CRITICAL: [(f64, f64, f64); 7] = [
    (0.675, -0.245, -0.105),
    (1.281, 0.25, -0.305),
    (1.645, 0.678, -0.362),
    (1.96, 1.149, -0.391),
    (2.326, 1.822, -0.396),
    (2.573, 2.364, -0.345),
    (3.085, 3.615, -0.154),
];

/// A parabola fitted to the logarithms of the levels, by orthogonal polynomials.
fn significance(statistic: f64) -> f64 {
    let critical: Vec<f64> = CRITICAL.iter().map(|(a, b, c)| a + b + c).collect();
    if statistic < critical[0] {
        return LEVELS[0];
    }
    if statistic > critical[6] {
        return LEVELS[6];
    }
    let count = 7.0;
    let center = critical.iter().sum::<f64>() / count;
    let linear: Vec<f64> = critical.iter().map(|c| c - center).collect();
    let norm: f64 = linear.iter().map(|l| l * l).sum();
    let skew = linear.iter().map(|l| l.powi(3)).sum::<f64>() / norm;
    let base = norm / count;
    let square = |l: f64| l * l - skew * l - base;
    let quadratic: Vec<f64> = linear.iter().map(|l| square(*l)).collect();
    let norm2: f64 = quadratic.iter().map(|q| q * q).sum();
    let logs: Vec<f64> = LEVELS.iter().map(|l| l.ln()).collect();
    let dot = |v: &[f64]| v.iter().zip(&logs).map(|(a, b)| a * b).sum::<f64>();
    let at = statistic - center;
    (logs.iter().sum::<f64>() / count + dot(&linear) / norm * at + dot(&quadratic) / norm2 * square(at)).exp()
}
