//! What clients see on the wire: the door in front of a real ledger, blob store, prediction log and serving table.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

// Under the name that the rest of the house knows it by.
extern crate mlwright_door_native as door_native;

mod data;
mod datasets_door;
mod endpoints;
mod label_reviews;
mod labels;
mod monitors;
mod overview;
mod pipelines;
mod retrainings;
mod reviews;
mod run_pages;
mod run_table;
mod webhooks;

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use blobs::{BlobConfig, Blobs};
use door_native::{About, Failure, Projects, Refusal, State};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use ledger::{Component, Ledger};
use predictions::{Log, LogConfig};
use runtimes::{Runtime, RuntimeConfig};
use serde_json::Value;
use serving::{Serving, ServingConfig};
use tower::ServiceExt;
use types::{Actor, Role};

pub const COMPONENTS: [Component; 13] = [
    repositories::COMPONENT,
    datasets::COMPONENT,
    curation::COMPONENT,
    tracking::COMPONENT,
    models::COMPONENT,
    ::pipelines::COMPONENT,
    predictions::COMPONENT,
    evaluation::COMPONENT,
    review::COMPONENT,
    serving::COMPONENT,
    monitoring::COMPONENT,
    automation::COMPONENT,
    ::webhooks::COMPONENT,
];

/// A house in which no project was ever applied.
struct NoProjects;

#[async_trait]
impl Projects for NoProjects {
    async fn plan(&self, _: &Actor, _: Value) -> Result<Value, Refusal> {
        Err(Failure::not_found("project", "any"))
    }

    async fn apply(&self, _: &Actor, _: Value) -> Result<Value, Refusal> {
        Err(Failure::not_found("project", "any"))
    }

    async fn status(&self, _: &Actor, _: Option<&str>) -> Result<Value, Refusal> {
        Err(Failure::not_found("project", "any"))
    }
}

/// SQL is tested where the engine is linked.
struct NoSql;

#[async_trait]
impl columns::Engine for NoSql {
    fn tables(&self, sql: &str) -> Result<Vec<String>, columns::Error> {
        Err(columns::Error::Sql { message: format!("`{sql}` cannot be answered"), hint: None })
    }

    async fn query(&self, _: columns::Query) -> Result<columns::Answer, columns::Error> {
        Err(columns::Error::Cancelled)
    }
}

pub struct Client {
    router: Router,
    pub ledger: Ledger,
    pub log: Log,
    pub blobs: Blobs,
    _home: tempfile::TempDir,
}

impl Client {
    pub async fn new(ledger: Ledger) -> Self {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        let blobs = Blobs::open(&BlobConfig::Local(at("blobs"))).await.unwrap();
        let config = LogConfig { dir: at("predictions"), ..LogConfig::default() };
        let log = Log::open(config, &ledger, &blobs).await.unwrap();
        let runtime = Runtime::new(RuntimeConfig::default());
        let serving =
            Serving::start(ServingConfig::default(), &ledger, &blobs, runtime, log.clone()).await.unwrap();
        let config = ::pipelines::Config::new(at("pipelines"), Vec::new(), "http://127.0.0.1:1".into());
        let engine = ::pipelines::Engine::new(ledger.clone(), blobs.clone(), config).unwrap();
        let data = Blobs::open(&BlobConfig::Local(at("repositories"))).await.unwrap();
        let repositories =
            repositories::Repositories::open(ledger.clone(), data, repositories::Options::default());
        let state = State {
            ledger: ledger.clone(),
            blobs: blobs.clone(),
            vault: vault::Vault::open(home.path(), None).unwrap(),
            keys: kit::AccessKeys::new(&ledger, &vault::Vault::open(home.path(), None).unwrap()),
            engine,
            serving,
            log: log.clone(),
            repositories: repositories.clone(),
            tables: tables::Tables::new(repositories, Arc::new(NoSql), tables::Config::default()),
            projects: Arc::new(NoProjects),
            grammar: Arc::new(run_table::Grammar),
            packaging: None,
            about: Arc::new(About {
                version: "0",
                started_at: ledger.clock().now(),
                data_dir: home.path().display().to_string(),
            }),
        };
        Self { router: door_native::routes(state).router, ledger, log, blobs, _home: home }
    }

    pub async fn call_as(&self, actor: Actor, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.send(actor, method, path, "application/json", body).await
    }

    pub async fn send(
        &self,
        actor: Actor,
        method: &str,
        path: &str,
        content_type: &str,
        body: Body,
    ) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1/{path}"))
            .header(header::CONTENT_TYPE, content_type)
            .extension(actor)
            .body(body)
            .unwrap();
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    /// The bytes of an answer that is no JSON.
    pub async fn bytes(&self, method: &str, path: &str, body: Value) -> Vec<u8> {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1/{path}"))
            .header(header::CONTENT_TYPE, "application/json")
            .extension(Actor::local())
            .body(Body::from(body.to_string()))
            .unwrap();
        let answer = self.router.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        answer.into_body().collect().await.unwrap().to_bytes().into()
    }

    pub async fn call(&self, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
        self.call_as(Actor::local(), method, path, body).await
    }

    pub async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call("GET", path, Value::Null).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }
}

pub fn with_role(role: Role) -> Actor {
    Actor { role, name: role.to_string(), ..Actor::local() }
}

/// The envelope of an error: its code, and whether it says what to do.
pub fn error(body: &Value) -> (&str, bool) {
    (body["error"]["code"].as_str().unwrap(), body["error"]["hint"].is_string())
}
