//! Two-sample statistics, as SciPy and NumPy compute them: same definitions, same choice between exact and asymptotic
//! forms, same corner cases. Samples that are called sorted are ascending and finite.

mod anderson;
mod cramer;
mod eigen;
mod energy;
mod epps;
mod fisher;
mod frequencies;
mod mann_whitney;
mod mmd;
mod special;
mod student;
mod sums;
mod transport;
mod variation;

pub(crate) use anderson::anderson;
pub(crate) use cramer::cramer_von_mises;
pub(crate) use eigen::eigen;
pub(crate) use energy::energy;
pub(crate) use epps::epps_singleton;
pub(crate) use fisher::fisher;
pub(crate) use frequencies::{chi_square, g_test, z_test};
pub(crate) use mann_whitney::mann_whitney_less;
pub use mmd::Mmd;
pub(crate) use special::{chi_square_survival, normal_cumulative};
pub(crate) use student::student;
pub(crate) use sums::{deviation, percentile};
pub(crate) use transport::wasserstein;
pub(crate) use variation::total_variation;

/// The ranks of `x` and of `y` in both together (both sorted), the mean rank for equal values; and for each group of
/// equal values how many there are.
pub(crate) fn ranks(x: &[f64], y: &[f64]) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let (mut of_x, mut of_y, mut ties) =
        (Vec::with_capacity(x.len()), Vec::with_capacity(y.len()), Vec::new());
    while of_x.len() < x.len() || of_y.len() < y.len() {
        let (i, j) = (of_x.len(), of_y.len());
        let at = match (x.get(i), y.get(j)) {
            (Some(a), Some(b)) => a.min(*b),
            (Some(a), None) => *a,
            (None, Some(b)) => *b,
            (None, None) => break,
        };
        let of = |s: &[f64]| s.iter().take_while(|v| **v <= at).count();
        let (in_x, in_y) = (of(&x[i..]), of(&y[j..]));
        let (before, here) = ((i + j) as f64, (in_x + in_y) as f64);
        let rank = before + (here + 1.0) / 2.0;
        of_x.resize(i + in_x, rank);
        of_y.resize(j + in_y, rank);
        ties.push(here);
        if in_x + in_y == 0 {
            break;
        }
    }
    (of_x, of_y, ties)
}
