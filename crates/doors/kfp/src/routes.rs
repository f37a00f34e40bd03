use axum::extract::DefaultBodyLimit;
use axum::routing::{MethodRouter, get, post};
use kit::{Door, Routes};

use crate::{State, about, artifacts, experiments, pipelines, recurring, runs, upload, versions};

/// Where Kubeflow's API is: where its clients look, and behind the door's own name.
const BASES: [&str; 2] = ["/apis/v2beta1", "/kfp/apis/v2beta1"];

struct Table(Routes<State>);

impl Table {
    /// An operation below both bases. What follows a colon in upstream's paths stands in the last parameter.
    fn at(self, path: &str, methods: MethodRouter<State>) -> Self {
        let add =
            |routes: Routes<State>, base: &&str| routes.route(&format!("{base}{path}"), methods.clone());
        Self(BASES.iter().fold(self.0, add))
    }
}

/// Every endpoint.
pub fn routes(state: State) -> Door {
    Table(Routes::new())
        .at("/healthz", get(about::health))
        .at("/auth", get(about::auth))
        .at("/experiments", get(experiments::list).post(experiments::create))
        .at(
            "/experiments/{experiment_id}",
            get(experiments::get).delete(experiments::delete).post(experiments::act),
        )
        .at("/pipelines", get(pipelines::list).post(pipelines::create))
        .at("/pipelines/create", post(pipelines::create_with_version))
        .at("/pipelines/upload", post(upload::pipeline))
        .at("/pipelines/upload_version", post(upload::version))
        .at("/pipelines/names/{name}", get(pipelines::by_name))
        .at(
            "/pipelines/{pipeline_id}",
            get(pipelines::get).delete(pipelines::delete).patch(pipelines::update),
        )
        .at("/pipelines/{pipeline_id}/versions", get(versions::list).post(versions::create))
        .at(
            "/pipelines/{pipeline_id}/versions/{pipeline_version_id}",
            get(versions::get).delete(versions::delete).patch(versions::update),
        )
        .at("/runs", get(runs::list).post(runs::create))
        .at("/runs/{run_id}", get(runs::get).delete(runs::delete).post(runs::act))
        .at("/runs/{run_id}/nodes/{node_id}/artifacts/{artifact_name}", get(artifacts::read))
        .at("/runs/{run_id}/nodes/{node_id}/log", get(artifacts::log))
        .at("/recurringruns", get(recurring::list).post(recurring::create))
        .at(
            "/recurringruns/{recurring_run_id}",
            get(recurring::get).delete(recurring::delete).post(recurring::act),
        )
        .0
        .map(|router| router.layer(DefaultBodyLimit::disable()))
        .door("kfp", state)
}
