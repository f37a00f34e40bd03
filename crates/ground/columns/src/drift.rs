//! How far a sample has moved away from a baseline.
//!
//! The functions here score counts or values that are already there; [`compare`] takes whole data sets, chooses methods
//! and says which columns have drifted, in Evidently's way or calibrated.

mod binned;
mod calibrate;
mod frame;
mod kind;
mod method;
mod pair;
mod report;
mod score;

pub use frame::{Frame, Series};
pub use kind::Kind;
pub use method::Method;
pub use pair::{Key, Numbers, Pair};
pub use report::{Choice, ColumnReport, Finding, Mode, Options, Report, Tier, compare, parallel};
pub use score::{score, total_variation_above};

pub use crate::chance::{jensen_shannon_by_chance, psi_by_chance, wasserstein_by_chance};
use crate::ks;
pub use crate::pairs::{binned_numbers, by_value};
pub use crate::statistic::Mmd;

use statrs::distribution::{ChiSquared, ContinuousCDF as _};

/// Why a score cannot be computed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotComputable {
    #[error("the samples have {expected} and {actual} bins")]
    BinMismatch { expected: usize, actual: usize },
    #[error("the {0} sample is empty")]
    EmptySample(&'static str),
    #[error("there is one bin only")]
    OneBin,
    #[error("{0}")]
    Reason(String),
}

impl NotComputable {
    pub(crate) fn reason(text: impl Into<String>) -> Self {
        Self::Reason(text.into())
    }
}

fn check(expected: &[u64], actual: &[u64]) -> Result<(f64, f64), NotComputable> {
    if expected.len() != actual.len() {
        return Err(NotComputable::BinMismatch { expected: expected.len(), actual: actual.len() });
    }
    let totals = (expected.iter().sum::<u64>() as f64, actual.iter().sum::<u64>() as f64);
    match totals {
        (0.0, _) => Err(NotComputable::EmptySample("baseline")),
        (_, 0.0) => Err(NotComputable::EmptySample("current")),
        _ => Ok(totals),
    }
}

/// Shares by bin; a zero becomes 1e-4, or min/1e6 where the smallest non-zero share is at most 1e-4 (the rule of
/// Evidently's `get_binned_data`, so that results agree).
fn filled_shares(counts: &[u64], total: f64) -> Vec<f64> {
    let shares: Vec<f64> = counts.iter().map(|&c| c as f64 / total).collect();
    let least = shares.iter().copied().filter(|&s| s > 0.0).fold(f64::INFINITY, f64::min);
    let fill = if least <= 1e-4 { least / 1e6 } else { 1e-4 };
    shares.into_iter().map(|s| if s == 0.0 { fill } else { s }).collect()
}

/// Population stability index of two binned samples (dimensionless, ≥ 0; above 0.2 is commonly read as drift).
/// `expected` and `actual` are counts over the same bins, in the same order. Zero shares are filled as Evidently
/// does; shares are not normalised again.
/// Errors: `BinMismatch` if the lengths differ, `EmptySample` if either sum is 0.
pub fn psi(expected: &[u64], actual: &[u64]) -> Result<f64, NotComputable> {
    let (e, a) = check(expected, actual)?;
    let (expected, actual) = (filled_shares(expected, e), filled_shares(actual, a));
    Ok(expected.iter().zip(&actual).map(|(e, a)| (e - a) * (e / a).ln()).sum())
}

/// Jensen–Shannon distance of two binned samples: the square root of the divergence with natural logarithms, from
/// 0 to √ln 2 (SciPy's `jensenshannon`). Errors as [`psi`].
pub fn jensen_shannon(expected: &[u64], actual: &[u64]) -> Result<f64, NotComputable> {
    let (e, a) = check(expected, actual)?;
    let term = |p: f64, m: f64| if p == 0.0 { 0.0 } else { p * (p / m).ln() };
    let sum: f64 = expected
        .iter()
        .zip(actual)
        .map(|(&x, &y)| {
            let (p, q) = (x as f64 / e, y as f64 / a);
            let m = (p + q) / 2.0;
            term(p, m) + term(q, m)
        })
        .sum();
    Ok((sum / 2.0).max(0.0).sqrt())
}

/// p-value of Pearson's χ² test that `actual` follows the shares of `expected`; bins that the baseline never filled
/// and the sample does make it 0. Errors: as [`psi`], and `OneBin` if fewer than two bins are filled.
pub fn chi_square(expected: &[u64], actual: &[u64]) -> Result<f64, NotComputable> {
    let (e, a) = check(expected, actual)?;
    let filled: Vec<(f64, f64)> = expected
        .iter()
        .zip(actual)
        .filter(|(x, y)| **x > 0 || **y > 0)
        .map(|(&x, &y)| (x as f64 * a / e, y as f64))
        .collect();
    if filled.len() < 2 {
        return Err(NotComputable::OneBin);
    }
    if filled.iter().any(|(x, _)| *x == 0.0) {
        return Ok(0.0);
    }
    let statistic: f64 = filled.iter().map(|(x, y)| (y - x).powi(2) / x).sum();
    match ChiSquared::new((filled.len() - 1) as f64) {
        Ok(distribution) => Ok(distribution.sf(statistic)),
        Err(_) => Err(NotComputable::OneBin),
    }
}

