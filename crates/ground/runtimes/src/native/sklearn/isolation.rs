//! `IsolationForest`.

use super::trees::tree_nodes;
use crate::native::matrix::Block;
use crate::native::outputs::{Output, Predict, bytes};
use crate::native::skops::Object;
use crate::native::tree::Forest;
use crate::{ElementType, Error, TensorData};

pub(crate) struct Isolation {
    forest: Forest<f32>,
    /// By leaf: the path to it plus the mean path of its samples, less one.
    paths: Vec<f64>,
    /// What the summed paths are divided by.
    denominator: f64,
    offset: f64,
}

/// Euler's constant, as numpy has it.
const EULER: f64 = 0.577_215_664_901_532_9;

/// The mean path to a leaf of `samples` samples: `_average_path_length`.
fn average_path(samples: f64) -> f64 {
    if samples <= 1.0 {
        0.0
    } else if samples == 2.0 {
        1.0
    } else {
        2.0 * ((samples - 1.0).ln() + EULER) - 2.0 * (samples - 1.0) / samples
    }
}

pub(super) fn build(object: &Object<'_>) -> Result<Isolation, Error> {
    let width = object.get("n_features_in_")?.count()?;
    let members = object.get("estimators_")?.items()?;
    let features = object.get("estimators_features_")?.items()?;
    if members.is_empty() || members.len() != features.len() {
        return Err(object.broken("has not one list of features a tree"));
    }
    let mut forest = Forest::new(width);
    let mut paths = Vec::new();
    for (member, features) in members.iter().zip(&features) {
        super::check_version(member)?;
        super::check_attributes(member)?;
        let tree = tree_nodes(member)?;
        let features = features.indices()?;
        let mut depth = vec![1.0; tree.len()];
        for node in 0..tree.len() {
            if tree.is_leaf(node) {
                continue;
            }
            for child in [tree.left[node], tree.right[node]] {
                // Children come after their parent in scikit-learn's trees; where not, the tree is not one of them.
                match usize::try_from(child).ok().filter(|c| *c > node && *c < tree.len()) {
                    Some(child) => depth[child] = depth[node] + 1.0,
                    None => return Err(member.broken("has a child in the wrong place")),
                }
            }
        }
        let mut next = paths.len() as u32;
        tree.compile(&mut forest, Some(&features), |node| {
            paths.push(depth[node] + average_path(tree.samples[node] as f64) - 1.0);
            next += 1;
            next - 1
        })?;
    }
    let samples = match object.find("_max_samples")? {
        Some(samples) => samples.number()?,
        None => object.get("max_samples_")?.number()?,
    };
    Ok(Isolation {
        denominator: members.len() as f64 * average_path(samples),
        forest,
        paths,
        offset: object.get("offset_")?.number()?,
    })
}

impl Predict for Isolation {
    fn outputs(&self) -> Vec<Output> {
        vec![
            Output::column("predict", ElementType::I64),
            Output::column("decision_function", ElementType::F64),
            Output::column("score_samples", ElementType::F64),
        ]
    }

    fn predict(&self, block: Block) -> Result<Vec<TensorData>, Error> {
        super::check_width(&block, self.forest.width())?;
        let matrix = block.matrix()?.into_single();
        matrix.finite("IsolationForest", true)?;
        let mut depths = vec![0.0; matrix.rows];
        self.forest.rows(&matrix.singles(), 0..self.forest.trees(), |row, _, leaf| {
            depths[row] += self.paths[leaf as usize];
        });
        let scores: Vec<f64> = depths
            .iter()
            .map(|d| -(-if self.denominator == 0.0 { 1.0 } else { d / self.denominator }).exp2())
            .collect();
        let decisions: Vec<f64> = scores.iter().map(|s| s - self.offset).collect();
        let labels = decisions.iter().map(|d| if *d < 0.0 { -1 } else { 1 }).collect();
        Ok(vec![TensorData::I64(labels), TensorData::F64(decisions), TensorData::F64(scores)])
    }

    fn held(&self) -> usize {
        self.forest.held() + bytes(&self.paths)
    }
}
