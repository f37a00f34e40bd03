use axum::Extension;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter, any, get};
use kit::{Door, Routes};
use types::Permission::{Read, Write};

use crate::artifacts::{multipart, signed};
use crate::call::{bearer, json, raw, respond};
use crate::graphql::graphql;
use crate::guard::Homes;
use crate::page::BELOW;
use crate::webhooks;
use crate::workspaces::{self, Entered};
use crate::{
    State, artifacts, auth, experiments, gateway, genai, log_batch, logged_models, metrics, model_versions,
    registered_models, runs, server_info, traces,
};

pub(crate) const GET: MethodFilter = MethodFilter::GET;
pub(crate) const POST: MethodFilter = MethodFilter::POST;
pub(crate) const PATCH: MethodFilter = MethodFilter::PATCH;
pub(crate) const DELETE: MethodFilter = MethodFilter::DELETE;
pub(crate) const PUT: MethodFilter = MethodFilter::PUT;
pub(crate) const GET_POST: MethodFilter = MethodFilter::GET.or(MethodFilter::POST);

/// Every endpoint at its absolute path; `/api/…` for clients and `/ajax-api/…` for upstream's web app.
pub fn routes(state: State) -> Door {
    let mut routes = Routes::new()
        .route("/health", get(server_info::health))
        .route("/version", get(server_info::version))
        .route("/v1/traces", traces::otlp())
        .route("/ajax-api/2.0/mlflow/get-trace-artifact", traces::artifact())
        .route("/ajax-api/3.0/mlflow/get-trace-artifact", traces::artifact())
        .route("/get-artifact", raw(GET, Read, artifacts::download_of_run))
        .route("/graphql", raw(GET_POST, Read, graphql))
        .route("/model-versions/get-artifact", raw(GET, Read, artifacts::download_of_version));
    let at_token = format!("{}{{token}}", signed::PATH);
    routes = routes.route(&at_token, join([bearer(GET, signed::get), bearer(PUT, signed::put)]));
    for prefix in ["/api", "/ajax-api"] {
        let mut add = |path: &str, route: MethodRouter<State>| {
            routes = std::mem::take(&mut routes).route(&format!("{prefix}{path}"), route);
        };
        tracking_routes(&mut add);
        registry_routes(&mut add);
        artifact_routes(&mut add);
        traces::routes(&mut add);
        auth::routes(&mut add);
        workspace_routes(&mut add);
        webhooks::routes(&mut add);
        genai::routes(&mut add);
        gateway::routes(&mut add);
        add("/3.0/mlflow/server-info", get(server_info::server_info));
        for unknown in ["/2.0/mlflow/{*rest}", "/3.0/mlflow/{*rest}", "/2.0/mlflow-artifacts/{*rest}"] {
            add(unknown, any(server_info::unknown));
        }
    }
    let mut add = |path: &str, route: MethodRouter<State>| {
        routes = std::mem::take(&mut routes).route(path, route);
    };
    genai::page_routes(&mut add);
    gateway::page_routes(&mut add);
    routes
        .route("/ajax-api/2.0/mlflow/metrics/get-history-bulk", json(GET, Read, metrics::get_history_bulk))
        .route("/ajax-api/2.0/mlflow/upload-artifact", raw(POST, Write, artifacts::upload))
        .route(
            "/ajax-api/2.0/mlflow/experiments/search-datasets",
            json(POST, Read, experiments::search_datasets),
        )
        .map(|router| {
            let entering = from_fn_with_state((state.clone(), Entered::default()), workspaces::enter);
            // The last one comes first.
            router.layer(DefaultBodyLimit::disable()).layer(Extension(Homes::default())).layer(entering)
        })
        .map(|router| router.clone().nest(BELOW, router))
        .door("mlflow", state)
}

/// `service.proto`
fn tracking_routes(add: &mut impl FnMut(&str, MethodRouter<State>)) {
    let mut v2 = |path: &str, route: MethodRouter<State>| add(&format!("/2.0/mlflow/{path}"), route);
    v2("experiments/create", json(POST, Write, experiments::create));
    v2("experiments/search", json(GET_POST, Read, experiments::search));
    v2("experiments/get", json(GET, Read, experiments::get));
    v2("experiments/get-by-name", json(GET, Read, experiments::get_by_name));
    v2("experiments/delete", json(POST, Write, experiments::delete));
    v2("experiments/restore", json(POST, Write, experiments::restore));
    v2("experiments/update", json(POST, Write, experiments::update));
    v2("experiments/set-experiment-tag", json(POST, Write, experiments::set_tag));
    v2("experiments/delete-experiment-tag", json(POST, Write, experiments::delete_tag));
    v2("runs/create", json(POST, Write, runs::create));
    v2("runs/get", json(GET, Read, runs::get));
    v2("runs/update", json(POST, Write, runs::update));
    v2("runs/delete", json(POST, Write, runs::delete));
    v2("runs/restore", json(POST, Write, runs::restore));
    v2("runs/search", json(POST, Read, runs::search));
    v2("runs/log-metric", json(POST, Write, runs::log_metric));
    v2("runs/log-parameter", json(POST, Write, runs::log_parameter));
    v2("runs/set-tag", json(POST, Write, runs::set_tag));
    v2("runs/delete-tag", json(POST, Write, runs::delete_tag));
    v2("runs/log-batch", raw(POST, Write, log_batch::log_batch));
    v2("runs/log-inputs", json(POST, Write, runs::log_inputs));
    v2("runs/outputs", json(POST, Write, runs::log_outputs));
    v2("runs/log-model", json(POST, Write, runs::log_model));
    v2("metrics/get-history", raw(GET, Read, metrics::get_history));
    v2("metrics/get-history-bulk-interval", json(GET, Read, metrics::get_history_bulk_interval));
    v2("artifacts/list", json(GET, Read, artifacts::list));
    v2("logged-models", json(POST, Write, logged_models::create));
    v2("logged-models/search", json(POST, Read, logged_models::search));
    v2(
        "logged-models/{model_id}",
        join([
            json(GET, Read, logged_models::get),
            json(PATCH, Write, logged_models::finalize),
            json(DELETE, Write, logged_models::delete),
        ]),
    );
    v2("logged-models/{model_id}/params", json(POST, Write, logged_models::log_params));
    v2("logged-models/{model_id}/tags", json(PATCH, Write, logged_models::set_tags));
    v2("logged-models/{model_id}/tags/{tag_key}", json(DELETE, Write, logged_models::delete_tag));
    v2("logged-models/{model_id}/artifacts/directories", json(GET, Read, artifacts::list_logged_model));
    v2("logged-models/{model_id}/artifacts/files", raw(GET, Read, artifacts::download_of_logged_model));
    // The missing slash is upstream's.
    add("/2.0mlflow/experiments/search-datasets", json(POST, Read, experiments::search_datasets));
}

