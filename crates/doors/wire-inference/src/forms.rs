//! MLflow's scoring bodies: `mlflow/pyfunc/scoring_server/__init__.py` of 3.17.

use axum::http::{HeaderMap, header};
use bytes::Bytes;
use runtimes::{ColumnSpec, ElementType, Tensor, TensorSpec};
use serving::{Answer, Input, Target};

use crate::json::{Json, parse, write_text};
use crate::{ScoringError, datatype, frames};

const FORMATS: [&str; 4] = ["dataframe_records", "dataframe_split", "inputs", "instances"];
const REQUIRED: &str = "The input must be a JSON dictionary with exactly one of the input fields \
                        {'dataframe_records', 'dataframe_split', 'inputs', 'instances'}";

/// How predictions are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// One object a row: the input was a data frame.
    Records,
    /// One nested list an output.
    Arrays,
}

/// What a request's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    Json,
    Csv,
    Parquet,
}

/// Errors: 415, in MLflow's words.
pub fn media_type(headers: &HeaderMap) -> Result<Media, ScoringError> {
    let full = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("None");
    let mut parts = full.split(';').map(str::trim);
    let mime = parts.next().unwrap_or_default();
    let mut unexpected = Vec::new();
    for parameter in parts {
        let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        if key != "charset" {
            unexpected.push(key);
        } else if !value.eq_ignore_ascii_case("utf-8") {
            return Err(ScoringError::MediaType("The scoring server only supports UTF-8".into()));
        }
    }
    if !unexpected.is_empty() {
        return Err(ScoringError::MediaType(format!(
            "Unrecognized content type parameters: {}.",
            unexpected.join(", ")
        )));
    }
    match mime {
        "application/json" => Ok(Media::Json),
        "text/csv" => Ok(Media::Csv),
        "application/vnd.apache.parquet" => Ok(Media::Parquet),
        _ => Err(ScoringError::MediaType(format!(
            "This predictor only supports the following content types: Types: \
             ['text/csv', 'application/json', 'application/vnd.apache.parquet']. Got '{full}'."
        ))),
    }
}

/// The schema's columns, if they have names.
pub(crate) fn columns(target: &Target) -> &[ColumnSpec] {
    match &target.model.tabular {
        Some(tabular) if tabular.is_named() => tabular.columns(),
        _ => &[],
    }
}

/// A body that was read: the model's input, what is said beside it, the form of the answer that goes with it, and whether it is
/// wanted in parts.
pub struct Read {
    pub input: Input,
    pub params: Option<Json>,
    pub reply: Reply,
    pub stream: bool,
}

impl Read {
    /// Rows alone.
    pub fn rows((input, reply): (Input, Reply)) -> Self {
        Self { input, params: None, reply, stream: false }
    }
}

pub fn read(media: Media, body: Bytes, target: &Target) -> Result<Read, ScoringError> {
    let table = |frame| Read::rows((Input::Columns(frame), Reply::Records));
    match media {
        Media::Json => json_input(&body, target),
        Media::Csv => {
            let text = std::str::from_utf8(&body).map_err(|e| {
                ScoringError::invalid(format!(
                    "Ensure that input is a valid UTF-8 encoded string. Error: '{e}'"
                ))
            })?;
            Ok(table(frames::csv(text, columns(target))?))
        }
        Media::Parquet => Ok(table(frames::parquet(body)?)),
    }
}

fn json_input(body: &[u8], target: &Target) -> Result<Read, ScoringError> {
    let json = parse(body).map_err(|e| {
        ScoringError::invalid(format!("Ensure that input is a valid JSON formatted string. Error: '{e}'"))
    })?;
    let Json::Object(fields) = &json else {
        return Err(ScoringError::invalid(match &json {
            Json::List(_) => format!("{REQUIRED}. Received a list."),
            other => {
                format!("{REQUIRED}. Received unexpected input type '<class '{}'>.", other.python_type())
            }
        }));
    };
    let mut given: Vec<&str> = Vec::new();
    for (key, _) in fields {
        if FORMATS.contains(&key.as_str()) && !given.contains(&key.as_str()) {
            given.push(key);
        }
    }
    let [format] = given.as_slice() else {
        let given: Vec<String> = given.iter().map(|k| format!("'{k}'")).collect();
        return Err(ScoringError::bad(format!(
            "{REQUIRED}. Received dictionary with input fields: [{}].",
            given.join(", ")
        )));
    };
    let value = json.get(format).unwrap_or(&Json::Null);
    let schema = columns(target);
    let (input, reply) = match *format {
        "dataframe_split" => (Input::Columns(frames::split(value, schema)?), Reply::Records),
        "dataframe_records" => (Input::Columns(frames::records(value, schema)?), Reply::Records),
        "instances" => records_or_tensors(value, target)?,
        _ => tensors_or_columns(value, target)?,
    };
    // As Databricks' clients ask for an answer in parts.
    let stream = matches!(json.get("stream"), Some(Json::Bool(true)));
    Ok(Read { input, params: json.get("params").cloned(), reply, stream })
}

/// `instances` alone, for protocols that know no other form. Rows of plain values are taken in the order of the model's
/// columns, whose names these protocols do not know (MLflow refuses them where the signature has names).
pub fn instances(value: &Json, target: &Target) -> Result<(Input, Reply), ScoringError> {
    let schema = columns(target);
    match value {
        Json::List(rows) if !schema.is_empty() && rows.iter().all(|row| matches!(row, Json::List(_))) => {
            let cells: Vec<&[Json]> = rows.iter().filter_map(Json::list).collect();
            if let Some((at, row)) = cells.iter().enumerate().find(|(_, row)| row.len() != schema.len()) {
                return Err(ScoringError::invalid(format!(
                    "row {at} has {} values, the model takes {}",
                    row.len(),
                    schema.len()
                )));
            }
            let column = |index: usize| Json::List(cells.iter().map(|row| row[index].clone()).collect());
            let named: Vec<(String, Json)> =
                schema.iter().enumerate().map(|(index, c)| (c.name.clone(), column(index))).collect();
            Ok((Input::Columns(frames::by_column(&named, schema)?), Reply::Records))
        }
        _ => records_or_tensors(value, target),
    }
}

