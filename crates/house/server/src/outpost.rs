//! What a package that is being served answers beside predictions, and how its records get home.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use kit::Caller;
use outbound::{Body, Call, Client, Method, Policy};
use packages::{Manifest, Verified};
use predictions::{Log, NewLabel, Window};
use serde::Deserialize;
use serde_json::{Value, json};
use serving::Serving;
use tasks::CancellationToken;
use types::{Actor, Permission, io};

use crate::Error;

/// How often records are handed home, and how many at once.
const EVERY: Duration = Duration::from_secs(10);
const MOST: usize = 1000;

#[derive(Clone)]
pub struct Shared {
    pub log: Log,
    pub serving: Serving,
    pub endpoint: String,
    pub verified: Arc<Verified>,
}

pub fn routes(shared: Shared) -> Router {
    Router::new()
        .route("/api/v1/package", get(about))
        .route("/api/v1/labels", post(labels))
        .route("/api/v1/predictions", get(recent))
        .route("/api/v1/traffic", get(traffic))
        .route("/api/v1/drift", get(drift))
        .with_state(shared)
}

/// `GET package`: the statement that was signed, and by whom.
async fn about(State(shared): State<Shared>) -> Json<Value> {
    Json(
        json!({ "manifest": shared.verified.manifest, "public_key": shared.verified.public_key, "endpoint": shared.endpoint }),
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    labels: Vec<NewLabel>,
}

/// `POST labels`: what really happened, by the prediction's id.
async fn labels(
    State(shared): State<Shared>,
    caller: Caller,
    Json(told): Json<Told>,
) -> Result<Json<Value>, kit::Answer> {
    let actor = caller.require(Permission::Predict).map_err(|e| kit::Answer::from(&e))?;
    let outcome = shared.log.label(actor, told.labels).await.map_err(|e| kit::Answer::from(&e))?;
    Ok(Json(json!(outcome)))
}

/// `GET predictions`: the newest, for people who look.
async fn recent(State(shared): State<Shared>, caller: Caller) -> Result<Json<Value>, kit::Answer> {
    let rows = rows(&shared.log, &caller.0, &shared.endpoint, Window::Last(100))
        .await
        .map_err(|e| kit::Answer::from(&e))?;
    Ok(Json(json!({ "predictions": rows })))
}

/// `GET traffic`: requests, latencies, errors; records that wait or were dropped.
async fn traffic(State(shared): State<Shared>, caller: Caller) -> Json<Value> {
    Json(json!({ "traffic": shared.serving.traffic(&caller.0, &shared.endpoint), "log": shared.log.stats() }))
}

#[derive(Deserialize)]
struct OfWindow {
    /// The newest so many predictions.
    #[serde(default = "window")]
    rows: usize,
}

fn window() -> usize {
    1000
}

/// `GET drift`: how far the newest inputs have moved away from the data that the package carries as its baseline.
async fn drift(
    State(shared): State<Shared>,
    caller: Caller,
    Query(asked): Query<OfWindow>,
) -> Result<Json<Value>, kit::Answer> {
    let Some(baseline) = &shared.verified.manifest.baseline else {
        return Err(kit::Answer {
            status: http::StatusCode::NOT_FOUND,
            code: "not_found",
            message: "the package carries no baseline".into(),
            hint: Some("mlwright package models:/name/3 --baseline train.parquet".into()),
        });
    };
    let last = Window::Last(asked.rows.min(100_000));
    let found =
        shared.log.window(&caller.0, &shared.endpoint, last).await.map_err(|e| kit::Answer::from(&e))?;
    let moved = baseline.compare(&found.inputs).map_err(|e| kit::Answer::from(&e))?;
    Ok(Json(json!({ "rows": found.ids.len(), "baseline_rows": baseline.rows, "columns": moved })))
}

async fn rows(
    log: &Log,
    actor: &Actor,
    endpoint: &str,
    window: Window,
) -> Result<Vec<Value>, predictions::Error> {
    let found = log.window(actor, endpoint, window).await?;
    let mut rows = Vec::with_capacity(found.ids.len());
    for (row, id) in found.ids.iter().enumerate() {
        let mut record = json!({
            "id": id, "at": found.at[row], "ordinal": found.ordinals[row],
            "inputs": found.inputs.row_json(row)?, "outputs": found.outputs.row_json(row)?,
        });
        // Servers that are older than flags and params take records without them.
        if !found.flags[row].is_empty() {
            record["flags"] = json!(found.flags[row]);
        }
        if let Some(params) = &found.params[row] {
            record["params"] = predictions::params_json(params);
        }
        rows.push(record);
    }
    Ok(rows)
}

#[derive(Clone)]
pub struct Handing {
    pub url: String,
    pub token: Option<String>,
    pub log: Log,
    pub actor: Actor,
    pub endpoint: String,
    pub manifest: Manifest,
    /// Where the first ordinal that is not home yet is written.
    pub cursor: PathBuf,
}

/// Hands records home while home can be reached, and once more at the end. What was not taken is handed again.
pub async fn hand_home(handing: Handing, stop: CancellationToken) -> Result<(), Error> {
    let policy = Policy { timeout: Duration::from_secs(30), ..Policy::local() };
    let client = Client::new(policy).map_err(Error::stage)?;
    let mut silent = false;
    loop {
        let last = tokio::select! {
            () = stop.cancelled() => true,
            () = tokio::time::sleep(EVERY) => false,
        };
        match hand_all(&handing, &client).await {
            Ok(0) => {}
            Ok(rows) => {
                silent = false;
                tracing::info!(rows, "handed records home");
            }
            Err(error) if !silent => {
                silent = true;
                tracing::warn!(%error, "records wait here until home can be reached");
            }
            Err(_) => {}
        }
        if last {
            return Ok(());
        }
    }
}

async fn hand_all(handing: &Handing, client: &Client) -> Result<usize, Error> {
    let mut handed = 0;
    loop {
        let from: i64 =
            io::read_to_string(&handing.cursor).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        let window = Window::From { ordinal: from, limit: MOST };
        let found =
            rows(&handing.log, &handing.actor, &handing.endpoint, window).await.map_err(Error::stage)?;
        let Some(last) = found.last() else { return Ok(handed) };
        let next = last["ordinal"].as_i64().unwrap_or(from) + 1;
        let body = json!({
            "endpoint": handing.endpoint,
            "model": handing.manifest.model,
            "version": handing.manifest.version,
            "records": found,
        });
        let mut headers = Vec::new();
        if let Some(token) = &handing.token {
            headers.push(("authorization".to_owned(), format!("Bearer {token}")));
        }
        let url = format!("{}/api/v1/package-records", handing.url.trim_end_matches('/'));
        let call = Call { method: Method::Post, url, headers, body: Body::Json(body) };
        let answer = client.send(&call).await.map_err(Error::stage)?;
        if answer.status != 200 {
            let said = String::from_utf8_lossy(&answer.body).into_owned();
            return Err(Error::Task(format!("home answered {}: {said}", answer.status)));
        }
        io::write_atomic(&handing.cursor, next.to_string())?;
        handed += found.len();
    }
}
