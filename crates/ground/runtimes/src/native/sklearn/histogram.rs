//! `HistGradientBoostingClassifier` and `HistGradientBoostingRegressor`: trees over doubles, with missing values and
//! categories. Layout of a node: `PREDICTOR_RECORD_DTYPE` in `ensemble/_hist_gradient_boosting/common.pyx`.

use super::compose::{ColumnTransformer, column_transformer};
use crate::native::categories::{Bits, Test};
use crate::native::matrix::Block;
use crate::native::outputs::{Classes, Output, Predict, Transform, argmax, bytes, expit, softmax};
use crate::native::skops::{Array, Object, npy};
use crate::native::tree::{Forest, Source, Split};
use crate::{ElementType, Error, TensorData};

pub(crate) struct Histogram {
    /// Encodes categories and puts them first.
    before: Option<ColumnTransformer>,
    columns: usize,
    forest: Forest<f64>,
    values: Vec<f64>,
    start: Vec<f64>,
    classes: Option<Classes>,
    /// A regression whose scores are logarithms (`poisson`, `gamma`).
    exponential: bool,
}

pub(super) fn build(object: &Object<'_>) -> Result<Histogram, Error> {
    let is_classifier = object.class() == "HistGradientBoostingClassifier";
    let classes = if is_classifier { Some(Classes::read(&object.get("classes_")?)?) } else { None };
    let loss = object.get("loss")?.word().unwrap_or_default();
    let exponential = match (is_classifier, loss.as_str()) {
        (true, "log_loss") | (false, "squared_error" | "absolute_error" | "quantile") => false,
        (false, "gamma" | "poisson") => true,
        _ => return Err(object.unsupported(format!("loss `{loss}`"))),
    };
    let k = object.get("n_trees_per_iteration_")?.count()?;
    let expected = match &classes {
        Some(classes) if classes.len() > 2 => classes.len(),
        _ => 1,
    };
    if k != expected {
        return Err(object.broken("has not one tree a class"));
    }
    let start = object.get("_baseline_prediction")?.floats()?;
    if start.len() != k {
        return Err(object.broken("has not one baseline a class"));
    }
    let columns = object.get("n_features_in_")?.count()?;
    let before = match object.find("_preprocessor")? {
        Some(before) if !before.is_none() => {
            super::check_version(&before)?;
            super::check_attributes(&before)?;
            Some(column_transformer(&before)?)
        }
        _ => None,
    };
    let known = known_categories(&object.get("_bin_mapper")?, columns)?;
    let mut forest = Forest::new(columns);
    let mut values = Vec::new();
    for stage in object.get("_predictors")?.items()? {
        let members = stage.items()?;
        if members.len() != k {
            return Err(stage.broken("is incomplete"));
        }
        for member in &members {
            push(member, &known, &mut forest, &mut values)?;
        }
    }
    Ok(Histogram { before, columns, forest, values, start, classes, exponential })
}

/// The categories that were seen, by column; empty for numbers.
fn known_categories(mapper: &Object<'_>, columns: usize) -> Result<Vec<Bits>, Error> {
    let mut known = vec![Bits::default(); columns];
    let categorical = mapper.get("is_categorical_")?;
    if categorical.is_none() {
        return Ok(known);
    }
    let categorical: Vec<bool> = categorical.floats()?.iter().map(|x| *x != 0.0).collect();
    let thresholds = mapper.get("bin_thresholds_")?.items()?;
    if categorical.len() != columns || thresholds.len() != columns {
        return Err(mapper.broken("has another number of columns than the model"));
    }
    for ((bits, is_categorical), thresholds) in known.iter_mut().zip(categorical).zip(thresholds) {
        if !is_categorical {
            continue;
        }
        for category in thresholds.floats()? {
            if !(0.0..256.0).contains(&category) {
                return Err(thresholds.broken("has a category beyond 255"));
            }
            bits.insert(category as u32);
        }
    }
    Ok(known)
}

fn push(
    member: &Object<'_>,
    known: &[Bits],
    forest: &mut Forest<f64>,
    values: &mut Vec<f64>,
) -> Result<(), Error> {
    let nodes = member.get("nodes")?;
    let Array::Plain(npy::Array { data: npy::Data::Records(records), .. }) = nodes.array()? else {
        return Err(nodes.broken("is no array of nodes"));
    };
    let (left, right) = (records.integers("left")?, records.integers("right")?);
    let feature = records.integers("feature_idx")?;
    let threshold = records.floats("num_threshold")?;
    let missing_left = records.integers("missing_go_to_left")?;
    let is_leaf = records.integers("is_leaf")?;
    let is_categorical = records.integers("is_categorical")?;
    let bitset = records.integers("bitset_idx")?;
    let value = records.floats("value")?;
    let sets = member.get("raw_left_cat_bitsets")?;
    let words: Vec<u32> = sets.floats()?.into_iter().map(|w| w as u32).collect();
    forest.push(records.len(), |node| {
        if is_leaf[node] != 0 {
            values.push(value[node]);
            return Ok(Source::Leaf((values.len() - 1) as u32));
        }
        let column = usize::try_from(feature[node]).unwrap_or(usize::MAX);
        let test = if is_categorical[node] != 0 {
            let at = usize::try_from(bitset[node]).ok().and_then(|i| i.checked_mul(8));
            let set = at.and_then(|at| words.get(at..at + 8)).ok_or_else(|| sets.broken("lacks a set"))?;
            let known =
                known.get(column).ok_or_else(|| nodes.broken("names a column that does not exist"))?;
            Some(Test::Known { left: Bits(set.to_vec()), known: known.clone() })
        } else {
            None
        };
        Ok(Source::Split(Split {
            feature: u32::try_from(column).unwrap_or(u32::MAX),
            threshold: threshold[node],
            missing_left: missing_left[node] != 0,
            left: usize::try_from(left[node]).unwrap_or(usize::MAX),
            right: usize::try_from(right[node]).unwrap_or(usize::MAX),
            test,
        }))
    })
}

impl Predict for Histogram {
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
        super::check_width(&block, self.columns)?;
        let block = match &self.before {
            Some(before) => before.apply(block)?,
            None => block,
        };
        super::check_width(&block, self.forest.width())?;
        let matrix = block.matrix()?.into_double();
        let k = self.start.len();
        let mut scores = self.start.repeat(matrix.rows);
        self.forest.rows(&matrix.doubles(), 0..self.forest.trees(), |row, tree, leaf| {
            scores[row * k + tree % k] += self.values[leaf as usize];
        });
        let Some(classes) = &self.classes else {
            if self.exponential {
                for x in &mut scores {
                    *x = x.exp();
                }
            }
            return Ok(vec![TensorData::F64(scores)]);
        };
        if k == 1 {
            let last = classes.len() - 1;
            let labels = classes.take(scores.iter().map(|s| usize::from(*s > 0.0).min(last)));
            let probabilities = scores
                .iter()
                .flat_map(|s| {
                    let p = expit(*s);
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
