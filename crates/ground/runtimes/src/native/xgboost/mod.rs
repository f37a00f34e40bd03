//! XGBoost models, from JSON and UBJSON. Rules: `src/learner.cc`, `src/gbm/gbtree.cc`, `src/gbm/gblinear.cc` and
//! `src/predictor/cpu_predictor.cc` of XGBoost 3.2; all arithmetic is in single precision and in the order of the trees.

mod objective;
mod read;

use super::codes::Codes;
use super::matrix::Block;
use super::outputs::{Classes, Output, Predict, Transform, bytes};
use super::skops::Object;
use super::tree::Forest;
use crate::{ElementType, Error, TensorData};
use objective::{Objective, Shown};

use read::Raw;
pub(crate) use read::Tree as StoredTree;

/// How the model was wrapped, which decides what `predict` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrapper {
    /// `xgboost.Booster`: transformed scores of all rounds.
    Booster,
    /// `XGBClassifier`, `XGBRFClassifier`: labels, of the best rounds.
    Classifier,
    /// `XGBRegressor`, `XGBRanker`: scores, of the best rounds.
    Regressor,
}

impl Wrapper {
    /// From the class in an MLmodel file (`xgboost.sklearn.XGBClassifier`).
    pub(crate) fn of(class: &str) -> Self {
        match class.rsplit('.').next() {
            Some("XGBClassifier" | "XGBRFClassifier") => Self::Classifier,
            Some("XGBRegressor" | "XGBRFRegressor" | "XGBRanker") => Self::Regressor,
            _ => Self::Booster,
        }
    }
}

enum Machine {
    Trees {
        forest: Forest<f32>,
        leaves: Vec<f32>,
        groups: Vec<u32>,
        weights: Option<Vec<f32>>,
        trees: usize,
    },
    /// `(columns + 1) × groups`; the last row is the bias.
    Linear {
        weights: Vec<f32>,
    },
}

pub(crate) struct Booster {
    machine: Machine,
    columns: usize,
    groups: usize,
    /// Where the scores start, one a group.
    base: Vec<f32>,
    objective: Objective,
    wrapper: Wrapper,
    classes: Classes,
    codes: Option<Codes>,
    pub(crate) names: Option<Vec<String>>,
}

/// A booster from the bytes of a JSON or UBJSON file.
pub(crate) fn load(bytes: &[u8], wrapper: Wrapper) -> Result<Booster, Error> {
    build(read::read(bytes)?, wrapper, None)
}

/// A booster inside of a `.skops` file.
pub(crate) fn from_skops(object: &Object<'_>) -> Result<Box<dyn Predict>, Error> {
    let (booster, wrapper, classes) = if object.class() == "Booster" {
        (object.clone(), Wrapper::Booster, None)
    } else {
        if let Some(missing) = object.find("missing")?
            && !missing.number().is_ok_and(f64::is_nan)
        {
            return Err(object.unsupported("its `missing` is not NaN"));
        }
        (object.get("_Booster")?, Wrapper::of(object.class()), None)
    };
    let handle = booster.get("handle")?;
    // The handle is `serialize_model`: the model beside its training configuration.
    let document = read::document(handle.file()?)?;
    let model = document.find("Model").unwrap_or(&document);
    Ok(Box::new(build(read::parse(model)?, wrapper, classes)?))
}

/// The trees as they are stored, for explanations. A linear booster has none.
pub(crate) fn stored(bytes: &[u8], wrapper: Wrapper) -> Result<super::parts::XgBoost, Error> {
    let raw = read::read(bytes)?;
    if raw.linear.is_some() {
        return Err(Error::Unsupported("explanations of a linear booster".into()));
    }
    let base = starts(&raw, Objective::of(&raw.objective, raw.groups)?)?;
    let count = used(&raw, wrapper);
    let weights = raw.weights.unwrap_or_else(|| vec![1.0; raw.trees.len()]);
    let groups = raw.tree_groups.into_iter().map(|g| g as usize);
    let trees = raw.trees.into_iter().zip(groups).zip(weights).take(count);
    Ok(super::parts::XgBoost {
        columns: raw.columns,
        base: base.into_iter().map(f64::from).collect(),
        trees: trees.map(|((tree, group), weight)| (tree, group, weight)).collect(),
    })
}

/// Where the scores start, by group.
fn starts(raw: &Raw, objective: Objective) -> Result<Vec<f32>, Error> {
    match raw.base.as_slice() {
        [one] => Ok(vec![objective.margin(*one)?; raw.groups]),
        many if many.len() == raw.groups => many.iter().map(|b| objective.margin(*b)).collect(),
        _ => Err(Error::Broken("the model has not one base score a class".into())),
    }
}

/// Trees that are used: the wrappers of scikit-learn stop at the best round.
fn used(raw: &Raw, wrapper: Wrapper) -> usize {
    match raw.best_trees {
        Some(best) if wrapper != Wrapper::Booster => best.min(raw.trees.len()),
        _ => raw.trees.len(),
    }
}

