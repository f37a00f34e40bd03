//! What explanations read of model files.

use super::lightgbm;
use super::skops::Skops;
use super::xgboost::{self, Wrapper};
use super::{sklearn, xgboost::StoredTree};
use crate::Error;
use crate::explain::Trees;

pub(crate) struct XgBoost {
    pub columns: usize,
    /// By output: where the scores start.
    pub base: Vec<f64>,
    /// With their group and weight.
    pub trees: Vec<(StoredTree, usize, f32)>,
}

pub(crate) fn xgboost(bytes: &[u8], class: Option<&str>) -> Result<XgBoost, Error> {
    xgboost::stored(bytes, class.map_or(Wrapper::Booster, Wrapper::of))
}

pub(crate) fn lightgbm(text: &str) -> Result<lightgbm::Raw, Error> {
    let raw = lightgbm::parse(text)?;
    if raw.trees.iter().any(|tree| !tree.linear.is_empty()) {
        return Err(Error::Unsupported("contributions of LightGBM's linear trees".into()));
    }
    Ok(raw)
}

/// The trees of a scikit-learn estimator, or of the last step of a pipeline is refused: its columns are not the
/// request's.
pub(crate) fn skops_trees(bytes: &[u8]) -> Result<Trees, Error> {
    let skops = Skops::open(bytes)?;
    let index = skops.index();
    sklearn::explained(&index.root()?)
}
