use std::collections::BTreeMap;
use std::sync::Arc;

use runtimes::{ElementType, Tensor, TensorData};
use serving::{Answer, Input, Request, Select};
use types::Permission;
use wire_grpc::{Call, Running, Status};
use wire_inference::datatype;
use wire_inference::json::Json;
use wire_inference::scoring::routing_key;

use super::wire::*;
use super::{given, told};
use crate::State;
use crate::classes::classes;
use crate::errors::OipError;
use crate::infer::deadline;
use InferParameterParameterChoice as Choice;

pub async fn model_infer(
    state: State,
    call: Call,
    request: ModelInferRequest,
) -> Result<ModelInferResponse, Status> {
    infer(&state, &call, request).await
}

/// Errors of one message do not end the stream.
pub fn streamed(
    state: State,
    call: Arc<Call>,
    request: ModelInferRequest,
) -> Running<ModelStreamInferResponse> {
    Box::pin(async move {
        Ok(match infer(&state, &call, request).await {
            Ok(answer) => {
                ModelStreamInferResponse { error_message: String::new(), infer_response: Some(answer) }
            }
            Err(status) => {
                ModelStreamInferResponse { error_message: status.message().to_owned(), infer_response: None }
            }
        })
    })
}

async fn infer(state: &State, call: &Call, request: ModelInferRequest) -> Result<ModelInferResponse, Status> {
    let actor = call.require(Permission::Predict)?;
    let select = Select::version(given(&request.model_version));
    state.serving.target(actor, &request.model_name, select).map_err(|e| told(e.into()))?;
    let inputs = inputs(&request.inputs, &request.raw_input_contents).map_err(told)?;
    let outputs: Vec<String> = request.outputs.iter().map(|o| o.name.clone()).collect();
    let timeout = match choice(&request.parameters, "timeout") {
        Some(Choice::Int64Param(us)) => u64::try_from(*us).ok(),
        Some(Choice::Uint64Param(us)) => Some(*us),
        _ => None,
    };
    let key = match choice(&request.parameters, "routing_key") {
        Some(Choice::StringParam(key)) => Some(key.as_str()),
        _ => None,
    };
    let answer = state
        .serving
        .infer(
            actor,
            Request {
                endpoint: &request.model_name,
                select,
                routing_key: routing_key(&call.headers).or(key),
                input: Input::Tensors(inputs),
                params: Some(params(&request.parameters)),
                outputs: &outputs,
                deadline: deadline(timeout).into_iter().chain(call.deadline).min(),
            },
        )
        .await
        .map_err(|e| told(e.into()))?;
    Ok(response(&request, &answer))
}

fn choice<'p>(parameters: &'p BTreeMap<String, InferParameter>, name: &str) -> Option<&'p Choice> {
    parameters.get(name)?.parameter_choice.as_ref()
}

/// All that the request says beside its tensors; a model is told of it what its signature declares.
fn params(parameters: &BTreeMap<String, InferParameter>) -> Json {
    let given = parameters.iter().filter_map(|(name, parameter)| {
        let value = match parameter.parameter_choice.as_ref()? {
            Choice::BoolParam(b) => Json::Bool(*b),
            Choice::Int64Param(n) => Json::Int(*n),
            Choice::Uint64Param(n) => i64::try_from(*n).map_or(Json::UInt(*n), Json::Int),
            Choice::DoubleParam(x) => Json::Float(*x),
            Choice::StringParam(text) => Json::Text(text.clone()),
        };
        Some((name.clone(), value))
    });
    Json::Object(given.collect())
}

