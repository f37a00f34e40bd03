//! Estimators made of other estimators: voting, bagging, AdaBoost, stacking, several outputs.

use super::predictor;
use crate::native::matrix::{Block, Matrix};
use crate::native::outputs::{Classes, Output, Predict, argmax, softmax};
use crate::native::skops::Object;
use crate::{ElementType, Error, TensorData};

/// An estimator inside another one.
struct Member {
    predict: Box<dyn Predict>,
    /// Its own labels as indices into the labels of the whole; `None` for a regression.
    labels: Option<Vec<usize>>,
    own: Option<Classes>,
}

impl Member {
    /// `whole` are the labels that the member was trained on (those of the ensemble, or their numbers).
    fn read(object: &Object<'_>, whole: Option<&Classes>) -> Result<Self, Error> {
        let predict = predictor(object)?;
        let own = match whole {
            Some(_) => Some(classes_of(object)?),
            None => None,
        };
        let labels = match (whole, &own) {
            (Some(whole), Some(own)) => {
                let find = |i: usize| (0..whole.len()).find(|j| whole.same(*j, own, i));
                let found: Option<Vec<usize>> = (0..own.len()).map(find).collect();
                Some(found.ok_or_else(|| object.broken("has labels that the ensemble does not have"))?)
            }
            _ => None,
        };
        Ok(Self { predict, labels, own })
    }

    fn output(&self, name: &str) -> Option<usize> {
        self.predict.outputs().iter().position(|output| output.name == name)
    }

    /// `[n, width]` numbers of an output. Errs where it is no such.
    fn numbers(&self, block: Block, name: &str) -> Result<(Vec<f64>, usize), Error> {
        let outputs = self.predict.outputs();
        let (Some(at), mut all) = (self.output(name), self.predict.predict(block)?) else {
            return Err(Error::Broken(format!("an estimator inside has no `{name}`")));
        };
        let width = outputs[at].width.unwrap_or(1);
        match all.swap_remove(at) {
            TensorData::F64(values) => Ok((values, width)),
            other => other
                .to_f64()
                .map(|values| (values, width))
                .ok_or_else(|| Error::Broken("an estimator inside predicts no numbers".into())),
        }
    }

    /// The predicted labels, as indices into those of the whole.
    fn chosen(&self, block: Block) -> Result<Vec<usize>, Error> {
        let (Some(own), Some(labels)) = (&self.own, &self.labels) else { return Ok(Vec::new()) };
        let predicted = self.predict.predict(block)?.swap_remove(0);
        own.indices(&predicted)
            .map(|indices| indices.into_iter().map(|i| labels[i]).collect())
            .ok_or_else(|| Error::Broken("an estimator inside predicts labels that it does not have".into()))
    }
}

/// The labels of an estimator, of the last step of a pipeline, of the best of a search.
pub(super) fn classes_of(object: &Object<'_>) -> Result<Classes, Error> {
    match object.class() {
        "Pipeline" => match object.get("steps")?.items()?.last() {
            Some(step) => match step.items()?.get(1) {
                Some(last) => classes_of(last),
                None => Err(step.broken("is no step")),
            },
            None => Err(object.broken("has no steps")),
        },
        "GridSearchCV" | "RandomizedSearchCV" => classes_of(&object.get("best_estimator_")?),
        _ => Classes::read(&object.get("classes_")?),
    }
}

enum Rule {
    /// Averages of probabilities, with weights.
    Soft(Option<Vec<f64>>),
    /// The label with most votes.
    Hard(Option<Vec<f64>>),
    /// Averages of predictions.
    Mean(Option<Vec<f64>>),
    /// Sums of probabilities over the number of members; each takes its own columns.
    Bagged(Vec<Vec<usize>>),
    /// AdaBoost of labels.
    Boosted(Vec<f64>),
    /// AdaBoost of numbers: the weighted median.
    Median(Vec<f64>),
    /// Each member predicts one output.
    Beside,
}

pub(crate) struct Ensemble {
    members: Vec<Member>,
    rule: Rule,
    classes: Option<Classes>,
}

