//! Sorting of many numbers.

/// Ascending by `total_cmp`: negative NaN first, −0 before 0, NaN last. Whole numbers in the same order are sorted in place of
/// the floats: comparing those is one instruction, and sorts without a branch. They become the result where they stand.
pub fn sorted(values: &[f64]) -> Vec<f64> {
    sorted_keys(values).into_iter().map(number).collect()
}

/// As [`sorted`], for few values: in place.
pub fn sort(values: &mut [f64]) {
    let keys: Vec<u64> = sorted_keys(values);
    values.iter_mut().zip(keys).for_each(|(value, key)| *value = number(key));
}

fn sorted_keys(values: &[f64]) -> Vec<u64> {
    let mut keys: Vec<u64> = values.iter().map(|v| key(*v)).collect();
    keys.sort_unstable();
    keys
}

/// A key that orders as the number does: of negative numbers all bits turned, else the sign alone.
fn key(value: f64) -> u64 {
    let bits = value.to_bits();
    bits ^ ((bits as i64 >> 63) as u64 | 1 << 63)
}

fn number(key: u64) -> f64 {
    f64::from_bits(if key >> 63 == 1 { key ^ 1 << 63 } else { !key })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_sorts_as_comparisons_do() {
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state
        };
        let mut values: Vec<f64> = (0..20_000).map(|_| f64::from_bits(next())).collect();
        values.extend([0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE, -1.5]);
        let mut wanted = values.clone();
        wanted.sort_by(f64::total_cmp);
        let values = sorted(&values);
        assert!(values.iter().zip(&wanted).all(|(a, b)| a.to_bits() == b.to_bits()));
        let few: Vec<f64> = (0..10_000).map(|i| f64::from(i % 3)).collect();
        assert!(sorted(&few).is_sorted());
    }
}
