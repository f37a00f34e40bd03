//! `CalibratedClassifierCV` with sigmoids or isotonic regressions.

use super::ensemble::classes_of;
use super::predictor;
use crate::native::matrix::Block;
use crate::native::outputs::{Classes, Output, Predict, argmax, expit};
use crate::native::skops::Object;
use crate::{ElementType, Error, TensorData};

enum Calibrator {
    Sigmoid {
        slope: f64,
        offset: f64,
    },
    /// Points of a line that goes up (or down) and is flat outside.
    Isotonic {
        x: Vec<f64>,
        y: Vec<f64>,
    },
}

impl Calibrator {
    fn read(object: &Object<'_>) -> Result<Self, Error> {
        match object.class() {
            "_SigmoidCalibration" => {
                Ok(Self::Sigmoid { slope: object.get("a_")?.number()?, offset: object.get("b_")?.number()? })
            }
            "IsotonicRegression" => {
                super::check_version(object)?;
                if object.get("out_of_bounds")?.word().as_deref() != Some("clip") {
                    return Err(object.unsupported("it does not clip what is out of bounds"));
                }
                let (x, y) = (object.get("X_thresholds_")?.floats()?, object.get("y_thresholds_")?.floats()?);
                if x.is_empty() || x.len() != y.len() || x.windows(2).any(|pair| pair[0] > pair[1]) {
                    return Err(object.broken("has not one value a threshold"));
                }
                Ok(Self::Isotonic { x, y })
            }
            other => Err(object.unsupported(format!("the calibrator {other} has no native form"))),
        }
    }

    fn apply(&self, score: f64) -> f64 {
        match self {
            Self::Sigmoid { slope, offset } => expit(-(slope * score + offset)),
            Self::Isotonic { x, y } => {
                let last = x.len() - 1;
                let score = score.clamp(x[0], x[last]);
                // numpy's interp: the last point that is not beyond the value.
                let at = x.partition_point(|point| *point <= score).saturating_sub(1);
                if at >= last || x[at + 1] == x[at] {
                    return y[at];
                }
                (y[at + 1] - y[at]) / (x[at + 1] - x[at]) * (score - x[at]) + y[at]
            }
        }
    }
}

struct Member {
    predict: Box<dyn Predict>,
    /// The output that is calibrated.
    output: usize,
    /// One column of the output, where the output has two for two classes.
    second: bool,
    width: usize,
    /// One a column, and the class that it is of.
    calibrators: Vec<(Calibrator, usize)>,
}

pub(crate) struct Calibrated {
    members: Vec<Member>,
    classes: Classes,
}

pub(super) fn build(object: &Object<'_>) -> Result<Calibrated, Error> {
    let classes = Classes::read(&object.get("classes_")?)?;
    let stored = object.get("calibrated_classifiers_")?.items()?;
    if stored.is_empty() || classes.len() < 2 {
        return Err(object.broken("has no calibrated classifiers"));
    }
    let members = stored.iter().map(|member| read(member, &classes)).collect::<Result<_, _>>()?;
    Ok(Calibrated { members, classes })
}

fn read(object: &Object<'_>, classes: &Classes) -> Result<Member, Error> {
    if !matches!(object.get("method")?.word().as_deref(), Some("sigmoid" | "isotonic")) {
        return Err(object.unsupported("its method is not known"));
    }
    let estimator = object.get("estimator")?;
    let own = classes_of(&estimator)?;
    let predict = predictor(&estimator)?;
    let outputs = predict.outputs();
    let find = |name: &str| outputs.iter().position(|output| output.name == name);
    let (output, probable) = match (find("decision_function"), find("predict_proba")) {
        (Some(at), _) => (at, false),
        (None, Some(at)) => (at, true),
        (None, None) => return Err(estimator.unsupported("it has no scores to calibrate")),
    };
    let width = outputs[output].width.unwrap_or(1);
    let second = probable && width == 2;
    let stored = object.get("calibrators")?.items()?;
    let columns = if second { 1 } else { width };
    if stored.len() != columns {
        return Err(object.broken("has not one calibrator a score"));
    }
    let mut calibrators = Vec::with_capacity(columns);
    for (at, calibrator) in stored.iter().enumerate() {
        // Two classes have one score, which is of the second.
        let class = if classes.len() == 2 {
            1
        } else {
            let known = at < own.len();
            let found = (0..classes.len()).find(|class| known && classes.same(*class, &own, at));
            found.ok_or_else(|| object.broken("has a label that the whole does not have"))?
        };
        calibrators.push((Calibrator::read(calibrator)?, class));
    }
    Ok(Member { predict, output, second, width, calibrators })
}

impl Member {
    /// Adds its probabilities to `sums`.
    fn add(&self, block: Block, k: usize, sums: &mut [f64]) -> Result<(), Error> {
        let scores = self.predict.predict(block)?.swap_remove(self.output);
        let scores = scores.to_f64().ok_or_else(|| Error::Broken("the scores are no numbers".into()))?;
        let mut shares = vec![0.0; k];
        for (scores, sums) in scores.chunks_exact(self.width).zip(sums.chunks_exact_mut(k)) {
            shares.fill(0.0);
            for (at, (calibrator, class)) in self.calibrators.iter().enumerate() {
                shares[*class] = calibrator.apply(scores[if self.second { 1 } else { at }]);
            }
            if k == 2 {
                shares[0] = 1.0 - shares[1];
            } else {
                let total: f64 = shares.iter().sum();
                for share in &mut shares {
                    *share = if total == 0.0 { 1.0 / k as f64 } else { *share / total };
                }
            }
            for (sum, share) in sums.iter_mut().zip(&shares) {
                // Rounding may leave a little more than one.
                *sum += if *share > 1.0 && *share <= 1.0 + 1e-5 { 1.0 } else { *share };
            }
        }
        Ok(())
    }
}

impl Predict for Calibrated {
    fn outputs(&self) -> Vec<Output> {
        vec![
            Output::column("predict", self.classes.element()),
            Output::table("predict_proba", ElementType::F64, self.classes.len()),
        ]
    }

    fn predict(&self, block: Block) -> Result<Vec<TensorData>, Error> {
        let k = self.classes.len();
        let mut sums = vec![0.0; block.rows() * k];
        for member in &self.members {
            member.add(block.clone(), k, &mut sums)?;
        }
        let count = self.members.len() as f64;
        sums.iter_mut().for_each(|sum| *sum /= count);
        Ok(vec![self.classes.take(sums.chunks_exact(k).map(argmax)), TensorData::F64(sums)])
    }

    fn held(&self) -> usize {
        self.members.iter().map(|member| member.predict.held()).sum()
    }
}
