//! Linear models: `X @ coef_.T + intercept_`, and what each class makes of it.

use crate::native::matrix::Block;
use crate::native::outputs::{Classes, Output, Predict, argmax, expit, softmax};
use crate::native::skops::Object;
use crate::{ElementType, Error, TensorData};

const REGRESSORS: [&str; 31] = [
    "LinearRegression",
    "Ridge",
    "RidgeCV",
    "Lasso",
    "LassoCV",
    "ElasticNet",
    "ElasticNetCV",
    "SGDRegressor",
    "HuberRegressor",
    "LinearSVR",
    "BayesianRidge",
    "ARDRegression",
    "Lars",
    "LarsCV",
    "LassoLars",
    "LassoLarsCV",
    "LassoLarsIC",
    "MultiTaskElasticNet",
    "MultiTaskElasticNetCV",
    "MultiTaskLasso",
    "MultiTaskLassoCV",
    "OrthogonalMatchingPursuit",
    "OrthogonalMatchingPursuitCV",
    "PLSRegression",
    "TheilSenRegressor",
    "QuantileRegressor",
    "PassiveAggressiveRegressor",
    "PoissonRegressor",
    "GammaRegressor",
    "TweedieRegressor",
    "DummyRegressor",
];
const CLASSIFIERS: [&str; 9] = [
    "LogisticRegression",
    "LogisticRegressionCV",
    "RidgeClassifier",
    "RidgeClassifierCV",
    "SGDClassifier",
    "Perceptron",
    "PassiveAggressiveClassifier",
    "LinearSVC",
    "LinearDiscriminantAnalysis",
];

pub(super) fn is_linear(class: &str) -> bool {
    (REGRESSORS.contains(&class) && class != "DummyRegressor") || CLASSIFIERS.contains(&class)
}

/// What turns scores into probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Probability {
    None,
    Softmax,
    /// One sigmoid a class, normalised (`_predict_proba_lr`); for two classes a sigmoid.
    OneVsRest,
    ModifiedHuber,
}

pub(crate) struct Linear {
    /// `targets` rows of `width` numbers.
    coefficients: Vec<f64>,
    /// One a target.
    intercepts: Vec<f64>,
    /// Taken from the columns first, if it is not empty.
    offsets: Vec<f64>,
    width: usize,
    targets: usize,
    /// The coefficients are single precision; with single input so is the result.
    single: bool,
    classes: Option<Classes>,
    probability: Probability,
    /// A regression whose scores are logarithms.
    exponential: bool,
    /// A regression of several targets gives `[n, k]`.
    flat: bool,
    name: String,
}

pub(super) fn build(object: &Object<'_>) -> Result<Linear, Error> {
    let name = object.class().to_owned();
    let coefficients = object.get("coef_")?;
    let array = coefficients.array()?;
    let (targets, width, mut flat) = match *array.shape() {
        [width] => (1, width, true),
        [targets, width] => (targets, width, false),
        _ => return Err(coefficients.broken("has not the shape of coefficients")),
    };
    let single = array.is_single();
    let values = coefficients.floats()?;
    if values.len() != targets * width {
        return Err(coefficients.broken("has not as many values as its shape says"));
    }
    let intercept = object.get("intercept_")?;
    let mut intercepts = match intercept.array() {
        Ok(_) => intercept.floats()?,
        Err(_) => vec![intercept.number()?],
    };
    let scalar = intercepts.len() == 1;
    if scalar {
        intercepts = vec![intercepts[0]; targets];
    }
    if intercepts.len() != targets {
        return Err(intercept.broken("has another length than the coefficients"));
    }
    let is_classifier = CLASSIFIERS.contains(&name.as_str());
    let classes = if is_classifier { Some(Classes::read(&object.get("classes_")?)?) } else { None };
    if let Some(classes) = &classes {
        let expected = if classes.len() == 2 { 1 } else { classes.len() };
        if targets != expected {
            return Err(object.broken("has not one row of coefficients a class"));
        }
    }
    let exponential = match name.as_str() {
        "PoissonRegressor" | "GammaRegressor" => true,
        "TweedieRegressor" => {
            let power = object.get("power")?.number()?;
            match object.get("link")?.word().as_deref() {
                Some("auto") => power > 0.0,
                Some("log") => true,
                Some("identity") => false,
                _ => return Err(object.unsupported("its link is not known")),
            }
        }
        _ => false,
    };
    let mut offsets = Vec::new();
    if name == "PLSRegression" {
        // Earlier ones divided the columns, too.
        super::check_since(object, 6)?;
        let means = object.get("_x_mean")?;
        offsets = means.floats()?;
        if offsets.len() != width {
            return Err(means.broken("has not one value a column"));
        }
        flat = object.get("_predict_1d")?.boolean()?;
        if flat && targets != 1 {
            return Err(object.broken("predicts several numbers as one"));
        }
    }
    let probability = probability(object, &name, classes.as_ref().map_or(0, Classes::len))?;
    Ok(Linear {
        coefficients: values,
        intercepts,
        offsets,
        width,
        targets,
        single,
        classes,
        probability,
        exponential,
        flat,
        name,
    })
}