pub(super) fn build(object: &Object<'_>) -> Result<Ensemble, Error> {
    let class = object.class();
    let classes =
        if class.ends_with("Classifier") { Some(Classes::read(&object.get("classes_")?)?) } else { None };
    // Voting and bagging train their members on the numbers of the labels.
    let numbered = match (&classes, class) {
        (Some(classes), "VotingClassifier" | "BaggingClassifier") => Some(Classes::range(classes.len())),
        _ => classes.clone(),
    };
    let stored = object.get("estimators_")?.items()?;
    if stored.is_empty() {
        return Err(object.broken("has no estimators"));
    }
    let members: Vec<Member> =
        stored.iter().map(|member| Member::read(member, numbered.as_ref())).collect::<Result<_, _>>()?;
    let count = members.len();
    let listed = |name: &str| -> Result<Option<Vec<f64>>, Error> {
        let weights = object.get(name)?;
        if weights.is_none() {
            return Ok(None);
        }
        let weights = weights.floats()?;
        // A dropped estimator has a weight, too: which one is not told here.
        if weights.len() != count {
            return Err(object.unsupported("it has not one weight an estimator"));
        }
        Ok(Some(weights))
    };
    let probable = |member: &Member| member.output("predict_proba").is_some();
    let rule = match class {
        "VotingClassifier" => match object.get("voting")?.word().as_deref() {
            Some("soft") if members.iter().all(probable) => Rule::Soft(listed("weights")?),
            Some("hard") => Rule::Hard(listed("weights")?),
            _ => return Err(object.unsupported("an estimator inside has no probabilities")),
        },
        "VotingRegressor" => Rule::Mean(listed("weights")?),
        "BaggingClassifier" | "BaggingRegressor" => {
            if classes.is_some() && !members.iter().all(probable) {
                return Err(object.unsupported("its estimators vote, as they have no probabilities"));
            }
            let columns = object.get("estimators_features_")?.items()?;
            let columns: Vec<Vec<usize>> = columns.iter().map(Object::indices).collect::<Result<_, _>>()?;
            let width = object.get("n_features_in_")?.count()?;
            if columns.len() != count || columns.iter().flatten().any(|c| *c >= width) {
                return Err(object.broken("names columns that do not exist"));
            }
            Rule::Bagged(columns)
        }
        "AdaBoostClassifier" => {
            let algorithm = object.find("algorithm")?.and_then(|a| a.word());
            if algorithm.as_deref().is_some_and(|a| a == "SAMME.R") {
                return Err(object.unsupported("the algorithm SAMME.R has no native form"));
            }
            Rule::Boosted(boosted(object, count)?)
        }
        "AdaBoostRegressor" => Rule::Median(boosted(object, count)?),
        _ => Rule::Beside,
    };
    Ok(Ensemble { members, rule, classes })
}

/// Weights, of which the first ones have an estimator.
fn boosted(object: &Object<'_>, count: usize) -> Result<Vec<f64>, Error> {
    let mut weights = object.get("estimator_weights_")?.floats()?;
    if weights.len() < count {
        return Err(object.broken("has not one weight an estimator"));
    }
    weights.truncate(count);
    Ok(weights)
}

impl Ensemble {
    fn width(&self) -> usize {
        self.classes.as_ref().map_or(1, Classes::len)
    }

    /// Probabilities of the members, summed or averaged.
    fn probabilities(&self, block: &Block) -> Result<Vec<f64>, Error> {
        let (rows, k) = (block.rows(), self.width());
        let mut sums = vec![0.0; rows * k];
        let mut total = 0.0;
        for (index, member) in self.members.iter().enumerate() {
            let (part, weight) = match &self.rule {
                Rule::Bagged(columns) => (block.select(&columns[index]), 1.0),
                Rule::Soft(Some(weights)) => (block.clone(), weights[index]),
                _ => (block.clone(), 1.0),
            };
            let (values, width) = member.numbers(part, "predict_proba")?;
            let labels = member.labels.as_deref().unwrap_or_default();
            if width != labels.len() || values.len() != rows * width {
                return Err(Error::Broken("an estimator inside has not one probability a label".into()));
            }
            for (row, values) in values.chunks_exact(width.max(1)).enumerate() {
                for (value, label) in values.iter().zip(labels) {
                    sums[row * k + label] += value * weight;
                }
            }
            total += weight;
        }
        sums.iter_mut().for_each(|sum| *sum /= total);
        Ok(sums)
    }

