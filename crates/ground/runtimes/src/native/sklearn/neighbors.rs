//! `KNeighborsClassifier` and `KNeighborsRegressor` over a k-d tree. The tree is walked as scikit-learn walks it
//! (`_query_single_depthfirst`, `heap_push`), so that of rows at the same distance the same ones are neighbours.

use crate::native::matrix::Block;
use crate::native::outputs::{Classes, Output, Predict, argmax, bytes};
use crate::native::skops::{Array, Object, npy};
use crate::{ElementType, Error, TensorData};

#[derive(Clone, Copy, PartialEq)]
enum Distance {
    Manhattan,
    Euclidean,
    Largest,
}

struct Node {
    start: usize,
    end: usize,
    leaf: bool,
}

struct KdTree {
    /// Rows of `width` numbers.
    data: Vec<f64>,
    width: usize,
    /// Rows in the order of the nodes.
    order: Vec<usize>,
    nodes: Vec<Node>,
    /// By node and column: the lowest value, and the highest.
    lower: Vec<f64>,
    upper: Vec<f64>,
    distance: Distance,
}

enum Target {
    /// By row: the index of its class.
    Classes(Classes, Vec<usize>),
    /// By row: `width` numbers, `[n]` if `flat`.
    Numbers { values: Vec<f64>, width: usize, flat: bool },
}

pub(crate) struct Neighbors {
    tree: KdTree,
    count: usize,
    /// The nearer, the more it counts.
    weighted: bool,
    target: Target,
    name: String,
}

pub(super) fn build(object: &Object<'_>) -> Result<Neighbors, Error> {
    let name = object.class().to_owned();
    if object.get("_fit_method")?.word().as_deref() != Some("kd_tree") {
        return Err(object.unsupported(
            "its neighbours are not found by a k-d tree, but by products of matrices or a ball tree",
        ));
    }
    let distance = match object.get("effective_metric_")?.word().as_deref() {
        Some("euclidean") => Distance::Euclidean,
        Some("manhattan") => Distance::Manhattan,
        Some("chebyshev") => Distance::Largest,
        _ => return Err(object.unsupported("its metric is not known")),
    };
    let weighted = match object.get("weights")?.word().as_deref() {
        Some("uniform") => false,
        Some("distance") => true,
        _ => return Err(object.unsupported("its weights are not known")),
    };
    let tree = tree(&object.get("_tree")?, distance)?;
    let (count, rows) = (object.get("n_neighbors")?.count()?, tree.order.len());
    if count == 0 || count > rows {
        return Err(object.broken("has fewer rows than neighbours"));
    }
    let stored = object.get("_y")?;
    let target = if name == "KNeighborsClassifier" {
        if object.get("outputs_2d_")?.boolean()? {
            return Err(object.unsupported("it has several labels a row"));
        }
        let classes = Classes::read(&object.get("classes_")?)?;
        let labels = stored.indices()?;
        if labels.len() != rows || labels.iter().any(|label| *label >= classes.len()) {
            return Err(stored.broken("has not one label a row"));
        }
        Target::Classes(classes, labels)
    } else {
        let shape = stored.array()?.shape().to_vec();
        let values = stored.floats()?;
        let (width, flat) = match *shape {
            [_] => (1, true),
            [_, width] => (width, false),
            _ => return Err(stored.broken("has not the shape of a target")),
        };
        if values.len() != rows * width || width == 0 {
            return Err(stored.broken("has not one value a row"));
        }
        Target::Numbers { values, width, flat }
    };
    Ok(Neighbors { tree, count, weighted, target, name })
}

