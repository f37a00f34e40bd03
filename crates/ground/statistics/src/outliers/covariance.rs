use statrs::distribution::{ChiSquared, ContinuousCDF as _};

use crate::linear::dot;
use crate::{Error, Matrix};

/// The middle and the spread of rows, to measure distances with.
#[derive(Clone, Debug, PartialEq)]
pub struct Covariance {
    middle: Vec<f64>,
    precision: Matrix,
}

/// A covariance drawn towards a sphere, as much as the rows are few (Ledoit and Wolf, 2004).
#[derive(Clone, Debug, PartialEq)]
pub struct LedoitWolf {
    pub covariance: Covariance,
    /// 0 leaves the covariance as it is, 1 makes it a sphere.
    pub shrinkage: f64,
}

impl Covariance {
    /// The maximum-likelihood covariance. Errors: `Empty`.
    pub fn empirical(rows: &Matrix) -> Result<Self, Error> {
        if rows.rows() == 0 {
            return Err(Error::Empty("the table"));
        }
        Ok(Self { middle: rows.means(), precision: rows.covariance().symmetric_inverse() })
    }

    /// Errors: `Empty`.
    pub fn ledoit_wolf(rows: &Matrix) -> Result<LedoitWolf, Error> {
        if rows.rows() == 0 {
            return Err(Error::Empty("the table"));
        }
        let (n, p) = (rows.rows() as f64, rows.columns());
        let middle = rows.means();
        let centred = rows.centred(&middle);
        let gram = centred.gram();
        let trace: f64 = (0..p).map(|i| gram.get(i, i)).sum::<f64>() / n;
        let mu = trace / p as f64;
        let squares: f64 = centred.iter().map(|row| dot(row, row).powi(2)).sum();
        let delta: f64 = gram.iter().map(|row| dot(row, row)).sum::<f64>() / (n * n);
        let beta = (squares / n - delta) / (p as f64 * n);
        let delta = (delta - 2.0 * mu * trace + p as f64 * mu * mu) / p as f64;
        let beta = beta.min(delta);
        let shrinkage = if beta == 0.0 { 0.0 } else { beta / delta };
        let mut shrunk = Matrix::zeros(p, p);
        for i in 0..p {
            for j in 0..p {
                let sphere = if i == j { shrinkage * mu } else { 0.0 };
                shrunk.set(i, j, (1.0 - shrinkage) * gram.get(i, j) / n + sphere);
            }
        }
        Ok(LedoitWolf { covariance: Self { middle, precision: shrunk.symmetric_inverse() }, shrinkage })
    }

    pub fn middle(&self) -> &[f64] {
        &self.middle
    }

    /// The inverse of the covariance.
    pub fn precision(&self) -> &Matrix {
        &self.precision
    }

    /// The squared Mahalanobis distance of a row of as many columns.
    pub fn squared_distance(&self, row: &[f64]) -> f64 {
        let apart: Vec<f64> = row.iter().zip(&self.middle).map(|(v, m)| v - m).collect();
        self.precision.iter().zip(&apart).map(|(p, a)| a * dot(p, &apart)).sum()
    }

    /// The squared distance that a row of a normal distribution exceeds with probability `alpha`.
    pub fn cut(&self, alpha: f64) -> f64 {
        cut(self.middle.len(), alpha)
    }
}

/// The squared distance from the middle that a row of a normal distribution over so many columns exceeds with probability
/// `alpha`.
pub fn cut(columns: usize, alpha: f64) -> f64 {
    ChiSquared::new(columns.max(1) as f64).map_or(f64::INFINITY, |chi| chi.inverse_cdf(1.0 - alpha))
}
