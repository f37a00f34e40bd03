//! scikit-learn's sort of neighbours by distance, which is not stable: weights are summed in its order, and the last bit of a
//! sum may decide between classes (`sklearn/utils/_sorting.pyx`, 1.9.1).

/// A distance and its row.
pub(super) type Near = (f64, usize);

/// Below it an insertion sort, which is stable.
const SHORT: usize = 15;

pub(super) fn sort(all: &mut [Near]) {
    let depth = all.len().checked_ilog2().unwrap_or(0);
    introsort(all, 2 * depth);
}

fn introsort(mut all: &mut [Near], mut depth: u32) {
    while all.len() > SHORT {
        if depth == 0 {
            heapsort(all);
            return;
        }
        depth -= 1;
        let at = partition(all);
        let (left, right) = all.split_at_mut(at);
        introsort(left, depth);
        all = &mut right[1..];
    }
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
}

/// Where the pivot, the median of three, came to stand: nothing before it is farther, nothing behind it is nearer.
fn partition(all: &mut [Near]) -> usize {
    let (middle, last) = (all.len() / 2, all.len() - 1);
    if all[0].0 > all[last].0 {
        all.swap(0, last);
    }
    if all[last].0 > all[middle].0 {
        all.swap(last, middle);
        if all[0].0 > all[last].0 {
            all.swap(0, last);
        }
    }
    let pivot = all[last].0;
    let (mut i, mut j) = (1, last - 1);
    loop {
        while i <= j && all[i].0 < pivot {
            i += 1;
        }
        while i <= j && all[j].0 > pivot {
            j -= 1;
        }
        if i >= j {
            break;
        }
        all.swap(i, j);
        i += 1;
        j -= 1;
    }
    all.swap(i, last);
    i
}

fn heapsort(all: &mut [Near]) {
    for start in (0..all.len() / 2).rev() {
        sift_down(all, start);
    }
    for end in (1..all.len()).rev() {
        all.swap(0, end);
        sift_down(&mut all[..end], 0);
    }
}

fn sift_down(all: &mut [Near], mut root: usize) {
    loop {
        let mut most = root;
        for child in [2 * root + 1, 2 * root + 2] {
            if child < all.len() && all[most].0 < all[child].0 {
                most = child;
            }
        }
        if most == root {
            return;
        }
        all.swap(root, most);
        root = most;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(distances: impl IntoIterator<Item = u32>, sort: impl Fn(&mut [Near])) -> Vec<Near> {
        let mut all: Vec<Near> =
            distances.into_iter().enumerate().map(|(row, d)| (f64::from(d), row)).collect();
        sort(&mut all);
        all
    }

    #[test]
    fn the_nearest_come_first_and_nobody_is_lost() {
        let numbers = |n: u32, of: u32| (0..n).map(move |i| (i * 7919 + i * i) % of);
        for (n, of) in [(0, 1), (1, 1), (15, 4), (16, 4), (40, 3), (1000, 1_000_000), (1000, 1), (777, 5)] {
            for by in [sort as fn(&mut [Near]), heapsort] {
                let mut all = sorted(numbers(n, of), by);
                assert!(all.is_sorted_by_key(|near| near.0), "{n} of {of}");
                all.sort_by_key(|near| near.1);
                assert!(all.iter().enumerate().all(|(row, near)| near.1 == row));
            }
        }
    }

    /// From `_py_simultaneous_sort` of scikit-learn 1.9.1.
    #[test]
    fn equal_distances_stand_as_scikit_learn_leaves_them() {
        let all = sorted((0..20).map(|i| i % 3), sort);
        let rows: Vec<usize> = all.iter().map(|near| near.1).collect();
        assert_eq!(rows, [0, 18, 3, 15, 6, 12, 9, 16, 13, 10, 19, 7, 4, 1, 11, 5, 14, 2, 17, 8]);
    }
}
