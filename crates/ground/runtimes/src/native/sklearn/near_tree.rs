//! K-d trees and ball trees of rows, walked as scikit-learn walks them (`_query_single_depthfirst`, `heap_push`), so that
//! of rows at the same distance the same ones are found.

use super::near_sort::{self, Near};
use crate::Error;
use crate::native::outputs::bytes;
use crate::native::skops::{Array, Object, npy};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Distance {
    Manhattan,
    Euclidean,
    Largest,
    Minkowski(f64),
    /// Of latitudes and longitudes in radians.
    Haversine,
    Canberra,
}

impl Distance {
    /// The metric that an estimator says it uses, with its parameters.
    pub(super) fn read(object: &Object<'_>) -> Result<Self, Error> {
        let parameters = object.get("effective_metric_params_")?;
        let used = |name: &str| Ok::<_, Error>(parameters.find(name)?.filter(|value| !value.is_none()));
        if used("w")?.is_some() {
            return Err(object.unsupported("its metric weighs the columns"));
        }
        Ok(match object.get("effective_metric_")?.word().as_deref() {
            Some("euclidean" | "l2") => Self::Euclidean,
            Some("manhattan" | "cityblock" | "l1") => Self::Manhattan,
            Some("chebyshev" | "infinity") => Self::Largest,
            Some("minkowski" | "p") => match used("p")?.map(|p| p.number()).transpose()? {
                Some(p) if p > 0.0 && p.is_finite() => Self::Minkowski(p),
                _ => return Err(object.unsupported("its metric has no power")),
            },
            Some("haversine") => Self::Haversine,
            Some("canberra") => Self::Canberra,
            _ => return Err(object.unsupported("its metric is not known")),
        })
    }

    /// In place of the distance what is cheaper and has the same order (`rdist`).
    fn reduced(self, one: &[f64], other: &[f64]) -> f64 {
        let each = one.iter().zip(other).map(|(a, b)| a - b);
        match self {
            Self::Euclidean => each.fold(0.0, |sum, d| sum + d * d),
            Self::Manhattan => each.fold(0.0, |sum, d| sum + d.abs()),
            Self::Largest => each.fold(0.0, |most: f64, d| most.max(d.abs())),
            Self::Minkowski(p) => each.fold(0.0, |sum, d| sum + d.abs().powf(p)),
            Self::Canberra => one.iter().zip(other).fold(0.0, |sum, (a, b)| {
                let all = a.abs() + b.abs();
                if all > 0.0 { sum + (a - b).abs() / all } else { sum }
            }),
            Self::Haversine => {
                let ([a, b, ..], [c, d, ..]) = (one, other) else { return f64::NAN };
                let (up, along) = ((0.5 * (a - c)).sin(), (0.5 * (b - d)).sin());
                up * up + a.cos() * c.cos() * along * along
            }
        }
    }

    /// The distance of what [`Distance::reduced`] gives.
    fn real(self, reduced: f64) -> f64 {
        match self {
            Self::Euclidean => reduced.sqrt(),
            Self::Minkowski(p) => reduced.powf(1.0 / p),
            Self::Haversine => 2.0 * reduced.sqrt().asin(),
            Self::Manhattan | Self::Largest | Self::Canberra => reduced,
        }
    }

    /// The other way.
    fn reduce(self, distance: f64) -> f64 {
        match self {
            Self::Euclidean => distance * distance,
            Self::Minkowski(p) => distance.powf(p),
            Self::Haversine => {
                let sine = (0.5 * distance).sin();
                sine * sine
            }
            Self::Manhattan | Self::Largest | Self::Canberra => distance,
        }
    }
}

struct Node {
    start: usize,
    end: usize,
    leaf: bool,
}

/// Where the rows of a node are, by node and column.
enum Bounds {
    /// The lowest values, and the highest.
    Box { lower: Vec<f64>, upper: Vec<f64> },
    /// The middles, and by node how far its rows are from it at most.
    Ball { middles: Vec<f64>, radii: Vec<f64> },
}

pub(super) struct Tree {
    /// Rows of `width` numbers.
    data: Vec<f64>,
    pub(super) width: usize,
    /// Rows in the order of the nodes.
    order: Vec<usize>,
    nodes: Vec<Node>,
    bounds: Bounds,
    distance: Distance,
}

