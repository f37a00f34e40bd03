//! Classifiers of two labels that together tell more: `OneVsRestClassifier`, `OneVsOneClassifier`, and one a label of several,
//! `MultiOutputClassifier`.

use super::ensemble::classes_of;
use super::predictor;
use crate::native::matrix::Block;
use crate::native::outputs::{Classes, Output, Predict, argmax};
use crate::native::skops::Object;
use crate::{ElementType, Error, TensorData};

/// A classifier of two labels.
struct Binary {
    predict: Box<dyn Predict>,
    /// The output that the decision is made by.
    by: usize,
    /// That output has a column for each of both labels.
    shares: bool,
    /// Where its probabilities are.
    probabilities: Option<usize>,
    /// Above it the second label is meant.
    threshold: f64,
}

impl Binary {
    fn read(object: &Object<'_>) -> Result<Self, Error> {
        // Its scores are not given, and scikit-learn would decide by them.
        if innermost(object)? == "BaggingClassifier" {
            return Err(object.unsupported("bagging decides inside of it"));
        }
        let predict = predictor(object)?;
        let outputs = predict.outputs();
        let find = |name: &str| outputs.iter().position(|output| output.name == name);
        let (decision, probabilities) = (find("decision_function"), find("predict_proba"));
        let (by, shares, threshold) = match (decision, probabilities) {
            (Some(at), _) if outputs[at].width.is_none() => (at, false, 0.0),
            (None, Some(at)) if outputs[at].width == Some(2) => (at, true, 0.5),
            _ => return Err(object.unsupported("it has no scores of two labels")),
        };
        let probabilities = probabilities.filter(|at| outputs[*at].width == Some(2));
        Ok(Self { predict, by, shares, probabilities, threshold })
    }

    fn scores(&self, block: Block) -> Result<Scored, Error> {
        let mut outputs = self.predict.predict(block)?;
        let broken = || Error::Broken("a classifier inside gives other outputs than it says".into());
        let second = |data: &TensorData| -> Option<Vec<f64>> {
            Some(data.to_f64()?.chunks_exact(2).map(|pair| pair[1]).collect())
        };
        let decided = outputs.get(self.by).ok_or_else(broken)?;
        let scores = if self.shares { second(decided) } else { decided.to_f64() }.ok_or_else(broken)?;
        let probabilities = match self.probabilities {
            Some(at) => Some(outputs.get(at).and_then(second).ok_or_else(broken)?),
            None => None,
        };
        Ok(Scored { scores, probabilities, labels: outputs.swap_remove(0) })
    }
}

/// What a classifier of two labels says, by row.
struct Scored {
    scores: Vec<f64>,
    /// Of the second label.
    probabilities: Option<Vec<f64>>,
    labels: TensorData,
}

/// The class that predicts at the end of pipelines and searches.
fn innermost<'i>(object: &Object<'i>) -> Result<&'i str, Error> {
    match object.class() {
        "Pipeline" => match object.get("steps")?.items()?.last().map(Object::items).transpose()? {
            Some(step) if step.len() > 1 => innermost(&step[1]),
            _ => Err(object.broken("has no steps")),
        },
        "GridSearchCV" | "RandomizedSearchCV" => innermost(&object.get("best_estimator_")?),
        class => Ok(class),
    }
}

pub(crate) struct OneVsRest {
    members: Vec<Binary>,
    classes: Classes,
}

fn members(object: &Object<'_>) -> Result<Vec<Binary>, Error> {
    let members: Vec<Binary> =
        object.get("estimators_")?.items()?.iter().map(Binary::read).collect::<Result<_, _>>()?;
    match members.is_empty() {
        true => Err(object.broken("has no estimators")),
        false => Ok(members),
    }
}

