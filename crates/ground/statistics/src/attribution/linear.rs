use super::{Attribution, check};
use crate::linear::dot;
use crate::{Error, Matrix};

/// Of a linear model `coefficients · row + intercept` with independent features: each coefficient times how far the
/// feature is from the background's mean. Exact. Errors: `Empty`, `Length`.
pub fn linear(
    coefficients: &[f64],
    intercept: f64,
    row: &[f64],
    background: &Matrix,
) -> Result<Attribution, Error> {
    check(row, background)?;
    Error::length("the coefficients", row.len(), coefficients.len())?;
    let means = background.means();
    let values = coefficients.iter().zip(row.iter().zip(&means)).map(|(c, (x, m))| c * (x - m)).collect();
    Ok(Attribution { base: dot(coefficients, &means) + intercept, values })
}
