//! Support vector machines of libsvm: `SVC`, `NuSVC`, `SVR`, `NuSVR`, without probabilities.

use crate::native::matrix::Block;
use crate::native::outputs::{Classes, Output, Predict, argmax, bytes};
use crate::native::skops::Object;
use crate::{ElementType, Error, TensorData};

enum Kernel {
    Linear,
    Polynomial { gamma: f64, coefficient: f64, degree: i32 },
    Radial { gamma: f64 },
    Sigmoid { gamma: f64, coefficient: f64 },
}

pub(crate) struct Machine {
    kernel: Kernel,
    /// Rows of `width` numbers, class by class.
    vectors: Vec<f64>,
    /// One row less than there are classes (one for regressions), each with a number a vector.
    weights: Vec<Vec<f64>>,
    /// By pair of classes.
    intercepts: Vec<f64>,
    /// How many vectors each class has.
    counts: Vec<usize>,
    width: usize,
    classes: Option<Classes>,
    /// Scores by class in place of pairs.
    by_class: bool,
    /// Of equal votes the larger score decides.
    break_ties: bool,
    name: String,
}

fn kernel(object: &Object<'_>) -> Result<Kernel, Error> {
    let number = |name: &str| object.get(name)?.number();
    Ok(match object.get("kernel")?.word().as_deref() {
        Some("linear") => Kernel::Linear,
        Some("rbf") => Kernel::Radial { gamma: number("_gamma")? },
        Some("poly") => {
            let degree = object.get("degree")?.count()?;
            let degree = i32::try_from(degree).map_err(|_| object.broken("has too high a degree"))?;
            Kernel::Polynomial { gamma: number("_gamma")?, coefficient: number("coef0")?, degree }
        }
        Some("sigmoid") => Kernel::Sigmoid { gamma: number("_gamma")?, coefficient: number("coef0")? },
        _ => return Err(object.unsupported("its kernel is not known")),
    })
}

pub(super) fn build(object: &Object<'_>) -> Result<Machine, Error> {
    let name = object.class().to_owned();
    if object.get("_sparse")?.boolean()? {
        return Err(object.unsupported("it was fitted on a sparse matrix"));
    }
    if !object.get("_probA")?.floats()?.is_empty() {
        return Err(object.unsupported("its probabilities are found by iteration (probability=True)"));
    }
    let stored = object.get("support_vectors_")?;
    let &[count, width] = stored.array()?.shape() else { return Err(stored.broken("is no matrix")) };
    let vectors = stored.floats()?;
    if vectors.len() != count * width || width == 0 {
        return Err(stored.broken("has not as many values as its shape says"));
    }
    let dual = object.get("_dual_coef_")?;
    let weights = dual.floats()?;
    let classes = if name.ends_with("SVC") { Some(Classes::read(&object.get("classes_")?)?) } else { None };
    let rows = classes.as_ref().map_or(1, |classes| classes.len() - 1);
    if rows == 0 || weights.len() != rows * count {
        return Err(dual.broken("has not one number a vector"));
    }
    let weights = weights.chunks(count.max(1)).map(<[f64]>::to_vec).collect();
    let intercepts = object.get("_intercept_")?.floats()?;
    let pairs = classes.as_ref().map_or(1, |classes| classes.len() * (classes.len() - 1) / 2);
    let counts = match &classes {
        Some(classes) => {
            let counts = object.get("_n_support")?.indices()?;
            if counts.len() != classes.len() || counts.iter().sum::<usize>() != count {
                return Err(object.broken("has not as many vectors as it says"));
            }
            counts
        }
        None => vec![count],
    };
    if intercepts.len() != pairs {
        return Err(object.broken("has not one intercept a pair of classes"));
    }
    let several = classes.as_ref().is_some_and(|classes| classes.len() > 2);
    let by_class = several && object.get("decision_function_shape")?.word().as_deref() == Some("ovr");
    let break_ties = by_class && object.get("break_ties")?.boolean()?;
    Ok(Machine {
        kernel: kernel(object)?,
        vectors,
        weights,
        intercepts,
        counts,
        width,
        classes,
        by_class,
        break_ties,
        name,
    })
}

