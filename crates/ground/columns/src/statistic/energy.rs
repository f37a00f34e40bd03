/// Steps of both sorted samples' distribution functions: calls `step` with their difference and the width between two
/// neighbouring values.
pub(crate) fn between(x: &[f64], y: &[f64], step: impl FnMut(f64, f64)) {
    between_parts(x, y, (0, 0), (x.len(), y.len()), step);
}

/// As [`between`], for a stretch of both samples: `before` values of each come before it, of `sizes` in all.
pub(super) fn between_parts(
    x: &[f64],
    y: &[f64],
    before: (usize, usize),
    sizes: (usize, usize),
    mut step: impl FnMut(f64, f64),
) {
    let (n, m) = (sizes.0 as f64, sizes.1 as f64);
    let difference = |i: usize, j: usize| (before.0 + i) as f64 / n - (before.1 + j) as f64 / m;
    let (mut i, mut j) = (0, 0);
    let mut last = None;
    // Which side is next is a coin toss: no branch depends on it. A value that both have, or one of them several times, adds
    // steps of no width.
    while i < x.len() && j < y.len() {
        let (a, b) = (x[i], y[j]);
        let at = if a < b { a } else { b };
        step(difference(i, j), at - last.unwrap_or(at));
        last = Some(at);
        let first = a <= b;
        i += usize::from(first);
        j += usize::from(!first || b <= a);
    }
    for (index, value) in x.iter().enumerate().skip(i) {
        step(difference(index, y.len()), value - last.unwrap_or(*value));
        last = Some(*value);
    }
    for (index, value) in y.iter().enumerate().skip(j) {
        step(difference(x.len(), index), value - last.unwrap_or(*value));
        last = Some(*value);
    }
}

/// Energy distance of two sorted samples: √(2·∫(F − G)²), as `scipy.stats.energy_distance`.
pub(crate) fn energy(x: &[f64], y: &[f64]) -> f64 {
    let mut total = 0.0;
    between(x, y, |difference, width| total += difference * difference * width);
    std::f64::consts::SQRT_2 * total.sqrt()
}
