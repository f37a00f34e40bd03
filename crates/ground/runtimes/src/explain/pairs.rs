//! Interventional TreeSHAP: the exact Shapley values of the game between a row and each row of the background.

use super::Explanation;
use super::tree::{Tree, Trees};

/// Whose value of a column the path so far has taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Neither,
    Row,
    Other,
}

struct Walk<'t> {
    tree: &'t Tree,
    columns: usize,
    row: &'t [f64],
    other: &'t [f64],
    owners: Vec<Owner>,
    /// Columns of the path that the row, or the other one, decided.
    row_columns: Vec<usize>,
    other_columns: Vec<usize>,
}

pub(super) fn explain(trees: &Trees, rows: &[f64], background: &[f64]) -> Explanation {
    let columns = trees.columns;
    let outputs = trees.base.len();
    let count = rows.len() / columns;
    let others = background.len() / columns;
    let mut values = vec![0.0; count * outputs * columns];
    let mut expected = trees.base.clone();
    for tree in &trees.trees {
        for other in background.chunks_exact(columns) {
            let mut node = 0;
            while !tree.is_leaf(node) {
                let (left, right) = tree.children(node);
                node = if tree.goes_left(node, other) { left } else { right };
            }
            for (i, value) in tree.value(node).iter().enumerate() {
                expected[tree.output + i] += value / others as f64;
            }
        }
        for (index, row) in rows.chunks_exact(columns).enumerate() {
            let out = &mut values[index * outputs * columns..(index + 1) * outputs * columns];
            for other in background.chunks_exact(columns) {
                let mut walk = Walk {
                    tree,
                    columns,
                    row,
                    other,
                    owners: vec![Owner::Neither; columns],
                    row_columns: Vec::new(),
                    other_columns: Vec::new(),
                };
                walk.descend(0, out);
            }
        }
    }
    for value in &mut values {
        *value /= others as f64;
    }
    Explanation { rows: count, outputs, columns, values, expected }
}

/// `a! b! / (a + b + 1)!`: the share of orders in which exactly `a` given players come before one, and `b` after.
fn orders(a: usize, b: usize) -> f64 {
    let mut share = 1.0 / (a + b + 1) as f64;
    for i in 1..=b {
        share *= i as f64 / (a + i) as f64;
    }
    share
}

impl Walk<'_> {
    fn descend(&mut self, node: usize, out: &mut [f64]) {
        if self.tree.is_leaf(node) {
            return self.leaf(node, out);
        }
        let feature = self.tree.feature[node] as usize;
        let (left, right) = self.tree.children(node);
        let child = |goes_left: bool| if goes_left { left } else { right };
        let mine = child(self.tree.goes_left(node, self.row));
        let theirs = child(self.tree.goes_left(node, self.other));
        match self.owners[feature] {
            Owner::Row => self.descend(mine, out),
            Owner::Other => self.descend(theirs, out),
            Owner::Neither if mine == theirs => self.descend(mine, out),
            Owner::Neither => {
                self.owners[feature] = Owner::Row;
                self.row_columns.push(feature);
                self.descend(mine, out);
                self.row_columns.pop();
                self.owners[feature] = Owner::Other;
                self.other_columns.push(feature);
                self.descend(theirs, out);
                self.other_columns.pop();
                self.owners[feature] = Owner::Neither;
            }
        }
    }

    /// The leaf is reached by the coalitions that hold all columns of the row here, and none of the other's.
    fn leaf(&self, node: usize, out: &mut [f64]) {
        let (mine, theirs) = (self.row_columns.len(), self.other_columns.len());
        let leaf = self.tree.value(node);
        let output = self.tree.output;
        let mut add = |columns: &[usize], share: f64| {
            for column in columns {
                for (k, value) in leaf.iter().enumerate() {
                    out[(output + k) * self.columns + column] += share * value;
                }
            }
        };
        if mine > 0 {
            add(&self.row_columns, orders(mine - 1, theirs));
        }
        if theirs > 0 {
            add(&self.other_columns, -orders(mine, theirs - 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::orders;

    #[test]
    fn orders_are_shares_of_permutations() {
        assert_eq!(orders(0, 0), 1.0);
        assert!((orders(1, 0) - 0.5).abs() < 1e-15);
        assert!((orders(2, 1) - 2.0 / 24.0).abs() < 1e-15);
    }
}
