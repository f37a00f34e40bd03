//! `KNeighborsClassifier` and `KNeighborsRegressor` over a k-d tree or a ball tree.

use super::labels::Labels;
use super::near_tree::{Distance, Tree};
use crate::native::matrix::Block;
use crate::native::outputs::{Classes, Output, Predict, argmax};
use crate::native::skops::Object;
use crate::{ElementType, Error, TensorData};
use statistics::pairwise_sum;

enum Target {
    /// By row: the index of its class.
    Classes(Classes, Vec<usize>),
    /// By row: an index an output.
    Several(Labels, Vec<usize>),
    /// By row: `width` numbers, `[n]` if `flat`.
    Numbers { values: Vec<f64>, width: usize, flat: bool },
}

pub(crate) struct Neighbors {
    tree: Tree,
    count: usize,
    /// The nearer, the more it counts.
    weighted: bool,
    target: Target,
    name: String,
}

pub(super) fn build(object: &Object<'_>) -> Result<Neighbors, Error> {
    let name = object.class().to_owned();
    if !matches!(object.get("_fit_method")?.word().as_deref(), Some("kd_tree" | "ball_tree")) {
        return Err(object.unsupported(
            "it compares with every row (brute force): which of equally near rows it takes depends on its threads, \
             its BLAS and how many rows are asked for at once",
        ));
    }
    let weighted = match object.get("weights")?.word().as_deref() {
        Some("uniform") => false,
        Some("distance") => true,
        _ => return Err(object.unsupported("its weights are not known")),
    };
    let tree = Tree::read(&object.get("_tree")?, Distance::read(object)?)?;
    let (count, rows) = (object.get("n_neighbors")?.count()?, tree.rows());
    if count == 0 || count > rows {
        return Err(object.broken("has fewer rows than neighbours"));
    }
    let stored = object.get("_y")?;
    let target = if name == "KNeighborsClassifier" {
        let labels = stored.indices()?;
        if object.get("outputs_2d_")?.boolean()? {
            let classes = Labels::read(&object.get("classes_")?)?;
            let outputs = classes.count();
            let fits = |(at, label): (usize, &usize)| *label < classes.of(at % outputs).len();
            if labels.len() != rows * outputs || !labels.iter().enumerate().all(fits) {
                return Err(stored.broken("has not one label a row and output"));
            }
            Target::Several(classes, labels)
        } else {
            let classes = Classes::read(&object.get("classes_")?)?;
            if labels.len() != rows || labels.iter().any(|label| *label >= classes.len()) {
                return Err(stored.broken("has not one label a row"));
            }
            Target::Classes(classes, labels)
        }
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

/// The class with the most weight, the first of equals. Each class's weights are summed as `weighted_mode` has NumPy do it,
/// over one place a neighbour, whose rounding decides between classes that are equally near.
fn heaviest(found: &[(f64, usize)], classes: usize, label: impl Fn(usize) -> usize) -> usize {
    let mut own = vec![0.0; found.len()];
    let totals: Vec<f64> = (0..classes)
        .map(|class| {
            for (place, (weight, row)) in own.iter_mut().zip(found) {
                *place = if label(*row) == class { *weight } else { 0.0 };
            }
            pairwise_sum(&own)
        })
        .collect();
    argmax(&totals)
}

impl Predict for Neighbors {
    fn outputs(&self) -> Vec<Output> {
        match &self.target {
            Target::Classes(classes, _) => vec![
                Output::column("predict", classes.element()),
                Output::table("predict_proba", ElementType::F64, classes.len()),
            ],
            Target::Several(labels, _) => vec![labels.output()],
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
                let mut chosen = Vec::with_capacity(matrix.rows);
                for (point, votes) in points.zip(votes.chunks_exact_mut(k)) {
                    let found = self.of(point);
                    chosen.push(heaviest(&found, k, |row| labels[row]));
                    for (weight, row) in found {
                        votes[labels[row]] += weight;
                    }
                }
                let chosen = classes.take(chosen.into_iter());
                for votes in votes.chunks_exact_mut(k) {
                    let all: f64 = votes.iter().sum();
                    votes.iter_mut().for_each(|vote| *vote /= all);
                }
                Ok(vec![chosen, TensorData::F64(votes)])
            }
            Target::Several(classes, labels) => {
                let outputs = classes.count();
                let mut chosen = Vec::with_capacity(matrix.rows * outputs);
                for point in points {
                    let found = self.of(point);
                    for output in 0..outputs {
                        let label = |row: usize| labels[row * outputs + output];
                        chosen.push(heaviest(&found, classes.of(output).len(), label));
                    }
                }
                Ok(vec![classes.take(&chosen)])
            }
            Target::Numbers { values, width, .. } => {
                let mut out = Vec::with_capacity(matrix.rows * width);
                for point in points {
                    let found = self.of(point);
                    let mut terms: Vec<f64> = found.iter().map(|(weight, _)| *weight).collect();
                    let all = pairwise_sum(&terms);
                    for column in 0..*width {
                        for (term, (weight, row)) in terms.iter_mut().zip(&found) {
                            *term = values[row * width + column] * weight;
                        }
                        out.push(pairwise_sum(&terms) / all);
                    }
                }
                Ok(vec![TensorData::F64(out)])
            }
        }
    }

    fn held(&self) -> usize {
        self.tree.held()
    }
}
