//! `GradientBoostingClassifier` and `GradientBoostingRegressor`.

use super::trees::tree_nodes;
use crate::native::matrix::Block;
use crate::native::outputs::{Classes, Output, Predict, argmax, bytes, expit, softmax};
use crate::native::skops::Object;
use crate::native::tree::Forest;
use crate::{ElementType, Error, TensorData};

pub(crate) struct Boosting {
    forest: Forest<f32>,
    /// The leaves, already times the learning rate, as `predict_stages` multiplies before it adds.
    values: Vec<f64>,
    /// Where every row starts, one a score.
    start: Vec<f64>,
    classes: Option<Classes>,
    /// `loss="exponential"`: the score is half of the log odds.
    exponential: bool,
}

pub(super) fn build(object: &Object<'_>) -> Result<Boosting, Error> {
    let is_classifier = object.class() == "GradientBoostingClassifier";
    let classes = if is_classifier { Some(Classes::read(&object.get("classes_")?)?) } else { None };
    let loss = object.get("loss")?.word().unwrap_or_default();
    let exponential = match (is_classifier, loss.as_str()) {
        (true, "log_loss") => false,
        (true, "exponential") => true,
        (false, "squared_error" | "absolute_error" | "huber" | "quantile") => false,
        _ => return Err(object.unsupported(format!("loss `{loss}`"))),
    };
    let estimators = object.get("estimators_")?;
    let shape = estimators.array_shape()?;
    let scores = match (shape.as_slice(), &classes) {
        ([_, 1], None) => 1,
        ([_, 1], Some(classes)) if classes.len() == 2 => 1,
        ([_, k], Some(classes)) if classes.len() == *k && *k > 2 => *k,
        _ => return Err(estimators.broken("has not the shape that its classes need")),
    };
    let rate = object.get("learning_rate")?.number()?;
    let members = estimators.items()?;
    if members.len() % scores != 0 {
        return Err(estimators.broken("has an incomplete stage"));
    }
    let mut forest = Forest::new(object.get("n_features_in_")?.count()?);
    let mut values = Vec::new();
    for member in &members {
        if member.class() != "DecisionTreeRegressor" {
            return Err(member.unsupported("it is no tree"));
        }
        super::check_version(member)?;
        super::check_attributes(member)?;
        let tree = tree_nodes(member)?;
        if tree.width != 1 {
            return Err(member.broken("has several outputs"));
        }
        let mut next = values.len() as u32;
        tree.compile(&mut forest, None, |node| {
            values.push(rate * tree.values[node]);
            next += 1;
            next - 1
        })?;
    }
    let start = start(object, scores, classes.as_ref(), exponential)?;
    Ok(Boosting { forest, values, start, classes, exponential })
}

/// Where every row starts, one a score.
pub(super) fn start_of(object: &Object<'_>) -> Result<Vec<f64>, Error> {
    let classes = match object.find("classes_")? {
        Some(classes) => Some(Classes::read(&classes)?),
        None => None,
    };
    let scores = object.get("n_trees_per_iteration_")?.count()?;
    start(object, scores, classes.as_ref(), object.get("loss")?.word().as_deref() == Some("exponential"))
}

/// `_init_raw_predictions`: the link of what the first estimator predicts, which is the same for every row.
fn start(
    object: &Object<'_>,
    scores: usize,
    classes: Option<&Classes>,
    exponential: bool,
) -> Result<Vec<f64>, Error> {
    let init = object.get("init_")?;
    if init.word().as_deref() == Some("zero") {
        return Ok(vec![0.0; scores]);
    }
    super::check_version(&init)?;
    super::check_attributes(&init)?;
    match (init.class(), classes) {
        ("DummyRegressor", None) => {
            let constant = init.get("constant_")?.floats()?;
            match constant.as_slice() {
                [one] => Ok(vec![*one]),
                _ => Err(init.broken("has several constants")),
            }
        }
        ("DummyClassifier", Some(classes)) if init.get("strategy")?.word().as_deref() == Some("prior") => {
            let prior = init.get("class_prior_")?.floats()?;
            if prior.len() != classes.len() {
                return Err(init.broken("has not one prior a class"));
            }
            let clipped: Vec<f64> = prior.iter().map(|p| p.clamp(f64::EPSILON, 1.0 - f64::EPSILON)).collect();
            if scores == 1 {
                let p = clipped[1];
                let logit = (p / (1.0 - p)).ln();
                return Ok(vec![if exponential { 0.5 * logit } else { logit }]);
            }
            // Geometric mean as `scipy.stats.gmean`: the exponential of the mean logarithm.
            let mean = clipped.iter().map(|p| p.ln()).sum::<f64>() / clipped.len() as f64;
            let mean = mean.exp();
            Ok(clipped.iter().map(|p| (p / mean).ln()).collect())
        }
        _ => Err(init.unsupported("only the default initial estimator is known")),
    }
}

impl Predict for Boosting {
    fn outputs(&self) -> Vec<Output> {
        let Some(classes) = &self.classes else { return vec![Output::column("predict", ElementType::F64)] };
        let scores = if self.start.len() == 1 {
            Output::column("decision_function", ElementType::F64)
        } else {
            Output::table("decision_function", ElementType::F64, self.start.len())
        };
        vec![
            Output::column("predict", classes.element()),
            Output::table("predict_proba", ElementType::F64, classes.len()),
            scores,
        ]
    }

    fn predict(&self, block: Block) -> Result<Vec<TensorData>, Error> {
        super::check_width(&block, self.forest.width())?;
        let matrix = block.matrix()?.into_single();
        matrix.finite("GradientBoosting", false)?;
        let k = self.start.len();
        let mut scores = self.start.repeat(matrix.rows);
        self.forest.rows(&matrix.singles(), 0..self.forest.trees(), |row, tree, leaf| {
            scores[row * k + tree % k] += self.values[leaf as usize];
        });
        let Some(classes) = &self.classes else { return Ok(vec![TensorData::F64(scores)]) };
        if k == 1 {
            let labels = classes.take(scores.iter().map(|s| usize::from(*s >= 0.0)));
            let factor = if self.exponential { 2.0 } else { 1.0 };
            let probabilities = scores
                .iter()
                .flat_map(|s| {
                    let p = expit(factor * s);
                    [1.0 - p, p]
                })
                .collect();
            return Ok(vec![labels, TensorData::F64(probabilities), TensorData::F64(scores)]);
        }
        let labels = classes.take(scores.chunks_exact(k).map(argmax));
        let mut probabilities = scores.clone();
        probabilities.chunks_exact_mut(k).for_each(softmax);
        Ok(vec![labels, TensorData::F64(probabilities), TensorData::F64(scores)])
    }

    fn held(&self) -> usize {
        self.forest.held() + bytes(&self.values)
    }
}