fn build(raw: Raw, wrapper: Wrapper, classes: Option<Classes>) -> Result<Booster, Error> {
    let groups = raw.groups;
    let objective = Objective::of(&raw.objective, groups)?;
    let base = starts(&raw, objective)?;
    let machine = match &raw.linear {
        Some(weights) => {
            if weights.len() != (raw.columns + 1) * groups {
                return Err(Error::Broken("the linear booster has another number of weights".into()));
            }
            Machine::Linear { weights: weights.clone() }
        }
        None => {
            let mut forest = Forest::new(raw.columns);
            let mut leaves = Vec::new();
            for tree in &raw.trees {
                tree.compile(&mut forest, &mut leaves)?;
            }
            let trees = used(&raw, wrapper);
            Machine::Trees {
                forest,
                leaves,
                groups: raw.tree_groups.clone(),
                weights: raw.weights.clone(),
                trees,
            }
        }
    };
    if wrapper == Wrapper::Classifier && objective.shown() == Shown::Label {
        return Err(Error::Unsupported(format!("a classifier with the objective `{}`", raw.objective)));
    }
    let classes = classes.unwrap_or_else(|| Classes::range(if groups == 1 { 2 } else { groups }));
    if classes.len() != if groups == 1 { 2 } else { groups } && wrapper == Wrapper::Classifier {
        return Err(Error::Broken("the classifier has not one score a class".into()));
    }
    Ok(Booster {
        machine,
        columns: raw.columns,
        groups,
        base,
        objective,
        wrapper,
        classes,
        codes: raw.codes,
        names: raw.names,
    })
}

impl Booster {
    /// `[rows, groups]` before the objective's transformation.
    fn margins(&self, rows: &[f32], count: usize) -> Vec<f32> {
        let mut sums = self.base.repeat(count);
        let k = self.groups;
        match &self.machine {
            Machine::Trees { forest, leaves, groups, weights, trees } => match weights {
                None if k == 1 => {
                    forest.rows(rows, 0..*trees, |row, _, leaf| sums[row] += leaves[leaf as usize]);
                }
                None => forest.rows(rows, 0..*trees, |row, tree, leaf| {
                    sums[row * k + groups[tree] as usize] += leaves[leaf as usize];
                }),
                Some(weights) => forest.rows(rows, 0..*trees, |row, tree, leaf| {
                    sums[row * k + groups[tree] as usize] += leaves[leaf as usize] * weights[tree];
                }),
            },
            Machine::Linear { weights } => {
                let bias = &weights[self.columns * k..];
                for (row, x) in rows.chunks_exact(self.columns.max(1)).enumerate() {
                    for group in 0..k {
                        // XGBoost starts every class at the base score of the first one.
                        let mut sum = bias[group] + self.base[0];
                        for (column, x) in x.iter().enumerate() {
                            if !x.is_nan() {
                                sum += x * weights[column * k + group];
                            }
                        }
                        sums[row * k + group] = sum;
                    }
                }
            }
        }
        sums
    }

    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    fn table(&self, name: &'static str) -> Output {
        if self.groups == 1 {
            Output::column(name, ElementType::F32)
        } else {
            Output::table(name, ElementType::F32, self.groups)
        }
    }
}

impl Predict for Booster {
    fn outputs(&self) -> Vec<Output> {
        let mut outputs = match (self.wrapper, self.objective.shown()) {
            (Wrapper::Classifier, _) => vec![
                Output::column("predict", self.classes.element()),
                Output::table("predict_proba", ElementType::F32, self.classes.len()),
            ],
            (_, Shown::Label) => vec![Output::column("predict", ElementType::F32)],
            _ => vec![self.table("predict")],
        };
        outputs.push(self.table("margin"));
        outputs
    }

    fn predict(&self, block: Block) -> Result<Vec<TensorData>, Error> {
        if block.width() != self.columns {
            return Err(Error::ColumnCount { expected: self.columns, actual: block.width() });
        }
        let block = match &self.codes {
            Some(codes) => codes.apply(block)?,
            None => block,
        };
        let matrix = block.matrix()?.into_single();
        // XGBoost refuses infinity where `missing` is not infinity.
        matrix.finite("XGBoost", true)?;
        let margins = self.margins(&matrix.singles(), matrix.rows);
        let scores = self.objective.transform(&margins, self.groups);
        let mut outputs = Vec::with_capacity(3);
        if self.wrapper == Wrapper::Classifier {
            if self.groups == 1 {
                outputs.push(self.classes.take(scores.iter().map(|p| usize::from(*p > 0.5))));
                outputs.push(TensorData::F32(scores.iter().flat_map(|p| [1.0 - p, *p]).collect()));
            } else {
                outputs.push(self.classes.take(scores.chunks_exact(self.groups).map(super::outputs::argmax)));
                outputs.push(TensorData::F32(scores));
            }
        } else {
            outputs.push(TensorData::F32(scores));
        }
        outputs.push(TensorData::F32(margins));
        Ok(outputs)
    }

    fn held(&self) -> usize {
        match &self.machine {
            Machine::Trees { forest, leaves, groups, weights, .. } => {
                forest.held() + bytes(leaves) + bytes(groups) + weights.as_ref().map_or(0, bytes)
            }
            Machine::Linear { weights } => bytes(weights),
        }
    }
}