impl Machine {
    fn kernels(&self, row: &[f64]) -> Vec<f64> {
        let dot = |v: &[f64]| row.iter().zip(v).map(|(x, v)| x * v).sum::<f64>();
        let each = self.vectors.chunks_exact(self.width);
        match self.kernel {
            Kernel::Linear => each.map(dot).collect(),
            Kernel::Polynomial { gamma, coefficient, degree } => {
                each.map(|v| (gamma * dot(v) + coefficient).powi(degree)).collect()
            }
            Kernel::Radial { gamma } => {
                let square = |v: &[f64]| row.iter().zip(v).map(|(x, v)| (x - v) * (x - v)).sum::<f64>();
                each.map(|v| (-gamma * square(v)).exp()).collect()
            }
            Kernel::Sigmoid { gamma, coefficient } => {
                each.map(|v| (gamma * dot(v) + coefficient).tanh()).collect()
            }
        }
    }

    /// By pair of classes: above 0 it is the first one.
    fn pairs(&self, row: &[f64]) -> Vec<f64> {
        let kernels = self.kernels(row);
        if self.classes.is_none() {
            let sum: f64 = self.weights[0].iter().zip(&kernels).map(|(w, k)| w * k).sum();
            return vec![sum + self.intercepts[0]];
        }
        let starts: Vec<usize> = self
            .counts
            .iter()
            .scan(0, |at, count| {
                *at += count;
                Some(*at - count)
            })
            .collect();
        let mut out = Vec::with_capacity(self.intercepts.len());
        for i in 0..self.counts.len() {
            for j in i + 1..self.counts.len() {
                let mut sum = 0.0;
                for (of, weights) in [(i, &self.weights[j - 1]), (j, &self.weights[i])] {
                    let range = starts[of]..starts[of] + self.counts[of];
                    for (weight, kernel) in weights[range.clone()].iter().zip(&kernels[range]) {
                        sum += weight * kernel;
                    }
                }
                out.push(sum + self.intercepts[out.len()]);
            }
        }
        out
    }

    fn votes(&self, pairs: &[f64]) -> Vec<usize> {
        let mut votes = vec![0; self.counts.len()];
        let mut pair = 0;
        for i in 0..self.counts.len() {
            for j in i + 1..self.counts.len() {
                votes[if pairs[pair] > 0.0 { i } else { j }] += 1;
                pair += 1;
            }
        }
        votes
    }

    /// `_ovr_decision_function`: votes, and the scores squeezed to less than one vote.
    fn scores(&self, pairs: &[f64]) -> Vec<f64> {
        let count = self.counts.len();
        let (mut votes, mut sums) = (vec![0.0; count], vec![0.0; count]);
        let mut pair = 0;
        for i in 0..count {
            for j in i + 1..count {
                let confidence = -pairs[pair];
                sums[i] -= confidence;
                sums[j] += confidence;
                votes[if pairs[pair] < 0.0 { j } else { i }] += 1.0;
                pair += 1;
            }
        }
        votes.iter().zip(&sums).map(|(votes, sum)| votes + sum / (3.0 * (sum.abs() + 1.0))).collect()
    }

    fn score_width(&self) -> usize {
        if self.by_class { self.counts.len() } else { self.intercepts.len() }
    }
}

impl Predict for Machine {
    fn outputs(&self) -> Vec<Output> {
        let Some(classes) = &self.classes else { return vec![Output::column("predict", ElementType::F64)] };
        let scores = match self.score_width() {
            1 => Output::column("decision_function", ElementType::F64),
            width => Output::table("decision_function", ElementType::F64, width),
        };
        vec![Output::column("predict", classes.element()), scores]
    }

    fn predict(&self, block: Block) -> Result<Vec<TensorData>, Error> {
        super::check_width(&block, self.width)?;
        let matrix = block.matrix()?;
        matrix.finite(&self.name, false)?;
        let (mut labels, mut scores) = (Vec::new(), Vec::new());
        for row in matrix.doubles().chunks_exact(self.width) {
            let pairs = self.pairs(row);
            if self.classes.is_none() {
                scores.extend(pairs);
                continue;
            }
            let by_class = if self.by_class { self.scores(&pairs) } else { Vec::new() };
            labels.push(if self.break_ties { argmax(&by_class) } else { argmax(&self.votes(&pairs)) });
            match pairs.as_slice() {
                // scikit-learn turns the sign for two classes.
                [only] => scores.push(-only),
                _ if self.by_class => scores.extend(by_class),
                _ => scores.extend(pairs),
            }
        }
        let Some(classes) = &self.classes else { return Ok(vec![TensorData::F64(scores)]) };
        Ok(vec![classes.take(labels.into_iter()), TensorData::F64(scores)])
    }

    fn held(&self) -> usize {
        bytes(&self.vectors) + self.weights.iter().map(bytes).sum::<usize>()
    }
}
