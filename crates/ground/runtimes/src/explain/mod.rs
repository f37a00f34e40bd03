//! Why a tree ensemble predicts what it predicts: Shapley values of the columns (TreeSHAP).
//!
//! [`Explainer::path_dependent`] takes the shares of the training rows as the background, as XGBoost's and LightGBM's
//! `pred_contribs` do; [`Explainer::interventional`] takes rows that it is given. Values explain the raw score: the
//! margin of a booster, the probability of a forest. Lundberg, Erion, Lee: "Consistent individualized feature
//! attribution for tree ensembles", 2018; Lundberg et al., "From local explanations to global understanding", 2020.

mod build;
mod pairs;
mod path;
mod tree;

use crate::Error;
use crate::native::Source;
pub use tree::{Tree, Trees};

/// The contributions of one request.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    pub rows: usize,
    /// Scores a row: classes, or 1.
    pub outputs: usize,
    pub columns: usize,
    /// `[rows, outputs, columns]`. With `expected` they add up to the score.
    pub values: Vec<f64>,
    /// By output: the score of the background.
    pub expected: Vec<f64>,
}

impl Explanation {
    /// The contribution of `column` to the score `output` of `row`.
    pub fn value(&self, row: usize, output: usize, column: usize) -> f64 {
        self.values[(row * self.outputs + output) * self.columns + column]
    }
}

pub struct Explainer {
    trees: Trees,
}

impl Explainer {
    /// From trees that were read elsewhere. Errs with `Broken` where they are none.
    pub fn new(trees: Trees) -> Result<Self, Error> {
        trees.check()?;
        Ok(Self { trees })
    }

    /// From a model's file: XGBoost (`gbtree`, `dart`), LightGBM, and scikit-learn's trees, forests and gradient
    /// boosting. Errs with `Unsupported` on other models.
    pub fn load(source: &Source, bytes: &[u8]) -> Result<Self, Error> {
        Self::new(build::trees(source, bytes)?)
    }

    /// The number of columns of a row.
    pub fn columns(&self) -> usize {
        self.trees.columns
    }

    /// Contributions to the scores of `rows` (row by row, missing values are NaN), against the training rows.
    pub fn path_dependent(&self, rows: &[f64]) -> Result<Explanation, Error> {
        let rows = self.rows(rows)?;
        Ok(path::explain(&self.trees, &rows))
    }

    /// Contributions against the mean over the rows of `background`. Takes time in proportion to both.
    pub fn interventional(&self, rows: &[f64], background: &[f64]) -> Result<Explanation, Error> {
        let (rows, background) = (self.rows(rows)?, self.rows(background)?);
        if background.is_empty() {
            return Err(Error::NoRows);
        }
        Ok(pairs::explain(&self.trees, &rows, &background))
    }

    /// The rows in the precision in which the library compares.
    fn rows(&self, rows: &[f64]) -> Result<Vec<f64>, Error> {
        let width = self.trees.columns;
        if width == 0 || !rows.len().is_multiple_of(width) {
            return Err(Error::ColumnCount { expected: width, actual: rows.len() });
        }
        let round = |x: &f64| if self.trees.single { f64::from(*x as f32) } else { *x };
        Ok(rows.iter().map(round).collect())
    }
}
