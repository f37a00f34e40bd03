/// NumPy's sum, whose last bit may decide a tie: eight running sums up to 128 values, halves above.
pub fn pairwise_sum(values: &[f64]) -> f64 {
    pairwise_sum_of(values, |value| value)
}

/// As [`pairwise_sum`], of what `of` makes of each value.
pub fn pairwise_sum_of(values: &[f64], of: impl Fn(f64) -> f64 + Copy) -> f64 {
    let n = values.len();
    if n < 8 {
        return values.iter().fold(0.0, |total, v| total + of(*v));
    }
    if n <= 128 {
        let mut r: [f64; 8] = std::array::from_fn(|i| of(values[i]));
        let whole = n - n % 8;
        for chunk in values[8..whole].chunks_exact(8) {
            for (total, v) in r.iter_mut().zip(chunk) {
                *total += of(*v);
            }
        }
        let total = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
        return values[whole..].iter().fold(total, |total, v| total + of(*v));
    }
    let half = n / 2;
    let half = half - half % 8;
    pairwise_sum_of(&values[..half], of) + pairwise_sum_of(&values[half..], of)
}
