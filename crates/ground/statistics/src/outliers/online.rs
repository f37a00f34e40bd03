use crate::linear::dot;
use crate::{Error, Matrix, eigen};

/// Below this determinant the rows seen so far span too little to measure with.
const SINGULAR: f64 = 1e-8;

/// Squared Mahalanobis distances of rows from those before them, in the principal components that the rows vary most
/// along. The middle and the spread are updated with every batch; far values are clipped before, so that outliers do not
/// make themselves normal. It keeps columns² numbers, whatever it has seen.
///
/// The definition is that of alibi-detect's `Mahalanobis` (0.11, Apache-2.0).
#[derive(Clone, Debug)]
pub struct OnlineMahalanobis {
    settings: OnlineSettings,
    seen: usize,
    middle: Vec<f64>,
    covariance: Matrix,
    bounds: Option<(Vec<f64>, Vec<f64>)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OnlineSettings {
    /// How many components distances are measured in; all columns if there are fewer.
    pub components: usize,
    /// Values are clipped to so many standard deviations around the middle …
    pub clip: f64,
    /// … once more rows than this have been seen.
    pub clip_after: usize,
    /// Rows that are remembered: with a limit the distribution may move with time.
    pub memory: Option<usize>,
}

impl Default for OnlineSettings {
    /// Three components; three standard deviations after 100 rows; no limit to the memory.
    fn default() -> Self {
        Self { components: 3, clip: 3.0, clip_after: 100, memory: None }
    }
}

impl OnlineMahalanobis {
    /// For rows of `columns` numbers. Errors: `Empty` for no columns or no components.
    pub fn new(columns: usize, settings: OnlineSettings) -> Result<Self, Error> {
        if columns == 0 || settings.components == 0 {
            return Err(Error::Empty("the row"));
        }
        let (middle, covariance) = (vec![0.0; columns], Matrix::zeros(columns, columns));
        Ok(Self { settings, seen: 0, middle, covariance, bounds: None })
    }

    /// How many rows have been scored.
    pub fn seen(&self) -> usize {
        self.seen
    }

    /// The distance of each row from the rows before it, those of the batch included; the batch then belongs to what is
    /// known. It is 0 until the rows span the components. Errors: `Length`; `OutOfRange` for a value that is not
    /// finite, which leaves the detector as it was.
    pub fn score(&mut self, rows: &Matrix) -> Result<Vec<f64>, Error> {
        let (count, width) = (rows.rows(), self.middle.len());
        if count == 0 {
            return Ok(Vec::new());
        }
        Error::length("a row", width, rows.columns())?;
        if let Some(value) = rows.iter().flatten().find(|v| !v.is_finite()) {
            let value = value.to_string();
            return Err(Error::OutOfRange { what: "a value", value, wanted: "a finite number" });
        }
        let known = self.settings.memory.map_or(self.seen, |most| self.seen.min(most)) as f64;
        let clipped: Vec<Vec<f64>> = rows.iter().map(|row| self.clipped(row)).collect();
        let (before, after) = self.middles(&clipped, known);
        let covariance = self.updated(&clipped, &before, known);
        let found = eigen(&covariance);
        let axes: Vec<&[f64]> = found.vectors.iter().take(self.settings.components).collect();
        let along = |row: &[f64]| axes.iter().map(|axis| dot(axis, row)).collect::<Vec<f64>>();
        let apart = |row: &[f64], middle: &[f64]| -> Vec<f64> {
            row.iter().zip(middle).map(|(v, m)| v - m).collect()
        };
        let steps = clipped.iter().zip(&before).map(|(row, middle)| along(&apart(row, middle)));
        let inverses = self.inverses(&axes, &steps.collect::<Vec<_>>(), known);
        let scores = rows.iter().zip(&before).zip(&inverses).map(|((row, middle), inverse)| {
            let x = along(&apart(row, middle));
            inverse
                .as_ref()
                .map_or(0.0, |inverse| inverse.iter().zip(&x).map(|(row, a)| a * dot(row, &x)).sum())
        });
        let scores = scores.collect();
        self.seen += count;
        self.middle = after;
        self.covariance = covariance;
        if self.seen > self.settings.clip_after {
            let spread = |i: usize| self.settings.clip * self.covariance.get(i, i).max(0.0).sqrt();
            let bound = |sign: f64| (0..width).map(|i| self.middle[i] + sign * spread(i)).collect();
            self.bounds = Some((bound(-1.0), bound(1.0)));
        }
        Ok(scores)
    }

    fn clipped(&self, row: &[f64]) -> Vec<f64> {
        match &self.bounds {
            Some((low, high)) => {
                row.iter().zip(low.iter().zip(high)).map(|(v, (low, high))| v.max(*low).min(*high)).collect()
            }
            None => row.to_vec(),
        }
    }

