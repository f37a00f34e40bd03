//! Naive Bayes: Gaussian, multinomial, complement, Bernoulli.

use crate::native::matrix::{Block, Matrix};
use crate::native::outputs::{Classes, Output, Predict, argmax};
use crate::native::skops::Object;
use crate::{ElementType, Error, TensorData};

enum Kind {
    /// By class and column: mean, variance; by class: what does not depend on the row.
    Gaussian { means: Vec<f64>, variances: Vec<f64>, constants: Vec<f64> },
    /// By class and column: a weight; by class: a constant. Values are counts, or 0 and 1 above a threshold.
    Weighted { weights: Vec<f64>, constants: Vec<f64>, threshold: Option<f64>, counts: bool },
}

pub(crate) struct Bayes {
    kind: Kind,
    classes: Classes,
    width: usize,
    name: String,
}

pub(super) fn build(object: &Object<'_>) -> Result<Bayes, Error> {
    let name = object.class().to_owned();
    let classes = Classes::read(&object.get("classes_")?)?;
    let width = object.get("n_features_in_")?.count()?;
    let table = |attribute: &str| -> Result<Vec<f64>, Error> {
        let stored = object.get(attribute)?;
        let values = stored.floats()?;
        if values.len() == classes.len() * width && width > 0 {
            Ok(values)
        } else {
            Err(stored.broken("has not one value a class and column"))
        }
    };
    let by_class = |attribute: &str| -> Result<Vec<f64>, Error> {
        let stored = object.get(attribute)?;
        let values = stored.floats()?;
        if values.len() == classes.len() {
            Ok(values)
        } else {
            Err(stored.broken("has not one value a class"))
        }
    };
    let kind = match name.as_str() {
        "GaussianNB" => {
            let (means, variances) = (table("theta_")?, table("var_")?);
            let priors = by_class("class_prior_")?;
            let spread = |v: &[f64]| v.iter().map(|v| (2.0 * std::f64::consts::PI * v).ln()).sum::<f64>();
            let each = priors.iter().zip(variances.chunks_exact(width));
            let constants = each.map(|(prior, v)| prior.ln() + -0.5 * spread(v)).collect();
            Kind::Gaussian { means, variances, constants }
        }
        "BernoulliNB" => {
            let logs = table("feature_log_prob_")?;
            let priors = by_class("class_log_prior_")?;
            let absent: Vec<f64> = logs.iter().map(|log| (1.0 - log.exp()).ln()).collect();
            let weights = logs.iter().zip(&absent).map(|(log, absent)| log - absent).collect();
            let each = priors.iter().zip(absent.chunks_exact(width));
            let constants = each.map(|(prior, absent)| prior + absent.iter().sum::<f64>()).collect();
            let binarize = object.get("binarize")?;
            let threshold = if binarize.is_none() { None } else { Some(binarize.number()?) };
            Kind::Weighted { weights, constants, threshold, counts: false }
        }
        _ => {
            let priors = by_class("class_log_prior_")?;
            // The complement's prior counts for a single class only.
            let alone = classes.len() == 1 || name == "MultinomialNB";
            let constants = if alone { priors } else { vec![0.0; classes.len()] };
            Kind::Weighted { weights: table("feature_log_prob_")?, constants, threshold: None, counts: true }
        }
    };
    Ok(Bayes { kind, classes, width, name })
}

impl Bayes {
    /// The joint log likelihoods of a row.
    fn joint(&self, row: &[f64], out: &mut Vec<f64>) {
        match &self.kind {
            Kind::Gaussian { means, variances, constants } => {
                let each = means.chunks_exact(self.width).zip(variances.chunks_exact(self.width));
                for ((means, variances), constant) in each.zip(constants) {
                    let mut sum = 0.0;
                    for ((x, mean), variance) in row.iter().zip(means).zip(variances) {
                        sum += (x - mean) * (x - mean) / variance;
                    }
                    out.push(constant - 0.5 * sum);
                }
            }
            Kind::Weighted { weights, constants, threshold, .. } => {
                for (weights, constant) in weights.chunks_exact(self.width).zip(constants) {
                    let mut sum = 0.0;
                    for (x, weight) in row.iter().zip(weights) {
                        let x = threshold.map_or(*x, |threshold| f64::from(u8::from(*x > threshold)));
                        sum += x * weight;
                    }
                    out.push(sum + constant);
                }
            }
        }
    }

    fn check(&self, matrix: &Matrix) -> Result<(), Error> {
        matrix.finite(&self.name, false)?;
        let counts = matches!(self.kind, Kind::Weighted { counts: true, .. });
        if counts && matrix.doubles().iter().any(|x| *x < 0.0) {
            return Err(Error::Unfit(format!("Negative values in data passed to {} (input X).", self.name)));
        }
        Ok(())
    }
}

impl Predict for Bayes {
    fn outputs(&self) -> Vec<Output> {
        vec![
            Output::column("predict", self.classes.element()),
            Output::table("predict_proba", ElementType::F64, self.classes.len()),
        ]
    }

    fn predict(&self, block: Block) -> Result<Vec<TensorData>, Error> {
        super::check_width(&block, self.width)?;
        let matrix = block.matrix()?;
        self.check(&matrix)?;
        let mut scores = Vec::with_capacity(matrix.rows * self.classes.len());
        for row in matrix.doubles().chunks_exact(self.width) {
            self.joint(row, &mut scores);
        }
        let labels = self.classes.take(scores.chunks_exact(self.classes.len()).map(argmax));
        for row in scores.chunks_exact_mut(self.classes.len()) {
            let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = row.iter().map(|x| (x - largest).exp()).sum();
            let log = largest + sum.ln();
            row.iter_mut().for_each(|x| *x = (*x - log).exp());
        }
        Ok(vec![labels, TensorData::F64(scores)])
    }
}
