//! `sklearn.tree._tree.Tree` as arrays.

use crate::Error;
use crate::native::skops::{Array, Object, npy};
use crate::native::tree::{Forest, Source, Split, floor32};

/// The nodes and values of one tree.
pub(crate) struct TreeNodes {
    pub left: Vec<i64>,
    pub right: Vec<i64>,
    pub feature: Vec<i64>,
    pub threshold: Vec<f64>,
    pub missing_left: Vec<bool>,
    pub weight: Vec<f64>,
    pub samples: Vec<i64>,
    /// `width` a node.
    pub values: Vec<f64>,
    pub width: usize,
    /// Outputs × classes of `values`.
    pub outputs: usize,
}

/// Reads the tree of a fitted tree estimator.
pub(crate) fn tree_nodes(estimator: &Object<'_>) -> Result<TreeNodes, Error> {
    let tree = estimator.get("tree_")?;
    let nodes = tree.get("nodes")?;
    let Array::Plain(npy::Array { data: npy::Data::Records(records), .. }) = nodes.array()? else {
        return Err(nodes.broken("is no array of nodes"));
    };
    let values = tree.get("values")?;
    let shape = values.array()?.shape().to_vec();
    let [count, outputs, classes] = shape.as_slice() else {
        return Err(values.broken("has not the shape of a tree's values"));
    };
    if *count != records.len() || *count == 0 {
        return Err(values.broken("has not one value a node"));
    }
    let missing_left = if records.has("missing_go_to_left") {
        records.integers("missing_go_to_left")?.into_iter().map(|b| b != 0).collect()
    } else {
        vec![false; *count]
    };
    Ok(TreeNodes {
        left: records.integers("left_child")?,
        right: records.integers("right_child")?,
        feature: records.integers("feature")?,
        threshold: records.floats("threshold")?,
        missing_left,
        weight: records.floats("weighted_n_node_samples")?,
        samples: records.integers("n_node_samples")?,
        values: values.floats()?,
        width: outputs * classes,
        outputs: *outputs,
    })
}

impl TreeNodes {
    pub(crate) fn len(&self) -> usize {
        self.left.len()
    }

    pub(crate) fn is_leaf(&self, node: usize) -> bool {
        self.left[node] < 0
    }

    /// Adds the tree to `forest`; `leaf` names what stands at a leaf. `features` maps the tree's features to columns.
    pub(crate) fn compile(
        &self,
        forest: &mut Forest<f32>,
        features: Option<&[usize]>,
        mut leaf: impl FnMut(usize) -> u32,
    ) -> Result<(), Error> {
        forest.push(self.len(), |node| {
            if self.is_leaf(node) {
                return Ok(Source::Leaf(leaf(node)));
            }
            // What is out of range here is out of range for `push`, too.
            let feature = usize::try_from(self.feature[node]).unwrap_or(usize::MAX);
            let feature = match features {
                Some(map) => map.get(feature).copied().unwrap_or(usize::MAX),
                None => feature,
            };
            Ok(Source::Split(Split {
                feature: u32::try_from(feature).unwrap_or(u32::MAX),
                threshold: floor32(self.threshold[node]),
                missing_left: self.missing_left[node],
                left: usize::try_from(self.left[node]).unwrap_or(usize::MAX),
                right: usize::try_from(self.right[node]).unwrap_or(usize::MAX),
                test: None,
            }))
        })
    }
}
