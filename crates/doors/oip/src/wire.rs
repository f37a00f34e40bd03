//! Inference requests and responses.
//! <https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md>, and
//! Triton's binary tensor data extension
//! <https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md>.

use bytes::Bytes;
use runtimes::{Tensor, TensorSpec};
use serving::Answer;

use crate::classes::classes;
use crate::errors::OipError;
use wire_inference::datatype;
use wire_inference::json::{Json, parse, write_text};

pub const HEADER_LENGTH: &str = "inference-header-content-length";

pub struct InferRequest {
    pub id: Option<String>,
    pub routing_key: Option<String>,
    /// Microseconds that the caller waits.
    pub timeout_us: Option<u64>,
    /// All that the request says beside its tensors; a model is told of it what its signature declares.
    pub parameters: Option<Json>,
    pub inputs: Vec<Tensor>,
    pub outputs: Vec<RequestedOutput>,
    /// All outputs that say nothing themselves.
    pub binary_data_output: bool,
}

pub struct RequestedOutput {
    pub name: String,
    pub binary_data: Option<bool>,
    /// Instead of the values: the so many largest of a row, with their indices.
    pub classes: Option<usize>,
}

/// `header_length` is the length of the JSON part; `None` means all of the body, 0 a raw request.
pub fn infer_request(
    body: &Bytes,
    header_length: Option<usize>,
    specs: &[TensorSpec],
) -> Result<InferRequest, OipError> {
    if header_length == Some(0) {
        return raw_request(body, specs);
    }
    let length = header_length.unwrap_or(body.len());
    let Some((header, mut raw)) = body.split_at_checked(length) else {
        return Err(OipError::bad(format!(
            "Inference-Header-Content-Length is {length}, but the body has {} bytes",
            body.len()
        )));
    };
    let json = parse(header).map_err(|e| OipError::bad(format!("failed to parse the request JSON: {e}")))?;
    if !matches!(json, Json::Object(_)) {
        return Err(OipError::bad("the request JSON is not an object"));
    }
    let Some(inputs) = json.get("inputs").and_then(Json::list) else {
        return Err(OipError::bad("Unable to find 'inputs' in the request JSON, or it is not a list"));
    };
    let inputs =
        inputs.iter().map(|input| request_input(input, &mut raw)).collect::<Result<Vec<_>, OipError>>()?;
    if !raw.is_empty() {
        return Err(OipError::bad(format!(
            "{} bytes of binary data belong to no input: their binary_data_size add up to less",
            raw.len()
        )));
    }
    let outputs = match json.get("outputs") {
        None | Some(Json::Null) => Vec::new(),
        Some(Json::List(outputs)) => outputs.iter().map(requested_output).collect::<Result<_, _>>()?,
        Some(_) => return Err(OipError::bad("'outputs' is not a list")),
    };
    let parameter = |name: &str| json.get("parameters").and_then(|p| p.get(name));
    let id = match json.get("id") {
        None | Some(Json::Null) => None,
        Some(Json::Text(id)) => Some(id.clone()),
        Some(_) => return Err(OipError::bad("'id' is not a string")),
    };
    Ok(InferRequest {
        id,
        routing_key: parameter("routing_key").and_then(Json::text).map(str::to_owned),
        timeout_us: parameter("timeout").and_then(Json::integer).and_then(|n| u64::try_from(n).ok()),
        parameters: json.get("parameters").cloned(),
        inputs,
        outputs,
        binary_data_output: parameter("binary_data_output") == Some(&Json::Bool(true)),
    })
}

fn request_input(input: &Json, raw: &mut &[u8]) -> Result<Tensor, OipError> {
    let Some(name) = input.get("name").and_then(Json::text) else {
        return Err(OipError::bad("an input has no 'name'"));
    };
    let bad = |what: String| OipError::bad(format!("input '{name}': {what}"));
    let Some(datatype) = input.get("datatype").and_then(Json::text) else {
        return Err(bad("there is no 'datatype'".into()));
    };
    let Some(element) = datatype::element(datatype) else {
        return Err(bad(format!("'{datatype}' is not a datatype")));
    };
    let Some(shape) = input.get("shape").and_then(Json::list) else {
        return Err(bad("there is no 'shape', or it is not a list".into()));
    };
    let shape: Vec<i64> = shape
        .iter()
        .map(|n| n.integer().filter(|n| *n >= 0))
        .collect::<Option<_>>()
        .ok_or_else(|| bad("'shape' must hold whole numbers of 0 or more".into()))?;
    let parameter = |key: &str| input.get("parameters").and_then(|p| p.get(key));
    if parameter("shared_memory_region").is_some() {
        return Err(bad("shared memory is not offered".into()));
    }
    let size = parameter("binary_data_size");
    let data = match (size, input.get("data")) {
        (Some(_), Some(_)) => return Err(bad("it has both 'data' and 'binary_data_size'".into())),
        (Some(size), None) => {
            let size = size
                .integer()
                .and_then(|n| usize::try_from(n).ok())
                .ok_or_else(|| bad("'binary_data_size' is not a whole number of 0 or more".into()))?;
            let Some((mine, rest)) = raw.split_at_checked(size) else {
                return Err(bad(format!(
                    "'binary_data_size' is {size}, but only {} bytes of binary data are left",
                    raw.len()
                )));
            };
            *raw = rest;
            datatype::from_raw(element, mine)
                .ok_or_else(|| bad(format!("{size} bytes are no whole number of {datatype} values")))?
        }
        (None, Some(data @ Json::List(_))) => datatype::from_json(element, data).map_err(bad)?,
        (None, Some(_)) => return Err(bad("'data' is not a list".into())),
        (None, None) => return Err(bad("there is neither 'data' nor 'binary_data_size'".into())),
    };
    let count = shape.iter().try_fold(1_i128, |n, d| n.checked_mul(i128::from(*d)));
    if count != Some(data.len() as i128) {
        return Err(bad(format!("Shape {shape:?} does not match the {} values of 'data'", data.len())));
    }
    Ok(Tensor { name: name.to_owned(), shape, data })
}