    /// The middle before each row, and that after the last.
    fn middles(&self, rows: &[Vec<f64>], known: f64) -> (Vec<Vec<f64>>, Vec<f64>) {
        let mut sums = vec![0.0; self.middle.len()];
        let mut now = self.middle.clone();
        let mut before = Vec::with_capacity(rows.len());
        for (i, row) in rows.iter().enumerate() {
            before.push(now);
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            let rows = (i + 1) as f64;
            let share = rows / (rows + known);
            now = self.middle.iter().zip(&sums).map(|(m, sum)| m + share * (sum / rows - m)).collect();
        }
        (before, now)
    }

    fn updated(&self, rows: &[Vec<f64>], before: &[Vec<f64>], known: f64) -> Matrix {
        let d = self.middle.len();
        let mut sums = Matrix::zeros(d, d);
        for (i, (row, middle)) in rows.iter().zip(before).enumerate() {
            let weight = (known + i as f64) / (known + i as f64 + 1.0);
            let apart: Vec<f64> = row.iter().zip(middle).map(|(v, m)| v - m).collect();
            for (j, left) in apart.iter().enumerate() {
                sums.row_mut(j)
                    .iter_mut()
                    .zip(&apart)
                    .for_each(|(cell, right)| *cell += weight * left * right);
            }
        }
        let total = known + (rows.len() as f64 - 1.0).max(1.0);
        for j in 0..d {
            for (cell, old) in sums.row_mut(j).iter_mut().zip(self.covariance.row(j)) {
                *cell = (known - 1.0) / total * old + *cell / total;
            }
        }
        sums
    }

    /// The inverse covariance of the components before each row, by the formula of Sherman and Morrison from the first
    /// that has one; `None` before it.
    fn inverses(&self, axes: &[&[f64]], steps: &[Vec<f64>], known: f64) -> Vec<Option<Matrix>> {
        let k = axes.len();
        let mut spread = Matrix::zeros(k, k);
        for (i, left) in axes.iter().enumerate() {
            for (j, right) in axes.iter().enumerate() {
                let turned: f64 = self.covariance.iter().zip(*left).map(|(row, v)| v * dot(row, right)).sum();
                spread.set(i, j, turned);
            }
        }
        let mut inverses: Vec<Option<Matrix>> = Vec::with_capacity(steps.len());
        for (i, step) in steps.iter().enumerate() {
            let n = known + i as f64;
            let inverse = match inverses.last() {
                Some(Some(last)) => Some(moved(last, &steps[i - 1], n)),
                _ if eigen(&spread).values.iter().product::<f64>().abs() > SINGULAR => {
                    Some(spread.symmetric_inverse())
                }
                _ => {
                    if n > 0.0 {
                        for j in 0..k {
                            let left = step[j] / (n + 1.0);
                            let cells = spread.row_mut(j).iter_mut().zip(step);
                            cells.for_each(|(cell, right)| *cell = (n - 1.0) / n * *cell + left * right);
                        }
                    }
                    None
                }
            };
            inverses.push(inverse);
        }
        inverses
    }
}

/// The inverse after one more row, `step` from the middle before it, which is row `n` from 0.
fn moved(last: &Matrix, step: &[f64], n: f64) -> Matrix {
    let k = step.len();
    let scale = (n - 1.0) / (n - 2.0);
    let mut inverse = Matrix::zeros(k, k);
    for i in 0..k {
        inverse.row_mut(i).iter_mut().zip(last.row(i)).for_each(|(cell, v)| *cell = scale * v);
    }
    // The step's weight is 1 / n: it was row n − 1.
    let along: Vec<f64> = inverse.iter().map(|row| dot(row, step)).collect();
    let grown = 1.0 + dot(&along, step) / n;
    for i in 0..k {
        let left = along[i] / n / grown;
        inverse.row_mut(i).iter_mut().zip(&along).for_each(|(cell, right)| *cell -= left * right);
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_apart_is_far_and_does_not_move_the_middle_much() {
        let mut random = crate::Random::new(3);
        let rows: Vec<[f64; 2]> = (0..300).map(|_| [random.normal(), random.normal()]).collect();
        let mut detector = OnlineMahalanobis::new(2, OnlineSettings::default()).unwrap();
        detector.score(&Matrix::of_rows(&rows).unwrap()).unwrap();
        let far = detector.score(&Matrix::of_rows(&[[40.0, -40.0]]).unwrap()).unwrap();
        assert!(far[0] > 500.0, "{far:?}");
        let again = detector.score(&Matrix::of_rows(&[[40.0, -40.0]]).unwrap()).unwrap();
        assert!(again[0] > 500.0, "{again:?}");
    }

    #[test]
    fn what_is_not_finite_changes_nothing() {
        let mut detector = OnlineMahalanobis::new(1, OnlineSettings::default()).unwrap();
        assert!(detector.score(&Matrix::of_rows(&[[f64::NAN]]).unwrap()).is_err());
        assert_eq!(detector.seen(), 0);
    }
}
