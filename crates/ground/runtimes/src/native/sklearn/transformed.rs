//! `TransformedTargetRegressor`: a regressor of a transformed target, whose predictions are transformed back.

use super::predictor;
use super::shape::{self, Elementwise};
use crate::native::matrix::{Block, Matrix};
use crate::native::outputs::{Output, Predict};
use crate::native::skops::Object;
use crate::{ElementType, Error, TensorData};

enum Back {
    /// `None` changes nothing.
    Function(Option<Elementwise>),
    /// By column: what is multiplied, then what is added.
    Scaled { multiply: Vec<f64>, add: Vec<f64> },
    /// `MinMaxScaler`: by column what is subtracted, then what is divided by.
    Ranged { subtract: Vec<f64>, divide: Vec<f64> },
}

pub(crate) struct Transformed {
    regressor: Box<dyn Predict>,
    back: Back,
    /// Columns of the regressor.
    targets: usize,
    flat: bool,
}

pub(super) fn build(object: &Object<'_>) -> Result<Transformed, Error> {
    let regressor = predictor(&object.get("regressor_")?)?;
    let outputs = regressor.outputs();
    let Some(first) = outputs.first().filter(|first| first.element == ElementType::F64) else {
        return Err(object.unsupported("its regressor predicts no floats"));
    };
    let targets = first.width.unwrap_or(1);
    let transformer = object.get("transformer_")?;
    super::check_version(&transformer)?;
    super::check_attributes(&transformer)?;
    let back = back(&transformer, targets)?;
    let flat = object.get("_training_dim")?.count()? == 1 && targets == 1;
    Ok(Transformed { regressor, back, targets, flat })
}

fn back(transformer: &Object<'_>, targets: usize) -> Result<Back, Error> {
    let values = |name: &str| -> Result<Vec<f64>, Error> {
        let object = transformer.get(name)?;
        let values = object.floats()?;
        if values.len() == targets { Ok(values) } else { Err(object.broken("has not one value a column")) }
    };
    let on = |name: &str| transformer.get(name)?.boolean();
    let (ones, zeros) = (vec![1.0; targets], vec![0.0; targets]);
    Ok(match transformer.class() {
        "FunctionTransformer" => {
            if !transformer.get("inv_kw_args")?.is_none() {
                return Err(transformer.unsupported("its function takes arguments"));
            }
            Back::Function(shape::named(&transformer.get("inverse_func")?)?)
        }
        "StandardScaler" => Back::Scaled {
            multiply: if on("with_std")? { values("scale_")? } else { ones },
            add: if on("with_mean")? { values("mean_")? } else { zeros },
        },
        "RobustScaler" => Back::Scaled {
            multiply: if on("with_scaling")? { values("scale_")? } else { ones },
            add: if on("with_centering")? { values("center_")? } else { zeros },
        },
        "MaxAbsScaler" => Back::Scaled { multiply: values("scale_")?, add: zeros },
        "MinMaxScaler" => Back::Ranged { subtract: values("min_")?, divide: values("scale_")? },
        _ => return Err(transformer.unsupported("there is no native form of its way back")),
    })
}

impl Predict for Transformed {
    fn outputs(&self) -> Vec<Output> {
        vec![match self.flat {
            true => Output::column("predict", ElementType::F64),
            false => Output::table("predict", ElementType::F64, self.targets),
        }]
    }

    fn predict(&self, block: Block) -> Result<Vec<TensorData>, Error> {
        let rows = block.rows();
        let TensorData::F64(values) = self.regressor.predict(block)?.swap_remove(0) else {
            return Err(Error::Broken("the regressor inside predicts no floats".into()));
        };
        let mut matrix = Matrix::double(rows, self.targets, values);
        // scikit-learn's inverse transformations take no infinity, and a function no missing value either.
        match &self.back {
            Back::Function(function) => {
                matrix.finite("FunctionTransformer", false)?;
                if let Some(function) = function {
                    matrix.map(|_, x| function(x));
                }
            }
            Back::Scaled { multiply, add } => {
                matrix.finite("the scaler of the target", true)?;
                matrix.map(|column, x| x * multiply[column] + add[column]);
            }
            Back::Ranged { subtract, divide } => {
                matrix.finite("the scaler of the target", true)?;
                matrix.map(|column, x| (x - subtract[column]) / divide[column]);
            }
        }
        Ok(vec![TensorData::F64(matrix.doubles().into_owned())])
    }

    fn held(&self) -> usize {
        self.regressor.held()
    }
}
