use super::{Probabilities, argmax, checked};
use crate::Error;

/// Floats within this are equal, as upstream compares them.
pub(super) const CLOSE: f64 = 1e-6;
const TINY: f64 = 1e-100;

/// Counts of rows by given label (row) and by the class that they confidently belong to (column).
#[derive(Clone, Debug, PartialEq)]
pub struct ConfidentJoint {
    pub counts: Vec<Vec<f64>>,
    /// Rows whose confident class is not their label, in order.
    pub off_diagonal: Vec<usize>,
}

/// For each class the mean probability that rows with that label get for it; 2 for a class without rows, and at
/// least 2·10⁻⁶. Errors: `Empty`, `Length`, `OutOfRange`.
pub fn thresholds(labels: &[usize], probabilities: &Probabilities) -> Result<Vec<f64>, Error> {
    let classes = checked(labels, probabilities)?;
    let (mut sums, mut counts) = (vec![0.0; classes], vec![0.0; classes]);
    for (label, row) in labels.iter().zip(probabilities) {
        sums[*label] += row[*label];
        counts[*label] += 1.0;
    }
    let mean = |(sum, n): (f64, f64)| if n > 0.0 { sum / n } else { 2.0 };
    Ok(sums.into_iter().zip(counts).map(|pair| mean(pair).max(2.0 * CLOSE)).collect())
}

/// Counted over the rows that reach a threshold: the class is the one that does, or the most probable one where
/// several do. The diagonal is at least 1. Errors: as [`thresholds`].
pub fn confident_joint(labels: &[usize], probabilities: &Probabilities) -> Result<ConfidentJoint, Error> {
    let thresholds = thresholds(labels, probabilities)?;
    let classes = thresholds.len();
    let mut counts = vec![vec![0.0_f64; classes]; classes];
    let mut off_diagonal = Vec::new();
    for (row, (label, p)) in labels.iter().zip(probabilities).enumerate() {
        let confident = |class: &usize| p[*class] >= thresholds[*class] - CLOSE;
        let mut reached = (0..classes).filter(confident);
        let Some(first) = reached.next() else { continue };
        let guess = if reached.next().is_some() { argmax(p) } else { first };
        counts[*label][guess] += 1.0;
        if guess != *label {
            off_diagonal.push(row);
        }
    }
    (0..classes).for_each(|k| counts[k][k] = counts[k][k].max(1.0));
    Ok(ConfidentJoint { counts, off_diagonal })
}

/// Counts scaled so that each row sums to the number of rows with that label; whole numbers again.
pub fn calibrated(joint: &[Vec<f64>], labels: &[usize]) -> Vec<Vec<f64>> {
    let mut counts = vec![0.0; joint.len()];
    labels.iter().for_each(|label| counts[*label] += 1.0);
    let scaled: Vec<Vec<f64>> = joint
        .iter()
        .zip(&counts)
        .map(|(row, count)| {
            let sum = row.iter().sum::<f64>().max(TINY);
            row.iter().map(|cell| cell / sum * count).collect()
        })
        .collect();
    // In NumPy's order: the last bit decides which way a half is rounded.
    let total = crate::pairwise_sum(&scaled.concat()).max(TINY);
    let rows = labels.len() as f64;
    scaled
        .iter()
        .map(|row| rounded(&row.iter().map(|cell| cell / total * rows).collect::<Vec<_>>()))
        .collect()
}

/// Rounded to whole numbers whose sum is the rounded sum: what is furthest from its rounding moves first.
pub(super) fn rounded(values: &[f64]) -> Vec<f64> {
    let mut whole: Vec<f64> = values.iter().map(|v| v.round_ties_even()).collect();
    let wanted = values.iter().sum::<f64>().round_ties_even();
    loop {
        let difference = (wanted - whole.iter().sum::<f64>().round_ties_even()).round_ties_even();
        if difference.abs() <= CLOSE || values.is_empty() {
            return whole;
        }
        let step = difference.signum();
        let residuals: Vec<f64> = values.iter().zip(&whole).map(|(v, w)| v - w).collect();
        let mut order = super::ties::ascending(&residuals);
        if step > 0.0 {
            order.reverse();
        }
        let changes = (difference.abs() as usize).min(values.len());
        order.iter().take(changes).for_each(|i| whole[*i] += step);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `cleanlab.count.calibrate_confident_joint`, where 4.5 and 1.5 are halves but for the last bit.
    #[test]
    fn halves_are_rounded_as_cleanlab_rounds_them() {
        let joint = [vec![3.0, 1.0, 0.0], vec![1.0, 1.0, 0.0], vec![0.0, 1.0, 2.0]];
        let labels = [2, 0, 0, 0, 2, 0, 2, 2, 0, 1, 1, 0];
        let wanted = [vec![5.0, 1.0, 0.0], vec![1.0, 1.0, 0.0], vec![0.0, 1.0, 3.0]];
        assert_eq!(calibrated(&joint, &labels), wanted);
    }

    #[test]
    fn rounding_keeps_the_sum() {
        assert_eq!(rounded(&[1.4, 1.3, 1.3]), [2.0, 1.0, 1.0]);
        assert_eq!(rounded(&[0.6, 0.7, 0.7]), [0.0, 1.0, 1.0]);
        assert_eq!(rounded(&[]), Vec::<f64>::new());
    }

    #[test]
    fn a_class_without_rows_is_never_confident() {
        let probabilities = vec![vec![0.6, 0.3, 0.1], vec![0.2, 0.7, 0.1]];
        assert_eq!(thresholds(&[0, 1], &probabilities).unwrap()[2], 2.0);
        assert_eq!(confident_joint(&[0, 1], &probabilities).unwrap().counts[2], [0.0, 0.0, 1.0]);
    }
}