    /// `[n, members]` predictions.
    fn each(&self, block: &Block) -> Result<Vec<Vec<f64>>, Error> {
        let mut all = Vec::with_capacity(self.members.len());
        for (index, member) in self.members.iter().enumerate() {
            let part = match &self.rule {
                Rule::Bagged(columns) => block.select(&columns[index]),
                _ => block.clone(),
            };
            let (values, width) = member.numbers(part, "predict")?;
            if width != 1 {
                return Err(Error::Broken("an estimator inside predicts several numbers".into()));
            }
            all.push(values);
        }
        Ok(all)
    }

    fn boosted(&self, block: &Block, weights: &[f64]) -> Result<Vec<f64>, Error> {
        let (rows, k) = (block.rows(), self.width());
        let mut scores = vec![0.0; rows * k];
        for (member, weight) in self.members.iter().zip(weights) {
            let other = -1.0 / (k as f64 - 1.0) * weight;
            for (row, chosen) in member.chosen(block.clone())?.into_iter().enumerate() {
                for label in 0..k {
                    scores[row * k + label] += if label == chosen { *weight } else { other };
                }
            }
        }
        let total: f64 = weights.iter().sum();
        scores.iter_mut().for_each(|score| *score /= total);
        Ok(scores)
    }

    fn classified(&self, classes: &Classes, block: &Block) -> Result<Vec<TensorData>, Error> {
        let k = classes.len();
        match &self.rule {
            Rule::Hard(weights) => {
                let mut votes = vec![0.0; block.rows() * k];
                for (index, member) in self.members.iter().enumerate() {
                    let weight = weights.as_ref().map_or(1.0, |weights| weights[index]);
                    for (row, chosen) in member.chosen(block.clone())?.into_iter().enumerate() {
                        votes[row * k + chosen] += weight;
                    }
                }
                Ok(vec![classes.take(votes.chunks_exact(k).map(argmax))])
            }
            Rule::Boosted(weights) => {
                let mut scores = self.boosted(block, weights)?;
                if k == 2 {
                    let scores: Vec<f64> = scores.chunks_exact(2).map(|s| -s[0] + s[1]).collect();
                    let labels = classes.take(scores.iter().map(|score| usize::from(*score > 0.0)));
                    let mut shares: Vec<f64> = scores.iter().flat_map(|s| [-s / 2.0, s / 2.0]).collect();
                    shares.chunks_exact_mut(2).for_each(softmax);
                    return Ok(vec![labels, TensorData::F64(shares), TensorData::F64(scores)]);
                }
                let labels = classes.take(scores.chunks_exact(k).map(argmax));
                let decisions = scores.clone();
                scores.iter_mut().for_each(|score| *score /= k as f64 - 1.0);
                scores.chunks_exact_mut(k).for_each(softmax);
                Ok(vec![labels, TensorData::F64(scores), TensorData::F64(decisions)])
            }
            _ => {
                let shares = self.probabilities(block)?;
                Ok(vec![classes.take(shares.chunks_exact(k).map(argmax)), TensorData::F64(shares)])
            }
        }
    }
}

impl Predict for Ensemble {
    fn outputs(&self) -> Vec<Output> {
        let Some(classes) = &self.classes else {
            return vec![match self.rule {
                Rule::Beside => Output::table("predict", ElementType::F64, self.members.len()),
                _ => Output::column("predict", ElementType::F64),
            }];
        };
        let mut outputs = vec![Output::column("predict", classes.element())];
        if !matches!(self.rule, Rule::Hard(_)) {
            outputs.push(Output::table("predict_proba", ElementType::F64, classes.len()));
        }
        match self.rule {
            Rule::Boosted(_) if classes.len() == 2 => {
                outputs.push(Output::column("decision_function", ElementType::F64));
            }
            Rule::Boosted(_) => {
                outputs.push(Output::table("decision_function", ElementType::F64, classes.len()));
            }
            _ => {}
        }
        outputs
    }