fn probability(object: &Object<'_>, name: &str, classes: usize) -> Result<Probability, Error> {
    Ok(match name {
        "LogisticRegression" | "LogisticRegressionCV" => {
            let multi = object.find("multi_class")?.and_then(|m| m.word());
            let liblinear = object.get("solver")?.word().as_deref() == Some("liblinear");
            match multi.as_deref() {
                None | Some("auto" | "deprecated") if classes == 2 || liblinear => Probability::OneVsRest,
                None | Some("auto" | "deprecated") => Probability::Softmax,
                Some("ovr") => Probability::OneVsRest,
                Some("multinomial") if classes > 2 => Probability::Softmax,
                _ => return Err(object.unsupported("its `multi_class` is not known")),
            }
        }
        "LinearDiscriminantAnalysis" if classes == 2 => Probability::OneVsRest,
        "LinearDiscriminantAnalysis" => Probability::Softmax,
        "SGDClassifier" => match object.get("loss")?.word().as_deref() {
            Some("log_loss") => Probability::OneVsRest,
            Some("modified_huber") => Probability::ModifiedHuber,
            _ => Probability::None,
        },
        _ => Probability::None,
    })
}

impl Linear {
    /// `[n, targets]`, and whether numpy would hold it in single precision.
    fn scores(&self, block: Block) -> Result<(Vec<f64>, bool), Error> {
        super::check_width(&block, self.width)?;
        let matrix = block.matrix()?;
        matrix.finite(&self.name, false)?;
        let single = self.single && matrix.is_single();
        let mut scores = Vec::with_capacity(matrix.rows * self.targets);
        let mut doubles = matrix.doubles();
        if !self.offsets.is_empty() {
            let round = |x: f64| if matrix.is_single() { f64::from(x as f32) } else { x };
            for row in doubles.to_mut().chunks_exact_mut(self.width.max(1)) {
                row.iter_mut().zip(&self.offsets).for_each(|(x, mean)| *x = round(*x - mean));
            }
        }
        let empty: &[f64] = &[];
        for row in 0..matrix.rows {
            let x = doubles.get(row * self.width..(row + 1) * self.width).unwrap_or(empty);
            for target in 0..self.targets {
                let w = &self.coefficients[target * self.width..(target + 1) * self.width];
                let mut dot = 0.0;
                for (x, w) in x.iter().zip(w) {
                    dot += x * w;
                }
                if single {
                    dot = f64::from(dot as f32);
                }
                let score = dot + self.intercepts[target];
                scores.push(if single { f64::from(score as f32) } else { score });
            }
        }
        Ok((scores, single))
    }

    fn probabilities(&self, scores: &[f64], single: bool) -> Vec<f64> {
        let round = |x: f64| if single { f64::from(x as f32) } else { x };
        let Some(classes) = &self.classes else { return Vec::new() };
        let k = classes.len();
        if k == 2 {
            let mut out = Vec::with_capacity(scores.len() * 2);
            for score in scores {
                let p = match self.probability {
                    Probability::ModifiedHuber => (score.clamp(-1.0, 1.0) + 1.0) / 2.0,
                    _ => round(expit(*score)),
                };
                out.extend([round(1.0 - p), p]);
            }
            return out;
        }
        let mut out = scores.to_vec();
        for row in out.chunks_exact_mut(k) {
            if self.probability == Probability::Softmax {
                softmax(row);
                continue;
            }
            for x in row.iter_mut() {
                *x = match self.probability {
                    Probability::ModifiedHuber => (x.clamp(-1.0, 1.0) + 1.0) / 2.0,
                    _ => round(expit(*x)),
                };
            }
            let sum: f64 = row.iter().sum();
            if sum == 0.0 {
                row.fill(1.0 / k as f64);
            } else {
                for x in row.iter_mut() {
                    *x /= sum;
                }
            }
        }
        out
    }
}

impl Predict for Linear {
    fn outputs(&self) -> Vec<Output> {
        let Some(classes) = &self.classes else {
            return vec![if self.flat {
                Output::column("predict", ElementType::F64)
            } else {
                Output::table("predict", ElementType::F64, self.targets)
            }];
        };
        let mut outputs = vec![Output::column("predict", classes.element())];
        if self.probability != Probability::None {
            outputs.push(Output::table("predict_proba", ElementType::F64, classes.len()));
        }
        outputs.push(if self.targets == 1 {
            Output::column("decision_function", ElementType::F64)
        } else {
            Output::table("decision_function", ElementType::F64, self.targets)
        });
        outputs
    }

    fn predict(&self, block: Block) -> Result<Vec<TensorData>, Error> {
        let (mut scores, single) = self.scores(block)?;
        let Some(classes) = &self.classes else {
            if self.exponential {
                for x in &mut scores {
                    *x = if single { f64::from((*x as f32).exp()) } else { x.exp() };
                }
            }
            return Ok(vec![TensorData::F64(scores)]);
        };
        let labels = if self.targets == 1 {
            // A single class is predicted whatever the score says.
            let last = classes.len() - 1;
            classes.take(scores.iter().map(|s| usize::from(*s > 0.0).min(last)))
        } else {
            classes.take(scores.chunks_exact(self.targets).map(argmax))
        };
        let mut outputs = vec![labels];
        if self.probability != Probability::None {
            outputs.push(TensorData::F64(self.probabilities(&scores, single)));
        }
        outputs.push(TensorData::F64(scores));
        Ok(outputs)
    }
}
