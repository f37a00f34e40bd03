//! The two-sample Kolmogorov–Smirnov test as SciPy's `ks_2samp(method="auto")` computes it.

use statrs::function::gamma::ln_gamma;
use std::f64::consts::PI;

/// Up to this many values in the larger sample the p-value is exact.
const MOST_EXACT: usize = 10_000;

/// Statistic and two-sided p-value of two ascending, finite, not empty samples: the p-value is exact where both have
/// at most 10,000 values, else asymptotic.
pub(crate) fn two_sample(x: &[f64], y: &[f64]) -> (f64, f64) {
    let d = statistic(x, y);
    let (n, m) = (x.len(), y.len());
    if n.max(m) > MOST_EXACT {
        return (d, asymptotic(d, n, m));
    }
    let g = gcd(n, m);
    let lcm = (n / g) as f64 * m as f64;
    let h = (d * lcm).round();
    let d = h / lcm;
    let p = if h == 0.0 {
        1.0
    } else if n == m {
        outside_square(n as f64, h)
    } else {
        outside(n.max(m), n.min(m), g, h)
    };
    // Overflow in the exact sum: SciPy falls back to the asymptotic form too.
    let p = if (0.0..=1.0).contains(&p) { p } else { asymptotic(d, n, m) };
    (d, p)
}

/// The asymptotic two-sided p-value: the distribution of the one-sample statistic for n·m/(n + m) values.
pub(crate) fn asymptotic(d: f64, n: usize, m: usize) -> f64 {
    let (n, m) = (n as f64, m as f64);
    survival((n * m / (n + m)).round_ties_even(), d).clamp(0.0, 1.0)
}

