use super::bins::Bins;
use super::split::{FEWEST_ROWS, Side, Split, Sums, Whole, best};

/// Leaves of a tree.
const LEAVES: usize = 31;

#[derive(Clone, Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
}

#[derive(Clone, Debug)]
enum Node {
    Leaf(f64),
    Split { feature: usize, side: Side, missing: Option<usize>, left: usize, right: usize },
}

/// Bins of all columns, and the bin of every row in each.
pub(super) struct Table<'a> {
    pub bins: &'a [Bins],
    pub places: &'a [Vec<u16>],
}

/// What a row pulls by.
pub(super) struct Pull<'a> {
    pub gradients: &'a [f32],
    pub hessians: &'a [f32],
}

struct Leaf {
    rows: Vec<u32>,
    sums: Sums,
    node: usize,
    /// By column; empty for one that no cut of an ancestor was better with than without.
    histograms: Vec<Vec<Sums>>,
    split: Option<Split>,
}

impl Tree {
    pub fn constant(value: f64) -> Self {
        Self { nodes: vec![Node::Leaf(value)] }
    }

    /// Grown at the leaf that gains most, `rate` times what the leaves would take; `None` if nothing is gained at all.
    pub fn grow(table: &Table<'_>, pull: &Pull<'_>, rate: f64) -> Option<Self> {
        let rows: Vec<u32> = (0..pull.gradients.len() as u32).collect();
        let mut sums = Sums::default();
        for row in &rows {
            sums.gradient += f64::from(pull.gradients[*row as usize]);
            sums.hessian += f64::from(pull.hessians[*row as usize]);
        }
        let histograms = (0..table.bins.len()).map(|f| histogram(table, pull, f, &rows)).collect();
        let mut tree = Self { nodes: vec![Node::Leaf(0.0)] };
        let mut leaves = vec![Leaf { rows, sums, node: 0, histograms, split: None }];
        look(table, &mut leaves[0]);
        while leaves.len() < LEAVES {
            let Some((at, split)) = chosen(&leaves) else { break };
            let pair = tree.cut(table, pull, &mut leaves[at], split, rate);
            let [left, right] = pair;
            leaves[at] = left;
            leaves.push(right);
            let last = leaves.len() - 1;
            // Rows of a bin are estimated, so that a leaf could seem to have enough.
            let small = |leaf: &Leaf| (leaf.rows.len() as i64) < 2 * FEWEST_ROWS;
            if !(small(&leaves[at]) && small(&leaves[last])) {
                look(table, &mut leaves[at]);
                look(table, &mut leaves[last]);
            }
        }
        (leaves.len() > 1).then_some(tree)
    }

    fn cut(
        &mut self,
        table: &Table<'_>,
        pull: &Pull<'_>,
        leaf: &mut Leaf,
        split: Split,
        rate: f64,
    ) -> [Leaf; 2] {
        let missing = missing_bin(&table.bins[split.feature]);
        let places = &table.places[split.feature];
        let rows = std::mem::take(&mut leaf.rows);
        let (left, right): (Vec<u32>, Vec<u32>) = rows
            .into_iter()
            .partition(|row| goes_left(&split.side, missing, usize::from(places[*row as usize])));
        let parent = std::mem::take(&mut leaf.histograms);
        let smaller = if left.len() < right.len() { &left } else { &right };
        let few: Vec<Vec<Sums>> = parent
            .iter()
            .enumerate()
            .map(|(f, of)| if of.is_empty() { Vec::new() } else { histogram(table, pull, f, smaller) })
            .collect();
        let many: Vec<Vec<Sums>> = parent.iter().zip(&few).map(|(all, few)| without(all, few)).collect();
        let (of_left, of_right) = if left.len() < right.len() { (few, many) } else { (many, few) };
        let (a, b) = (self.nodes.len(), self.nodes.len() + 1);
        self.nodes.push(Node::Leaf(split.left_value * rate));
        self.nodes.push(Node::Leaf(split.right_value * rate));
        let Split { feature, side, .. } = split;
        self.nodes[leaf.node] = Node::Split { feature, side, missing, left: a, right: b };
        [
            Leaf { rows: left, sums: split.left, node: a, histograms: of_left, split: None },
            Leaf { rows: right, sums: split.right, node: b, histograms: of_right, split: None },
        ]
    }

    /// Adds to every leaf.
    pub fn raise(&mut self, by: f64) {
        for node in &mut self.nodes {
            if let Node::Leaf(value) = node {
                *value += by;
            }
        }
    }

    pub fn value(&self, places: &[Vec<u16>], row: usize) -> f64 {
        let mut at = 0;
        loop {
            match &self.nodes[at] {
                Node::Leaf(value) => return *value,
                Node::Split { feature, side, missing, left, right } => {
                    let bin = usize::from(places[*feature][row]);
                    at = if goes_left(side, *missing, bin) { *left } else { *right };
                }
            }
        }
    }
}

fn missing_bin(bins: &Bins) -> Option<usize> {
    bins.has_missing().then(|| bins.count() - 1)
}

fn goes_left(side: &Side, missing: Option<usize>, bin: usize) -> bool {
    match side {
        Side::UpTo { missing_left, .. } if missing == Some(bin) => *missing_left,
        Side::UpTo { bin: last, .. } => bin <= *last,
        Side::Among(bins) => bins.contains(&bin),
    }
}

fn histogram(table: &Table<'_>, pull: &Pull<'_>, feature: usize, rows: &[u32]) -> Vec<Sums> {
    let mut sums = vec![Sums::default(); table.bins[feature].count()];
    let places = &table.places[feature];
    for row in rows {
        let row = *row as usize;
        let bin = &mut sums[usize::from(places[row])];
        bin.gradient += f64::from(pull.gradients[row]);
        bin.hessian += f64::from(pull.hessians[row]);
    }
    sums
}

fn without(all: &[Sums], part: &[Sums]) -> Vec<Sums> {
    all.iter()
        .zip(part)
        .map(|(a, b)| Sums { gradient: a.gradient - b.gradient, hessian: a.hessian - b.hessian })
        .collect()
}

/// Looks for the best cut of a leaf. A column without any that is better than none is left out below.
fn look(table: &Table<'_>, leaf: &mut Leaf) {
    let whole = Whole { sums: leaf.sums, rows: leaf.rows.len() as i64 };
    for (feature, bins) in table.bins.iter().enumerate() {
        if leaf.histograms[feature].is_empty() || bins.count() < 2 {
            continue;
        }
        let (found, any) = best(feature, bins, &leaf.histograms[feature], whole);
        if !any {
            leaf.histograms[feature] = Vec::new();
        }
        if let Some(found) = found
            && leaf.split.as_ref().is_none_or(|split| found.gain > split.gain)
        {
            leaf.split = Some(found);
        }
    }
}

/// The first leaf of the largest gain, the lower column first among equals; `None` where nothing is gained.
fn chosen(leaves: &[Leaf]) -> Option<(usize, Split)> {
    let mut best: Option<(usize, &Split)> = None;
    for (at, leaf) in leaves.iter().enumerate() {
        let Some(split) = leaf.split.as_ref().filter(|split| split.gain > 0.0) else { continue };
        let better = |other: &Split| {
            split.gain > other.gain || split.gain == other.gain && split.feature < other.feature
        };
        if best.is_none_or(|(_, other)| better(other)) {
            best = Some((at, split));
        }
    }
    best.map(|(at, split)| (at, split.clone()))
}
