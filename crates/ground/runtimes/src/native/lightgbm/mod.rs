//! LightGBM models, from text. Rules: `src/io/tree.cpp`, `include/LightGBM/tree.h`, `src/boosting/gbdt_prediction.cpp`
//! and `src/objective/` of LightGBM 4.7; all arithmetic is in double precision and in the order of the trees.

mod objective;
mod read;

use super::codes::Codes;
use super::matrix::{Block, Kind};
use super::outputs::{Classes, Output, Predict, Transform, argmax, bytes};
use super::skops::Object;
use super::tree::Forest;
use crate::{ElementType, Error, TensorData};
use objective::Objective;

use read::LinearLeaf;
pub(crate) use read::{Raw, parse};

pub(crate) struct Booster {
    forest: Forest<f64>,
    leaves: Vec<f64>,
    /// Beside the leaves, where a tree is linear.
    linear: Vec<LinearLeaf>,
    trees: usize,
    columns: usize,
    groups: usize,
    objective: Objective,
    /// Random forest mode: scores are means over this many rounds.
    mean_of: Option<usize>,
    /// The labels of an `LGBMClassifier`.
    classes: Option<Classes>,
    codes: Option<Codes>,
    pub(crate) names: Option<Vec<String>>,
}

/// A booster from its text. `kinds` are the columns' types where they are known: texts among them are matched with
/// the categories of the training data, in order.
pub(crate) fn load(text: &str, kinds: Option<&[Kind]>) -> Result<Booster, Error> {
    build(parse(text)?, None, None, kinds)
}

/// `Booster`, `LGBMClassifier`, `LGBMRegressor` or `LGBMRanker` inside of a `.skops` file.
pub(crate) fn from_skops(object: &Object<'_>) -> Result<Box<dyn Predict>, Error> {
    Ok(Box::new(from_skops_with(object, None)?))
}

pub(crate) fn from_skops_with(object: &Object<'_>, kinds: Option<&[Kind]>) -> Result<Booster, Error> {
    let (booster, classes) = match object.class() {
        "Booster" => (object.clone(), None),
        "LGBMClassifier" => (object.get("_Booster")?, Some(Classes::read(&object.get("_classes")?)?)),
        "LGBMRegressor" | "LGBMRanker" => (object.get("_Booster")?, None),
        other => return Err(object.unsupported(format!("LightGBM's class {other}"))),
    };
    let handle = booster.get("_handle").or_else(|_| booster.get("handle"))?;
    let best = booster.find("best_iteration")?.map(|b| b.number()).transpose()?.unwrap_or(0.0);
    let best = if best >= 1.0 { Some(best as usize) } else { None };
    build(parse(&handle.text()?)?, classes, best, kinds)
}

fn build(
    raw: Raw,
    classes: Option<Classes>,
    best: Option<usize>,
    kinds: Option<&[Kind]>,
) -> Result<Booster, Error> {
    let mut forest = Forest::new(raw.columns);
    let mut leaves = Vec::new();
    let mut linear = Vec::new();
    let is_linear = raw.trees.iter().any(|tree| !tree.linear.is_empty());
    for tree in &raw.trees {
        tree.compile(&mut forest, &mut leaves, is_linear.then_some(&mut linear))?;
    }
    let k = raw.trees_per_round;
    let rounds = raw.trees.len() / k;
    let rounds = best.map_or(rounds, |b| b.min(rounds));
    let objective = Objective::of(raw.objective.as_deref(), raw.classes)?;
    if let Some(classes) = &classes {
        let fits = match classes.len() {
            1 | 2 => k == 1,
            many => many == k,
        };
        if !fits || !objective.is_classification() {
            return Err(Error::Unsupported("a LightGBM classifier with an objective of its own".into()));
        }
    }
    let codes = codes(&raw, kinds)?;
    let names = Some(raw.names).filter(|n| n.len() == raw.columns);
    Ok(Booster {
        forest,
        leaves,
        linear,
        trees: rounds * k,
        columns: raw.columns,
        groups: k,
        objective,
        mean_of: raw.average.then_some(rounds.max(1)),
        classes,
        codes,
        names,
    })
}

/// Categories of pandas belong to the categorical columns in their order.
fn codes(raw: &Raw, kinds: Option<&[Kind]>) -> Result<Option<Codes>, Error> {
    let Some(kinds) = kinds else { return Ok(None) };
    let texts = kinds.iter().filter(|k| **k == Kind::Text).count();
    if texts == 0 {
        return Ok(None);
    }
    if texts != raw.categories.len() {
        return Err(Error::Unsupported(format!(
            "{texts} text columns, where the LightGBM model has {} lists of categories",
            raw.categories.len()
        )));
    }
    let mut lists = raw.categories.iter();
    let columns =
        kinds.iter().map(|kind| if *kind == Kind::Text { lists.next().cloned() } else { None }).collect();
    Ok(Some(Codes::lenient(columns)))
}

impl Booster {
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    fn table(&self, name: &'static str) -> Output {
        if self.groups == 1 {
            Output::column(name, ElementType::F64)
        } else {
            Output::table(name, ElementType::F64, self.groups)
        }
    }
}

impl Predict for Booster {
    fn outputs(&self) -> Vec<Output> {
        let mut outputs = match &self.classes {
            Some(classes) => vec![
                Output::column("predict", classes.element()),
                Output::table("predict_proba", ElementType::F64, classes.len().max(2)),
            ],
            None => vec![self.table("predict")],
        };
        outputs.push(self.table("raw_score"));
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
        let matrix = block.matrix()?.into_double();
        let k = self.groups;
        let mut raw = vec![0.0; matrix.rows * k];
        let doubles = matrix.doubles();
        if !self.linear.is_empty() {
            let width = self.columns;
            self.forest.rows(&doubles, 0..self.trees, |row, tree, leaf| {
                let values = &doubles[row * width..(row + 1) * width];
                raw[row * k + tree % k] += self.linear[leaf as usize].value(values);
            });
        } else if k == 1 {
            self.forest.rows(&doubles, 0..self.trees, |row, _, leaf| raw[row] += self.leaves[leaf as usize]);
        } else {
            self.forest.rows(&doubles, 0..self.trees, |row, tree, leaf| {
                raw[row * k + tree % k] += self.leaves[leaf as usize];
            });
        }
        let mut scores = raw.clone();
        // Raw scores stay sums, as in `PredictRaw`.
        if let Some(rounds) = self.mean_of {
            for x in &mut scores {
                *x /= rounds as f64;
            }
        }
        self.objective.transform(&mut scores, k);
        let Some(classes) = &self.classes else {
            return Ok(vec![TensorData::F64(scores), TensorData::F64(raw)]);
        };
        if k == 1 {
            let last = classes.len() - 1;
            let labels = classes.take(scores.iter().map(|p| usize::from(*p > 1.0 - p).min(last)));
            let both = scores.iter().flat_map(|p| [1.0 - p, *p]).collect();
            return Ok(vec![labels, TensorData::F64(both), TensorData::F64(raw)]);
        }
        let labels = classes.take(scores.chunks_exact(k).map(argmax));
        Ok(vec![labels, TensorData::F64(scores), TensorData::F64(raw)])
    }

    fn held(&self) -> usize {
        self.forest.held() + bytes(&self.leaves) + self.linear.iter().map(LinearLeaf::held).sum::<usize>()
    }
}
