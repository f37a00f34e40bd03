use super::eigen::eigen;
use super::special::chi_square_survival;
use super::sums::{mean, percentile};
use crate::drift::NotComputable;

/// Where the characteristic functions are compared, in semi-interquartile ranges.
const POINTS: [f64; 2] = [0.4, 0.8];
const SIZE: usize = 2 * POINTS.len();
/// Eigenvalues below this part of the largest are none: columns of few different values have waves that depend on each
/// other. SciPy's own limit is at the rounding of the sums, so that there chance decides about them.
const RANK: f64 = 1e-12;
type Matrix = [[f64; SIZE]; SIZE];

/// p-value of the Epps–Singleton test (`scipy.stats.epps_singleton_2samp`); NaN where a sample has fewer than 5 values, and
/// for two constants whose means NumPy's sums find exactly (for others they leave a covariance of the rounding, and the
/// p-value is 0). Errors: `Reason` where the interquartile range of both together is 0 or the values are too close
/// to each other for it.
pub(crate) fn epps_singleton(x: &[f64], y: &[f64]) -> Result<f64, NotComputable> {
    let mut all: Vec<f64> = x.iter().chain(y).copied().collect();
    all.sort_by(f64::total_cmp);
    let range = percentile(&all, 75.0) - percentile(&all, 25.0);
    if range == 0.0 {
        return Err(NotComputable::reason("the interquartile range of both samples is 0"));
    }
    if x.len() < 5 || y.len() < 5 {
        return Ok(f64::NAN);
    }
    let (nx, ny) = (x.len() as f64, y.len() as f64);
    let n = nx + ny;
    let scaled = POINTS.map(|t| t / (range / 2.0));
    let (gx, gy) = (waves(x, scaled), waves(y, scaled));
    let (mean_x, cov_x) = moments(&gx);
    let (mean_y, cov_y) = moments(&gy);
    let mut covariance = [[0.0; SIZE]; SIZE];
    let mut apart = [0.0; SIZE];
    for i in 0..SIZE {
        apart[i] = mean_x[i] - mean_y[i];
        for j in 0..SIZE {
            covariance[i][j] = n / nx * cov_x[i][j] + n / ny * cov_y[i][j];
            if !covariance[i][j].is_finite() {
                return Err(NotComputable::reason("the values are too close to each other"));
            }
        }
    }
    let (rank, form) = inverse_form(&covariance, &apart);
    let mut statistic = n * form;
    if nx.max(ny) < 25.0 {
        statistic *= 1.0 / (1.0 + n.powf(-0.45) + 10.1 * (nx.powf(-1.7) + ny.powf(-1.7)));
    }
    Ok(chi_square_survival(rank as f64, statistic))
}

/// Cosines, then sines, at each of the points.
fn waves(sample: &[f64], points: [f64; 2]) -> [Vec<f64>; SIZE] {
    let of = |f: fn(f64) -> f64, t: f64| sample.iter().map(|v| f(t * v)).collect::<Vec<f64>>();
    [of(f64::cos, points[0]), of(f64::cos, points[1]), of(f64::sin, points[0]), of(f64::sin, points[1])]
}

/// Means and the biased covariances.
fn moments(rows: &[Vec<f64>; SIZE]) -> ([f64; SIZE], Matrix) {
    let means = [mean(&rows[0]), mean(&rows[1]), mean(&rows[2]), mean(&rows[3])];
    let n = rows[0].len() as f64;
    let mut covariance = [[0.0; SIZE]; SIZE];
    for i in 0..SIZE {
        for j in 0..=i {
            let total: f64 = rows[i].iter().zip(&rows[j]).map(|(a, b)| (a - means[i]) * (b - means[j])).sum();
            let value = total / (n - 1.0) * (n - 1.0) / n;
            covariance[i][j] = value;
            covariance[j][i] = value;
        }
    }
    (means, covariance)
}

/// The rank of the pseudo-inverse of a symmetric matrix and the quadratic form of `v` with it.
fn inverse_form(matrix: &Matrix, v: &[f64; SIZE]) -> (usize, f64) {
    let rows: Vec<Vec<f64>> = matrix.iter().map(|row| row.to_vec()).collect();
    let (values, vectors) = eigen(&rows);
    let largest = values.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
    let kept: Vec<usize> = (0..SIZE).filter(|i| values[*i].abs() > RANK * largest).collect();
    let form = kept
        .iter()
        .map(|i| {
            let along: f64 = (0..SIZE).map(|k| vectors[k][*i] * v[k]).sum();
            along * along / values[*i]
        })
        .sum();
    (kept.len(), form)
}
