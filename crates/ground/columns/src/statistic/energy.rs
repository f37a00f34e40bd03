/// Steps of both sorted samples' distribution functions: calls `step` with their difference and the width between two
/// neighbouring values.
pub(crate) fn between(x: &[f64], y: &[f64], mut step: impl FnMut(f64, f64)) {
    let (n, m) = (x.len() as f64, y.len() as f64);
    let (mut i, mut j) = (0, 0);
    let mut last = None;
    // Which side is next is a coin toss: no branch depends on it. A value that both have, or one of them several times, adds
    // steps of no width.
    while i < x.len() && j < y.len() {
        let (a, b) = (x[i], y[j]);
        let at = if a < b { a } else { b };
        step(i as f64 / n - j as f64 / m, at - last.unwrap_or(at));
        last = Some(at);
        let first = a <= b;
        i += usize::from(first);
        j += usize::from(!first || b <= a);
    }
    for (index, value) in x.iter().enumerate().skip(i) {
        step(index as f64 / n - 1.0, value - last.unwrap_or(*value));
        last = Some(*value);
    }
    for (index, value) in y.iter().enumerate().skip(j) {
        step(1.0 - index as f64 / m, value - last.unwrap_or(*value));
        last = Some(*value);
    }
}

/// Energy distance of two sorted samples: √(2·∫(F − G)²), as `scipy.stats.energy_distance`.
pub(crate) fn energy(x: &[f64], y: &[f64]) -> f64 {
    let mut total = 0.0;
    between(x, y, |difference, width| total += difference * difference * width);
    std::f64::consts::SQRT_2 * total.sqrt()
}
