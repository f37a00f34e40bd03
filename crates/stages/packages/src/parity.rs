//! Whether two runtimes give the same for the same rows.

use runtimes::{Model as _, Tabular, Tensor, TensorData};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use workers::PythonModel;

use crate::open::{Engine, Opened};
use crate::rows::{Rows, batches};
use crate::{Error, Kind};

/// Largest relative difference that counts as equal: (64-bit numbers, 32-bit numbers). Native engines do each library's own
/// arithmetic in its order, so only the last bits of functions such as `exp` may differ; ONNX computes in 32 bits.
fn tolerance(engine: Engine) -> (f64, f64) {
    match engine {
        Engine::Native => (1e-9, 1e-6),
        Engine::Onnx | Engine::Python => (1e-5, 1e-5),
    }
}

/// What was compared, and how it went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parity {
    pub engine: Engine,
    pub passed: bool,
    /// Why it did not pass.
    pub reason: Option<String>,
    pub rows: usize,
    /// Batches that Python refused, and the runtime as well or was not asked.
    pub refused: Vec<String>,
    pub outputs: Vec<Compared>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    pub output: String,
    pub rows: usize,
    /// Of numbers: relative to the larger one, at least 1e-3.
    pub largest_difference: f64,
    /// Values that are not the same bits (or text).
    pub different: usize,
}

impl Parity {
    pub const KIND: Kind = Kind::Parity;

    fn of(engine: Engine) -> Self {
        Self { engine, passed: false, reason: None, rows: 0, refused: Vec::new(), outputs: Vec::new() }
    }
}

/// Compares `candidate` with the Python original on the example and on made-up rows. Blocks.
/// Errors: `NothingToCompare` when the model's inputs are no columns or Python refuses all rows.
pub fn compare(candidate: &Opened, reference: &Opened, seed: u64) -> Result<Parity, Error> {
    let no_columns = |e: runtimes::Error| Error::NothingToCompare(e.to_string());
    let python = reference
        .python
        .as_ref()
        .ok_or_else(|| Error::NothingToCompare("it has no Python original".into()))?;
    let ours = Tabular::new(Arc::clone(&candidate.model), &candidate.schema).map_err(no_columns)?;
    let theirs = Tabular::new(Arc::clone(&reference.model), &reference.schema).map_err(no_columns)?;
    let example = candidate.example.as_ref();
    let mut parity = Parity::of(candidate.engine);
    for Rows { name, frame } in batches(ours.columns(), example, seed) {
        let inputs = match theirs.inputs(&frame) {
            Ok(inputs) => inputs,
            // Such as missing values where the signature says whole numbers: nobody gets to see them.
            Err(_) => {
                parity.refused.push(name.to_owned());
                continue;
            }
        };
        let expected = python.run(&inputs, &[]);
        let actual = ours.inputs(&frame).and_then(|inputs| candidate.model.run(&inputs, &[]));
        let (expected, actual) = match (expected, actual) {
            (Ok(expected), Ok(actual)) => (expected, actual),
            (Err(runtimes::Error::Busy(reason)), _) => return Err(Error::NothingToCompare(reason)),
            (Err(_), Err(_)) => {
                parity.refused.push(name.to_owned());
                continue;
            }
            (Err(reason), Ok(_)) => {
                // ONNX graphs have no checks; what Python refuses is never asked of them in earnest.
                if candidate.engine == Engine::Onnx || name != "example" && name != "random" {
                    parity.refused.push(name.to_owned());
                    continue;
                }
                parity.reason = Some(format!("rows `{name}`: Python refuses them ({reason}), it answers"));
                return Ok(parity);
            }
            (Ok(_), Err(reason)) => {
                parity.reason = Some(format!("rows `{name}`: Python answers, it refuses: {reason}"));
                return Ok(parity);
            }
        };
        let mut compared = 0;
        for (place, output) in actual.iter().enumerate() {
            let Some(wanted) = counterpart(python, &inputs, &expected, place, output)? else { continue };
            compared += 1;
            if let Some(reason) = note(&mut parity, output, &wanted) {
                parity.reason = Some(format!("rows `{name}`, output `{}`: {reason}", output.name));
                return Ok(parity);
            }
        }
        if compared == 0 {
            return Err(Error::NothingToCompare("its outputs have no counterpart in Python".into()));
        }
        parity.rows += frame.rows;
    }
    if parity.rows == 0 {
        return Err(Error::NothingToCompare("Python refuses every row that was tried".into()));
    }
    parity.passed = true;
    Ok(parity)
}

