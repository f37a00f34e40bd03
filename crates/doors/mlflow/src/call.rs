//! From an HTTP request to a handler and back.

use std::future::Future;

use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, Path, RawPathParams, Request, State as Shared};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use bytes::Bytes;
use http::{HeaderMap, Method, Uri, header};
use kit::{Caller, Denied};
use serde::Serialize;
use types::{Actor, Permission};

use crate::State;
use crate::errors::{Code, Failure};
use crate::guard::{self, Homes};
use crate::request::Fields;

/// The largest body that is read into memory; files stream past it.
const BODY_LIMIT: usize = 64 << 20;

/// `mlflow/server/auth/__init__.py: make_basic_auth_response`
const UNAUTHENTICATED: &str = "You are not authenticated. Please see \
     https://www.mlflow.org/docs/latest/auth/index.html#authenticating-to-mlflow on how to authenticate.";

/// Who calls, and what the handler may use.
#[derive(Clone)]
pub(crate) struct Cx {
    pub state: State,
    pub actor: Actor,
    pub homes: Homes,
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
}

impl Cx {
    fn of(state: State, actor: Actor, request: &Request) -> Self {
        Self {
            state,
            actor,
            homes: request.extensions().get::<Homes>().cloned().unwrap_or_default(),
            method: request.method().clone(),
            uri: request.uri().clone(),
            headers: request.headers().clone(),
        }
    }
}

pub(crate) type Answer = Result<Vec<u8>, Failure>;

/// A message as JSON.
pub(crate) fn reply(message: &impl Serialize) -> Answer {
    serde_json::to_vec(message).map_err(|e| Failure::new(Code::InternalError, e.to_string()))
}

/// The answer of a request that has none.
pub(crate) fn empty() -> Answer {
    Ok(b"{}".to_vec())
}

/// Who sent a request, if that may do what `permission` says. For callers who may not do everything, what they may do
/// with the resource at hand is asked when that is known.
pub(crate) fn actor(request: &Request, permission: Permission) -> Result<Actor, Failure> {
    let caller = request.extensions().get::<Actor>().cloned().map(Caller).ok_or(Denied::Unauthenticated);
    let denied = |denied: Denied| match denied {
        Denied::Unauthenticated => Failure::new(Code::Unauthenticated, UNAUTHENTICATED),
        Denied::Forbidden { .. } => Failure::new(Code::PermissionDenied, "Permission denied."),
    };
    let caller = caller.map_err(denied)?;
    if guard::is_restrained(&caller.0) {
        return if caller.0.in_scope(permission) { Ok(caller.0) } else { Err(guard::denied()) };
    }
    Ok(caller.require(permission).map_err(denied)?.clone())
}

/// A route whose handler takes the request's fields and answers with JSON.
pub(crate) fn json<F, Fut>(filter: MethodFilter, permission: Permission, handler: F) -> MethodRouter<State>
where
    F: Fn(Cx, Fields) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Answer> + Send + 'static,
{
    respond(filter, permission, move |cx, fields| {
        let answer = handler(cx, fields);
        async move {
            let body = answer.await?;
            Ok(json_response(body))
        }
    })
}

/// A route whose handler takes the request's fields and makes the whole response.
pub(crate) fn respond<F, Fut>(filter: MethodFilter, permission: Permission, handler: F) -> MethodRouter<State>
where
    F: Fn(Cx, Fields) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Response, Failure>> + Send + 'static,
{
    on(filter, move |Shared(state): Shared<State>, path: RawPathParams, request: Request| {
        let handler = handler.clone();
        async move {
            let work = Box::pin(async move {
                let actor = actor(&request, permission)?;
                let cx = Cx::of(state, actor, &request);
                let matched = matched(&request);
                let mut fields = fields(request).await?;
                for (name, value) in &path {
                    fields.set(name, value.to_owned());
                }
                guard::check(&cx, &cx.method, &matched, &mut fields).await?;
                handler(cx, fields).await
            });
            work.await.unwrap_or_else(IntoResponse::into_response)
        }
    })
}

/// The route that the router chose.
fn matched(request: &Request) -> String {
    request.extensions().get::<MatchedPath>().map(|p| p.as_str().to_owned()).unwrap_or_default()
}

/// An answer in JSON.
pub(crate) fn json_response(body: impl Into<Body>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body.into()).into_response()
}

async fn fields(request: Request) -> Result<Fields, Failure> {
    if request.method() == Method::GET
        && let Some(query) = request.uri().query()
    {
        return Ok(Fields::from_query(query));
    }
    let query = request.uri().query().map(str::to_owned);
    let body = body(request).await?;
    match query {
        Some(query) if body.is_empty() => Ok(Fields::from_query(&query)),
        _ => Fields::from_body(&body),
    }
}

/// A request's body. Errors if it is sent as something else than JSON.
pub(crate) async fn body(request: Request) -> Result<Bytes, Failure> {
    let sends = [Method::POST, Method::PUT].contains(request.method());
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let body = to_bytes(request.into_body(), BODY_LIMIT)
        .await
        .map_err(|e| Failure::new(Code::BadRequest, format!("Cannot read the request body: {e}")))?;
    match kind.as_deref().map(|k| k.split(';').next().unwrap_or(k).trim()) {
        _ if !sends => {}
        None => return Err(Failure::invalid("Bad Request. Content-Type header is missing.")),
        Some("application/json") => {}
        Some(_) => {
            return Err(Failure::invalid("Bad Request. Content-Type must be one of ['application/json']."));
        }
    }
    Ok(body)
}

/// A route that handles the raw request.
pub(crate) fn raw<F, Fut>(filter: MethodFilter, permission: Permission, handler: F) -> MethodRouter<State>
where
    F: Fn(Cx, Vec<(String, String)>, Request) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Response, Failure>> + Send + 'static,
{
    on(filter, move |Shared(state): Shared<State>, path: RawPathParams, request: Request| {
        let handler = handler.clone();
        async move {
            let path: Vec<(String, String)> =
                path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            let work = Box::pin(async move {
                let actor = actor(&request, permission)?;
                let cx = Cx::of(state, actor, &request);
                let mut fields = Fields::from_query(request.uri().query().unwrap_or_default());
                for (name, value) in &path {
                    fields.set(name, value.clone());
                }
                guard::check(&cx, &cx.method, &matched(&request), &mut fields).await?;
                handler(cx, path, request).await
            });
            work.await.unwrap_or_else(IntoResponse::into_response)
        }
    })
}

/// A route that asks for no actor: what is in its path is the permission.
pub(crate) fn bearer<F, Fut>(filter: MethodFilter, handler: F) -> MethodRouter<State>
where
    F: Fn(State, String, Request) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Response, Failure>> + Send + 'static,
{
    on(filter, move |Shared(state): Shared<State>, Path(token): Path<String>, request: Request| {
        let handler = handler.clone();
        async move { Box::pin(handler(state, token, request)).await.unwrap_or_else(IntoResponse::into_response) }
    })
}
