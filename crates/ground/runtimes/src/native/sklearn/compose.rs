//! `Pipeline` and `ColumnTransformer`.

use super::{Step, build, is_passthrough};
use crate::native::matrix::{Block, Kind, Matrix};
use crate::native::outputs::{Output, Predict, Transform};
use crate::native::skops::Object;
use crate::{Error, TensorData};

struct Chain(Vec<Box<dyn Transform>>);

impl Transform for Chain {
    fn apply(&self, block: Block) -> Result<Block, Error> {
        self.0.iter().try_fold(block, |block, step| step.apply(block))
    }

    fn held(&self) -> usize {
        self.0.iter().map(|step| step.held()).sum()
    }
}

struct Ending {
    before: Vec<Box<dyn Transform>>,
    last: Box<dyn Predict>,
}

impl Predict for Ending {
    fn outputs(&self) -> Vec<Output> {
        self.last.outputs()
    }

    fn predict(&self, block: Block) -> Result<Vec<TensorData>, Error> {
        let block = self.before.iter().try_fold(block, |block, step| step.apply(block))?;
        self.last.predict(block)
    }

    fn held(&self) -> usize {
        self.last.held() + self.before.iter().map(|step| step.held()).sum::<usize>()
    }
}

pub(super) fn pipeline(object: &Object<'_>) -> Result<Step, Error> {
    let mut before: Vec<Box<dyn Transform>> = Vec::new();
    let steps = object.get("steps")?.items()?;
    let count = steps.len();
    for (index, step) in steps.iter().enumerate() {
        let parts = step.items()?;
        let Some(step) = parts.get(1) else { return Err(step.broken("is no step")) };
        if is_passthrough(step) {
            continue;
        }
        match build_part(step)? {
            Step::Transform(transform) => before.push(transform),
            Step::Predict(last) if index + 1 == count => {
                return Ok(Step::Predict(Box::new(Ending { before, last })));
            }
            Step::Predict(_) => return Err(step.unsupported("it predicts in the middle of a pipeline")),
        }
    }
    Ok(Step::Transform(Box::new(Chain(before))))
}

/// A step of a pipeline may be a gradient boosting model of another library.
fn build_part(step: &Object<'_>) -> Result<Step, Error> {
    match step.library() {
        "lightgbm" => Ok(Step::Predict(crate::native::lightgbm::from_skops(step)?)),
        "xgboost" => Ok(Step::Predict(crate::native::xgboost::from_skops(step)?)),
        _ => build(step),
    }
}

/// Transformers side by side, each of all columns.
pub(crate) struct Union(Vec<Option<Box<dyn Transform>>>);

pub(super) fn union(object: &Object<'_>) -> Result<Union, Error> {
    if object.find("transformer_weights")?.is_some_and(|w| !w.is_none()) {
        return Err(object.unsupported("its transformers have weights"));
    }
    let mut parts = Vec::new();
    for entry in object.get("transformer_list")?.items()? {
        let members = entry.items()?;
        let Some(step) = members.get(1) else { return Err(entry.broken("is no transformer")) };
        if step.word().as_deref() == Some("drop") {
            continue;
        }
        parts.push(if is_passthrough(step) {
            None
        } else {
            match build(step)? {
                Step::Transform(transform) => Some(transform),
                Step::Predict(_) => return Err(step.unsupported("it predicts inside a FeatureUnion")),
            }
        });
    }
    Ok(Union(parts))
}

impl Transform for Union {
    fn apply(&self, block: Block) -> Result<Block, Error> {
        let rows = block.rows();
        let mut parts = Vec::with_capacity(self.0.len());
        for transform in &self.0 {
            let part = match transform {
                Some(transform) => transform.apply(block.clone())?,
                None => block.clone(),
            };
            parts.push(part.matrix()?);
        }
        Ok(Block::Matrix(Matrix::beside(rows, &parts)))
    }

    fn held(&self) -> usize {
        self.0.iter().flatten().map(|step| step.held()).sum()
    }
}

/// Columns, and what becomes of them: nothing if they pass as they are.
type Part = (Vec<usize>, Option<Box<dyn Transform>>);

pub(crate) struct ColumnTransformer {
    parts: Vec<Part>,
    width: usize,
}

pub(super) fn column_transformer(object: &Object<'_>) -> Result<ColumnTransformer, Error> {
    if object.find("transformer_weights")?.is_some_and(|w| !w.is_none()) {
        return Err(object.unsupported("its transformers have weights"));
    }
    let width = object.get("n_features_in_")?.count()?;
    let inputs = object.get("_transformer_to_input_indices")?;
    let mut parts: Vec<Part> = Vec::new();
    for entry in object.get("transformers_")?.items()? {
        let entry_parts = entry.items()?;
        let [name, step, ..] = entry_parts.as_slice() else { return Err(entry.broken("is no transformer")) };
        if step.word().as_deref() == Some("drop") {
            continue;
        }
        let columns = inputs.get(&name.text()?)?.indices()?;
        if columns.iter().any(|c| *c >= width) {
            return Err(entry.broken("names a column that does not exist"));
        }
        if columns.is_empty() {
            continue;
        }
        if is_passthrough(step) {
            parts.push((columns, None));
            continue;
        }
        match build(step)? {
            Step::Transform(transform) => parts.push((columns, Some(transform))),
            Step::Predict(_) => return Err(step.unsupported("it predicts inside a ColumnTransformer")),
        }
    }
    Ok(ColumnTransformer { parts, width })
}

impl Transform for ColumnTransformer {
    fn apply(&self, block: Block) -> Result<Block, Error> {
        super::check_width(&block, self.width)?;
        let rows = block.rows();
        let mut outputs = Vec::with_capacity(self.parts.len());
        for (columns, transform) in &self.parts {
            let part = block.select(columns);
            outputs.push(match transform {
                Some(transform) => transform.apply(part)?,
                None => part,
            });
        }
        let has_text = outputs.iter().any(
            |o| matches!(o, Block::Columns { columns, .. } if columns.iter().any(|c| c.kind == Kind::Text)),
        );
        if !has_text {
            let parts: Vec<Matrix> = outputs.into_iter().map(Block::matrix).collect::<Result<_, _>>()?;
            return Ok(Block::Matrix(Matrix::beside(rows, &parts)));
        }
        let mut columns = Vec::new();
        for output in outputs {
            columns.extend((0..output.width()).map(|i| output.series(i).into_owned()));
        }
        Ok(Block::Columns { rows, columns })
    }

    fn held(&self) -> usize {
        self.parts.iter().filter_map(|(_, step)| step.as_ref()).map(|step| step.held()).sum()
    }
}