/// What Python gives for an output: the one of that name, the only one for the first, or the method of that name.
fn counterpart(
    python: &PythonModel,
    inputs: &[Tensor],
    expected: &[Tensor],
    place: usize,
    output: &Tensor,
) -> Result<Option<Tensor>, Error> {
    if let Some(same) = expected.iter().find(|e| e.name == output.name) {
        return Ok(Some(same.clone()));
    }
    if place == 0 && expected.len() == 1 {
        return Ok(expected.first().cloned());
    }
    if python.about().methods.contains(&output.name) {
        let answer = python.call(&output.name, inputs)?;
        return Ok(answer.outputs.into_iter().next());
    }
    Ok(None)
}

/// Adds one comparison; why it fails, if it does.
fn note(parity: &mut Parity, ours: &Tensor, theirs: &Tensor) -> Option<String> {
    let squeeze = |shape: &[i64]| -> Vec<i64> {
        shape.iter().enumerate().filter(|(i, n)| *i == 0 || **n != 1).map(|(_, n)| *n).collect()
    };
    if squeeze(&ours.shape) != squeeze(&theirs.shape) {
        return Some(format!("its shape is {:?}, Python's {:?}", ours.shape, theirs.shape));
    }
    let engine = parity.engine;
    let index = parity.outputs.iter().position(|c| c.output == ours.name).unwrap_or_else(|| {
        let output = ours.name.clone();
        parity.outputs.push(Compared { output, rows: 0, largest_difference: 0.0, different: 0 });
        parity.outputs.len() - 1
    });
    let compared = &mut parity.outputs[index];
    compared.rows += ours.rows();
    let (Some(a), Some(b)) = (ours.data.to_f64(), theirs.data.to_f64()) else {
        let (a, b) = (texts(&ours.data), texts(&theirs.data));
        let different = a.iter().zip(&b).position(|(a, b)| a != b);
        return different.map(|i| {
            compared.different += 1;
            format!("value {i} is `{}`, Python's `{}`", a[i], b[i])
        });
    };
    let whole = |data: &TensorData| {
        !matches!(data, TensorData::F16(_) | TensorData::Bf16(_) | TensorData::F32(_) | TensorData::F64(_))
    };
    if engine == Engine::Native && whole(&ours.data) != whole(&theirs.data) {
        return Some(format!("it gives {}, Python {}", ours.element().name(), theirs.element().name()));
    }
    let (wide, narrow) = tolerance(engine);
    let single = matches!(ours.data, TensorData::F32(_)) || matches!(theirs.data, TensorData::F32(_));
    let allowed = if whole(&ours.data) && whole(&theirs.data) {
        0.0
    } else if single {
        narrow
    } else {
        wide
    };
    for (i, (a, b)) in a.iter().zip(&b).enumerate() {
        if a == b || a.is_nan() && b.is_nan() {
            continue;
        }
        compared.different += 1;
        let difference = (a - b).abs() / a.abs().max(b.abs()).max(1e-3);
        compared.largest_difference = compared.largest_difference.max(difference);
        if difference.is_nan() || difference > allowed {
            return Some(format!("value {i} is {a}, Python's {b}"));
        }
    }
    None
}

fn texts(data: &TensorData) -> Vec<String> {
    match data {
        TensorData::Bytes(values) => values.iter().map(|v| String::from_utf8_lossy(v).into_owned()).collect(),
        numbers => numbers.to_f64().unwrap_or_default().iter().map(f64::to_string).collect(),
    }
}
