//! Scalers: one or two operations a value, each rounded to the type of the input.

use crate::Error;
use crate::native::matrix::{Block, Matrix};
use crate::native::outputs::Transform;
use crate::native::skops::Object;

#[derive(Debug)]
enum Operation {
    Add(Vec<f64>),
    Subtract(Vec<f64>),
    Multiply(Vec<f64>),
    Divide(Vec<f64>),
    Clip(f64, f64),
}

pub(crate) struct Scaler {
    operations: Vec<Operation>,
    width: usize,
    /// The operands are cast to the type of the input first (`StandardScaler`).
    cast: bool,
    name: String,
}

pub(super) fn scaler(object: &Object<'_>) -> Result<Scaler, Error> {
    let width = object.get("n_features_in_")?.count()?;
    let values = |name: &str| -> Result<Vec<f64>, Error> {
        let object = object.get(name)?;
        let values = object.floats()?;
        if values.len() == width { Ok(values) } else { Err(object.broken("has not one value a column")) }
    };
    let on = |name: &str| object.get(name)?.boolean();
    let mut operations = Vec::new();
    match object.class() {
        "StandardScaler" => {
            if on("with_mean")? {
                operations.push(Operation::Subtract(values("mean_")?));
            }
            if on("with_std")? {
                operations.push(Operation::Divide(values("scale_")?));
            }
        }
        "MinMaxScaler" => {
            operations.push(Operation::Multiply(values("scale_")?));
            operations.push(Operation::Add(values("min_")?));
            if on("clip")? {
                let range = object.get("feature_range")?.floats()?;
                let [low, high] = range.as_slice() else { return Err(object.broken("has no feature_range")) };
                operations.push(Operation::Clip(*low, *high));
            }
        }
        "MaxAbsScaler" => {
            operations.push(Operation::Divide(values("scale_")?));
            if object.find("clip")?.map(|c| c.boolean()).transpose()?.unwrap_or(false) {
                operations.push(Operation::Clip(-1.0, 1.0));
            }
        }
        _ => {
            if on("with_centering")? {
                operations.push(Operation::Subtract(values("center_")?));
            }
            if on("with_scaling")? {
                operations.push(Operation::Divide(values("scale_")?));
            }
        }
    }
    let name = object.class().to_owned();
    Ok(Scaler { operations, width, cast: name == "StandardScaler", name })
}

impl Scaler {
    fn run(&self, mut matrix: Matrix) -> Result<Matrix, Error> {
        matrix.finite(&self.name, true)?;
        let single = self.cast && matrix.is_single();
        let operand = |x: f64| if single { f64::from(x as f32) } else { x };
        for operation in &self.operations {
            match operation {
                Operation::Add(v) => matrix.map(|c, x| x + operand(v[c])),
                Operation::Subtract(v) => matrix.map(|c, x| x - operand(v[c])),
                Operation::Multiply(v) => matrix.map(|c, x| x * operand(v[c])),
                Operation::Divide(v) => matrix.map(|c, x| x / operand(v[c])),
                // NaN stays NaN.
                Operation::Clip(low, high) => matrix.map(|_, x| {
                    if x < *low {
                        *low
                    } else if x > *high {
                        *high
                    } else {
                        x
                    }
                }),
            }
        }
        Ok(matrix)
    }
}

impl Transform for Scaler {
    fn apply(&self, block: Block) -> Result<Block, Error> {
        super::check_width(&block, self.width)?;
        Ok(Block::Matrix(self.run(block.matrix()?)?))
    }
}