fn records_or_tensors(value: &Json, target: &Target) -> Result<(Input, Reply), ScoringError> {
    match value {
        Json::List(rows) if matches!(rows.first(), Some(Json::Object(_))) => {
            Ok((Input::Columns(frames::records(value, columns(target))?), Reply::Records))
        }
        _ => tensors_or_columns(value, target),
    }
}

/// `inputs`, and `instances` that are no objects.
fn tensors_or_columns(value: &Json, target: &Target) -> Result<(Input, Reply), ScoringError> {
    let specs = target.model.model.inputs();
    let schema = columns(target);
    match value {
        Json::Object(fields) => {
            let named = |name: &str| specs.iter().find(|s| s.name == name);
            // A matrix under the name of an input is that input.
            let is_tensor = |(name, v): &(String, Json)| {
                named(name).is_some() && (target.model.tabular.is_none() || depth(v) > 1)
            };
            if !fields.is_empty() && fields.iter().all(is_tensor) {
                let mut tensors = Vec::with_capacity(fields.len());
                for (name, value) in fields {
                    if let Some(spec) = named(name) {
                        tensors.push(tensor(spec, value)?);
                    }
                }
                return Ok((Input::Tensors(tensors), Reply::Arrays));
            }
            Ok((Input::Columns(frames::by_column(fields, schema)?), Reply::Records))
        }
        Json::List(rows) => match (specs, schema) {
            ([only], []) => Ok((Input::Tensors(vec![tensor(only, value)?]), Reply::Arrays)),
            (_, _) if rows.iter().all(|r| matches!(r, Json::Object(_))) && !rows.is_empty() => {
                Ok((Input::Columns(frames::records(value, schema)?), Reply::Records))
            }
            _ => Ok((Input::Columns(frames::by_position(rows, schema)?), Reply::Records)),
        },
        scalar => {
            let rows = std::slice::from_ref(scalar);
            Ok((Input::Columns(frames::by_position(rows, schema)?), Reply::Records))
        }
    }
}

fn depth(value: &Json) -> usize {
    match value {
        Json::List(items) => 1 + items.first().map_or(0, depth),
        _ => 0,
    }
}

/// A nested list as the model's input; its shape is that of the nesting.
fn tensor(spec: &TensorSpec, value: &Json) -> Result<Tensor, ScoringError> {
    let data = match spec.element {
        // numpy makes NaN of what is missing among floats.
        ElementType::F32 | ElementType::F64 if has_null(value) => {
            datatype::from_json(spec.element, &without_null(value))
        }
        element => datatype::from_json(element, value),
    };
    let data = data.map_err(ScoringError::invalid)?;
    let Some(shape) = datatype::shape_of(value) else {
        return Err(ScoringError::invalid(format!("the rows of input '{}' differ in length", spec.name)));
    };
    Ok(Tensor { name: spec.name.clone(), shape, data })
}

fn has_null(value: &Json) -> bool {
    match value {
        Json::List(items) => items.iter().any(has_null),
        other => *other == Json::Null,
    }
}

fn without_null(value: &Json) -> Json {
    match value {
        Json::List(items) => Json::List(items.iter().map(without_null).collect()),
        Json::Null => Json::Float(f64::NAN),
        other => other.clone(),
    }
}

/// Appends the predictions as JSON. What MLflow's pyfunc returns as one array (of scikit-learn, say) is that array.
pub fn write_reply(json: &mut String, answer: &Answer, reply: Reply) {
    let bare =
        answer.pyfunc_output.as_deref().and_then(|name| answer.outputs.iter().find(|o| o.name == name));
    match (bare, reply) {
        (Some(output), _) => nested(json, output, &output.shape, &mut 0),
        (None, Reply::Records) => records(json, answer),
        (None, Reply::Arrays) => arrays(json, &answer.outputs),
    }
}

/// One object a row; an output of several values a row is a list.
fn records(json: &mut String, answer: &Answer) {
    let rows = answer.ids.len();
    json.push('[');
    for row in 0..rows {
        json.push_str(if row > 0 { ",{" } else { "{" });
        let mut first = true;
        for output in answer.outputs.iter().filter(|o| o.rows() == rows) {
            if !first {
                json.push(',');
            }
            first = false;
            write_text(json, &output.name);
            json.push(':');
            match output.width() {
                1 => datatype::write_value(json, &output.data, row, true),
                width => datatype::write_list(json, &output.data, row * width, width, true),
            }
        }
        json.push('}');
    }
    json.push(']');
}

/// One nested list an output.
fn arrays(json: &mut String, outputs: &[Tensor]) {
    json.push('{');
    for (index, output) in outputs.iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        write_text(json, &output.name);
        json.push(':');
        nested(json, output, &output.shape, &mut 0);
    }
    json.push('}');
}

/// Appends an output as nested lists of its shape.
pub fn nested(json: &mut String, output: &Tensor, shape: &[i64], at: &mut usize) {
    let Some((length, rest)) = shape.split_first() else {
        if *at < output.data.len() {
            datatype::write_value(json, &output.data, *at, true);
            *at += 1;
        }
        return;
    };
    json.push('[');
    for index in 0..*length {
        if index > 0 {
            json.push(',');
        }
        nested(json, output, rest, at);
    }
    json.push(']');
}
