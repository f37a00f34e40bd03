use crate::Error;
use crate::native::Test;

/// Depth of a tree that is explained: the work grows with its square.
const DEEPEST: usize = 256;

/// A tree by its nodes; node 0 is the root, children come after their parents.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    pub feature: Vec<u32>,
    /// `x <= threshold` goes left.
    pub threshold: Vec<f64>,
    pub missing_left: Vec<bool>,
    /// Negative at a leaf.
    pub left: Vec<i64>,
    pub right: Vec<i64>,
    /// The weight of the training rows that reached the node; positive.
    pub cover: Vec<f64>,
    /// `width` numbers a node; those of inner nodes are not used.
    pub values: Vec<f64>,
    pub width: usize,
    /// The first score that the values are added to.
    pub output: usize,
    /// Decides in place of the threshold; empty, or one entry a node.
    pub(crate) tests: Vec<Option<Test>>,
}

/// An ensemble: scores are `base` and the sum of the leaves.
#[derive(Clone, Debug, Default)]
pub struct Trees {
    pub columns: usize,
    /// By output.
    pub base: Vec<f64>,
    pub trees: Vec<Tree>,
    /// Rows are rounded to single precision before they are compared.
    pub single: bool,
}

impl Trees {
    /// Errs where children do not come after their parent, or columns, scores or numbers are missing.
    pub(super) fn check(&self) -> Result<(), Error> {
        for (index, tree) in self.trees.iter().enumerate() {
            tree.check(self.columns, self.base.len())
                .map_err(|what| Error::Broken(format!("tree {index}: {what}")))?;
        }
        Ok(())
    }
}

impl Tree {
    pub(super) fn is_leaf(&self, node: usize) -> bool {
        self.left[node] < 0
    }

    pub(super) fn children(&self, node: usize) -> (usize, usize) {
        (self.left[node] as usize, self.right[node] as usize)
    }

    pub(super) fn goes_left(&self, node: usize, row: &[f64]) -> bool {
        let x = row[self.feature[node] as usize];
        let missing_left = self.missing_left[node];
        if let Some(Some(test)) = self.tests.get(node) {
            return test.goes_left(x, missing_left);
        }
        if x.is_nan() { missing_left } else { x <= self.threshold[node] }
    }

    pub(super) fn value(&self, node: usize) -> &[f64] {
        &self.values[node * self.width..(node + 1) * self.width]
    }

    /// The mean of the leaves, by their cover.
    pub(super) fn mean(&self) -> Vec<f64> {
        let mut means = self.values.clone();
        for node in (0..self.left.len()).rev() {
            if self.is_leaf(node) {
                continue;
            }
            let (left, right) = self.children(node);
            for i in 0..self.width {
                let sum = means[left * self.width + i] * self.cover[left]
                    + means[right * self.width + i] * self.cover[right];
                means[node * self.width + i] = sum / self.cover[node];
            }
        }
        means.truncate(self.width);
        means
    }

    fn check(&self, columns: usize, outputs: usize) -> Result<(), String> {
        let count = self.left.len();
        let lengths = [
            self.right.len(),
            self.feature.len(),
            self.threshold.len(),
            self.missing_left.len(),
            self.cover.len(),
        ];
        let tests = self.tests.is_empty() || self.tests.len() == count;
        if count == 0
            || lengths.iter().any(|l| *l != count)
            || self.values.len() != count * self.width
            || !tests
        {
            return Err("its lists differ in length".into());
        }
        if self.width == 0 || self.output + self.width > outputs {
            return Err("it gives a score that does not exist".into());
        }
        let mut depth = vec![0_usize; count];
        let mut parents = vec![0_u8; count];
        for node in 0..count {
            if self.is_leaf(node) {
                continue;
            }
            if self.feature[node] as usize >= columns {
                return Err(format!("column {} does not exist", self.feature[node]));
            }
            if self.cover[node].is_nan() || self.cover[node] <= 0.0 {
                return Err(format!("node {node} was reached by no training row"));
            }
            for child in [self.left[node], self.right[node]] {
                let child = usize::try_from(child).ok().filter(|c| *c > node && *c < count);
                let child = child.ok_or_else(|| format!("a child of node {node} does not come after it"))?;
                depth[child] = depth[node] + 1;
                parents[child] += 1;
                if parents[child] > 1 {
                    return Err(format!("node {child} is reached twice"));
                }
                if depth[child] > DEEPEST {
                    return Err(format!("it is deeper than {DEEPEST}"));
                }
            }
        }
        Ok(())
    }
}
