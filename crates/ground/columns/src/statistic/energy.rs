/// Steps of both sorted samples' distribution functions: calls `step` with their difference and the width between two
/// neighbouring values.
pub(crate) fn between(x: &[f64], y: &[f64], mut step: impl FnMut(f64, f64)) {
    let (n, m) = (x.len() as f64, y.len() as f64);
    let (mut i, mut j) = (0, 0);
    let mut last: Option<f64> = None;
    while i < x.len() || j < y.len() {
        let at = match (x.get(i), y.get(j)) {
            (Some(a), Some(b)) => a.min(*b),
            (Some(a), None) => *a,
            (None, Some(b)) => *b,
            (None, None) => return,
        };
        if let Some(last) = last {
            step(i as f64 / n - j as f64 / m, at - last);
        }
        while x.get(i).is_some_and(|v| *v <= at) {
            i += 1;
        }
        while y.get(j).is_some_and(|v| *v <= at) {
            j += 1;
        }
        last = Some(at);
    }
}

/// Energy distance of two sorted samples: √(2·∫(F − G)²), as `scipy.stats.energy_distance`.
pub(crate) fn energy(x: &[f64], y: &[f64]) -> f64 {
    let mut total = 0.0;
    between(x, y, |difference, width| total += difference * difference * width);
    std::f64::consts::SQRT_2 * total.sqrt()
}