/// Either all inputs are raw, or all have typed contents.
fn inputs(
    inputs: &[ModelInferRequestInferInputTensor],
    raw: &[bytes::Bytes],
) -> Result<Vec<Tensor>, OipError> {
    if !raw.is_empty() && raw.len() != inputs.len() {
        return Err(OipError::bad(format!(
            "{} inputs were given, and {} raw_input_contents",
            inputs.len(),
            raw.len()
        )));
    }
    let mut tensors = Vec::with_capacity(inputs.len());
    for (index, input) in inputs.iter().enumerate() {
        let bad = |what: String| OipError::bad(format!("input '{}': {what}", input.name));
        if input.parameters.contains_key("shared_memory_region") {
            return Err(bad("shared memory is not offered".into()));
        }
        let Some(element) = datatype::element(&input.datatype) else {
            return Err(bad(format!("'{}' is not a datatype", input.datatype)));
        };
        let data = match (raw.get(index), &input.contents) {
            (Some(_), Some(_)) => return Err(bad("it has both contents and raw_input_contents".into())),
            (Some(raw), None) => datatype::from_raw(element, raw).ok_or_else(|| {
                bad(format!("{} bytes are no whole number of {} values", raw.len(), input.datatype))
            })?,
            (None, Some(contents)) => typed(element, contents)
                .ok_or_else(|| bad(format!("its contents are not those of {}", input.datatype)))?,
            (None, None) => TensorData::zeros(element, 0),
        };
        let count = input.shape.iter().try_fold(1_i128, |n, d| n.checked_mul(i128::from(*d)));
        if input.shape.iter().any(|d| *d < 0) || count != Some(data.len() as i128) {
            return Err(bad(format!("shape {:?} does not match its {} values", input.shape, data.len())));
        }
        tensors.push(Tensor { name: input.name.clone(), shape: input.shape.clone(), data });
    }
    Ok(tensors)
}

/// 8- and 16-bit integers are carried as 32-bit ones; 16-bit floats only raw.
fn typed(element: ElementType, contents: &InferTensorContents) -> Option<TensorData> {
    fn narrowed<T: TryFrom<N>, N: Copy>(values: &[N]) -> Option<Vec<T>> {
        values.iter().map(|n| T::try_from(*n).ok()).collect()
    }
    Some(match element {
        ElementType::Bool => TensorData::Bool(contents.bool_contents.clone()),
        ElementType::U8 => TensorData::U8(narrowed(&contents.uint_contents)?),
        ElementType::U16 => TensorData::U16(narrowed(&contents.uint_contents)?),
        ElementType::U32 => TensorData::U32(contents.uint_contents.clone()),
        ElementType::U64 => TensorData::U64(contents.uint64_contents.clone()),
        ElementType::I8 => TensorData::I8(narrowed(&contents.int_contents)?),
        ElementType::I16 => TensorData::I16(narrowed(&contents.int_contents)?),
        ElementType::I32 => TensorData::I32(contents.int_contents.clone()),
        ElementType::I64 => TensorData::I64(contents.int64_contents.clone()),
        ElementType::F32 => TensorData::F32(contents.fp32_contents.clone()),
        ElementType::F64 => TensorData::F64(contents.fp64_contents.clone()),
        ElementType::Bytes => TensorData::Bytes(contents.bytes_contents.iter().map(|b| b.to_vec()).collect()),
        ElementType::F16 | ElementType::Bf16 => return None,
    })
}

/// Outputs are raw, as Triton sends them.
fn response(request: &ModelInferRequest, answer: &Answer) -> ModelInferResponse {
    let text = |text: String| InferParameter { parameter_choice: Some(Choice::StringParam(text)) };
    let ids: Vec<String> = answer.ids.iter().map(types::Uid::hex).collect();
    let mut outputs = Vec::with_capacity(answer.outputs.len());
    let mut raw = Vec::with_capacity(answer.outputs.len());
    for output in &answer.outputs {
        let wish = request.outputs.iter().find(|o| o.name == output.name);
        let count = match wish.and_then(|o| choice(&o.parameters, "classification")) {
            Some(Choice::Int64Param(count)) => usize::try_from(*count).ok(),
            Some(Choice::Uint64Param(count)) => usize::try_from(*count).ok(),
            _ => None,
        };
        let named = count.map(|count| classes(output, count));
        let output = named.as_ref().unwrap_or(output);
        outputs.push(ModelInferResponseInferOutputTensor {
            name: output.name.clone(),
            datatype: datatype::name(output.element()).to_owned(),
            shape: output.shape.clone(),
            parameters: BTreeMap::new(),
            contents: None,
        });
        let mut bytes = Vec::new();
        datatype::to_raw(&output.data, &mut bytes);
        raw.push(bytes.into());
    }
    ModelInferResponse {
        model_name: request.model_name.clone(),
        model_version: answer.version.to_string(),
        id: request.id.clone(),
        parameters: BTreeMap::from([
            ("prediction_ids".to_owned(), text(ids.join(","))),
            ("variant".to_owned(), text(answer.variant.clone())),
        ]),
        outputs,
        raw_output_contents: raw,
    }
}