    fn predict(&self, block: Block) -> Result<Vec<TensorData>, Error> {
        if let Some(classes) = &self.classes {
            return self.classified(classes, &block);
        }
        let each = self.each(&block)?;
        let rows = 0..block.rows();
        let values = match &self.rule {
            Rule::Mean(Some(weights)) => {
                let total: f64 = weights.iter().sum();
                let sum = |row: usize| each.iter().zip(weights).map(|(v, w)| v[row] * w).sum::<f64>();
                rows.map(|row| sum(row) / total).collect()
            }
            Rule::Median(weights) => rows.map(|row| median(&each, weights, row)).collect(),
            Rule::Beside => rows.flat_map(|row| each.iter().map(move |v| v[row])).collect(),
            _ => rows.map(|row| each.iter().map(|v| v[row]).sum::<f64>() / each.len() as f64).collect(),
        };
        Ok(vec![TensorData::F64(values)])
    }

    fn held(&self) -> usize {
        self.members.iter().map(|member| member.predict.held()).sum()
    }
}

/// The prediction at which half of the weight is reached.
fn median(each: &[Vec<f64>], weights: &[f64], row: usize) -> f64 {
    let mut order: Vec<usize> = (0..each.len()).collect();
    order.sort_by(|a, b| each[*a][row].total_cmp(&each[*b][row]));
    let mut sum = 0.0;
    let sums: Vec<f64> = order
        .iter()
        .map(|index| {
            sum += weights[*index];
            sum
        })
        .collect();
    let at = sums.iter().position(|part| *part >= 0.5 * sum).unwrap_or(0);
    each[order[at]][row]
}

/// `StackingClassifier` and `StackingRegressor`.
pub(crate) struct Stacked {
    /// With the output that is passed on, and whether its first column is left out.
    members: Vec<(Member, &'static str, bool)>,
    last: Box<dyn Predict>,
    /// The input goes on beside the predictions.
    passed: bool,
    classes: Option<Classes>,
}

pub(super) fn stacked(object: &Object<'_>) -> Result<Stacked, Error> {
    let classes = match object.class() {
        "StackingClassifier" => Some(Classes::read(&object.get("classes_")?)?),
        _ => None,
    };
    let numbered = classes.as_ref().map(|classes| Classes::range(classes.len()));
    let (stored, methods) = (object.get("estimators_")?.items()?, object.get("stack_method_")?.items()?);
    if stored.is_empty() || stored.len() != methods.len() {
        return Err(object.broken("has not one method an estimator"));
    }
    let mut members = Vec::with_capacity(stored.len());
    for (member, method) in stored.iter().zip(&methods) {
        let member_read = Member::read(member, numbered.as_ref())?;
        let method = match method.word().as_deref() {
            Some("predict_proba") => "predict_proba",
            Some("decision_function") => "decision_function",
            Some("predict") => "predict",
            _ => return Err(object.unsupported("its stack method is not known")),
        };
        if member_read.output(method).is_none() {
            return Err(member.unsupported(format!("it has no {method}")));
        }
        let binary = method == "predict_proba" && numbered.as_ref().is_some_and(|c| c.len() == 2);
        members.push((member_read, method, binary));
    }
    let last = predictor(&object.get("final_estimator_")?)?;
    let passed = object.get("passthrough")?.boolean()?;
    Ok(Stacked { members, last, passed, classes })
}

impl Predict for Stacked {
    fn outputs(&self) -> Vec<Output> {
        let mut outputs = self.last.outputs();
        if let (Some(classes), Some(first)) = (&self.classes, outputs.first_mut()) {
            first.element = classes.element();
        }
        outputs
    }

    fn predict(&self, block: Block) -> Result<Vec<TensorData>, Error> {
        let rows = block.rows();
        let mut parts = Vec::with_capacity(self.members.len() + 1);
        for (member, method, binary) in &self.members {
            let (values, width) = member.numbers(block.clone(), method)?;
            let values = Matrix::double(rows, width, values);
            parts.push(if *binary { values.select(&(1..width).collect::<Vec<_>>()) } else { values });
        }
        if self.passed {
            parts.push(block.matrix()?);
        }
        let mut outputs = self.last.predict(Block::Matrix(Matrix::beside(rows, &parts)))?;
        if let (Some(classes), Some(first)) = (&self.classes, outputs.first_mut()) {
            let numbers = Classes::range(classes.len()).indices(first);
            let numbers = numbers
                .ok_or_else(|| Error::Broken("the last estimator predicts no numbers of labels".into()))?;
            *first = classes.take(numbers.into_iter());
        }
        Ok(outputs)
    }

    fn held(&self) -> usize {
        self.last.held() + self.members.iter().map(|(member, ..)| member.predict.held()).sum::<usize>()
    }
}