pub(super) fn one_vs_rest(object: &Object<'_>) -> Result<OneVsRest, Error> {
    let binarizer = object.get("label_binarizer_")?;
    let classes = Classes::read(&binarizer.get("classes_")?)?;
    let kind = binarizer.get("y_type_")?.word();
    let members = members(object)?;
    let fits = match kind.as_deref() {
        Some("multiclass") => members.len() == classes.len() && classes.len() > 2,
        Some("binary") => members.len() == 1 && classes.len() == 2,
        _ => return Err(object.unsupported("it has several labels a row")),
    };
    if !fits {
        return Err(object.broken("has not one estimator a class"));
    }
    // Both or none: it would have the method otherwise only by chance.
    if members.iter().any(|m| m.shares != members[0].shares) {
        return Err(object.unsupported("its estimators are of several kinds"));
    }
    Ok(OneVsRest { members, classes })
}

impl OneVsRest {
    fn probable(&self) -> bool {
        self.members.iter().all(|member| member.probabilities.is_some())
    }
}

impl Predict for OneVsRest {
    fn outputs(&self) -> Vec<Output> {
        let k = self.classes.len();
        let mut outputs = vec![Output::column("predict", self.classes.element())];
        if self.probable() {
            outputs.push(Output::table("predict_proba", ElementType::F64, k));
        }
        if !self.members[0].shares {
            outputs.push(match k {
                2 => Output::column("decision_function", ElementType::F64),
                _ => Output::table("decision_function", ElementType::F64, k),
            });
        }
        outputs
    }

    fn predict(&self, block: Block) -> Result<Vec<TensorData>, Error> {
        let rows = block.rows();
        let (mut scores, mut shares) = (Vec::new(), Vec::new());
        for member in &self.members {
            let Scored { scores: score, probabilities: share, .. } = member.scores(block.clone())?;
            scores.push(score);
            shares.extend(share);
        }
        let beside = |columns: &[Vec<f64>]| -> Vec<f64> {
            (0..rows).flat_map(|row| columns.iter().map(move |column| column[row])).collect()
        };
        let all = beside(&scores);
        let threshold = self.members[0].threshold;
        let labels = match self.members.len() {
            1 => self.classes.take(all.iter().map(|score| usize::from(*score > threshold))),
            k => self.classes.take(all.chunks_exact(k).map(argmax)),
        };
        let mut outputs = vec![labels];
        if self.probable() {
            let mut table = match shares.as_slice() {
                [only] => only.iter().flat_map(|p| [1.0 - p, *p]).collect(),
                _ => beside(&shares),
            };
            for row in table.chunks_exact_mut(self.classes.len()) {
                let sum: f64 = row.iter().sum();
                if sum != 0.0 {
                    row.iter_mut().for_each(|p| *p /= sum);
                }
            }
            outputs.push(TensorData::F64(table));
        }
        if !self.members[0].shares {
            outputs.push(TensorData::F64(all));
        }
        Ok(outputs)
    }

    fn held(&self) -> usize {
        self.members.iter().map(|member| member.predict.held()).sum()
    }
}

pub(crate) struct OneVsOne {
    members: Vec<Binary>,
    classes: Classes,
}

pub(super) fn one_vs_one(object: &Object<'_>) -> Result<OneVsOne, Error> {
    if object.find("pairwise_indices_")?.is_some_and(|indices| !indices.is_none()) {
        return Err(object.unsupported("it takes distances between rows"));
    }
    let classes = Classes::read(&object.get("classes_")?)?;
    let (members, k) = (members(object)?, classes.len());
    if k < 2 || members.len() != k * (k - 1) / 2 {
        return Err(object.broken("has not one estimator a pair of classes"));
    }
    for stored in object.get("estimators_")?.items()? {
        if classes_of(&stored)? != Classes::range(2) {
            return Err(stored.unsupported("its labels are not 0 and 1"));
        }
    }
    Ok(OneVsOne { members, classes })
}

impl Predict for OneVsOne {
    fn outputs(&self) -> Vec<Output> {
        let k = self.classes.len();
        vec![
            Output::column("predict", self.classes.element()),
            match k {
                2 => Output::column("decision_function", ElementType::F64),
                _ => Output::table("decision_function", ElementType::F64, k),
            },
        ]
    }

