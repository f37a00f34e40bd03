//! `DummyClassifier` and `DummyRegressor`, where they do not guess.

use crate::native::matrix::Block;
use crate::native::outputs::{Classes, Output, Predict, argmax};
use crate::native::skops::Object;
use crate::{ElementType, Error, TensorData};

pub(crate) struct Constant {
    /// By class, or by target.
    values: Vec<f64>,
    label: usize,
    classes: Option<Classes>,
}

pub(super) fn build(object: &Object<'_>) -> Result<Constant, Error> {
    if object.get("n_outputs_")?.count()? != 1 {
        return Err(object.unsupported("it predicts several outputs"));
    }
    if object.class() == "DummyRegressor" {
        let values = object.get("constant_")?.floats()?;
        return match values.len() {
            1 => Ok(Constant { values, label: 0, classes: None }),
            _ => Err(object.broken("has not one constant")),
        };
    }
    let classes = Classes::read(&object.get("classes_")?)?;
    let priors = object.get("class_prior_")?.floats()?;
    if priors.len() != classes.len() {
        return Err(object.broken("has not one share a class"));
    }
    let label = argmax(&priors);
    let values = match object.get("strategy")?.word().as_deref() {
        Some("prior") => priors,
        Some("most_frequent") => (0..classes.len()).map(|i| f64::from(u8::from(i == label))).collect(),
        _ => return Err(object.unsupported("its strategy guesses, or predicts what it was told")),
    };
    Ok(Constant { values, label, classes: Some(classes) })
}

impl Predict for Constant {
    fn outputs(&self) -> Vec<Output> {
        match &self.classes {
            Some(classes) => vec![
                Output::column("predict", classes.element()),
                Output::table("predict_proba", ElementType::F64, classes.len()),
            ],
            None => vec![Output::column("predict", ElementType::F64)],
        }
    }

    fn predict(&self, block: Block) -> Result<Vec<TensorData>, Error> {
        let rows = block.rows();
        let values = TensorData::F64(self.values.repeat(rows));
        Ok(match &self.classes {
            Some(classes) => vec![classes.take(std::iter::repeat_n(self.label, rows)), values],
            None => vec![values],
        })
    }
}