/// `BinaryTree.__getstate__`: data, order, nodes, bounds, and what does not matter here.
fn tree(object: &Object<'_>, distance: Distance) -> Result<KdTree, Error> {
    if !object.class().starts_with("KDTree") {
        return Err(object.unsupported("it is no k-d tree"));
    }
    let state = object.state()?.items()?;
    let [data, order, nodes, bounds, ..] = state.as_slice() else {
        return Err(object.broken("is not a tree's state"));
    };
    if state.get(12).is_some_and(|weights| !weights.is_none()) {
        return Err(object.unsupported("its rows have weights"));
    }
    let &[rows, width] = data.array()?.shape() else { return Err(data.broken("is no matrix")) };
    let Array::Plain(npy::Array { data: npy::Data::Records(records), .. }) = nodes.array()? else {
        return Err(nodes.broken("is no array of nodes"));
    };
    let (starts, ends) = (records.integers("idx_start")?, records.integers("idx_end")?);
    let leaves = records.integers("is_leaf")?;
    let (values, order, limits) = (data.floats()?, order.indices()?, bounds.floats()?);
    let count = starts.len();
    let fits = values.len() == rows * width
        && order.len() == rows
        && order.iter().all(|row| *row < rows)
        && *bounds.array()?.shape() == [2, count, width]
        && limits.len() == 2 * count * width
        && rows > 0
        && width > 0
        && count > 0;
    if !fits {
        return Err(object.broken("does not fit together"));
    }
    let mut all = Vec::with_capacity(count);
    for (at, ((start, end), leaf)) in starts.into_iter().zip(ends).zip(leaves).enumerate() {
        let place = |n: i64| usize::try_from(n).ok().filter(|n| *n <= rows);
        let (Some(start), Some(end)) = (place(start), place(end)) else {
            return Err(nodes.broken("has a node without rows"));
        };
        let leaf = leaf != 0;
        if !leaf && 2 * at + 2 >= count {
            return Err(nodes.broken("has a node without children"));
        }
        all.push(Node { start, end: end.max(start), leaf });
    }
    let (lower, upper) = limits.split_at(count * width);
    let (lower, upper) = (lower.to_vec(), upper.to_vec());
    Ok(KdTree { data: values, width, order, nodes: all, lower, upper, distance })
}

/// The nearest so far: a heap with the farthest of them first.
struct Nearest {
    distances: Vec<f64>,
    rows: Vec<usize>,
}

impl Nearest {
    fn new(count: usize) -> Self {
        Self { distances: vec![f64::INFINITY; count], rows: vec![0; count] }
    }

    fn push(&mut self, distance: f64, row: usize) {
        if distance >= self.distances[0] {
            return;
        }
        let size = self.distances.len();
        let mut at = 0;
        loop {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            let next = if left >= size {
                break;
            } else if right >= size || self.distances[left] >= self.distances[right] {
                left
            } else {
                right
            };
            if distance >= self.distances[next] {
                break;
            }
            self.distances[at] = self.distances[next];
            self.rows[at] = self.rows[next];
            at = next;
        }
        self.distances[at] = distance;
        self.rows[at] = row;
    }
}

impl KdTree {
    /// In place of the distance what is cheaper and has the same order.
    fn reduced(&self, point: &[f64], row: usize) -> f64 {
        let other = &self.data[row * self.width..(row + 1) * self.width];
        let each = point.iter().zip(other).map(|(a, b)| a - b);
        match self.distance {
            Distance::Euclidean => each.fold(0.0, |sum, d| sum + d * d),
            Distance::Manhattan => each.fold(0.0, |sum, d| sum + d.abs()),
            Distance::Largest => each.fold(0.0, |most: f64, d| most.max(d.abs())),
        }
    }

    /// The least that a row of the node can have.
    fn least(&self, node: usize, point: &[f64]) -> f64 {
        let place = node * self.width..(node + 1) * self.width;
        let bounds = self.lower[place.clone()].iter().zip(&self.upper[place]);
        let each = bounds.zip(point).map(|((low, high), x)| {
            let (below, above) = (low - x, x - high);
            0.5 * ((below + below.abs()) + (above + above.abs()))
        });
        match self.distance {
            Distance::Euclidean => each.fold(0.0, |sum, d| sum + d * d),
            Distance::Manhattan => each.fold(0.0, |sum, d| sum + d),
            Distance::Largest => each.fold(0.0, f64::max),
        }
    }

