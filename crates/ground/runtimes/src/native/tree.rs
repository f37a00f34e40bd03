//! Decision trees laid out for speed: children stand side by side, so that a step is an addition and no branch, and a
//! leaf points at itself, so that every row of a tree takes the same number of steps.
//!
//! Layout and kernel are shared by scikit-learn (f32), XGBoost (f32), LightGBM and HistGradientBoosting (f64).
//! What a leaf is worth, and in which order and type the worths are added, is the library's affair and the caller's.

use std::ops::Range;

use super::categories::Test;
use super::outputs::bytes;
use crate::Error;

/// In `Node::feature`: a missing value goes left.
const MISSING_LEFT: u32 = 1 << 31;
/// In `Node::feature`: the node's test is not a comparison, but `Forest::tests`.
const TESTED: u32 = 1 << 30;
const FEATURE: u32 = TESTED - 1;
/// Rows that go through a tree together.
const ROWS: usize = 16;
/// Trees that one row goes through together.
const TREES: usize = 8;
/// Rows of a block: they stay in the cache while the trees pass by.
const BLOCK: usize = 512;

/// A number that trees compare: `f32` or `f64`.
pub(crate) trait Number: Copy + PartialOrd + Default + Send + Sync + 'static {
    const INFINITY: Self;
    fn wide(self) -> f64;
    fn is_missing(self) -> bool;
}

impl Number for f32 {
    const INFINITY: Self = f32::INFINITY;
    fn wide(self) -> f64 {
        f64::from(self)
    }
    fn is_missing(self) -> bool {
        self.is_nan()
    }
}

impl Number for f64 {
    const INFINITY: Self = f64::INFINITY;
    fn wide(self) -> f64 {
        self
    }
    fn is_missing(self) -> bool {
        self.is_nan()
    }
}

/// One split as the library stores it: `x <= threshold` goes left; a missing value (NaN) as `missing_left` says.
pub(crate) struct Split<T> {
    pub feature: u32,
    pub threshold: T,
    pub missing_left: bool,
    pub left: usize,
    pub right: usize,
    /// Decides instead of the threshold.
    pub test: Option<Test>,
}

pub(crate) enum Source<T> {
    /// What the leaf is called by the caller.
    Leaf(u32),
    Split(Split<T>),
}

#[derive(Clone, Copy, Default)]
struct Node<T> {
    threshold: T,
    feature: u32,
    /// The left child; the right one follows it. A leaf's is itself.
    left: u32,
}

#[derive(Clone, Copy)]
struct Root {
    node: u32,
    depth: u32,
    /// Only comparisons: the branch-free kernel may be used.
    plain: bool,
}

#[derive(Default)]
pub(crate) struct Forest<T> {
    width: usize,
    nodes: Vec<Node<T>>,
    /// By node; meaningless for a split.
    leaves: Vec<u32>,
    /// By node, where the forest has tests: which one.
    tested: Vec<u32>,
    tests: Vec<Test>,
    roots: Vec<Root>,
}

impl<T: Number> Forest<T> {
    /// For rows of `width` values.
    pub(crate) fn new(width: usize) -> Self {
        Self {
            width,
            nodes: Vec::new(),
            leaves: Vec::new(),
            tested: Vec::new(),
            tests: Vec::new(),
            roots: Vec::new(),
        }
    }

    /// Bytes in memory.
    pub(crate) fn held(&self) -> usize {
        let sets: usize = self.tests.iter().map(Test::held).sum();
        bytes(&self.nodes)
            + bytes(&self.leaves)
            + bytes(&self.tested)
            + bytes(&self.tests)
            + bytes(&self.roots)
            + sets
    }

