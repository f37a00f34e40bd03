//! What distances come to when nothing has drifted. A finite sample is never exactly its distribution, so a fixed
//! threshold raises false alarms on small windows: two samples of 100 from one normal often differ by a PSI of 0.15.

use statrs::distribution::{ChiSquared, ContinuousCDF as _};

/// 1/n + 1/m and the filled bins.
fn sizes(expected: &[u64], actual: &[u64]) -> Option<(f64, f64)> {
    let (n, m) = (expected.iter().sum::<u64>() as f64, actual.iter().sum::<u64>() as f64);
    let filled = expected.iter().zip(actual).filter(|(e, a)| **e + **a > 0).count();
    (n > 0.0 && m > 0.0 && filled > 1).then_some((1.0 / n + 1.0 / m, filled as f64))
}

fn chi_square_quantile(degrees: f64, alpha: f64) -> Option<f64> {
    Some(ChiSquared::new(degrees).ok()?.inverse_cdf(1.0 - alpha))
}

/// The PSI that samples of these sizes from one distribution exceed with probability `alpha`: for large samples
/// PSI is (1/n + 1/m)·χ² with one degree of freedom less than there are bins (Yurdakul, 2018). `None` where there
/// is one bin only.
pub fn psi_by_chance(expected: &[u64], actual: &[u64], alpha: f64) -> Option<f64> {
    let (scale, bins) = sizes(expected, actual)?;
    Some(scale * chi_square_quantile(bins - 1.0, alpha)?)
}

/// As [`psi_by_chance`] for the Jensen–Shannon distance, whose square is an eighth of the PSI to second order.
pub fn jensen_shannon_by_chance(expected: &[u64], actual: &[u64], alpha: f64) -> Option<f64> {
    psi_by_chance(expected, actual, alpha).map(|psi| (psi / 8.0).sqrt())
}

/// The scaled Wasserstein distance that a sample of `rows` exceeds with probability of about 1 %, if it comes from
/// `sorted` (ascending, finite). Its mean is √(2/π)·√(1/n + 1/m)·∫√(F(1−F)); the 99 % quantile of the integral of a
/// Brownian bridge is 2.4 times its mean (Johnson and Killeen, 1983).
pub fn wasserstein_by_chance(sorted: &[f64], rows: usize) -> Option<f64> {
    if sorted.len() < 2 || rows == 0 {
        return None;
    }
    let n = sorted.len() as f64;
    let spread: f64 = sorted
        .windows(2)
        .enumerate()
        .map(|(i, pair)| {
            let f = (i + 1) as f64 / n;
            (f * (1.0 - f)).sqrt() * (pair[1] - pair[0])
        })
        .sum();
    let mean = sorted.iter().sum::<f64>() / n;
    let std = (sorted.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
    let scale = (1.0 / n + 1.0 / rows as f64).sqrt() * std::f64::consts::FRAC_2_PI.sqrt();
    Some(2.4 * scale * spread / std.max(0.001))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bins, drift};

    /// Standard normal values, the same ones every time.
    fn normal(count: usize, state: &mut u64) -> Vec<f64> {
        let mut uniform = || {
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((*state >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
        };
        (0..count)
            .map(|_| (-2.0 * uniform().ln()).sqrt() * (2.0 * std::f64::consts::PI * uniform()).cos())
            .collect()
    }

    #[test]
    fn samples_of_one_distribution_exceed_their_chance_threshold_rarely_and_fixed_ones_often() {
        let (mut state, mut alarms, mut fixed) = (7, [0; 3], 0);
        for _ in 0..400 {
            let (mut x, y) = (normal(100, &mut state), normal(100, &mut state));
            x.sort_by(f64::total_cmp);
            let bins = Bins::of_numbers(&x, 10);
            let (e, a) = (bins.count_numbers(&x), bins.count_numbers(&y));
            let psi = drift::psi(&e, &a).unwrap();
            fixed += usize::from(psi >= 0.1);
            alarms[0] += usize::from(psi >= psi_by_chance(&e, &a, 0.01).unwrap());
            let js = drift::jensen_shannon(&e, &a).unwrap();
            alarms[1] += usize::from(js >= jensen_shannon_by_chance(&e, &a, 0.01).unwrap());
            let distance = drift::wasserstein(&x, &y).unwrap();
            alarms[2] += usize::from(distance >= wasserstein_by_chance(&x, 100).unwrap());
        }
        assert!(fixed > 200, "{fixed}");
        assert!(alarms.iter().all(|a| *a <= 20), "{alarms:?} of 400");
    }
}
