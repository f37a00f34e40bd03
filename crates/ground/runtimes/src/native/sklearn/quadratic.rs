//! `QuadraticDiscriminantAnalysis`: a normal distribution a class.

use crate::native::matrix::Block;
use crate::native::outputs::{Classes, Output, Predict, argmax};
use crate::native::skops::Object;
use crate::{ElementType, Error, TensorData};

struct Class {
    mean: Vec<f64>,
    /// `width` rows of `rank` numbers: rotations over the roots of scalings.
    whitening: Vec<f64>,
    rank: usize,
    /// The sum of the logarithms of the scalings.
    spread: f64,
    prior: f64,
}

pub(crate) struct Quadratic {
    each: Vec<Class>,
    classes: Classes,
    width: usize,
}

pub(super) fn build(object: &Object<'_>) -> Result<Quadratic, Error> {
    let classes = Classes::read(&object.get("classes_")?)?;
    let stored = object.get("means_")?;
    let &[count, width] = stored.array()?.shape() else { return Err(stored.broken("is no matrix")) };
    let (means, priors) = (stored.floats()?, object.get("priors_")?.floats()?);
    let (rotations, scalings) = (object.get("rotations_")?.items()?, object.get("scalings_")?.items()?);
    let fits = [count, priors.len(), rotations.len(), scalings.len()].iter().all(|n| *n == classes.len());
    if !fits || width == 0 || means.len() != count * width || classes.len() < 2 {
        return Err(object.broken("has not one distribution a class"));
    }
    let mut each = Vec::with_capacity(count);
    for (at, mean) in means.chunks_exact(width).enumerate() {
        let (rotation, scaling) = (&rotations[at], scalings[at].floats()?);
        if rotation.array()?.is_single() {
            return Err(
                object.unsupported("it was fitted in single precision, where sums depend on their order")
            );
        }
        let rank = scaling.len();
        let values = rotation.floats()?;
        if values.len() != width * rank || *rotation.array()?.shape() != [width, rank] {
            return Err(rotation.broken("does not fit its scalings"));
        }
        let whitening = values
            .chunks_exact(rank.max(1))
            .flat_map(|row| row.iter().zip(&scaling).map(|(r, s)| r * s.powf(-0.5)));
        each.push(Class {
            mean: mean.to_vec(),
            whitening: whitening.collect(),
            rank,
            spread: scaling.iter().map(|s| s.ln()).sum(),
            prior: priors[at].ln(),
        });
    }
    Ok(Quadratic { each, classes, width })
}

impl Class {
    fn score(&self, row: &[f64]) -> f64 {
        let mut whitened = vec![0.0; self.rank];
        for ((x, mean), weights) in
            row.iter().zip(&self.mean).zip(self.whitening.chunks_exact(self.rank.max(1)))
        {
            for (sum, weight) in whitened.iter_mut().zip(weights) {
                *sum += (x - mean) * weight;
            }
        }
        let norm: f64 = whitened.iter().map(|x| x * x).sum();
        -0.5 * (norm + self.spread) + self.prior
    }
}

impl Predict for Quadratic {
    fn outputs(&self) -> Vec<Output> {
        let k = self.classes.len();
        vec![
            Output::column("predict", self.classes.element()),
            Output::table("predict_proba", ElementType::F64, k),
            match k {
                2 => Output::column("decision_function", ElementType::F64),
                _ => Output::table("decision_function", ElementType::F64, k),
            },
        ]
    }

    fn predict(&self, block: Block) -> Result<Vec<TensorData>, Error> {
        super::check_width(&block, self.width)?;
        let matrix = block.matrix()?;
        matrix.finite("QuadraticDiscriminantAnalysis", false)?;
        let k = self.classes.len();
        let mut scores = Vec::with_capacity(matrix.rows * k);
        for row in matrix.doubles().chunks_exact(self.width) {
            scores.extend(self.each.iter().map(|class| class.score(row)));
        }
        let labels = self.classes.take(scores.chunks_exact(k).map(argmax));
        let decisions = match k {
            2 => scores.chunks_exact(2).map(|s| s[1] - s[0]).collect(),
            _ => scores.clone(),
        };
        for row in scores.chunks_exact_mut(k) {
            let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let log = row.iter().map(|x| (x - largest).exp()).sum::<f64>().ln();
            row.iter_mut().for_each(|x| *x = (*x - largest - log).exp());
        }
        Ok(vec![labels, TensorData::F64(scores), TensorData::F64(decisions)])
    }
}
