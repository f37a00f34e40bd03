//! `QuantileTransformer` and `PowerTransformer`: each column to another distribution.

use crate::Error;
use crate::native::matrix::{Block, Data, Matrix};
use crate::native::outputs::Transform;
use crate::native::skops::Object;

use super::isotonic::interpolated;
use super::normal;

/// How near to its ends a quantile of the normal distribution may come (`BOUNDS_THRESHOLD`).
const BOUND: f64 = 1e-7;

pub(crate) struct Quantiles {
    /// By column: `references.len()` values, going up.
    columns: Vec<Vec<f64>>,
    references: Vec<f64>,
    normal: bool,
}

pub(super) fn quantiles(object: &Object<'_>) -> Result<Quantiles, Error> {
    let stored = object.get("quantiles_")?;
    let array = stored.array()?;
    let &[count, width] = array.shape() else { return Err(stored.broken("is no matrix")) };
    let (values, references) = (stored.floats()?, object.get("references_")?.floats()?);
    if values.len() != count * width || references.len() != count || count == 0 || width == 0 {
        return Err(stored.broken("has not one value a reference"));
    }
    let columns: Vec<Vec<f64>> =
        (0..width).map(|at| values.chunks_exact(width).map(|row| row[at]).collect()).collect();
    if columns.iter().any(|column| column.iter().any(|x| x.is_nan()) || !column.is_sorted()) {
        return Err(stored.unsupported("its quantiles do not go up"));
    }
    let normal = match object.get("output_distribution")?.word().as_deref() {
        Some("uniform") => false,
        Some("normal") => true,
        _ => return Err(object.unsupported("its output distribution is not known")),
    };
    Ok(Quantiles { columns, references, normal })
}

impl Quantiles {
    fn value(&self, column: usize, x: f64, single: bool) -> f64 {
        if x.is_nan() {
            return x;
        }
        let round = |x: f64| if single { f64::from(x as f32) } else { x };
        let (quantiles, references) = (&self.columns[column], &self.references);
        let (low, high) = (quantiles[0], quantiles[quantiles.len() - 1]);
        let bound = round(BOUND);
        let (below, above) = match self.normal {
            true => (round(x - bound) < low, round(x + bound) > high),
            false => (x == low, x == high),
        };
        // Repeated quantiles: the mean of what the first and the last of them say.
        let up = interpolated(quantiles, references, x);
        let down = -interpolated_down(quantiles, references, x);
        let mut y = round(0.5 * (up - down));
        if above {
            y = 1.0;
        }
        if below {
            y = 0.0;
        }
        if !self.normal {
            return y;
        }
        // `np.spacing(1)` is the distance from 1 to the next number.
        let least = BOUND - f64::EPSILON;
        normal::quantile(y).clamp(normal::quantile(least), normal::quantile(1.0 - least))
    }
}

/// `-np.interp(-x, -quantiles[::-1], -references[::-1])`: from above.
fn interpolated_down(points: &[f64], values: &[f64], x: f64) -> f64 {
    let last = points.len() - 1;
    if x > points[last] {
        return values[last];
    }
    // The first point that is not below the value.
    let at = points.partition_point(|point| *point < x);
    if at == 0 || points[at] == x {
        return values[at];
    }
    let slope = (values[at - 1] - values[at]) / (points[at - 1] - points[at]);
    slope * (x - points[at]) + values[at]
}

impl Transform for Quantiles {
    fn apply(&self, block: Block) -> Result<Block, Error> {
        super::check_width(&block, self.columns.len())?;
        let mut matrix = block.matrix()?;
        matrix.finite("QuantileTransformer", true)?;
        let single = matrix.is_single();
        matrix.map(|column, x| self.value(column, x, single));
        Ok(Block::Matrix(matrix))
    }

    fn held(&self) -> usize {
        self.columns.iter().map(crate::native::outputs::bytes).sum()
    }
}

pub(crate) struct Power {
    lambdas: Vec<f64>,
    /// Box-Cox; else Yeo-Johnson.
    positive: bool,
    scaler: Option<super::scale::Scaler>,
}

pub(super) fn power(object: &Object<'_>) -> Result<Power, Error> {
    let positive = match object.get("method")?.word().as_deref() {
        Some("box-cox") => true,
        Some("yeo-johnson") => false,
        _ => return Err(object.unsupported("its method is not known")),
    };
    let scaler = match object.get("standardize")?.boolean()? {
        true => {
            let inner = object.get("_scaler")?;
            if inner.class() != "StandardScaler" {
                return Err(inner.unsupported("it is no StandardScaler"));
            }
            super::check_attributes(&inner)?;
            Some(super::scale::scaler(&inner)?)
        }
        false => None,
    };
    let lambdas = object.get("lambdas_")?.floats()?;
    if lambdas.is_empty() || lambdas.iter().any(|l| !l.is_finite()) {
        return Err(object.unsupported("a column has no lambda"));
    }
    Ok(Power { lambdas, positive, scaler })
}

impl Power {
    /// `scipy.special.boxcox` and `scipy.stats.yeojohnson`.
    fn value(&self, column: usize, x: f64, epsilon: f64) -> f64 {
        let lambda = self.lambdas[column];
        if self.positive {
            return if lambda.abs() < 1e-19 { x.ln() } else { (lambda * x.ln()).exp_m1() / lambda };
        }
        if x >= 0.0 {
            return match lambda.abs() < epsilon {
                true => x.ln_1p(),
                false => (lambda * x.ln_1p()).exp_m1() / lambda,
            };
        }
        match (lambda - 2.0).abs() > epsilon {
            true => -((2.0 - lambda) * (-x).ln_1p()).exp_m1() / (2.0 - lambda),
            false => -(-x).ln_1p(),
        }
    }
}

impl Transform for Power {
    fn apply(&self, block: Block) -> Result<Block, Error> {
        super::check_width(&block, self.lambdas.len())?;
        let mut matrix: Matrix = block.matrix()?;
        matrix.finite("PowerTransformer", true)?;
        if self.positive && matrix.doubles().iter().any(|x| *x <= 0.0) {
            let message = "The Box-Cox transformation can only be applied to strictly positive data";
            return Err(Error::Unfit(message.into()));
        }
        let epsilon = match matrix.data {
            Data::Single(_) => f64::from(f32::EPSILON),
            Data::Double(_) => f64::EPSILON,
        };
        matrix.map(|column, x| self.value(column, x, epsilon));
        let block = Block::Matrix(matrix);
        match &self.scaler {
            Some(scaler) => scaler.apply(block),
            None => Ok(block),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_repeated_quantiles_the_mean_of_both_ends_counts() {
        let made = Quantiles {
            columns: vec![vec![1.0, 2.0, 2.0, 2.0, 5.0]],
            references: vec![0.0, 0.25, 0.5, 0.75, 1.0],
            normal: false,
        };
        // scikit-learn 1.9: QuantileTransformer(n_quantiles=5).fit([[1], [2], [2], [2], [5]])
        for (x, y) in [(0.0, 0.0), (1.0, 0.0), (1.5, 0.125), (2.0, 0.5), (3.5, 0.875), (5.0, 1.0), (9.0, 1.0)]
        {
            assert_eq!(made.value(0, x, false), y, "{x}");
        }
        assert!(made.value(0, f64::NAN, false).is_nan());
    }
}
