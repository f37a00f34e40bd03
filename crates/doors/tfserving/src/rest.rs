use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use kit::Caller;
use runtimes::{Tensor, TensorSpec};
use serving::{Answer, Input, Select, Target};
use types::{Actor, Permission};
use wire_inference::frames;
use wire_inference::json::{Json, parse, write_f64, write_text};
use wire_inference::scoring::{PREDICTION_IDS, routing_key};

use crate::errors::Failure;
use crate::predict::{Asked, check_signature, input, run};
use crate::tensors::{of_json, write_json};
use crate::{State, examples, results};

pub async fn latest(
    state: Extract<State>,
    caller: Caller,
    Path(last): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    let (model, verb) = verb(&last)?;
    answer(&state, &caller, (model, Select::Any), verb, &headers, &body).await
}

pub async fn version(
    state: Extract<State>,
    caller: Caller,
    Path((model, last)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    let (version, verb) = verb(&last)?;
    answer(&state, &caller, (&model, Select::Version(version)), verb, &headers, &body).await
}

pub async fn label(
    state: Extract<State>,
    caller: Caller,
    Path((model, last)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    let (label, verb) = verb(&last)?;
    answer(&state, &caller, (&model, Select::Label(label)), verb, &headers, &body).await
}

/// `name:verb`.
fn verb(last: &str) -> Result<(&str, &str), Failure> {
    let malformed = || Failure {
        status: StatusCode::BAD_REQUEST,
        message: format!("Malformed request: POST …/{last}; it ends with :predict, :classify or :regress"),
    };
    last.rsplit_once(':').ok_or_else(malformed)
}

async fn answer(
    state: &State,
    caller: &Caller,
    (endpoint, select): (&str, Select<'_>),
    verb: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response, Failure> {
    let actor = caller.require(Permission::Predict)?;
    let target = state.serving.target(actor, endpoint, select)?;
    let body = parse(body).map_err(|e| Failure::bad(format!("JSON Parse error: {e}")))?;
    if !matches!(body, Json::Object(_)) {
        return Err(Failure::bad("Failed to parse request: it is not a JSON object"));
    }
    match body.get("signature_name") {
        None => {}
        Some(Json::Text(name)) => check_signature(name)?,
        Some(_) => return Err(Failure::bad("'signature_name' key must be a string value.")),
    }
    let asked = Asked { endpoint, select, routing_key: routing_key(headers), deadline: None };
    let (json, answer) = match verb {
        "predict" => predict(state, actor, &asked, &target, &body).await?,
        "classify" => {
            let answer = example_answer(state, actor, &asked, &target, &body).await?;
            (classified(&answer)?, answer)
        }
        "regress" => {
            let answer = example_answer(state, actor, &asked, &target, &body).await?;
            (regressed(&answer)?, answer)
        }
        other => {
            return Err(Failure::bad(format!(
                "Malformed request: unknown verb `{other}`; it is predict, classify or regress"
            )));
        }
    };
    const IN_HEADER: usize = 1000;
    let mut response = ([(header::CONTENT_TYPE, "application/json")], json).into_response();
    let ids: Vec<String> = answer.ids.iter().take(IN_HEADER).map(types::Uid::hex).collect();
    if let Ok(ids) = HeaderValue::from_str(&ids.join(",")) {
        response.headers_mut().insert(PREDICTION_IDS, ids);
    }
    Ok(response)
}

async fn predict(
    state: &State,
    actor: &Actor,
    asked: &Asked<'_>,
    target: &Target,
    body: &Json,
) -> Result<(String, Answer), Failure> {
    match (body.get("instances"), body.get("inputs")) {
        (Some(instances), None) => {
            let answer = run(state, actor, asked, rows(target, instances)?, &[]).await?;
            Ok((row_format(&answer)?, answer))
        }
        (None, Some(inputs)) => {
            let answer = run(state, actor, asked, columns(target, inputs)?, &[]).await?;
            Ok((column_format(&answer), answer))
        }
        (Some(_), Some(_)) => {
            Err(Failure::bad("Not formatted correctly expecting one of: 'instances' or 'inputs', not both"))
        }
        (None, None) => Err(Failure::bad("Missing 'inputs' or 'instances' key")),
    }
}

/// `instances`: one value a row if there is one input, else an object with the inputs' names.
fn rows(target: &Target, instances: &Json) -> Result<Input, Failure> {
    let Some(list) = instances.list().filter(|list| !list.is_empty()) else {
        return Err(Failure::bad("Request data (key 'instances') is not a list, or an empty one"));
    };
    let is_object = |row: &Json| matches!(row, Json::Object(_)) && row.get("b64").is_none();
    let specs = target.model.model.inputs();
    if !list.iter().any(is_object) {
        let [spec] = specs else {
            return Err(Failure::bad(format!(
                "instances must be objects: the model has {} named inputs",
                specs.len()
            )));
        };
        // A model of columns takes rows of plain values as well.
        return Ok(Input::Tensors(vec![of_json(spec, instances)?]));
    }
    let names: Vec<&String> = match &list[0] {
        Json::Object(fields) => fields.iter().map(|(name, _)| name).collect(),
        _ => Vec::new(),
    };
    if names.iter().all(|name| specs.iter().any(|s| s.name == **name)) {
        let mut tensors: Vec<Tensor> = Vec::with_capacity(names.len());
        for name in &names {
            let Some(spec) = specs.iter().find(|s| s.name == **name) else { continue };
            let cells = list.iter().map(|row| row.get(name).cloned()).collect::<Option<Vec<Json>>>();
            let cells = cells.ok_or_else(|| {
                Failure::bad(format!("Failed to process element: an instance lacks the key \"{name}\""))
            })?;
            tensors.push(of_json(spec, &Json::List(cells))?);
        }
        return input(target, tensors);
    }
    match target.model.tabular.as_ref().filter(|t| t.is_named()) {
        Some(named) => Ok(Input::Columns(frames::records(instances, named.columns())?)),
        None => Err(nameless(specs)),
    }
}

/// None of the names that came is one of the model's.
fn nameless(specs: &[TensorSpec]) -> Failure {
    let names: Vec<String> = specs.iter().map(|spec| format!("\"{}\"", spec.name)).collect();
    Failure::bad(format!("JSON object: does not have named input: {}", names.join(", ")))
}

/// `inputs`: the value of the only input, or an object with one value an input.
fn columns(target: &Target, inputs: &Json) -> Result<Input, Failure> {
    let specs = target.model.model.inputs();
    match inputs {
        Json::Object(fields) if inputs.get("b64").is_none() => {
            let known = |(name, _): &(String, Json)| specs.iter().any(|s| s.name == *name);
            if fields.iter().all(known) {
                let mut tensors = Vec::with_capacity(fields.len());
                for (name, value) in fields {
                    if let Some(spec) = specs.iter().find(|s| s.name == *name) {
                        tensors.push(of_json(spec, value)?);
                    }
                }
                return input(target, tensors);
            }
            match target.model.tabular.as_ref().filter(|t| t.is_named()) {
                Some(named) => Ok(Input::Columns(frames::by_column(fields, named.columns())?)),
                None => Err(nameless(specs)),
            }
        }
        value => {
            let [spec] = specs else {
                return Err(Failure::bad(format!(
                    "inputs must be an object: the model has {} named inputs",
                    specs.len()
                )));
            };
            Ok(Input::Tensors(vec![of_json(spec, value)?]))
        }
    }
}

fn row_format(answer: &Answer) -> Result<String, Failure> {
    let rows = answer.ids.len();
    if let Some(other) = answer.outputs.iter().find(|o| o.shape.is_empty() || o.rows() != rows) {
        return Err(Failure::bad(format!(
            "Tensor name: {} has inconsistent batch size: expecting {rows}; use the columnar format (key 'inputs')",
            other.name
        )));
    }
    let mut json = String::from("{\"predictions\": [");
    let mut at = vec![0; answer.outputs.len()];
    for row in 0..rows {
        if row > 0 {
            json.push(',');
        }
        match answer.outputs.as_slice() {
            [only] => write_json(&mut json, only, &only.shape[1..], &mut at[0]),
            several => {
                json.push('{');
                for (index, (output, at)) in several.iter().zip(&mut at).enumerate() {
                    if index > 0 {
                        json.push(',');
                    }
                    write_text(&mut json, &output.name);
                    json.push(':');
                    write_json(&mut json, output, &output.shape[1..], at);
                }
                json.push('}');
            }
        }
    }
    json.push_str("]}");
    Ok(json)
}

fn column_format(answer: &Answer) -> String {
    let mut json = String::from("{\"outputs\": ");
    match answer.outputs.as_slice() {
        [only] => write_json(&mut json, only, &only.shape, &mut 0),
        several => {
            json.push('{');
            for (index, output) in several.iter().enumerate() {
                if index > 0 {
                    json.push(',');
                }
                write_text(&mut json, &output.name);
                json.push(':');
                write_json(&mut json, output, &output.shape, &mut 0);
            }
            json.push('}');
        }
    }
    json.push('}');
    json
}

async fn example_answer(
    state: &State,
    actor: &Actor,
    asked: &Asked<'_>,
    target: &Target,
    body: &Json,
) -> Result<Answer, Failure> {
    let rows = examples::of_json(body)?;
    run(state, actor, asked, examples::input(target, &rows)?, &[]).await
}

/// A list of `[label, score]` pairs an example.
fn classified(answer: &Answer) -> Result<String, Failure> {
    let mut json = String::from("{\"results\": [");
    for (row, classes) in results::classes(answer)?.into_iter().enumerate() {
        json.push_str(if row > 0 { ",[" } else { "[" });
        for (index, (label, score)) in classes.into_iter().enumerate() {
            json.push_str(if index > 0 { ",[" } else { "[" });
            write_text(&mut json, &label);
            json.push(',');
            wire_inference::json::write_f32(&mut json, score);
            json.push(']');
        }
        json.push(']');
    }
    json.push_str("]}");
    Ok(json)
}

fn regressed(answer: &Answer) -> Result<String, Failure> {
    let mut json = String::from("{\"results\": [");
    for (row, value) in results::regressions(answer)?.into_iter().enumerate() {
        if row > 0 {
            json.push(',');
        }
        write_f64(&mut json, f64::from(value));
    }
    json.push_str("]}");
    Ok(json)
}
