//! Quantiles of the standard normal distribution, to the last bits of a double.

/// `1 / sqrt(2π)`
const DENSITY: f64 = 0.398_942_280_401_432_7;

/// The value below which the share `p` of the distribution lies; infinite for 0 and 1, NaN outside.
///
/// Halley's method on the upper tail, from Abramowitz and Stegun 26.2.23: what is solved is the smaller tail, whose relative
/// error stays that of a double.
pub(super) fn quantile(p: f64) -> f64 {
    if p.is_nan() || !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    let (tail, sign) = if p < 0.5 { (p, -1.0) } else { (1.0 - p, 1.0) };
    if tail == 0.0 {
        return sign * f64::INFINITY;
    }
    if tail == 0.5 {
        return 0.0;
    }
    let t = (-2.0 * tail.ln()).sqrt();
    let numerator = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let denominator = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    let mut x = t - numerator / denominator;
    for _ in 0..4 {
        // The ratio of what is missing to the density.
        let step = (upper(x) - tail) / (DENSITY * (-0.5 * x * x).exp());
        let change = step / (1.0 - 0.5 * x * step);
        x += change;
        if change.abs() <= f64::EPSILON * x.abs() {
            break;
        }
    }
    sign * x
}

/// The share above `x`, for `x` that is not far below 0.
fn upper(x: f64) -> f64 {
    let density = DENSITY * (-0.5 * x * x).exp();
    if x < 2.0 {
        // 1/2 less the sum of x^(2n+1) / (1·3·5…(2n+1)).
        let (mut term, mut sum, mut n) = (x, x, 1.0);
        while term.abs() > f64::EPSILON * 0.01 * sum.abs() {
            n += 2.0;
            term *= x * x / n;
            sum += term;
        }
        return 0.5 - density * sum;
    }
    // Laplace's continued fraction x + 1/(x + 2/(x + 3/…)), from its end.
    let mut fraction = x;
    for n in (1..=160).rev() {
        fraction = x + f64::from(n) / fraction;
    }
    density / fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_scipy() {
        // scipy.special.ndtri, 1.17
        for (p, expected) in [
            (1e-7, -5.199_337_582_192_816_5),
            (1e-3, -3.090_232_306_167_813),
            (0.02, -2.053_748_910_631_823),
            (0.1, -1.281_551_565_544_600_4),
            (0.4, -0.253_347_103_135_799_7),
            (0.5, 0.0),
            (0.975, 1.959_963_984_540_054),
        ] {
            let found = quantile(p);
            assert!(
                (found - expected).abs() <= 4e-15 * f64::max(1.0, expected.abs()),
                "{p}: {found} {expected}"
            );
            if p > 1e-6 {
                assert!((quantile(1.0 - p) + found).abs() < 1e-12, "{p}");
            }
        }
        assert_eq!((quantile(0.0), quantile(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
        assert!(quantile(1.5).is_nan() && quantile(f64::NAN).is_nan());
    }
}