fn sorted(sample: &[f64], which: &'static str) -> Result<Vec<f64>, NotComputable> {
    let mut sorted: Vec<f64> = sample.iter().copied().filter(|v| v.is_finite()).collect();
    if sorted.is_empty() {
        return Err(NotComputable::EmptySample(which));
    }
    sorted.sort_by(f64::total_cmp);
    Ok(sorted)
}

/// Kolmogorov–Smirnov statistic and two-sided p-value, as SciPy's `ks_2samp`: exact where both samples have at most
/// 10,000 values (a time of n·m at worst), else asymptotic. Not finite values are left out. Errors: `EmptySample`.
pub fn kolmogorov_smirnov(expected: &[f64], actual: &[f64]) -> Result<(f64, f64), NotComputable> {
    Ok(ks::two_sample(&sorted(expected, "baseline")?, &sorted(actual, "current")?))
}

/// Cramér–von Mises statistic and p-value, as SciPy's `cramervonmises_2samp`: exact up to 20 values a sample, else asymptotic,
/// within 1e-7. Not finite values are left out. Errors: `EmptySample`, `Reason` for a sample of one value.
pub fn cramer_von_mises(expected: &[f64], actual: &[f64]) -> Result<(f64, f64), NotComputable> {
    crate::statistic::cramer_von_mises(&sorted(expected, "baseline")?, &sorted(actual, "current")?)
}

/// The asymptotic p-value of the Kolmogorov–Smirnov test, which takes a time of n·log n only.
pub fn kolmogorov_smirnov_asymptotic(expected: &[f64], actual: &[f64]) -> Result<(f64, f64), NotComputable> {
    let (x, y) = (sorted(expected, "baseline")?, sorted(actual, "current")?);
    let d = ks::statistic(&x, &y);
    Ok((d, ks::asymptotic(d, x.len(), y.len())))
}

/// Kullback–Leibler divergence of the baseline from the current sample in nats. Zero shares are filled as for
/// [`psi`], then both are normalised again (SciPy's `entropy`). Errors: as [`psi`].
pub fn kl_divergence(expected: &[u64], actual: &[u64]) -> Result<f64, NotComputable> {
    let (e, a) = check(expected, actual)?;
    let (expected, actual) = (filled_shares(expected, e), filled_shares(actual, a));
    let (e, a) = (expected.iter().sum::<f64>(), actual.iter().sum::<f64>());
    Ok(expected.iter().zip(&actual).map(|(x, y)| x / e * ((x / e) / (y / a)).ln()).sum())
}

/// Two-sided p-value of the z-test that the share of the first bin is the same in both samples; 1 where all of both
/// is in one bin. Bins are two, as of a yes-or-no variable. Errors: as [`psi`].
pub fn z_test(expected: &[u64], actual: &[u64]) -> Result<f64, NotComputable> {
    let (n, m) = check(expected, actual)?;
    let first = |counts: &[u64]| counts.first().copied().unwrap_or(0) as f64;
    let (p, q) = (1.0 - first(expected) / n, 1.0 - first(actual) / m);
    let pooled = (p * n + q * m) / (n + m);
    let spread = (pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m)).sqrt();
    if p == q {
        return Ok(1.0);
    }
    Ok(statrs::function::erf::erfc((p - q).abs() / spread / std::f64::consts::SQRT_2))
}

/// First Wasserstein distance, in standard deviations of the baseline (at least 0.001), as Evidently scales it.
/// Not finite values are left out. Errors: `EmptySample`.
pub fn wasserstein(expected: &[f64], actual: &[f64]) -> Result<f64, NotComputable> {
    let (x, y) = (sorted(expected, "baseline")?, sorted(actual, "current")?);
    let mut all: Vec<f64> = x.iter().chain(&y).copied().collect();
    all.sort_by(f64::total_cmp);
    let (mut i, mut j, mut distance) = (0, 0, 0.0);
    for pair in all.windows(2) {
        while i < x.len() && x[i] <= pair[0] {
            i += 1;
        }
        while j < y.len() && y[j] <= pair[0] {
            j += 1;
        }
        distance += (i as f64 / x.len() as f64 - j as f64 / y.len() as f64).abs() * (pair[1] - pair[0]);
    }
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    let std = (x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / x.len() as f64).sqrt();
    Ok(distance / std.max(0.001))
}
