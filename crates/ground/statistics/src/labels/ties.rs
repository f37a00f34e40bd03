//! The order in which NumPy 2 sorts equal numbers. Up to 256 numbers go through a bitonic network of vectors of four
//! (x86-simd-sort on a processor with AVX2, no AVX-512), which is not stable; where equal numbers are cut off, results
//! depend on it. More numbers, and other processors, may differ.

const LANES: usize = 4;
const MOST: usize = 256;

/// A key and where it stood.
type Item = (f64, usize);
type Vector = [Item; LANES];

const ODD: [bool; LANES] = [false, true, false, true];
const HIGH: [bool; LANES] = [false, false, true, true];

/// The places of `values` in ascending order; ties as above, or as they stand in more than 256 values.
pub(super) fn ascending(values: &[f64]) -> Vec<usize> {
    if values.len() > MOST || values.iter().any(|v| v.is_nan()) {
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
        return order;
    }
    let mut count = MOST / LANES;
    while count > 1 && values.len() * 2 <= count * LANES {
        count /= 2;
    }
    let item = |place: usize| values.get(place).map_or((f64::INFINITY, usize::MAX), |v| (*v, place));
    let mut vectors: Vec<Vector> =
        (0..count).map(|v| sort(std::array::from_fn(|lane| item(v * LANES + lane)))).collect();
    let mut width = 2;
    while width <= count {
        vectors.chunks_exact_mut(width).for_each(merge);
        width *= 2;
    }
    vectors.iter().flatten().take(values.len()).map(|(_, place)| *place).collect()
}

/// Each lane keeps the smaller, or where `larger` the larger, of itself and the lane `with`; its own in a tie.
fn compare(v: Vector, with: [usize; LANES], larger: [bool; LANES]) -> Vector {
    std::array::from_fn(|lane| {
        let (own, other) = (v[lane], v[with[lane]]);
        let keep = if larger[lane] { own.0 >= other.0 } else { own.0 <= other.0 };
        if keep { own } else { other }
    })
}

fn sort(v: Vector) -> Vector {
    let v = compare(v, [1, 0, 3, 2], ODD);
    let v = compare(v, [3, 2, 1, 0], HIGH);
    compare(v, [1, 0, 3, 2], ODD)
}

fn merge(vectors: &mut [Vector]) {
    let n = vectors.len();
    for i in 0..n / 2 {
        let upper = n - i - 1;
        vectors[upper].reverse();
        exchange(vectors, i, upper);
        vectors[upper].reverse();
    }
    let mut width = n / 2;
    while width >= 2 {
        for from in (0..n).step_by(width) {
            (from..from + width / 2).for_each(|i| exchange(vectors, i, i + width / 2));
        }
        width /= 2;
    }
    for v in vectors {
        *v = compare(compare(*v, [2, 3, 0, 1], HIGH), [1, 0, 3, 2], ODD);
    }
}

/// Lane by lane the smaller goes to `low`; a tie stays as it is.
fn exchange(vectors: &mut [Vector], low: usize, high: usize) {
    #[allow(clippy::needless_range_loop, reason = "two vectors of one array change together")]
    for lane in 0..LANES {
        if vectors[low][lane].0 > vectors[high][lane].0 {
            let item = vectors[low][lane];
            vectors[low][lane] = vectors[high][lane];
            vectors[high][lane] = item;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_come_as_numpy_has_them() {
        // numpy.argsort of 2.4 on a processor with AVX2.
        let mut values = [0.0; 10];
        (values[3], values[5], values[6]) = (0.4, 0.1, 0.4);
        assert_eq!(ascending(&values), [0, 1, 2, 4, 7, 8, 9, 5, 6, 3]);
        let values = [0.0, 0.0, 0.4, 0.4, 0.0, 0.0, -0.2, 0.4, 0.0, 0.0];
        assert_eq!(ascending(&values), [6, 0, 4, 1, 5, 8, 9, 2, 7, 3]);
    }

    #[test]
    fn everything_is_in_order() {
        for n in [0_usize, 1, 2, 5, 63, 64, 65, 255, 256, 300] {
            let values: Vec<f64> = (0..n).map(|i| ((i * 7919) % 101) as f64).collect();
            let order = ascending(&values);
            assert!(order.windows(2).all(|w| values[w[0]] <= values[w[1]]));
            let mut places = order.clone();
            places.sort_unstable();
            assert_eq!(places, (0..n).collect::<Vec<_>>());
        }
    }
}
