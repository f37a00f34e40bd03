use std::f64::consts::PI;

use statrs::function::gamma::ln_gamma;

use super::ranks;
use super::special::bessel_quarter_scaled;
use super::sums::sum;
use crate::drift::NotComputable;

/// Up to this many values in the larger sample the p-value is exact.
const MOST_EXACT: usize = 20;

/// Statistic and p-value of the two-sample Cramér–von Mises test as Evidently's copy of SciPy computes them: exact up to 20
/// values a sample, else by the limiting distribution, whose series ends where a term is below 1e-7. The exact counts are kept in
/// the float type that NumPy chooses there (down to 16 bits); where NumPy refuses (integer counts), they are exact.
/// Both samples sorted. Errors: `Reason` for a sample of one value.
pub(crate) fn cramer_von_mises(x: &[f64], y: &[f64]) -> Result<(f64, f64), NotComputable> {
    if x.len() < 2 || y.len() < 2 {
        return Err(NotComputable::reason("the test needs at least two values in each sample"));
    }
    let (rank_x, rank_y, _) = ranks(x, y);
    let apart = |ranks: &[f64]| {
        let terms: Vec<f64> = ranks.iter().enumerate().map(|(i, r)| (r - (i + 1) as f64).powi(2)).collect();
        sum(&terms)
    };
    let (nx, ny) = (x.len() as f64, y.len() as f64);
    let u = nx * apart(&rank_x) + ny * apart(&rank_y);
    let (k, n) = (nx * ny, nx + ny);
    let t = u / (k * n) - (4.0 * k - 1.0) / (6.0 * n);
    if x.len().max(y.len()) <= MOST_EXACT {
        return Ok((t, exact(u, x.len() as i64, y.len() as i64)));
    }
    let expected = (1.0 + 1.0 / n) / 6.0;
    let variance = (n + 1.0) * (4.0 * k * n - 3.0 * (nx * nx + ny * ny) - 2.0 * k) / (45.0 * n * n * 4.0 * k);
    let normal = 1.0 / 6.0 + (t - expected) / (45.0 * variance).sqrt();
    Ok((t, if normal < 0.003 { 1.0 } else { (1.0 - limit(normal)).max(0.0) }))
}

/// Distribution of the statistic for infinite samples (Csörgő and Faraway, 1996, equation 1.2).
fn limit(x: f64) -> f64 {
    let (mut total, mut k) = (0.0, 0.0);
    loop {
        let u = (ln_gamma(k + 0.5) - ln_gamma(k + 1.0)).exp() / (PI.powf(1.5) * x.sqrt());
        let y = 4.0 * k + 1.0;
        let q = y * y / (16.0 * x);
        let term = u * y.sqrt() * (-2.0 * q).exp() * bessel_quarter_scaled(q);
        total += term;
        if term.abs() < 1e-7 || term.is_nan() {
            return total;
        }
        k += 1.0;
    }
}

/// The float types of NumPy that counts may be kept in.
#[derive(Clone, Copy)]
enum Width {
    Half,
    Single,
    Double,
}

impl Width {
    fn round(self, value: f64) -> f64 {
        match self {
            Self::Half => half(value),
            Self::Single => f64::from(value as f32),
            Self::Double => value,
        }
    }
}

/// To 11 significant bits, ties to even. Values are in the normal range of half floats.
fn half(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let scale = 2.0_f64.powi(value.abs().log2().floor() as i32 - 10);
    (value / scale).round_ties_even() * scale
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Share of the orders of m + n values whose statistic is at least `s` (Xiao, Gordon and Yakovlev, 2006).
fn exact(s: f64, m: i64, n: i64) -> f64 {
    let lcm = m / gcd(m, n) * n;
    let (a, b) = (lcm / m, lcm / n);
    let mn = (m * n) as f64;
    let zeta = (lcm as f64).powi(2) * (m + n) as f64 * (6.0 * s - mn * (4.0 * mn - 1.0));
    let zeta = (zeta / (6.0 * mn * mn)).floor();
    let bound = (lcm * lcm * (m + n)) as f64;
    let combinations = (1..=m).fold(1.0, |c, i| c * (n + i) as f64 / i as f64).round();
    let width = match combinations {
        c if bound >= c => Width::Double,
        c if c < 65_000.0 => Width::Half,
        c if c < 3.4e38 => Width::Single,
        _ => Width::Double,
    };
    // For each count of the first sample: how many orders give which sum, ascending.
    let mut rows: Vec<Vec<(i64, f64)>> = vec![Vec::new(); m as usize + 1];
    rows[0].push((0, 1.0));
    for u in 0..=n {
        let mut last: Vec<(i64, f64)> = Vec::new();
        for (v, row) in rows.iter_mut().enumerate() {
            let step = (a * v as i64 - b * u).pow(2);
            let mut merged = merge(&last, row, width);
            for (value, _) in &mut merged {
                *value += step;
            }
            last.clone_from(&merged);
            *row = merged;
        }
    }
    let found = rows.last().map_or(0.0, |row| {
        row.iter().filter(|(value, _)| *value as f64 >= zeta).map(|(_, count)| count).sum::<f64>()
    });
    width.round(width.round(found) / width.round(combinations))
}

fn merge(a: &[(i64, f64)], b: &[(i64, f64)], width: Width) -> Vec<(i64, f64)> {
    let (mut i, mut j, mut merged) = (0, 0, Vec::with_capacity(a.len() + b.len()));
    loop {
        match (a.get(i), b.get(j)) {
            (Some(x), Some(y)) if x.0 == y.0 => {
                merged.push((x.0, width.round(x.1 + y.1)));
                (i, j) = (i + 1, j + 1);
            }
            (Some(x), Some(y)) if x.0 < y.0 => {
                merged.push(*x);
                i += 1;
            }
            (_, Some(y)) => {
                merged.push(*y);
                j += 1;
            }
            (Some(x), None) => {
                merged.push(*x);
                i += 1;
            }
            (None, None) => return merged,
        }
    }
}
