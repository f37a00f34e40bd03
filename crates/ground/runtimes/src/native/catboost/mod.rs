//! CatBoost models without features that are computed from the training data, from `cbm` and JSON. Rules:
//! `catboost/libs/model/` of CatBoost 1.2: values are compared in single, leaves added in double precision, in the
//! order of the trees.

mod flat;
mod read;

use super::matrix::Block;
use super::outputs::{Classes, Output, Predict, bytes, softmax};
use crate::{ElementType, Error, TensorData};
use read::{Raw, Trees};

/// Rows that go through a tree together.
const ROWS: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    Binary,
    Softmax,
    OneVsAll,
    /// Raw scores.
    Score,
}

pub(crate) struct Booster {
    raw: Raw,
    task: Task,
    classes: Option<Classes>,
    pub(crate) names: Option<Vec<String>>,
}

/// `kind` is MLflow's `model_type` (`CatBoostClassifier`); without it the model says itself what it is.
pub(crate) fn load(bytes: &[u8], kind: Option<&str>) -> Result<Booster, Error> {
    let raw = read::read(bytes)?;
    let task = match raw.loss.as_str() {
        "Logloss" | "CrossEntropy" => Task::Binary,
        "MultiClass" => Task::Softmax,
        "MultiClassOneVsAll" => Task::OneVsAll,
        "MultiLogloss"
        | "MultiCrossEntropy"
        | "RMSEWithUncertainty"
        | "Poisson"
        | "Tweedie"
        | "LogNormal" => {
            return Err(Error::Unsupported(format!("CatBoost's loss {}", raw.loss)));
        }
        "" => return Err(Error::Unsupported("a CatBoost model that does not name its loss".into())),
        _ => Task::Score,
    };
    let classifies =
        task != Task::Score && !matches!(kind, Some("CatBoost" | "CatBoostRegressor" | "CatBoostRanker"));
    let classes = match (classifies, &raw.classes) {
        (false, _) => None,
        (true, Some(classes)) => Some(classes.clone()),
        (true, None) => Some(Classes::range(if task == Task::Binary { 2 } else { raw.dimension })),
    };
    let expected = if task == Task::Binary { 2 } else { raw.dimension };
    if classes.as_ref().is_some_and(|c| c.len() != expected) {
        return Err(Error::Broken("the CatBoost model has not one score a class".into()));
    }
    if task == Task::Binary && raw.dimension != 1 {
        return Err(Error::Broken("a CatBoost model of two classes has several scores".into()));
    }
    let names = raw.names.clone();
    Ok(Booster { raw, task, classes, names })
}

impl Booster {
    pub(crate) fn columns(&self) -> usize {
        self.raw.columns
    }

    /// `[rows, dimension]`.
    fn scores(&self, x: &[f32], rows: usize) -> Vec<f64> {
        let (k, width) = (self.raw.dimension, self.raw.columns);
        let mut sums = vec![0.0; rows * k];
        match &self.raw.trees {
            Trees::Oblivious { splits, starts, leaf_starts } => {
                for tree in 0..starts.len().saturating_sub(1) {
                    let splits = &splits[starts[tree]..starts[tree + 1]];
                    let leaves = &self.raw.leaves[leaf_starts[tree]..];
                    let mut row = 0;
                    while row < rows {
                        let count = ROWS.min(rows - row);
                        let mut at = [0_usize; ROWS];
                        for (depth, split) in splits.iter().enumerate() {
                            for (i, at) in at[..count].iter_mut().enumerate() {
                                let value = x[(row + i) * width + split.column as usize];
                                *at |= usize::from(value > split.border) << depth;
                            }
                        }
                        for (i, at) in at[..count].iter().enumerate() {
                            let sums = &mut sums[(row + i) * k..(row + i + 1) * k];
                            for (sum, leaf) in sums.iter_mut().zip(&leaves[at * k..at * k + k]) {
                                *sum += leaf;
                            }
                        }
                        row += count;
                    }
                }
            }
            Trees::Free(forest) => forest.rows(x, 0..forest.trees(), |row, _, leaf| {
                let leaf = leaf as usize * k;
                let sums = &mut sums[row * k..(row + 1) * k];
                for (sum, value) in sums.iter_mut().zip(&self.raw.leaves[leaf..leaf + k]) {
                    *sum += value;
                }
            }),
        }
        for row in sums.chunks_exact_mut(k) {
            for (sum, bias) in row.iter_mut().zip(&self.raw.bias) {
                *sum = *sum * self.raw.scale + bias;
            }
        }
        sums
    }

    fn table(&self, name: &'static str) -> Output {
        if self.raw.dimension == 1 {
            Output::column(name, ElementType::F64)
        } else {
            Output::table(name, ElementType::F64, self.raw.dimension)
        }
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

impl Predict for Booster {
    fn outputs(&self) -> Vec<Output> {
        match &self.classes {
            Some(classes) => vec![
                // CatBoost gives the labels of several classes as a column.
                if self.task == Task::Binary {
                    Output::column("predict", classes.element())
                } else {
                    Output::table("predict", classes.element(), 1)
                },
                Output::table("predict_proba", ElementType::F64, classes.len()),
                self.table("raw_score"),
            ],
            None => vec![self.table("predict")],
        }
    }

    fn predict(&self, block: Block) -> Result<Vec<TensorData>, Error> {
        if block.width() != self.raw.columns {
            return Err(Error::ColumnCount { expected: self.raw.columns, actual: block.width() });
        }
        let matrix = block.matrix()?.into_single();
        let mut x = matrix.singles().into_owned();
        if self.raw.missing_high.iter().any(|h| *h) {
            for row in x.chunks_exact_mut(self.raw.columns.max(1)) {
                for (value, high) in row.iter_mut().zip(&self.raw.missing_high) {
                    if *high && value.is_nan() {
                        // Above the largest number, which is the border that training made for missing values.
                        *value = f32::INFINITY;
                    }
                }
            }
        }
        let raw = self.scores(&x, matrix.rows);
        let Some(classes) = &self.classes else { return Ok(vec![TensorData::F64(raw)]) };
        let (labels, probabilities) = match self.task {
            Task::Binary => (
                classes.take(raw.iter().map(|x| usize::from(*x > 0.0))),
                raw.iter().flat_map(|x| [1.0 - sigmoid(*x), sigmoid(*x)]).collect(),
            ),
            _ => {
                let labels = classes.take(raw.chunks_exact(self.raw.dimension).map(super::outputs::argmax));
                let mut out = raw.clone();
                match self.task {
                    Task::OneVsAll => out.iter_mut().for_each(|x| *x = sigmoid(*x)),
                    _ => out.chunks_exact_mut(self.raw.dimension).for_each(softmax),
                }
                (labels, out)
            }
        };
        Ok(vec![labels, TensorData::F64(probabilities), TensorData::F64(raw)])
    }

    fn held(&self) -> usize {
        let trees = match &self.raw.trees {
            Trees::Oblivious { splits, starts, leaf_starts } => {
                bytes(splits) + bytes(starts) + bytes(leaf_starts)
            }
            Trees::Free(forest) => forest.held(),
        };
        trees + bytes(&self.raw.leaves)
    }
}
