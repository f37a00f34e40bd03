//! Trees boosted by their gradients, grown leaf by leaf over histograms: the algorithm and the default settings of LightGBM 4.5
//! (100 trees of 31 leaves, at least 20 rows a leaf, rate 0.1). Gradients are kept in 32 bits, as there.

mod bins;
mod split;
mod tree;

use bins::Bins;
use tree::{Pull, Table, Tree};

use crate::Error;

const TREES: usize = 100;
const RATE: f64 = 0.1;
/// Scores nearer to zero than this are zero.
const NOTHING: f64 = 1e-15;

/// One column, a value a row.
#[derive(Clone, Copy, Debug)]
pub enum Column<'a> {
    /// NaN is missing.
    Number(&'a [f64]),
    /// Numbers of categories; below 0 is missing.
    Category(&'a [i64]),
}

impl Column<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Number(values) => values.len(),
            Self::Category(codes) => codes.len(),
        }
    }
}

/// What is learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objective {
    /// A number: the squared error is made small.
    SquaredError,
    /// The probability of a yes (1) against a no (0).
    Probability,
}

#[derive(Clone, Debug)]
pub struct Boosted {
    objective: Objective,
    bins: Vec<Bins>,
    trees: Vec<Tree>,
}

impl Boosted {
    /// Learns `labels`, one a row. Errors: `Empty`, `Length`; `OutOfRange` for a label that is not finite.
    pub fn fit(columns: &[Column<'_>], labels: &[f64], objective: Objective) -> Result<Self, Error> {
        if labels.is_empty() || columns.is_empty() {
            return Err(Error::Empty("the table"));
        }
        for column in columns {
            Error::length("a column", labels.len(), column.len())?;
        }
        if let Some(label) = labels.iter().find(|label| !label.is_finite()) {
            let value = label.to_string();
            return Err(Error::OutOfRange { what: "a label", value, wanted: "a finite number" });
        }
        let labels: Vec<f64> = labels.iter().map(|label| f64::from(*label as f32)).collect();
        let bins: Vec<Bins> = columns.iter().map(Bins::of).collect();
        let places = placed(&bins, columns);
        let table = Table { bins: &bins, places: &places };
        let start = objective.start(&labels);
        let mut scores = vec![start; labels.len()];
        let mut trees: Vec<Tree> = Vec::new();
        while trees.len() < TREES {
            let (gradients, hessians) = objective.pull(&labels, &scores);
            let Some(mut tree) =
                Tree::grow(&table, &Pull { gradients: &gradients, hessians: &hessians }, RATE)
            else {
                break;
            };
            for (row, score) in scores.iter_mut().enumerate() {
                *score += tree.value(&places, row);
            }
            if trees.is_empty() && start.abs() > NOTHING {
                tree.raise(start);
            }
            trees.push(tree);
        }
        if trees.is_empty() {
            trees.push(Tree::constant(start));
        }
        Ok(Self { objective, bins, trees })
    }

    /// The number, or the probability, of each row. Errors: `Length`.
    pub fn predict(&self, columns: &[Column<'_>]) -> Result<Vec<f64>, Error> {
        Error::length("the table", self.bins.len(), columns.len())?;
        let rows = columns.first().map_or(0, Column::len);
        for column in columns {
            Error::length("a column", rows, column.len())?;
        }
        let places = placed(&self.bins, columns);
        let score = |row: usize| self.trees.iter().map(|tree| tree.value(&places, row)).sum::<f64>();
        let shown = |score: f64| match self.objective {
            Objective::SquaredError => score,
            Objective::Probability => 1.0 / (1.0 + (-score).exp()),
        };
        Ok((0..rows).map(|row| shown(score(row))).collect())
    }
}

fn placed(bins: &[Bins], columns: &[Column<'_>]) -> Vec<Vec<u16>> {
    bins.iter().zip(columns).map(|(bins, column)| bins.places(column)).collect()
}

impl Objective {
    /// The score that all rows start from.
    fn start(self, labels: &[f64]) -> f64 {
        let mean = labels.iter().sum::<f64>() / labels.len() as f64;
        match self {
            Self::SquaredError => mean,
            Self::Probability => {
                let mean = mean.clamp(NOTHING, 1.0 - NOTHING);
                (mean / (1.0 - mean)).ln()
            }
        }
    }

    fn pull(self, labels: &[f64], scores: &[f64]) -> (Vec<f32>, Vec<f32>) {
        let pairs = labels.iter().zip(scores);
        match self {
            Self::SquaredError => {
                (pairs.map(|(label, score)| (score - label) as f32).collect(), vec![1.0; labels.len()])
            }
            Self::Probability => pairs
                .map(|(label, score)| {
                    let sign = if *label > 0.0 { 1.0 } else { -1.0 };
                    let response = -sign / (1.0 + (sign * score).exp());
                    let size = response.abs();
                    (response as f32, (size * (1.0 - size)) as f32)
                })
                .unzip(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_a_category_and_what_is_missing_are_learned() {
        let x: Vec<f64> = (0..400).map(|i| if i % 40 == 7 { f64::NAN } else { f64::from(i % 100) }).collect();
        let c: Vec<i64> = (0..400).map(|i| i % 3).collect();
        let y: Vec<f64> = x
            .iter()
            .zip(&c)
            .map(|(x, c)| {
                if x.is_nan() {
                    9.0
                } else {
                    f64::from(u8::from(*x > 49.0)) + 3.0 * f64::from(u8::from(*c == 1))
                }
            })
            .collect();
        let columns = [Column::Number(&x), Column::Category(&c)];
        let fitted = Boosted::fit(&columns, &y, Objective::SquaredError).unwrap();
        let worst =
            fitted.predict(&columns).unwrap().iter().zip(&y).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst < 2.6, "{worst}");
        let mean: f64 =
            fitted.predict(&columns).unwrap().iter().zip(&y).map(|(a, b)| (a - b).abs()).sum::<f64>() / 400.0;
        assert!(mean < 0.2, "{mean}");
    }

    #[test]
    fn too_few_rows_give_the_mean_and_odd_labels_are_refused() {
        let x = [1.0, 2.0, 3.0];
        let fitted = Boosted::fit(&[Column::Number(&x)], &[1.0, 2.0, 6.0], Objective::SquaredError).unwrap();
        assert_eq!(fitted.predict(&[Column::Number(&[9.0])]).unwrap(), [3.0]);
        assert!(Boosted::fit(&[Column::Number(&x)], &[1.0, f64::NAN, 2.0], Objective::SquaredError).is_err());
        assert!(Boosted::fit(&[Column::Number(&x)], &[1.0], Objective::SquaredError).is_err());
    }
}
