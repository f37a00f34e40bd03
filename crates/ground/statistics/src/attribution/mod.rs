//! What each feature adds to a prediction: Shapley values, for models of which only the answers are known.

mod kernel;
mod linear;
mod permutation;

pub use kernel::{exact, kernel};
pub use linear::linear;
pub use permutation::{importance, permutation};

use crate::{Error, Matrix};

/// A model as a function: a row in, a number out, for as many rows as it is given.
pub trait Model {
    /// One number a row, in order.
    fn predict(&mut self, rows: &Matrix) -> Result<Vec<f64>, Error>;
}

impl<F: FnMut(&Matrix) -> Result<Vec<f64>, Error>> Model for F {
    fn predict(&mut self, rows: &Matrix) -> Result<Vec<f64>, Error> {
        self(rows)
    }
}

/// What one prediction is made of: `base + values.sum()` is the prediction.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribution {
    /// The mean prediction of the background.
    pub base: f64,
    /// One a feature.
    pub values: Vec<f64>,
}

/// The mean prediction where the features in `from` have the row's values and the rest those of each background row.
pub(crate) fn masked(
    model: &mut dyn Model,
    row: &[f64],
    background: &Matrix,
    from: &[bool],
) -> Result<f64, Error> {
    let mixed: Vec<Vec<f64>> = background
        .iter()
        .map(|other| {
            let pairs = row.iter().zip(other).zip(from);
            pairs.map(|((own, other), keep)| if *keep { *own } else { *other }).collect()
        })
        .collect();
    let answers = model.predict(&Matrix::of_rows(&mixed)?)?;
    Error::length("the predictions", mixed.len(), answers.len())?;
    Ok(answers.iter().sum::<f64>() / answers.len() as f64)
}

/// Errors: `Empty`, `Length`.
pub(crate) fn check(row: &[f64], background: &Matrix) -> Result<(), Error> {
    if background.rows() == 0 || row.is_empty() {
        return Err(Error::Empty("the background"));
    }
    Error::length("the row", background.columns(), row.len())
}
