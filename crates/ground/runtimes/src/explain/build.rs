//! Trees of model files, with what only explanations need: the cover of each node.

use super::{Tree, Trees};
use crate::Error;
use crate::native::{Format, Source, parts};

pub(super) fn trees(source: &Source, bytes: &[u8]) -> Result<Trees, Error> {
    match source.format {
        Format::XgBoost => xgboost(source, bytes),
        Format::LightGbm => {
            let text = std::str::from_utf8(bytes)
                .map_err(|_| Error::Broken("the LightGBM model is not UTF-8".into()))?;
            lightgbm(text)
        }
        Format::Skops => parts::skops_trees(bytes),
        Format::CatBoost => Err(Error::Unsupported("explanations of CatBoost's trees".into())),
    }
}

fn xgboost(source: &Source, bytes: &[u8]) -> Result<Trees, Error> {
    let model = parts::xgboost(bytes, source.class.as_deref())?;
    let trees = model
        .trees
        .into_iter()
        .map(|(tree, group, weight)| {
            let value = |x: &f32| f64::from(*x * weight);
            Tree {
                threshold: tree.value.iter().map(|t| f64::from(t.next_down())).collect(),
                values: tree.value.iter().map(value).collect(),
                cover: tree.cover.iter().map(|c| f64::from(*c)).collect(),
                tests: if tree.sets.iter().all(Option::is_none) {
                    Vec::new()
                } else {
                    tree.sets.iter().cloned().map(|s| s.map(crate::native::Test::RightSet)).collect()
                },
                feature: tree.feature,
                missing_left: tree.missing_left,
                left: tree.left,
                right: tree.right,
                width: 1,
                output: group,
            }
        })
        .collect();
    Ok(Trees { columns: model.columns, base: model.base, trees, single: true })
}

fn lightgbm(text: &str) -> Result<Trees, Error> {
    let model = parts::lightgbm(text)?;
    let k = model.trees_per_round;
    let mut trees = Vec::with_capacity(model.trees.len());
    let rounds = (model.trees.len() / k).max(1) as f64;
    for (index, tree) in model.trees.iter().enumerate() {
        let splits = tree.feature.len();
        let count = splits + tree.leaf.len();
        let mut out = Tree { width: 1, output: index % k, tests: vec![None; count], ..Tree::default() };
        // Children may come before their parents in the file, so that nodes are put into depth-first order.
        let mut order = vec![0_usize];
        let mut place = vec![usize::MAX; count];
        let mut at = 0;
        while at < order.len() {
            let node = order[at];
            if node >= count || place[node] != usize::MAX {
                return Err(Error::Broken(format!("tree {index}: a child is out of range")));
            }
            place[node] = at;
            if node < splits {
                let (left, right) = tree.children(node);
                order.extend([left, right]);
            }
            at += 1;
        }
        for (at, node) in order.iter().enumerate() {
            let scale = if model.average { 1.0 / rounds } else { 1.0 };
            if *node >= splits {
                out.feature.push(0);
                out.threshold.push(0.0);
                out.missing_left.push(false);
                out.left.push(-1);
                out.right.push(-1);
                out.cover.push(tree.leaf_count[node - splits]);
                out.values.push(tree.leaf[node - splits] * scale);
                continue;
            }
            let (threshold, missing_left, test) = tree.decide(*node)?;
            let (left, right) = tree.children(*node);
            out.feature.push(tree.feature[*node]);
            out.threshold.push(threshold);
            out.missing_left.push(missing_left);
            out.left.push(place[left] as i64);
            out.right.push(place[right] as i64);
            out.cover.push(tree.node_count[*node]);
            out.values.push(0.0);
            out.tests[at] = test;
        }
        trees.push(out);
    }
    Ok(Trees { columns: model.columns, base: vec![0.0; k], trees, single: false })
}
