use crate::random::MersenneTwister;

/// Permutations of a test; their seed is 0.
const PERMUTATIONS: usize = 1000;

/// p-value of the total variation distance of two samples of category numbers (below `categories`): the share of 1,000
/// permutations whose distance is at least the observed one. The permutations are those of Evidently, which draws
/// them from NumPy's legacy generator with seed 0; distances are compared as whole numbers, so that ties are ties. With it
/// comes the share whose distance is above the observed one.
pub(crate) fn total_variation(reference: &[u32], current: &[u32], categories: usize) -> (f64, f64) {
    let count = |codes: &mut dyn Iterator<Item = u32>| {
        let mut counts = vec![0_i128; categories];
        for code in codes {
            counts[code as usize] += 1;
        }
        counts
    };
    let (n, m) = (reference.len() as i128, current.len() as i128);
    let distance = |first: &[i128], second: &[i128]| -> i128 {
        first.iter().zip(second).map(|(a, b)| (a * m - b * n).abs()).sum()
    };
    let of_reference = count(&mut reference.iter().copied());
    let of_current = count(&mut current.iter().copied());
    let total: Vec<i128> = of_reference.iter().zip(&of_current).map(|(a, b)| a + b).collect();
    let observed = distance(&of_reference, &of_current);
    let all: Vec<u32> = reference.iter().chain(current).copied().collect();
    let mut random = MersenneTwister::new(0);
    let mut order: Vec<u32> = Vec::with_capacity(all.len());
    let (mut reached, mut above) = (0, 0);
    for _ in 0..PERMUTATIONS {
        order.clear();
        order.extend_from_slice(&all);
        random.shuffle(&mut order);
        let drawn = count(&mut order.iter().take(reference.len()).copied());
        let rest: Vec<i128> = total.iter().zip(&drawn).map(|(a, b)| a - b).collect();
        let found = distance(&drawn, &rest);
        reached += usize::from(found >= observed);
        above += usize::from(found > observed);
    }
    (reached as f64 / PERMUTATIONS as f64, above as f64 / PERMUTATIONS as f64)
}