fn requested_output(output: &Json) -> Result<RequestedOutput, OipError> {
    let Some(name) = output.get("name").and_then(Json::text) else {
        return Err(OipError::bad("an output has no 'name'"));
    };
    let parameter = |key: &str| output.get("parameters").and_then(|p| p.get(key));
    let classes = match parameter("classification") {
        None => None,
        Some(count) => {
            let count = count.integer().and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
            Some(count.ok_or_else(|| {
                OipError::bad(format!("output '{name}': 'classification' must be 1 or more"))
            })?)
        }
    };
    if parameter("shared_memory_region").is_some() {
        return Err(OipError::bad(format!("output '{name}': shared memory is not offered")));
    }
    let binary_data = match parameter("binary_data") {
        Some(Json::Bool(b)) => Some(*b),
        _ => None,
    };
    Ok(RequestedOutput { name: name.to_owned(), binary_data, classes })
}

/// The body is the only input, whose shape is known except for the first dimension.
fn raw_request(body: &Bytes, specs: &[TensorSpec]) -> Result<InferRequest, OipError> {
    let [spec] = specs else {
        return Err(OipError::bad(format!(
            "a raw binary request needs a model with one input; this one has {}",
            specs.len()
        )));
    };
    let data = datatype::from_raw(spec.element, body).ok_or_else(|| {
        OipError::bad(format!(
            "{} bytes are no whole number of {} values",
            body.len(),
            datatype::name(spec.element)
        ))
    })?;
    let rest = spec.shape.get(1..).unwrap_or_default();
    let width: Option<i64> =
        rest.iter().try_fold(1_i64, |n, d| if *d < 0 { None } else { n.checked_mul(*d) });
    let rows = width.filter(|w| *w > 0).filter(|w| data.len() as i64 % w == 0).map(|w| data.len() as i64 / w);
    let Some(rows) = rows else {
        return Err(OipError::bad(format!("{} values do not make rows of shape {rest:?}", data.len())));
    };
    let shape = std::iter::once(rows).chain(rest.iter().copied()).collect::<Vec<_>>();
    Ok(InferRequest {
        id: None,
        routing_key: None,
        timeout_us: None,
        parameters: None,
        inputs: vec![Tensor { name: spec.name.clone(), shape, data }],
        outputs: Vec::new(),
        binary_data_output: true,
    })
}

/// The body, and the length of its JSON part if raw tensors follow it.
pub fn infer_response(endpoint: &str, request: &InferRequest, answer: &Answer) -> (Vec<u8>, Option<usize>) {
    let mut json = String::with_capacity(512);
    let mut raw = Vec::new();
    let field = |json: &mut String, name: &str, text: &str| {
        json.push_str(name);
        write_text(json, text);
    };
    field(&mut json, "{\"model_name\":", endpoint);
    field(&mut json, ",\"model_version\":", &answer.version.to_string());
    let ids: Vec<String> = answer.ids.iter().map(types::Uid::hex).collect();
    let own = ids.first().map_or("", String::as_str);
    field(&mut json, ",\"id\":", request.id.as_deref().unwrap_or(own));
    field(&mut json, ",\"parameters\":{\"prediction_ids\":", &ids.join(","));
    field(&mut json, ",\"variant\":", &answer.variant);
    json.push_str("},\"outputs\":[");
    let mut any_binary = false;
    for (index, output) in answer.outputs.iter().enumerate() {
        let wish = request.outputs.iter().find(|o| o.name == output.name);
        let classes = wish.and_then(|o| o.classes).map(|count| classes(output, count));
        let output = classes.as_ref().unwrap_or(output);
        if index > 0 {
            json.push(',');
        }
        field(&mut json, "{\"name\":", &output.name);
        field(&mut json, ",\"datatype\":", datatype::name(output.element()));
        json.push_str(&format!(",\"shape\":{:?}", output.shape));
        if wish.and_then(|o| o.binary_data).unwrap_or(request.binary_data_output) {
            any_binary = true;
            let before = raw.len();
            datatype::to_raw(&output.data, &mut raw);
            json.push_str(&format!(",\"parameters\":{{\"binary_data_size\":{}}}", raw.len() - before));
        } else {
            json.push_str(",\"data\":");
            datatype::write_list(&mut json, &output.data, 0, output.data.len(), false);
        }
        json.push('}');
    }
    json.push_str("]}");
    let length = json.len();
    let mut body = json.into_bytes();
    body.append(&mut raw);
    (body, any_binary.then_some(length))
}