    pub(crate) fn trees(&self) -> usize {
        self.roots.len()
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Adds a tree of `count` nodes that starts at node 0; `node` tells what stands at an index.
    /// Errs on children out of range, nodes that are reached twice (cycles), and unknown features.
    pub(crate) fn push(
        &mut self,
        count: usize,
        mut node: impl FnMut(usize) -> Result<Source<T>, Error>,
    ) -> Result<(), Error> {
        let broken = |what: String| Error::Broken(format!("tree {}: {what}", self.roots.len()));
        if count == 0 {
            return Err(broken("it has no nodes".into()));
        }
        let base = self.nodes.len();
        if base + count > (1 << 31) {
            return Err(broken("the forest is too large".into()));
        }
        let mut seen = vec![false; count];
        let mut plain = true;
        let mut deepest = 0;
        // Breadth first: (index in the source, index here, depth).
        let mut queue = std::collections::VecDeque::from([(0_usize, base, 0_u32)]);
        self.grow();
        while let Some((from, to, depth)) = queue.pop_front() {
            let broken = |what: String| Error::Broken(format!("tree {}: {what}", self.roots.len()));
            if from >= count {
                return Err(broken(format!("node {from} does not exist")));
            }
            if std::mem::replace(&mut seen[from], true) {
                return Err(broken(format!("node {from} is reached twice")));
            }
            match node(from)? {
                Source::Leaf(leaf) => {
                    deepest = deepest.max(depth);
                    self.nodes[to] = Node { threshold: T::INFINITY, feature: MISSING_LEFT, left: to as u32 };
                    self.leaves[to] = leaf;
                }
                Source::Split(split) => {
                    if split.feature as usize >= self.width {
                        return Err(broken(format!(
                            "feature {} does not exist; the model has {}",
                            split.feature, self.width
                        )));
                    }
                    let left = self.nodes.len();
                    self.grow();
                    self.grow();
                    let mut feature = split.feature;
                    if split.missing_left {
                        feature |= MISSING_LEFT;
                    }
                    if let Some(test) = split.test {
                        feature |= TESTED;
                        plain = false;
                        self.tested.resize(to + 1, 0);
                        self.tested[to] = self.tests.len() as u32;
                        self.tests.push(test);
                    }
                    self.nodes[to] = Node { threshold: split.threshold, feature, left: left as u32 };
                    queue.push_back((split.left, left, depth + 1));
                    queue.push_back((split.right, left + 1, depth + 1));
                }
            }
        }
        self.roots.push(Root { node: base as u32, depth: deepest, plain });
        Ok(())
    }

    fn grow(&mut self) {
        self.nodes.push(Node::default());
        self.leaves.push(0);
    }

    fn step(&self, at: u32, row: &[T]) -> u32 {
        let node = self.nodes[at as usize];
        let value = row[(node.feature & FEATURE) as usize];
        node.left + right(node, value)
    }

    /// The leaf of `row` in the tree that starts at `root`, whatever the tests.
    fn walk(&self, root: Root, row: &[T]) -> u32 {
        let mut at = root.node;
        for _ in 0..root.depth {
            let node = self.nodes[at as usize];
            let value = row[(node.feature & FEATURE) as usize];
            if node.feature & TESTED == 0 {
                at = node.left + right(node, value);
            } else {
                let test = &self.tests[self.tested[at as usize] as usize];
                let left = test.goes_left(value.wide(), node.feature & MISSING_LEFT != 0);
                at = node.left + u32::from(!left);
            }
        }
        at
    }

    /// Calls `each(tree, leaf)` for every tree of `trees`, in their order. `row` has `width` values.
    pub(crate) fn row(&self, row: &[T], trees: Range<usize>, mut each: impl FnMut(usize, u32)) {
        let first = trees.start;
        let roots = &self.roots[trees];
        let mut groups = roots.chunks_exact(TREES);
        let mut tree = first;
        for group in &mut groups {
            let mut at = [0_u32; TREES];
            if group.iter().all(|r| r.plain) {
                let depth = group.iter().map(|r| r.depth).max().unwrap_or(0);
                for (a, root) in at.iter_mut().zip(group) {
                    *a = root.node;
                }
                for _ in 0..depth {
                    for a in &mut at {
                        *a = self.step(*a, row);
                    }
                }
            } else {
                for (a, root) in at.iter_mut().zip(group) {
                    *a = self.walk(*root, row);
                }
            }
            for a in at {
                each(tree, self.leaves[a as usize]);
                tree += 1;
            }
        }
        for root in groups.remainder() {
            each(tree, self.leaves[self.walk(*root, row) as usize]);
            tree += 1;
        }
    }

    /// Calls `each(row, tree, leaf)` for every row and tree; for one row the trees come in their order.
    pub(crate) fn rows(&self, rows: &[T], trees: Range<usize>, mut each: impl FnMut(usize, usize, u32)) {
        let width = self.width.max(1);
        let count = rows.len() / width;
        if count < ROWS {
            for (index, row) in rows.chunks_exact(width).enumerate() {
                self.row(row, trees.clone(), |tree, leaf| each(index, tree, leaf));
            }
            return;
        }
        for block in (0..count).step_by(BLOCK) {
            let end = (block + BLOCK).min(count);
            for tree in trees.clone() {
                let root = self.roots[tree];
                let mut at_row = block;
                if root.plain {
                    while at_row + ROWS <= end {
                        let part = &rows[at_row * width..(at_row + ROWS) * width];
                        let mut at = [root.node; ROWS];
                        for _ in 0..root.depth {
                            for (index, a) in at.iter_mut().enumerate() {
                                let node = self.nodes[*a as usize];
                                let value = part[index * width + (node.feature & FEATURE) as usize];
                                *a = node.left + right(node, value);
                            }
                        }
                        for (index, a) in at.into_iter().enumerate() {
                            each(at_row + index, tree, self.leaves[a as usize]);
                        }
                        at_row += ROWS;
                    }
                }
                while at_row < end {
                    let at = self.walk(root, &rows[at_row * width..(at_row + 1) * width]);
                    each(at_row, tree, self.leaves[at as usize]);
                    at_row += 1;
                }
            }
        }
    }
}

/// 1 where the value goes right.
#[inline(always)]
fn right<T: Number>(node: Node<T>, value: T) -> u32 {
    let missing_right = node.feature & MISSING_LEFT == 0;
    u32::from((value > node.threshold) | (value.is_missing() & missing_right))
}

/// The largest `f32` that is not above `threshold`: for `f32` values, `x <= threshold` stays what it was.
pub(crate) fn floor32(threshold: f64) -> f32 {
    let near = threshold as f32;
    if f64::from(near) > threshold { near.next_down() } else { near }
}
