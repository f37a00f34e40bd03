//! Tasks: a request that is answered later. Models here answer at once, so a task is done when it is submitted; its answer
//! waits in memory for whoever asks, the newest thousand of them, until the server ends.

use std::collections::VecDeque;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State as Extract};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use kit::Caller;
use parking_lot::Mutex;
use serde_json::{Value, json};
use types::{Actor, Permission};
use wire_inference::scoring::only_endpoint;

use crate::State;
use crate::errors::Failure;
use crate::predict::predicted;

/// Tasks whose answers are kept.
const MOST: usize = 1000;
/// Bytes of requests and answers that are kept.
const MOST_BYTES: usize = 64 << 20;

#[derive(Default)]
pub struct Tasks(Mutex<VecDeque<Task>>);

#[derive(Clone)]
struct Task {
    id: String,
    /// Others may not ask for it.
    owner: String,
    endpoint: String,
    body: Bytes,
    answer: Result<String, Failure>,
}

impl Task {
    fn bytes(&self) -> usize {
        self.body.len() + self.answer.as_ref().map_or_else(|e| e.message.len(), String::len)
    }

    fn status(&self) -> &'static str {
        if self.answer.is_ok() { "success" } else { "failure" }
    }
}

impl Tasks {
    fn keep(&self, task: Task) {
        let mut tasks = self.0.lock();
        tasks.push_back(task);
        while tasks.len() > MOST
            || tasks.iter().map(Task::bytes).sum::<usize>() > MOST_BYTES && tasks.len() > 1
        {
            tasks.pop_front();
        }
    }

    fn find(&self, actor: &Actor, id: &str) -> Result<Task, Failure> {
        let owner = actor.to_string();
        let found = self.0.lock().iter().find(|task| task.id == id && task.owner == owner).cloned();
        found.ok_or_else(|| Failure {
            status: StatusCode::NOT_FOUND,
            message: format!("there is no task `{id}`; the newest {MOST} are kept while the server runs"),
        })
    }
}

#[derive(serde::Deserialize)]
pub struct Asked {
    task_id: String,
}

pub async fn submit_only(
    state: Extract<State>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Predict)?;
    let endpoint = only_endpoint(&state.serving, actor, None)?;
    run(&state, actor, endpoint, &headers, body).await
}

pub async fn submit(
    state: Extract<State>,
    caller: Caller,
    Path(endpoint): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Predict)?;
    run(&state, actor, endpoint, &headers, body).await
}

/// A wrong request is refused at once; a model's failure is the task's.
async fn run(
    state: &State,
    actor: &Actor,
    endpoint: String,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Failure> {
    let answer = match predicted(state, actor, &endpoint, headers, &body).await {
        Ok((json, _)) => Ok(json),
        Err(failure) if failure.status.is_client_error() => return Err(failure),
        Err(failure) => Err(failure),
    };
    let id = state.serving.new_id().hex();
    let task = Task { id: id.clone(), owner: actor.to_string(), endpoint, body, answer };
    state.tasks.keep(task);
    Ok(Json(json!({ "task_id": id, "status": "in_progress" })))
}

pub async fn status(
    state: Extract<State>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Json<Value>, Failure> {
    let task = state.tasks.find(caller.require(Permission::Predict)?, &asked.task_id)?;
    Ok(Json(json!({ "task_id": task.id, "status": task.status() })))
}

pub async fn result(
    state: Extract<State>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    let task = state.tasks.find(caller.require(Permission::Predict)?, &asked.task_id)?;
    let json = task.answer?;
    Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
}

pub async fn retry(
    state: Extract<State>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Predict)?;
    let task = state.tasks.find(actor, &asked.task_id)?;
    run(&state, actor, task.endpoint, &HeaderMap::new(), task.body).await
}

pub async fn cancel(
    state: Extract<State>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Json<Value>, Failure> {
    let task = state.tasks.find(caller.require(Permission::Predict)?, &asked.task_id)?;
    Err(Failure {
        status: StatusCode::CONFLICT,
        message: format!("task `{}` is done: {}", task.id, task.status()),
    })
}
