//! Path-dependent TreeSHAP: algorithm 2 of the paper, in double precision.

use super::Explanation;
use super::tree::{Tree, Trees};

/// One column on the path from the root.
#[derive(Clone, Copy, Default)]
struct Step {
    /// `usize::MAX` for the root.
    feature: usize,
    /// The share of the background that goes on along the path when the column is unknown.
    zero: f64,
    /// 1 if the row goes on along the path, else 0.
    one: f64,
    /// Shares of the subsets by their size.
    weight: f64,
}

pub(super) fn explain(trees: &Trees, rows: &[f64]) -> Explanation {
    let columns = trees.columns;
    let outputs = trees.base.len();
    let count = rows.len() / columns;
    let mut values = vec![0.0; count * outputs * columns];
    let mut expected = trees.base.clone();
    for tree in &trees.trees {
        for (i, mean) in tree.mean().into_iter().enumerate() {
            expected[tree.output + i] += mean;
        }
        for (row, x) in rows.chunks_exact(columns).enumerate() {
            let out = &mut values[row * outputs * columns..(row + 1) * outputs * columns];
            let root = Step { feature: usize::MAX, zero: 1.0, one: 1.0, weight: 0.0 };
            descend(tree, columns, x, 0, &[], root, out);
        }
    }
    Explanation { rows: count, outputs, columns, values, expected }
}

/// The path with one more step: EXTEND.
fn extend(path: &[Step], step: Step) -> Vec<Step> {
    let length = path.len();
    let mut out = Vec::with_capacity(length + 1);
    out.extend_from_slice(path);
    out.push(Step { weight: if length == 0 { 1.0 } else { 0.0 }, ..step });
    let size = (length + 1) as f64;
    for i in (0..length).rev() {
        out[i + 1].weight += step.one * out[i].weight * (i + 1) as f64 / size;
        out[i].weight *= step.zero * (length - i) as f64 / size;
    }
    out
}

/// The path without the step `at`: UNWIND.
fn unwind(path: &[Step], at: usize) -> Vec<Step> {
    let last = path.len() - 1;
    let Step { zero, one, .. } = path[at];
    let mut out = path.to_vec();
    let size = path.len() as f64;
    let mut next = out[last].weight;
    for i in (0..last).rev() {
        if one != 0.0 {
            let before = out[i].weight;
            out[i].weight = next * size / ((i + 1) as f64 * one);
            next = before - out[i].weight * zero * (last - i) as f64 / size;
        } else {
            out[i].weight = out[i].weight * size / (zero * (last - i) as f64);
        }
    }
    for i in at..last {
        (out[i].feature, out[i].zero, out[i].one) = (out[i + 1].feature, out[i + 1].zero, out[i + 1].one);
    }
    out.pop();
    out
}

/// The sum of the weights of the path without the step `at`.
fn unwound_sum(path: &[Step], at: usize) -> f64 {
    let last = path.len() - 1;
    let Step { zero, one, .. } = path[at];
    let size = path.len() as f64;
    let mut next = path[last].weight;
    let mut total = 0.0;
    for i in (0..last).rev() {
        if one != 0.0 {
            let weight = next * size / ((i + 1) as f64 * one);
            total += weight;
            next = path[i].weight - weight * zero * ((last - i) as f64 / size);
        } else if zero != 0.0 {
            total += path[i].weight / zero / ((last - i) as f64 / size);
        }
    }
    total
}

fn descend(tree: &Tree, columns: usize, x: &[f64], node: usize, path: &[Step], step: Step, out: &mut [f64]) {
    let mut path = extend(path, step);
    if tree.is_leaf(node) {
        let leaf = tree.value(node);
        for i in 1..path.len() {
            let weight = unwound_sum(&path, i);
            let scale = weight * (path[i].one - path[i].zero);
            for (k, value) in leaf.iter().enumerate() {
                out[(tree.output + k) * columns + path[i].feature] += scale * value;
            }
        }
        return;
    }
    let (left, right) = tree.children(node);
    let (hot, cold) = if tree.goes_left(node, x) { (left, right) } else { (right, left) };
    let feature = tree.feature[node] as usize;
    let (mut zero, mut one) = (1.0, 1.0);
    if let Some(at) = path.iter().skip(1).position(|s| s.feature == feature) {
        (zero, one) = (path[at + 1].zero, path[at + 1].one);
        path = unwind(&path, at + 1);
    }
    let share = |child: usize| tree.cover[child] / tree.cover[node];
    let hot_step = Step { feature, zero: zero * share(hot), one, weight: 0.0 };
    descend(tree, columns, x, hot, &path, hot_step, out);
    let cold_step = Step { feature, zero: zero * share(cold), one: 0.0, weight: 0.0 };
    descend(tree, columns, x, cold, &path, cold_step, out);
}