    fn walk(&self, node: usize, least: f64, point: &[f64], nearest: &mut Nearest) {
        if least > nearest.distances[0] {
            return;
        }
        let found = &self.nodes[node];
        if found.leaf {
            for row in &self.order[found.start..found.end] {
                nearest.push(self.reduced(point, *row), *row);
            }
            return;
        }
        let (one, two) = (2 * node + 1, 2 * node + 2);
        let (first, second) = (self.least(one, point), self.least(two, point));
        if first <= second {
            self.walk(one, first, point, nearest);
            self.walk(two, second, point, nearest);
        } else {
            self.walk(two, second, point, nearest);
            self.walk(one, first, point, nearest);
        }
    }

    /// Distances and rows, the nearest first.
    fn nearest(&self, point: &[f64], count: usize) -> Vec<(f64, usize)> {
        let mut nearest = Nearest::new(count);
        self.walk(0, self.least(0, point), point, &mut nearest);
        let real = |d: f64| if self.distance == Distance::Euclidean { d.sqrt() } else { d };
        let mut found: Vec<(f64, usize)> =
            nearest.distances.iter().map(|d| real(*d)).zip(nearest.rows.iter().copied()).collect();
        found.sort_by(|a, b| a.0.total_cmp(&b.0));
        found
    }
}

impl Neighbors {
    /// With one weight each: all the same, or one over the distance; rows right at the point count alone.
    fn of(&self, point: &[f64]) -> Vec<(f64, usize)> {
        let found = self.tree.nearest(point, self.count);
        if !self.weighted {
            return found.into_iter().map(|(_, row)| (1.0, row)).collect();
        }
        let exact = found.iter().any(|(distance, _)| *distance == 0.0);
        let weight = |distance: f64| match exact {
            true => f64::from(u8::from(distance == 0.0)),
            false => 1.0 / distance,
        };
        found.into_iter().map(|(distance, row)| (weight(distance), row)).collect()
    }
}

impl Predict for Neighbors {
    fn outputs(&self) -> Vec<Output> {
        match &self.target {
            Target::Classes(classes, _) => vec![
                Output::column("predict", classes.element()),
                Output::table("predict_proba", ElementType::F64, classes.len()),
            ],
            Target::Numbers { flat: true, .. } => vec![Output::column("predict", ElementType::F64)],
            Target::Numbers { width, .. } => vec![Output::table("predict", ElementType::F64, *width)],
        }
    }

    fn predict(&self, block: Block) -> Result<Vec<TensorData>, Error> {
        super::check_width(&block, self.tree.width)?;
        let matrix = block.matrix()?;
        matrix.finite(&self.name, false)?;
        let doubles = matrix.doubles();
        let points = doubles.chunks_exact(self.tree.width);
        match &self.target {
            Target::Classes(classes, labels) => {
                let k = classes.len();
                let mut votes = vec![0.0; matrix.rows * k];
                for (point, votes) in points.zip(votes.chunks_exact_mut(k)) {
                    for (weight, row) in self.of(point) {
                        votes[labels[row]] += weight;
                    }
                }
                let chosen = classes.take(votes.chunks_exact(k).map(argmax));
                for votes in votes.chunks_exact_mut(k) {
                    let all: f64 = votes.iter().sum();
                    votes.iter_mut().for_each(|vote| *vote /= all);
                }
                Ok(vec![chosen, TensorData::F64(votes)])
            }
            Target::Numbers { values, width, .. } => {
                let mut out = Vec::with_capacity(matrix.rows * width);
                for point in points {
                    let found = self.of(point);
                    let all: f64 = found.iter().map(|(weight, _)| weight).sum();
                    for column in 0..*width {
                        let sum: f64 = found.iter().map(|(w, row)| values[row * width + column] * w).sum();
                        out.push(sum / all);
                    }
                }
                Ok(vec![TensorData::F64(out)])
            }
        }
    }

    fn held(&self) -> usize {
        let tree = &self.tree;
        bytes(&tree.data) + bytes(&tree.order) + bytes(&tree.nodes) + bytes(&tree.lower) + bytes(&tree.upper)
    }
}
