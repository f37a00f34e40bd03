//! The trees of scikit-learn's estimators, for explanations.

use super::trees::tree_nodes;
use crate::Error;
use crate::explain::{Tree, Trees};
use crate::native::skops::Object;

/// Trees of `DecisionTree*`, `ExtraTree*`, forests of them, and `GradientBoosting*`.
pub(crate) fn explained(object: &Object<'_>) -> Result<Trees, Error> {
    // What would not be served is not explained.
    super::predictor(object)?;
    let class = object.class();
    let boosting = class.starts_with("GradientBoosting");
    let forest = class.starts_with("RandomForest") || class.starts_with("ExtraTrees");
    if !boosting && !forest && !class.contains("Tree") {
        return Err(object.unsupported("only trees are explained"));
    }
    let columns = object.get("n_features_in_")?.count()?;
    let members = if boosting || forest { object.get("estimators_")?.items()? } else { vec![object.clone()] };
    let (base, rate) = if boosting {
        (super::boosting::start_of(object)?, object.get("learning_rate")?.number()?)
    } else {
        (Vec::new(), 1.0)
    };
    let mut out = Trees { columns, base, trees: Vec::with_capacity(members.len()), single: true };
    let share = if forest { members.len() as f64 } else { 1.0 };
    for (index, member) in members.iter().enumerate() {
        let tree = tree_nodes(member)?;
        if out.base.is_empty() {
            out.base = vec![0.0; tree.width];
        }
        let output = if boosting { index % out.base.len() } else { 0 };
        out.trees.push(Tree {
            feature: tree.feature.iter().map(|f| u32::try_from(*f).unwrap_or(0)).collect(),
            threshold: tree.threshold,
            missing_left: tree.missing_left,
            cover: tree.weight,
            values: tree.values.iter().map(|v| v * rate / share).collect(),
            width: tree.width,
            left: tree.left,
            right: tree.right,
            output,
            tests: Vec::new(),
        });
    }
    Ok(out)
}
