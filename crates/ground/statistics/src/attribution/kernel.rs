use super::{Attribution, Model, check, masked};
use crate::{Error, Matrix, Random};

/// Up to so many features every coalition is tried: 2ⁿ of them, each over the whole background.
const MOST_EXACT: usize = 16;

/// Shapley values by their definition, over every coalition of features. Errors: `Empty`, `Length`; `NotComputable`
/// for more than 16 features; what the model says.
pub fn exact(model: &mut dyn Model, row: &[f64], background: &Matrix) -> Result<Attribution, Error> {
    check(row, background)?;
    let d = row.len();
    if d > MOST_EXACT {
        let why = format!("{d} features make too many coalitions; use the kernel or permutations");
        return Err(Error::why("the exact Shapley values", why));
    }
    let coalition = |bits: usize| -> Vec<bool> { (0..d).map(|i| bits >> i & 1 == 1).collect() };
    let answers = (0..1_usize << d)
        .map(|bits| masked(model, row, background, &coalition(bits)))
        .collect::<Result<Vec<_>, _>>()?;
    // 1 / (d · C(d − 1, s)) for coalitions of s others.
    let weights: Vec<f64> = (0..d).map(|s| 1.0 / (d as f64 * choose(d - 1, s))).collect();
    let value = |feature: usize| -> f64 {
        let without = (0..answers.len()).filter(|bits| bits >> feature & 1 == 0);
        without
            .map(|bits| weights[bits.count_ones() as usize] * (answers[bits | 1 << feature] - answers[bits]))
            .sum()
    };
    Ok(Attribution { base: answers[0], values: (0..d).map(value).collect() })
}

/// Kernel SHAP (Lundberg and Lee, 2017): a weighted regression over coalitions. Exact where `samples` allows every
/// coalition; else whole sizes of coalitions from the outside in, and the rest at random, each with its complement.
/// Errors: `Empty`, `Length`; `NotComputable` if the samples are fewer than the features; what the model says.
pub fn kernel(
    model: &mut dyn Model,
    row: &[f64],
    background: &Matrix,
    samples: usize,
    seed: u64,
) -> Result<Attribution, Error> {
    check(row, background)?;
    let d = row.len();
    let base = masked(model, row, background, &vec![false; d])?;
    let whole = masked(model, row, background, &vec![true; d])?;
    if d == 1 {
        return Ok(Attribution { base, values: vec![whole - base] });
    }
    let drawn = coalitions(d, samples, seed);
    let mut answers = Vec::with_capacity(drawn.len());
    for (members, _) in &drawn {
        answers.push(masked(model, row, background, members)?);
    }
    // The last feature's value is what the others leave, so that they sum to the prediction.
    let free = d - 1;
    let mut normal = Matrix::zeros(free, free);
    let mut right = vec![0.0; free];
    for ((members, weight), answer) in drawn.iter().zip(&answers) {
        let last = f64::from(u8::from(members[free]));
        let x: Vec<f64> = members[..free].iter().map(|m| f64::from(u8::from(*m)) - last).collect();
        let y = answer - base - last * (whole - base);
        for i in 0..free {
            right[i] += weight * x[i] * y;
            normal.row_mut(i).iter_mut().zip(&x).for_each(|(cell, xj)| *cell += weight * x[i] * xj);
        }
    }
    let mut values = normal.solve(&right).ok_or_else(|| {
        Error::why("the kernel's Shapley values", format!("{samples} samples are too few for {d} features"))
    })?;
    values.push(whole - base - values.iter().sum::<f64>());
    Ok(Attribution { base, values })
}

/// Coalitions other than none and all, and the weight of each.
fn coalitions(d: usize, samples: usize, seed: u64) -> Vec<(Vec<bool>, f64)> {
    // Of each size, the kernel's weight over all coalitions of that size.
    let of_size = |s: usize| (d as f64 - 1.0) / (s as f64 * (d - s) as f64);
    let mut found = Vec::new();
    let mut left = samples;
    let mut size = 1;
    while size <= d / 2 {
        let paired = size * 2 != d;
        let count = choose(d, size) * if paired { 2.0 } else { 1.0 };
        if count > left as f64 {
            break;
        }
        for members in combinations(d, size) {
            let weight = of_size(size) / choose(d, size);
            if paired {
                found.push((members.iter().map(|m| !m).collect(), weight));
            }
            found.push((members, weight));
        }
        left -= count as usize;
        size += 1;
    }
    if size > d / 2 {
        return found;
    }
    let rest: Vec<usize> = (size..=d - size).collect();
    let whole: f64 = rest.iter().map(|s| of_size(*s)).sum();
    let mut random = Random::new(seed);
    let pairs = left / 2;
    for _ in 0..pairs {
        let mut place = random.uniform() * whole;
        let chosen = rest.iter().copied().find(|s| {
            place -= of_size(*s);
            place < 0.0
        });
        let mut members = vec![false; d];
        random.sample(d, chosen.unwrap_or(size)).into_iter().for_each(|i| members[i] = true);
        let weight = whole / (2 * pairs) as f64;
        found.push((members.iter().map(|m| !m).collect(), weight));
        found.push((members, weight));
    }
    found
}

fn choose(n: usize, k: usize) -> f64 {
    (0..k.min(n - k)).map(|i| (n - i) as f64 / (i + 1) as f64).product::<f64>().round()
}

fn combinations(d: usize, size: usize) -> Vec<Vec<bool>> {
    let mut found = Vec::new();
    let mut places: Vec<usize> = (0..size).collect();
    loop {
        let mut members = vec![false; d];
        places.iter().for_each(|place| members[*place] = true);
        found.push(members);
        let Some(movable) = (0..size).rev().find(|i| places[*i] < d - size + i) else { return found };
        places[movable] += 1;
        for i in movable + 1..size {
            places[i] = places[i - 1] + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(rows: &Matrix) -> Result<Vec<f64>, Error> {
        Ok(rows.iter().map(|row| row[0] * row[1] + 2.0 * row[2] - row[3]).collect())
    }

    #[test]
    fn the_kernel_over_all_coalitions_is_exact() {
        let background =
            Matrix::of_rows(&[[0.0, 1.0, 2.0, 0.5], [1.0, -1.0, 0.0, 0.0], [0.5, 0.2, 0.1, 3.0]]).unwrap();
        let row = [2.0, 3.0, -1.0, 4.0];
        let wanted = exact(&mut product, &row, &background).unwrap();
        let found = kernel(&mut product, &row, &background, 1000, 1).unwrap();
        for (a, b) in wanted.values.iter().zip(&found.values) {
            assert!((a - b).abs() < 1e-9, "{wanted:?} {found:?}");
        }
        // 2 · 3 − 2 − 4 is what the model says.
        assert!((wanted.base + wanted.values.iter().sum::<f64>()).abs() < 1e-9);
    }

    #[test]
    fn sampled_coalitions_come_near() {
        let mut sum = |rows: &Matrix| -> Result<Vec<f64>, Error> {
            Ok(rows.iter().map(|row| row.iter().enumerate().map(|(i, v)| i as f64 * v).sum()).collect())
        };
        let background = Matrix::of_rows(&[[0.0; 24], [1.0; 24]]).unwrap();
        let found = kernel(&mut sum, &[2.0; 24], &background, 400, 1).unwrap();
        for (i, value) in found.values.iter().enumerate() {
            assert!((value - 1.5 * i as f64).abs() < 1e-6, "{i} {value}");
        }
        assert!(kernel(&mut sum, &[2.0; 24], &background, 4, 1).is_err());
    }
}
