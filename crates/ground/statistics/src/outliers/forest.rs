use crate::{Error, Matrix, Random};

/// Euler's constant, as NumPy has it.
const EULER: f64 = 0.577_215_664_901_532_9;

/// Trees that cut rows apart at random: what few cuts set apart is unlike the others (Liu, Ting and Zhou, 2008).
#[derive(Clone, Debug, PartialEq)]
pub struct Forest {
    pub trees: Vec<Tree>,
    /// Rows that each tree was grown from.
    pub samples: usize,
    /// Scores below this are outliers.
    pub offset: f64,
}

/// Nodes by number; the root is the first.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    pub nodes: Vec<Node>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// Left if the value, as a 32-bit float, is at most the threshold (as scikit-learn compares).
    Split {
        column: usize,
        threshold: f64,
        left: usize,
        right: usize,
    },
    Leaf(Leaf),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leaf {
    /// Rows that ended here when the tree was grown.
    pub rows: usize,
}

/// How many cuts set a row apart on average among `rows`.
fn path_length(rows: usize) -> f64 {
    match rows {
        0 | 1 => 0.0,
        2 => 1.0,
        n => {
            let n = n as f64;
            2.0 * ((n - 1.0).ln() + EULER) - 2.0 * (n - 1.0) / n
        }
    }
}

impl Forest {
    /// Grows `trees` trees, each from up to `samples` rows. Errors: `Empty`.
    pub fn grow(rows: &Matrix, trees: usize, samples: usize, seed: u64) -> Result<Self, Error> {
        if rows.rows() == 0 || rows.columns() == 0 {
            return Err(Error::Empty("the table"));
        }
        let samples = samples.min(rows.rows());
        let deepest = (samples as f64).log2().ceil().max(1.0) as usize;
        let mut random = Random::new(seed);
        let trees = (0..trees)
            .map(|_| {
                let drawn = random.sample(rows.rows(), samples);
                let mut nodes = Vec::new();
                grow(rows, drawn, deepest, &mut random, &mut nodes);
                Tree { nodes }
            })
            .collect();
        Ok(Self { trees, samples, offset: -0.5 })
    }

    /// From −1 (set apart by one cut) to 0; around −0.5 is ordinary (scikit-learn's `score_samples`).
    pub fn score(&self, row: &[f64]) -> f64 {
        let depth: f64 = self.trees.iter().map(|tree| tree.depth(row)).sum();
        let usual = self.trees.len() as f64 * path_length(self.samples);
        let share = if usual == 0.0 { 1.0 } else { depth / usual };
        -(-share).exp2()
    }

    /// The score less the offset: below 0 is an outlier (`decision_function`).
    pub fn decision(&self, row: &[f64]) -> f64 {
        self.score(row) - self.offset
    }
}

impl Tree {
    fn depth(&self, row: &[f64]) -> f64 {
        let (mut at, mut depth) = (0, 0.0);
        loop {
            match self.nodes.get(at) {
                Some(Node::Split { column, threshold, left, right }) => {
                    let value = f64::from(row.get(*column).copied().unwrap_or(f64::NAN) as f32);
                    at = if value <= *threshold { *left } else { *right };
                    depth += 1.0;
                }
                Some(Node::Leaf(leaf)) => return depth + path_length(leaf.rows),
                None => return depth,
            }
        }
    }
}

fn grow(rows: &Matrix, here: Vec<usize>, left: usize, random: &mut Random, nodes: &mut Vec<Node>) -> usize {
    let own = nodes.len();
    nodes.push(Node::Leaf(Leaf { rows: here.len() }));
    if left == 0 || here.len() < 2 {
        return own;
    }
    // Constant columns cut nothing.
    let range = |column: usize| {
        let values = here.iter().map(|row| rows.get(*row, column)).filter(|v| v.is_finite());
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
    };
    let mut columns: Vec<usize> = (0..rows.columns()).collect();
    random.shuffle(&mut columns);
    let cut = columns.into_iter().map(|column| (column, range(column))).find(|(_, (low, high))| low < high);
    let Some((column, (low, high))) = cut else { return own };
    let threshold = low + random.uniform() * (high - low);
    let (below, above): (Vec<usize>, Vec<usize>) =
        here.into_iter().partition(|row| f64::from(rows.get(*row, column) as f32) <= threshold);
    if below.is_empty() || above.is_empty() {
        return own;
    }
    let below = grow(rows, below, left - 1, random, nodes);
    let above = grow(rows, above, left - 1, random, nodes);
    nodes[own] = Node::Split { column, threshold, left: below, right: above };
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_far_row_scores_lower_than_a_near_one() {
        let mut random = Random::new(5);
        let rows: Vec<Vec<f64>> = (0..400).map(|_| (0..3).map(|_| random.normal()).collect()).collect();
        let forest = Forest::grow(&Matrix::of_rows(&rows).unwrap(), 100, 256, 1).unwrap();
        assert!(forest.score(&[9.0, 9.0, 9.0]) < -0.7);
        assert!(forest.score(&[0.0, 0.0, 0.0]) > -0.5);
        let constant = Forest::grow(&Matrix::of_rows(&[[1.0]; 10]).unwrap(), 10, 256, 1).unwrap();
        assert!(constant.score(&[1.0]).is_finite());
    }
}
