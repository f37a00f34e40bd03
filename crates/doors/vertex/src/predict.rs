use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use kit::Caller;
use serving::{Answer, Request, Select};
use types::{Actor, Permission};
use wire_inference::json::{Json, parse, write_text};
use wire_inference::scoring::{PREDICTION_IDS, respond, routing_key, score};
use wire_inference::{Reply, datatype, instances, nested, write_reply};

use crate::State;
use crate::endpoints::model_name;
use crate::errors::Failure;

/// `endpoints/{endpoint}:{verb}`.
pub async fn verb(
    state: Extract<State>,
    caller: Caller,
    Path((project, location, last)): Path<(String, String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    let Some((endpoint, verb)) = last.rsplit_once(':') else {
        return Err(Failure {
            status: StatusCode::NOT_FOUND,
            message: format!("there is no method at `{last}`"),
        });
    };
    let actor = caller.require(Permission::Predict)?;
    match verb {
        "predict" => predict(&state, actor, (&project, &location, endpoint), &headers, &body).await,
        "rawPredict" | "streamRawPredict" => raw(&state, actor, endpoint, &headers, body).await,
        other => Err(Failure {
            status: StatusCode::NOT_IMPLEMENTED,
            message: format!("`{other}` is not offered; predict, rawPredict and streamRawPredict are"),
        }),
    }
}

async fn predict(
    state: &State,
    actor: &Actor,
    (project, location, endpoint): (&str, &str, &str),
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response, Failure> {
    let target = state.serving.target(actor, endpoint, Select::Any)?;
    let body = parse(body).map_err(|e| Failure::bad(format!("Invalid JSON payload received. {e}")))?;
    let Some(rows @ Json::List(list)) = body.get("instances") else {
        return Err(Failure::bad("'instances' is missing, or it is not a list"));
    };
    if list.is_empty() {
        return Err(Failure::bad("'instances' is empty"));
    }
    let (input, reply) = instances(rows, &target)?;
    drop(target);
    let request = Request {
        endpoint,
        select: Select::Any,
        routing_key: routing_key(headers),
        input,
        params: body.get("parameters").cloned(),
        outputs: &[],
        deadline: None,
    };
    let answer = state.serving.infer(actor, request).await?;
    let mut json = String::from("{\"predictions\":");
    write_rows(&mut json, &answer, reply);
    for (name, value) in [
        ("deployedModelId", answer.variant.as_str()),
        ("model", &model_name(project, location, &answer.model)),
        ("modelDisplayName", &answer.model),
        ("modelVersionId", &answer.version.to_string()),
    ] {
        json.push_str(&format!(",\"{name}\":"));
        write_text(&mut json, value);
    }
    json.push('}');
    let mut response = ([(header::CONTENT_TYPE, "application/json")], json).into_response();
    note(response.headers_mut(), endpoint, &answer);
    Ok(response)
}

/// One prediction an instance: its value if the model has one output, else an object of them.
fn write_rows(json: &mut String, answer: &Answer, reply: Reply) {
    let rows = answer.ids.len();
    let each = |o: &&runtimes::Tensor| !o.shape.is_empty() && o.rows() == rows;
    let outputs: Vec<&runtimes::Tensor> = answer.outputs.iter().filter(each).collect();
    match (answer.pyfunc_output.as_deref(), outputs.as_slice()) {
        (Some(_), _) => write_reply(json, answer, reply),
        (None, [only]) if only.width() == 1 => datatype::write_list(json, &only.data, 0, rows, true),
        (None, [only]) => nested(json, only, &only.shape, &mut 0),
        (None, _) => write_reply(json, answer, Reply::Records),
    }
}

/// The body as it is: MLflow's forms.
async fn raw(
    state: &State,
    actor: &Actor,
    endpoint: &str,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    let (answer, reply) = score(&state.serving, actor, (endpoint, Select::Any), headers, body).await?;
    let mut response = respond(&answer, reply);
    note(response.headers_mut(), endpoint, &answer);
    Ok(response)
}

fn note(headers: &mut HeaderMap, endpoint: &str, answer: &Answer) {
    const IN_HEADER: usize = 1000;
    let ids: Vec<String> = answer.ids.iter().take(IN_HEADER).map(types::Uid::hex).collect();
    for (name, value) in [
        ("x-vertex-ai-endpoint-id", endpoint),
        ("x-vertex-ai-deployed-model-id", answer.variant.as_str()),
        (PREDICTION_IDS, &ids.join(",")),
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(http::HeaderName::from_static(name), value);
        }
    }
}
