use super::special::student_two_sided;
use super::sums::{mean, squares};

/// Two-sided p-value of Student's t-test with pooled variance (`scipy.stats.ttest_ind`); NaN where neither sample varies
/// and the means are equal.
pub(crate) fn student(x: &[f64], y: &[f64]) -> f64 {
    let (n, m) = (x.len() as f64, y.len() as f64);
    let varies = |s: &[f64]| if s.len() == 1 { 0.0 } else { squares(s) / (s.len() as f64 - 1.0) };
    let degrees = n + m - 2.0;
    let pooled = ((n - 1.0) * varies(x) + (m - 1.0) * varies(y)) / degrees;
    let t = (mean(x) - mean(y)) / (pooled * (1.0 / n + 1.0 / m)).sqrt();
    student_two_sided(degrees, t)
}
