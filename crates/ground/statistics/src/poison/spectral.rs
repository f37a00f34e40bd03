use std::collections::BTreeMap;

use crate::interval::quantile;
use crate::linear::dot;
use crate::{Error, Matrix, eigen};

/// What spectral signatures (Tran, Li and Madry, 2018) say of each row, within its class.
#[derive(Clone, Debug, PartialEq)]
pub struct Spectral {
    /// How far the row lies along the direction in which its class varies most.
    pub scores: Vec<f64>,
    /// Rows at or above the cut of their class, ascending.
    pub suspects: Vec<usize>,
    /// The cut by class.
    pub cuts: BTreeMap<usize, f64>,
}

/// The size of each row's projection on the first right singular vector of the centred rows. The row itself is not
/// centred, as in ART 1.20. Errors: `Empty`.
pub fn spectral_scores(rows: &Matrix) -> Result<Vec<f64>, Error> {
    if rows.rows() == 0 || rows.columns() == 0 {
        return Err(Error::Empty("the activations of a class"));
    }
    let direction = first_component(&rows.centred(&rows.means()));
    Ok(rows.iter().map(|row| dot(row, &direction).abs()).collect())
}

/// Scores by class, and as suspects the share `multiplier · expected` with the highest (ART's
/// `SpectralSignatureDefense`, whose multiplier is 1.5). Errors: `Length`, `Empty`; `OutOfRange` if the share is below 0.
pub fn spectral_signatures(
    activations: &Matrix,
    labels: &[usize],
    expected: f64,
    multiplier: f64,
) -> Result<Spectral, Error> {
    Error::length("the labels", activations.rows(), labels.len())?;
    let share = expected * multiplier;
    if share.is_nan() || share < 0.0 {
        let wanted = "a share of at least 0";
        return Err(Error::OutOfRange {
            what: "the expected share of poison",
            value: share.to_string(),
            wanted,
        });
    }
    let mut found = Spectral { scores: vec![0.0; labels.len()], suspects: Vec::new(), cuts: BTreeMap::new() };
    for (class, rows) in by_class(labels) {
        let scores = spectral_scores(&activations.take(&rows))?;
        let mut sorted = scores.clone();
        sorted.sort_by(f64::total_cmp);
        let cut = quantile(&sorted, (1.0 - share).max(0.0));
        found.cuts.insert(class, cut);
        for (row, score) in rows.iter().zip(scores) {
            found.scores[*row] = score;
            // Not below the cut: NaN is a suspect as well.
            if score.partial_cmp(&cut).is_none_or(std::cmp::Ordering::is_ge) {
                found.suspects.push(*row);
            }
        }
    }
    found.suspects.sort_unstable();
    Ok(found)
}

pub(super) fn by_class(labels: &[usize]) -> BTreeMap<usize, Vec<usize>> {
    let mut classes: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    labels.iter().enumerate().for_each(|(row, label)| classes.entry(*label).or_default().push(row));
    classes
}

/// The direction of the largest variance, through whichever of the two Gram matrices is smaller.
fn first_component(centred: &Matrix) -> Vec<f64> {
    if centred.columns() <= centred.rows() {
        return eigen(&centred.gram()).vectors.row(0).to_vec();
    }
    let left = eigen(&centred.transposed().gram());
    let mut direction = vec![0.0; centred.columns()];
    for (row, weight) in centred.iter().zip(left.vectors.row(0)) {
        direction.iter_mut().zip(row).for_each(|(cell, value)| *cell += weight * value);
    }
    let length = dot(&direction, &direction).sqrt();
    if length > 0.0 {
        direction.iter_mut().for_each(|cell| *cell /= length);
    }
    direction
}