/// `model_registry.proto`
fn registry_routes(add: &mut impl FnMut(&str, MethodRouter<State>)) {
    let mut v2 = |path: &str, route: MethodRouter<State>| add(&format!("/2.0/mlflow/{path}"), route);
    v2("registered-models/create", json(POST, Write, registered_models::create));
    v2("registered-models/get", json(GET, Read, registered_models::get));
    v2("registered-models/search", json(GET, Read, registered_models::search));
    v2("registered-models/rename", json(POST, Write, registered_models::rename));
    v2("registered-models/update", json(PATCH, Write, registered_models::update));
    v2("registered-models/delete", json(DELETE, Write, registered_models::delete));
    v2("registered-models/get-latest-versions", json(GET_POST, Read, registered_models::get_latest_versions));
    v2("registered-models/set-tag", json(POST, Write, registered_models::set_tag));
    v2("registered-models/delete-tag", json(DELETE, Write, registered_models::delete_tag));
    v2(
        "registered-models/alias",
        join([
            json(POST, Write, registered_models::set_alias),
            json(GET, Read, registered_models::get_by_alias),
            json(DELETE, Write, registered_models::delete_alias),
        ]),
    );
    v2("model-versions/create", json(POST, Write, model_versions::create));
    v2("model-versions/get", json(GET, Read, model_versions::get));
    v2("model-versions/search", json(GET, Read, model_versions::search));
    v2("model-versions/update", json(PATCH, Write, model_versions::update));
    v2("model-versions/transition-stage", json(POST, Write, model_versions::transition_stage));
    v2("model-versions/delete", json(DELETE, Write, model_versions::delete));
    v2("model-versions/get-download-uri", json(GET, Read, model_versions::get_download_uri));
    v2("model-versions/set-tag", json(POST, Write, model_versions::set_tag));
    v2("model-versions/delete-tag", json(DELETE, Write, model_versions::delete_tag));
}

/// `mlflow_artifacts.proto`
fn artifact_routes(add: &mut impl FnMut(&str, MethodRouter<State>)) {
    add("/2.0/mlflow-artifacts/artifacts", json(GET, Read, artifacts::list_proxied));
    add(
        "/2.0/mlflow-artifacts/artifacts/{*artifact_path}",
        join([
            raw(GET, Read, artifacts::download_proxied),
            raw(PUT, Write, artifacts::upload_proxied),
            json(DELETE, Write, artifacts::delete_proxied),
        ]),
    );
    add("/2.0/mlflow-artifacts/mpu/create/{*artifact_path}", json(POST, Write, multipart::create));
    add("/2.0/mlflow-artifacts/mpu/complete/{*artifact_path}", json(POST, Write, multipart::complete));
    add("/2.0/mlflow-artifacts/mpu/abort/{*artifact_path}", json(POST, Write, multipart::abort));
    add("/2.0/mlflow-artifacts/presigned/{*artifact_path}", json(GET, Read, signed::presigned));
    add("/2.0/mlflow/artifacts/presigned-upload-url", json(POST, Write, signed::presigned_upload_url));
    add("/2.0/mlflow/artifacts/presigned-download-url", json(POST, Read, signed::presigned_download_url));
}

/// `service.proto`
fn workspace_routes(add: &mut impl FnMut(&str, MethodRouter<State>)) {
    add(
        "/3.0/mlflow/workspaces",
        join([json(GET, Read, workspaces::list), respond(POST, Write, workspaces::create)]),
    );
    add(
        "/3.0/mlflow/workspaces/{workspace_name}",
        join([
            json(GET, Read, workspaces::get),
            json(PATCH, Write, workspaces::update),
            respond(DELETE, Write, workspaces::delete),
        ]),
    );
}

/// Several methods on one path.
pub(crate) fn join<const N: usize>(routes: [MethodRouter<State>; N]) -> MethodRouter<State> {
    routes.into_iter().fold(MethodRouter::new(), MethodRouter::merge)
}
