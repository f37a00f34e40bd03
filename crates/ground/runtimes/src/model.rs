use serde::{Deserialize, Serialize};

use crate::{ElementType, Error, Params, Tensor};

/// What a model takes or gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TensorSpec {
    pub name: String,
    pub element: ElementType,
    /// -1 where any length is accepted.
    pub shape: Vec<i64>,
}

/// A loaded model. Calls may come from many threads at once.
pub trait Model: Send + Sync {
    fn inputs(&self) -> &[TensorSpec];

    fn outputs(&self) -> &[TensorSpec];

    /// Runs once. Inputs may come in any order and must be complete; `wanted` names the outputs, in order
    /// (none = all). Blocks the thread for as long as the model takes.
    /// Errs on an unknown, missing or repeated input, a wrong type or shape, and when the model itself fails.
    fn run(&self, inputs: &[Tensor], wanted: &[&str]) -> Result<Vec<Tensor>, Error>;

    /// [`Model::run`], told more than its inputs. Only models in Python listen: MLflow's wrappers of those that run natively or
    /// in ONNX take params and do nothing with them, too.
    fn run_with(&self, inputs: &[Tensor], _params: &Params, wanted: &[&str]) -> Result<Vec<Tensor>, Error> {
        self.run(inputs, wanted)
    }

    /// Whether [`Model::stream`] gives an answer part by part.
    fn streams(&self) -> bool {
        false
    }

    /// Runs once, and gives the answer in parts as they come, each as JSON, until `part` says that nobody wants more. Blocks
    /// like `run`. Errs where [`Model::streams`] says no.
    fn stream(
        &self,
        _inputs: &[Tensor],
        _params: &Params,
        _part: &mut dyn FnMut(String) -> bool,
    ) -> Result<(), Error> {
        Err(Error::Run("this model does not answer in parts".into()))
    }

    /// The output that is the prediction itself, which MLflow gives as a bare array; `None` where the outputs belong
    /// together.
    fn prediction(&self) -> Option<&str> {
        None
    }

    /// Whether a text input may hold [`crate::tensor::MISSING_TEXT`].
    fn takes_missing_text(&self) -> bool {
        false
    }

    /// Bytes of memory that it holds now, where that can be told.
    fn memory(&self) -> Option<u64> {
        None
    }
}

/// `[-1, 4]` as `[any, 4]`.
pub(crate) fn shape_text(shape: &[i64]) -> String {
    let parts: Vec<String> =
        shape.iter().map(|n| if *n < 0 { "any".to_owned() } else { n.to_string() }).collect();
    format!("[{}]", parts.join(", "))
}

pub(crate) fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.map(|n| format!("`{n}`")).collect();
    if quoted.is_empty() { "none".to_owned() } else { quoted.join(", ") }
}

/// Checks that `inputs` fit `specs`, and gives them in the order of `specs`.
pub fn check_inputs<'t>(specs: &[TensorSpec], inputs: &'t [Tensor]) -> Result<Vec<&'t Tensor>, Error> {
    for (i, input) in inputs.iter().enumerate() {
        if !specs.iter().any(|s| s.name == input.name) {
            let known = names(specs.iter().map(|s| s.name.as_str()));
            return Err(Error::UnknownInput { name: input.name.clone(), known });
        }
        if inputs[..i].iter().any(|other| other.name == input.name) {
            return Err(Error::RepeatedInput(input.name.clone()));
        }
    }
    let mut ordered = Vec::with_capacity(specs.len());
    for spec in specs {
        let Some(input) = inputs.iter().find(|i| i.name == spec.name) else {
            return Err(Error::MissingInput(spec.name.clone()));
        };
        check_input(spec, input)?;
        ordered.push(input);
    }
    Ok(ordered)
}

fn check_input(spec: &TensorSpec, input: &Tensor) -> Result<(), Error> {
    if input.element() != spec.element {
        return Err(Error::WrongType {
            name: input.name.clone(),
            expected: spec.element.name(),
            actual: input.element().name(),
        });
    }
    let fits = input.shape.len() == spec.shape.len()
        && input.shape.iter().zip(&spec.shape).all(|(a, e)| *a >= 0 && (*e < 0 || a == e));
    if !fits {
        return Err(Error::WrongShape {
            name: input.name.clone(),
            expected: shape_text(&spec.shape),
            actual: shape_text(&input.shape),
        });
    }
    // i128: a hostile shape such as [2^40, 2^40] must not wrap around to the real length.
    let expected = input.shape.iter().try_fold(1_i128, |n, d| n.checked_mul(i128::from(*d)));
    if expected != Some(input.data.len() as i128) {
        return Err(Error::WrongLength {
            name: input.name.clone(),
            shape: shape_text(&input.shape),
            expected: expected.unwrap_or(i128::MAX),
            actual: input.data.len(),
        });
    }
    Ok(())
}

/// Indices into `specs` for the names in `wanted`; all of them when it is empty.
pub(crate) fn check_outputs(specs: &[TensorSpec], wanted: &[&str]) -> Result<Vec<usize>, Error> {
    if wanted.is_empty() {
        return Ok((0..specs.len()).collect());
    }
    wanted
        .iter()
        .map(|name| {
            specs.iter().position(|s| s.name == *name).ok_or_else(|| Error::UnknownOutput {
                name: (*name).to_owned(),
                known: names(specs.iter().map(|s| s.name.as_str())),
            })
        })
        .collect()
}
