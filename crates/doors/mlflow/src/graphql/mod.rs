//! `/graphql`, which upstream's web page asks for experiments and runs (`mlflow/server/graphql/*.py`, 3.17.2). Every
//! field at the top is one of the REST handlers; what is below is their answer.

use std::sync::LazyLock;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{Method, header};
use serde_json::{Value, json};
use wire_graphql::{At, Document, Limits, Resolved, Resolver, Schema};

use crate::call::{self, Answer, Cx};
use crate::errors::{Code, Failure};
use crate::request::Fields;
use crate::{artifacts, experiments, guard, metrics, model_versions, runs};

static SCHEMA: LazyLock<Result<Schema, String>> =
    LazyLock::new(|| Schema::parse(include_str!("schema.graphql")));

/// Upstream's, in fields and nested sets.
const LIMITS: Limits = Limits { depth: 10, selections: 1_000 };
/// `MLFLOW_SERVER_GRAPHQL_MAX_ROOT_FIELDS` and `MLFLOW_SERVER_GRAPHQL_MAX_ALIASES`.
const ROOT_FIELDS: usize = 10;
const ALIASES: usize = 10;

/// `POST /graphql`. Errors of the document are part of an answer with status 200; `errors` are bare texts.
pub(crate) async fn graphql(cx: Cx, _: Vec<(String, String)>, request: Request) -> Result<Response, Failure> {
    let body = call::body(request).await?;
    let request: wire_graphql::Request = serde_json::from_slice(&body)
        .map_err(|e| Failure::new(Code::BadRequest, format!("Malformed GraphQL request: {e}.")))?;
    let answer = answer(cx, request).await?;
    let errors = (!answer.errors.is_empty()).then_some(answer.errors);
    let body = json!({ "data": answer.data, "errors": errors });
    Ok(([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response())
}

async fn answer(cx: Cx, request: wire_graphql::Request) -> Result<wire_graphql::Response, Failure> {
    let schema = SCHEMA.as_ref().map_err(|e| Failure::new(Code::InternalError, e.as_str()))?;
    let document = match Document::parse(request.query.as_deref().unwrap_or_default()) {
        Ok(document) => document,
        Err(error) => return Ok(wire_graphql::Response::refused(error)),
    };
    let too_many = |most: usize, what: &str, found: usize, variable: &str| {
        wire_graphql::Response::refused(format!(
            "GraphQL queries should have at most {most} {what}, got {found} {what}. To increase the limit, set the \
             {variable} environment variable."
        ))
    };
    let counts = match wire_graphql::count(&document, LIMITS) {
        Ok(counts) => counts,
        Err(error) => return Ok(wire_graphql::Response::refused(error)),
    };
    if counts.root_fields > ROOT_FIELDS {
        let variable = "MLFLOW_SERVER_GRAPHQL_MAX_ROOT_FIELDS";
        return Ok(too_many(ROOT_FIELDS, "root fields", counts.root_fields, variable));
    }
    if counts.aliases > ALIASES {
        return Ok(too_many(ALIASES, "aliases", counts.aliases, "MLFLOW_SERVER_GRAPHQL_MAX_ALIASES"));
    }
    let variables = request.variables.unwrap_or_default();
    let operation = request.operation.as_deref();
    Ok(wire_graphql::execute(schema, &Handlers(cx), &document, operation, &variables).await)
}

/// The REST handlers as the schema's fields.
struct Handlers(Cx);

impl Resolver for Handlers {
    fn resolve<'a>(&'a self, at: At<'a>) -> Resolved<'a> {
        match at.object {
            "Query" | "Mutation" => match at.field {
                "test" => Resolved::Now(Ok(json!({ "output": at.arguments.get("inputString") }))),
                // Upstream's schema has it, and nothing that answers it.
                "testMutation" => Resolved::Now(Ok(Value::Null)),
                _ => Resolved::Later(Box::pin(self.top(at))),
            },
            "MlflowRunExtension" => {
                let info = &at.parent["info"];
                let fields = |name: &str, value: String| {
                    let mut fields = Fields::default();
                    fields.set(name, value);
                    fields
                };
                let text = |name: &str| info[name].as_str().unwrap_or_default().to_owned();
                match at.field {
                    "experiment" => {
                        let mut fields = fields("experiment_id", text("experiment_id"));
                        Resolved::Later(Box::pin(async move {
                            self.check("/2.0/mlflow/experiments/get", &mut fields).await?;
                            Ok(read(experiments::get(self.0.clone(), fields).await)?["experiment"].take())
                        }))
                    }
                    "modelVersions" => {
                        let mut fields = fields("filter", format!("run_id='{}'", text("run_id")));
                        Resolved::Later(Box::pin(async move {
                            self.check("/2.0/mlflow/model-versions/search", &mut fields).await?;
                            let found = read(model_versions::search(self.0.clone(), fields).await)?;
                            Ok(found.get("model_versions").cloned().unwrap_or_else(|| json!([])))
                        }))
                    }
                    _ => Resolved::Now(Ok(property(&at))),
                }
            }
            _ => Resolved::Now(Ok(property(&at))),
        }
    }
}

impl Handlers {
    async fn top(&self, at: At<'_>) -> Result<Value, String> {
        let Some(Value::Object(input)) = at.arguments.get("input") else {
            return Err(format!("{}() missing 1 required positional argument: 'input'", at.field));
        };
        let mut fields = Fields::from_object(input.clone());
        let path = match at.field {
            "mlflowGetExperiment" => "/2.0/mlflow/experiments/get",
            "mlflowGetRun" => "/2.0/mlflow/runs/get",
            "mlflowSearchRuns" => "/2.0/mlflow/runs/search",
            "mlflowListArtifacts" => "/2.0/mlflow/artifacts/list",
            "mlflowGetMetricHistoryBulkInterval" => "/2.0/mlflow/metrics/get-history-bulk-interval",
            "mlflowSearchModelVersions" => "/2.0/mlflow/model-versions/search",
            "mlflowSearchDatasets" => "/2.0/mlflow/experiments/search-datasets",
            other => return Err(format!("{other} is not there")),
        };
        self.check(path, &mut fields).await?;
        let cx = self.0.clone();
        read(match at.field {
            "mlflowGetExperiment" => experiments::get(cx, fields).await,
            "mlflowGetRun" => runs::get(cx, fields).await,
            "mlflowSearchRuns" => runs::search(cx, fields).await,
            "mlflowListArtifacts" => artifacts::list(cx, fields).await,
            "mlflowGetMetricHistoryBulkInterval" => metrics::get_history_bulk_interval(cx, fields).await,
            "mlflowSearchModelVersions" => model_versions::search(cx, fields).await,
            _ => experiments::search_datasets(cx, fields).await,
        })
    }

    /// What the REST route asks for is asked for here, too.
    async fn check(&self, path: &str, fields: &mut Fields) -> Result<(), String> {
        let post = path.ends_with("runs/search") || path.ends_with("search-datasets");
        let method = if post { Method::POST } else { Method::GET };
        guard::check(&self.0, &method, path, fields).await.map_err(|failure| failure.message)
    }
}

/// A handler's answer, or its message.
fn read(answer: Answer) -> Result<Value, String> {
    serde_json::from_slice(&answer.map_err(|failure| failure.message)?).map_err(|e| e.to_string())
}

/// A field of an answer; what a message leaves unset has the value that upstream's messages have then.
fn property(at: &At<'_>) -> Value {
    if at.wanted == "ApiError" {
        return Value::Null;
    }
    let value = at.parent.get(snake(at.field)).filter(|value| !value.is_null());
    match (at.wanted, value) {
        (_, None) if at.is_list => json!([]),
        // A float that is none cannot travel; upstream's answer for NaN.
        ("Float", Some(Value::String(_))) => Value::Null,
        ("LongString" | "String", Some(Value::Number(number))) => number.to_string().into(),
        (_, Some(value)) => value.clone(),
        ("LongString", None) => "0".into(),
        ("String", None) if (at.object, at.field) == ("MlflowExperiment", "workspace") => "default".into(),
        ("String", None) => "".into(),
        ("Boolean", None) => false.into(),
        ("Float", None) => 0.0.into(),
        ("MlflowRunStatus", None) => "RUNNING".into(),
        ("MlflowModelVersionStatus", None) => "PENDING_REGISTRATION".into(),
        ("MlflowDeploymentJobConnectionState", None) => "DEPLOYMENT_JOB_CONNECTION_STATE_UNSPECIFIED".into(),
        ("MlflowModelVersionDeploymentJobStateDeploymentJobRunState", None) => {
            "DEPLOYMENT_JOB_RUN_STATE_UNSPECIFIED".into()
        }
        (_, None) => json!({}),
    }
}

/// `runUuid` as messages spell it: `run_uuid`.
fn snake(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            text.push('_');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}