impl Tree {
    /// `BinaryTree.__getstate__`: data, order, nodes, bounds, and what does not matter here.
    pub(super) fn read(object: &Object<'_>, distance: Distance) -> Result<Self, Error> {
        let ball = match object.class() {
            class if class.starts_with("KDTree") => false,
            class if class.starts_with("BallTree") => true,
            _ => return Err(object.unsupported("it is no k-d tree and no ball tree")),
        };
        if !ball && matches!(distance, Distance::Haversine | Distance::Canberra) {
            return Err(object.broken("is a k-d tree of a metric that those do not have"));
        }
        let state = object.state()?.items()?;
        let [data, order, nodes, limits, ..] = state.as_slice() else {
            return Err(object.broken("is not a tree's state"));
        };
        if state.get(12).is_some_and(|weights| !weights.is_none()) {
            return Err(object.unsupported("its rows have weights"));
        }
        let &[rows, width] = data.array()?.shape() else { return Err(data.broken("is no matrix")) };
        if distance == Distance::Haversine && width != 2 {
            return Err(data.broken("has not two columns, as places on a globe have"));
        }
        let Array::Plain(npy::Array { data: npy::Data::Records(records), .. }) = nodes.array()? else {
            return Err(nodes.broken("is no array of nodes"));
        };
        let (starts, ends) = (records.integers("idx_start")?, records.integers("idx_end")?);
        let (leaves, radii) = (records.integers("is_leaf")?, records.floats("radius")?);
        let (values, order, bounds) = (data.floats()?, order.indices()?, limits.floats()?);
        let (count, sides) = (starts.len(), if ball { 1 } else { 2 });
        let fits = values.len() == rows * width
            && order.len() == rows
            && order.iter().all(|row| *row < rows)
            && *limits.array()?.shape() == [sides, count, width]
            && bounds.len() == sides * count * width
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
        let bounds = if ball {
            Bounds::Ball { middles: bounds, radii }
        } else {
            let (lower, upper) = bounds.split_at(count * width);
            Bounds::Box { lower: lower.to_vec(), upper: upper.to_vec() }
        };
        Ok(Self { data: values, width, order, nodes: all, bounds, distance })
    }

    pub(super) fn rows(&self) -> usize {
        self.order.len()
    }

    pub(super) fn held(&self) -> usize {
        let bounds = match &self.bounds {
            Bounds::Box { lower: one, upper: two } | Bounds::Ball { middles: one, radii: two } => {
                bytes(one) + bytes(two)
            }
        };
        bytes(&self.data) + bytes(&self.order) + bytes(&self.nodes) + bounds
    }

    /// The least reduced distance that a row of the node can have.
    fn least(&self, node: usize, point: &[f64]) -> f64 {
        let place = node * self.width..(node + 1) * self.width;
        let (lower, upper) = match &self.bounds {
            Bounds::Box { lower, upper } => (&lower[place.clone()], &upper[place]),
            Bounds::Ball { middles, radii } => {
                let middle = self.distance.real(self.distance.reduced(point, &middles[place]));
                return self.distance.reduce((middle - radii[node]).max(0.0));
            }
        };
        let each = lower.iter().zip(upper).zip(point).map(|((low, high), x)| {
            let (below, above) = (low - x, x - high);
            0.5 * ((below + below.abs()) + (above + above.abs()))
        });
        match self.distance {
            Distance::Euclidean => each.fold(0.0, |sum, d| sum + d * d),
            Distance::Largest => each.fold(0.0, f64::max),
            Distance::Minkowski(p) => each.fold(0.0, |sum, d| sum + d.powf(p)),
            _ => each.fold(0.0, |sum, d| sum + d),
        }
    }

    fn walk(&self, node: usize, least: f64, point: &[f64], nearest: &mut Nearest) {
        if least > nearest.distances[0] {
            return;
        }
        let found = &self.nodes[node];
        if found.leaf {
            for row in &self.order[found.start..found.end] {
                let other = &self.data[row * self.width..(row + 1) * self.width];
                nearest.push(self.distance.reduced(point, other), *row);
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

    /// Distances and rows, the nearest first. `count` is at most the number of rows.
    pub(super) fn nearest(&self, point: &[f64], count: usize) -> Vec<Near> {
        let mut nearest = Nearest::new(count);
        self.walk(0, self.least(0, point), point, &mut nearest);
        let mut found: Vec<Near> = nearest.distances.into_iter().zip(nearest.rows).collect();
        near_sort::sort(&mut found);
        found.iter_mut().for_each(|near| near.0 = self.distance.real(near.0));
        found
    }
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