    fn predict(&self, block: Block) -> Result<Vec<TensorData>, Error> {
        let (rows, k) = (block.rows(), self.classes.len());
        let (mut votes, mut sums) = (vec![0.0; rows * k], vec![0.0; rows * k]);
        let pairs = (0..k).flat_map(|i| (i + 1..k).map(move |j| (i, j)));
        for (member, (i, j)) in self.members.iter().zip(pairs) {
            let Scored { scores, labels, .. } = member.scores(block.clone())?;
            let chosen = Classes::range(2).indices(&labels).ok_or_else(|| {
                Error::Broken("a classifier inside predicts other labels than 0 and 1".into())
            })?;
            for (row, (score, chosen)) in scores.iter().zip(chosen).enumerate() {
                sums[row * k + i] -= score;
                sums[row * k + j] += score;
                votes[row * k + if chosen == 0 { i } else { j }] += 1.0;
            }
        }
        // Sums break ties: they stay below a third of a vote.
        for (vote, sum) in votes.iter_mut().zip(&sums) {
            *vote += sum / (3.0 * (sum.abs() + 1.0));
        }
        if k == 2 {
            let threshold = self.members[0].threshold;
            let second: Vec<f64> = votes.chunks_exact(2).map(|pair| pair[1]).collect();
            let labels = self.classes.take(second.iter().map(|vote| usize::from(*vote > threshold)));
            return Ok(vec![labels, TensorData::F64(second)]);
        }
        let labels = self.classes.take(votes.chunks_exact(k).map(argmax));
        Ok(vec![labels, TensorData::F64(votes)])
    }

    fn held(&self) -> usize {
        self.members.iter().map(|member| member.predict.held()).sum()
    }
}

/// Its labels alone: probabilities are a list of tables, which is no output.
pub(crate) struct Several {
    members: Vec<Box<dyn Predict>>,
    element: ElementType,
}

pub(super) fn several(object: &Object<'_>) -> Result<Several, Error> {
    let stored = object.get("estimators_")?.items()?;
    let mut members = Vec::with_capacity(stored.len());
    let mut elements = Vec::new();
    for member in &stored {
        elements.push(classes_of(member)?.element());
        members.push(predictor(member)?);
    }
    let Some(element) = elements.first().copied() else { return Err(object.broken("has no estimators")) };
    if elements.iter().any(|other| *other != element) {
        return Err(object.unsupported("its labels are of several types"));
    }
    Ok(Several { members, element })
}

impl Predict for Several {
    fn outputs(&self) -> Vec<Output> {
        vec![Output::table("predict", self.element, self.members.len())]
    }

    fn predict(&self, block: Block) -> Result<Vec<TensorData>, Error> {
        let rows = block.rows();
        let mut each = Vec::with_capacity(self.members.len());
        for member in &self.members {
            each.push(member.predict(block.clone())?.swap_remove(0));
        }
        macro_rules! beside {
            ($($kind:ident),*) => {
                match self.element {
                    $(ElementType::$kind => {
                        let columns: Option<Vec<&Vec<_>>> = each
                            .iter()
                            .map(|data| match data {
                                TensorData::$kind(values) => Some(values),
                                _ => None,
                            })
                            .collect();
                        columns.map(|columns| {
                            let all = (0..rows).flat_map(|row| columns.iter().filter_map(move |c| c.get(row).cloned()));
                            TensorData::$kind(all.collect())
                        })
                    })*
                    _ => None,
                }
            };
        }
        let table = beside!(I64, F64, Bool, Bytes);
        Ok(vec![
            table.ok_or_else(|| Error::Broken("a classifier inside gives labels of another type".into()))?,
        ])
    }

    fn held(&self) -> usize {
        self.members.iter().map(|member| member.held()).sum()
    }
}
