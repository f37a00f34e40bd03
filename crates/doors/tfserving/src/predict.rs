use std::time::Instant;

use runtimes::{Tensor, tabular};
use serving::{Answer, Input, Request, Select, Target};
use types::Actor;

use crate::State;
use crate::errors::Failure;
use crate::metadata::SIGNATURE;

/// Every model has one signature, which goes by its default name.
///
/// Errors: another one is asked for.
pub fn check_signature(asked: &str) -> Result<(), Failure> {
    match asked {
        "" | SIGNATURE => Ok(()),
        other => Err(Failure::bad(format!("Serving signature name: \"{other}\" not found in signature def"))),
    }
}

/// Named tensors as the model's input: its own inputs, or one tensor a column.
pub fn input(target: &Target, tensors: Vec<Tensor>) -> Result<Input, Failure> {
    let specs = target.model.model.inputs();
    let is_input = |t: &Tensor| specs.iter().any(|s| s.name == t.name);
    if tensors.iter().all(is_input) {
        return Ok(Input::Tensors(tensors));
    }
    if let Some(columns) = target.model.tabular.as_ref().filter(|t| t.is_named()) {
        let is_column = |t: &Tensor| columns.columns().iter().any(|c| c.name == t.name) && t.width() == 1;
        if tensors.iter().all(is_column) {
            let rows = tensors.first().map_or(0, Tensor::rows);
            let frame = tabular::to_frame(&tensors, rows).map_err(serving::Error::from)?;
            return Ok(Input::Columns(frame));
        }
    }
    let known: Vec<&str> = specs.iter().map(|s| s.name.as_str()).collect();
    let sent: Vec<&str> = tensors.iter().map(|t| t.name.as_str()).collect();
    Err(Failure::bad(format!(
        "input keys [{}] do not match the model's: expected [{}]",
        sent.join(", "),
        known.join(", ")
    )))
}

pub struct Asked<'a> {
    pub endpoint: &'a str,
    pub select: Select<'a>,
    pub routing_key: Option<&'a str>,
    pub deadline: Option<Instant>,
}

pub async fn run(
    state: &State,
    actor: &Actor,
    asked: &Asked<'_>,
    input: Input,
    outputs: &[String],
) -> Result<Answer, Failure> {
    let request = Request {
        endpoint: asked.endpoint,
        select: asked.select,
        routing_key: asked.routing_key,
        input,
        params: None,
        outputs,
        deadline: asked.deadline,
    };
    Ok(state.serving.infer(actor, request).await?)
}