pub(crate) fn statistic(x: &[f64], y: &[f64]) -> f64 {
    let (n, m) = (x.len() as f64, y.len() as f64);
    let (mut i, mut j, mut d) = (0, 0, 0.0_f64);
    while i < x.len() && j < y.len() {
        let at = x[i].min(y[j]);
        while i < x.len() && x[i] <= at {
            i += 1;
        }
        while j < y.len() && y[j] <= at {
            j += 1;
        }
        d = d.max((i as f64 / n - j as f64 / m).abs());
    }
    d
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Share of lattice paths of two samples of `n` that leave a band of `h` steps, by a Horner scheme that avoids the
/// cancellation of 2·(C(2n, n−h) − C(2n, n−2h) + …)/C(2n, n).
fn outside_square(n: f64, h: f64) -> f64 {
    let mut p = 0.0;
    let mut k = (n / h).floor();
    while k >= 0.0 {
        let mut term = 1.0;
        let mut j = 0.0;
        while j < h {
            term = (n - k * h - j) * term / (n + k * h + j + 1.0);
            j += 1.0;
        }
        p = term * (1.0 - p);
        k -= 1.0;
    }
    2.0 * p
}

/// Share of lattice paths from (0, 0) to (m, n), m > n, with |n·x − m·y|/g ≥ h somewhere, column by column; only the
/// window inside the band is kept.
fn outside(m: usize, n: usize, g: usize, h: f64) -> f64 {
    let (mg, ng) = ((m / g) as f64, (n / g) as f64);
    let mut low = 0_usize;
    let mut high = ((h / mg).ceil() as usize).min(n + 1);
    let mut length = high - low;
    let mut share = vec![1.0; (2 * high + 2).min(n + 1)];
    for value in share.iter_mut().take(high) {
        *value = 0.0;
    }
    for i in 1..=m {
        let (last_low, last_length) = (low, length);
        low = (((ng * i as f64 - h) / mg).floor() + 1.0).max(0.0) as usize;
        low = low.min(n);
        high = (((ng * i as f64 + h) / mg).ceil() as usize).min(n + 1);
        if high <= low {
            return 1.0;
        }
        let mut value = if low == 0 { 0.0 } else { 1.0 };
        for k in 0..high - low {
            let j = (k + low) as f64;
            let left = share.get(k + low - last_low).copied().unwrap_or(1.0);
            value = (left * i as f64 + value * j) / (i as f64 + j);
            share[k] = value;
        }
        length = high - low;
        if last_length > length {
            let end = last_length.min(share.len());
            for value in &mut share[length..end] {
                *value = 1.0;
            }
        }
    }
    share[length - 1]
}

/// P(D ≥ x) of the one-sample two-sided statistic of `n` values (Simard and L'Ecuyer, 2011): exact forms where they
/// are stable, the Pelz–Good series for large n.
fn survival(n: f64, x: f64) -> f64 {
    if x >= 1.0 || n < 1.0 {
        return 0.0;
    }
    let t = n * x;
    if t <= 0.5 {
        return 1.0;
    }
    if t <= 1.0 {
        // Ruben and Gambino: n!·(2t − 1)ⁿ/nⁿ.
        return 1.0 - (ln_gamma(n + 1.0) - n * n.ln() + n * (2.0 * t - 1.0).ln()).exp();
    }
    if t >= n - 1.0 {
        return 2.0 * (1.0 - x).powf(n);
    }
    let z2 = t * x;
    if x >= 0.5 || (n <= 140.0 && z2 > 4.0) || (n > 140.0 && z2 >= 2.2) {
        return if z2 >= 370.0 { 0.0 } else { 2.0 * one_sided(n, x) };
    }
    if n <= 140.0 || (n <= 100_000.0 && n * x.powf(1.5) <= 1.4) {
        return 1.0 - matrix_power(n, x);
    }
    1.0 - pelz_good(n, x)
}

/// P(D⁺ ≥ x): Smirnov's sum of positive terms.
fn one_sided(n: f64, x: f64) -> f64 {
    let last = (n * (1.0 - x)).floor();
    let mut sum = 0.0;
    let mut v = 0.0;
    while v <= last {
        let (a, b) = (x + v / n, 1.0 - x - v / n);
        if b > 0.0 {
            let binomial = ln_gamma(n + 1.0) - ln_gamma(v + 1.0) - ln_gamma(n - v + 1.0);
            sum += (binomial + (v - 1.0) * a.ln() + (n - v) * b.ln()).exp();
        }
        v += 1.0;
    }
    (sum * x).min(1.0)
}

/// P(D < x), exact (Durbin; Marsaglia, Tsang and Wang, 2003): an entry of the n-th power of a small matrix.
fn matrix_power(n: f64, x: f64) -> f64 {
    let k = (n * x).ceil();
    let h = k - n * x;
    let k = k as usize;
    let size = 2 * k - 1;
    let mut matrix = vec![0.0; size * size];
    for i in 0..size {
        for j in 0..size {
            matrix[i * size + j] = if j <= i + 1 { 1.0 } else { 0.0 };
        }
    }
    for i in 0..size {
        matrix[i * size] -= h.powi(i as i32 + 1);
        matrix[(size - 1) * size + i] -= h.powi((size - i) as i32);
    }
    matrix[(size - 1) * size] += if 2.0 * h > 1.0 { (2.0 * h - 1.0).powi(size as i32) } else { 0.0 };
    for i in 0..size {
        for j in 0..size {
            if i + 1 > j {
                for g in 1..=(i + 1 - j) {
                    matrix[i * size + j] /= g as f64;
                }
            }
        }
    }
    let (power, mut exponent) = power(&matrix, size, n as u64);
    let mut value = power[(k - 1) * size + k - 1];
    for i in 1..=n as u64 {
        value *= i as f64 / n;
        if value < 1e-140 {
            value *= 1e140;
            exponent -= 140;
        }
    }
    value * 10_f64.powi(exponent)
}

/// `matrix` to the `n`, scaled by a power of ten that is returned with it.
fn power(matrix: &[f64], size: usize, n: u64) -> (Vec<f64>, i32) {
    if n == 1 {
        return (matrix.to_vec(), 0);
    }
    let (half, exponent) = power(matrix, size, n / 2);
    let mut result = product(&half, &half, size);
    let mut exponent = 2 * exponent;
    if n % 2 == 1 {
        result = product(matrix, &result, size);
    }
    if result[(size / 2) * size + size / 2] > 1e140 {
        for value in &mut result {
            *value *= 1e-140;
        }
        exponent += 140;
    }
    (result, exponent)
}

fn product(a: &[f64], b: &[f64], size: usize) -> Vec<f64> {
    let mut result = vec![0.0; size * size];
    for i in 0..size {
        for k in 0..size {
            let factor = a[i * size + k];
            for j in 0..size {
                result[i * size + j] += factor * b[k * size + j];
            }
        }
    }
    result
}

/// P(D < x) by the series of Pelz and Good (1976), with the terms for small z of Jacobi's theta functions.
fn pelz_good(n: f64, x: f64) -> f64 {
    let z = n.sqrt() * x;
    let (z2, z3, z4, z6) = (z.powi(2), z.powi(3), z.powi(4), z.powi(6));
    let (pi2, pi4, pi6) = (PI.powi(2), PI.powi(4), PI.powi(6));
    let q_log = -pi2 / 8.0 / z2;
    if q_log < -708.0 {
        return 0.0;
    }
    let q = q_log.exp();
    let last = (16.0 * z / PI).ceil() as i32;
    let mut k_sum = [0.0_f64; 4];
    for k in (1..=last).rev() {
        let m = f64::from(2 * k - 1);
        let (m2, m4, m6) = (m.powi(2), m.powi(4), m.powi(6));
        let coefficients = [
            1.0,
            -z2 + pi2 / 4.0 * m2,
            6.0 * z6 + 2.0 * z4 + (2.0 * z4 - 5.0 * z2) * pi2 / 4.0 * m2 + pi4 * (1.0 - 2.0 * z2) / 16.0 * m4,
            -30.0 * z6 - 90.0 * z.powi(8)
                + pi2 * (135.0 * z4 - 96.0 * z6) / 4.0 * m2
                + pi4 * (-60.0 * z2 + 212.0 * z4) / 16.0 * m4
                + pi6 * (5.0 - 30.0 * z2) / 64.0 * m6,
        ];
        let scale = q.powf(8.0 * f64::from(k));
        for (sum, coefficient) in k_sum.iter_mut().zip(coefficients) {
            *sum = *sum * scale + coefficient;
        }
    }
    let root = (2.0 * PI).sqrt();
    let divisors = [z, 6.0 * z4, 72.0 * z.powi(7), 6480.0 * z.powi(10)];
    for (sum, divisor) in k_sum.iter_mut().zip(divisors) {
        *sum *= q * root / divisor;
    }
    let q = (-pi2 / 2.0 / z2).exp();
    let sqrt3z = 3.0_f64.sqrt() * z;
    let (mut second, mut third) = (0.0, 0.0);
    for k in (1..=last).rev().map(f64::from) {
        let term = k * k * q.powf(k * k);
        second += term;
        third += (sqrt3z + PI * k) * (sqrt3z - PI * k) * term;
    }
    k_sum[2] += second * pi2 * root / (-36.0 * z3);
    k_sum[3] += third * pi2 * root / (216.0 * z6);
    k_sum.iter().enumerate().map(|(i, sum)| sum / n.powf(i as f64 / 2.0)).sum::<f64>().clamp(0.0, 1.0)
}
