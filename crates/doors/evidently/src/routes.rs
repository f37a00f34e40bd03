use axum::extract::DefaultBodyLimit;
use axum::routing::{MethodRouter, delete, get, patch, post};
use kit::{Door, Routes};

use crate::{State, about, artifacts, datasets, projects, prompts, series, snapshots};

/// Where Evidently's API is: where its clients look, and behind the door's own name.
const BASES: [&str; 2] = ["/api", "/evidently/api"];

struct Table(Routes<State>);

impl Table {
    /// An operation below both bases.
    fn at(self, path: &str, methods: MethodRouter<State>) -> Self {
        let add =
            |routes: Routes<State>, base: &&str| routes.route(&format!("{base}{path}"), methods.clone());
        Self(BASES.iter().fold(self.0, add))
    }

    /// [`Table::at`], with and without a slash at the end: upstream takes both, and its client writes both.
    fn either(self, path: &str, methods: MethodRouter<State>) -> Self {
        self.at(path, methods.clone()).at(&format!("{path}/"), methods)
    }
}

/// Every endpoint.
pub fn routes(state: State) -> Door {
    Table(Routes::new())
        .at("/version", get(about::version))
        .either("/projects", get(projects::list).post(projects::add))
        .either("/v2/projects", get(projects::list).post(projects::add))
        .at("/v2/projects/{project}", patch(projects::update).delete(projects::delete))
        .at("/projects/{project}", delete(projects::delete))
        .at("/projects/{project}/info", get(projects::info).post(projects::update_info))
        .at("/projects/search/{name}", get(projects::search))
        .at("/projects/{project}/reload", get(projects::reload))
        .at("/projects/{project}/reports", get(snapshots::list))
        .at("/projects/{project}/snapshots", get(snapshots::list))
        .at("/projects/{project}/{snapshot}", delete(snapshots::delete))
        .at("/projects/{project}/{snapshot}/metadata", get(snapshots::metadata))
        .at("/projects/{project}/{snapshot}/data", get(snapshots::data))
        .at("/projects/{project}/{snapshot}/download", get(snapshots::download))
        .at("/projects/{project}/{snapshot}/graphs_data/{graph}", get(snapshots::graph))
        .at("/v2/dashboards/{project}", get(projects::dashboard).post(projects::save_dashboard))
        .at("/v2/snapshots/{project}", post(snapshots::add))
        .at("/v2/snapshots/{project}/metrics", get(series::metrics))
        .at("/v2/snapshots/{project}/labels", get(series::labels))
        .at("/v2/snapshots/{project}/label_values", get(series::label_values))
        .at("/v2/snapshots/{project}/data_series_batch", post(series::batch))
        .either("/datasets", get(datasets::list))
        .at("/datasets/upload", post(datasets::add))
        .at("/datasets/{dataset}", get(datasets::page).patch(datasets::update).delete(datasets::delete))
        .at("/datasets/{dataset}/download", get(datasets::download))
        .at("/datasets/{dataset}/metadata", get(datasets::metadata))
        .at("/datasets/{dataset}/data_definition", get(datasets::data_definition))
        .either("/artifacts", get(artifacts::list).post(artifacts::add))
        .at("/artifacts/by-name/{name}", get(artifacts::by_name))
        .at("/artifacts/{artifact}", get(artifacts::get).put(artifacts::update).delete(artifacts::delete))
        .at("/artifacts/{artifact}/versions", get(artifacts::versions).post(artifacts::add_version))
        .at("/artifacts/{artifact}/versions/{version}", get(artifacts::version))
        .at(
            "/artifacts/artifact-versions/{version}",
            get(artifacts::version_by_id).delete(artifacts::delete_version),
        )
        .either("/prompts", get(prompts::list).post(prompts::add))
        .at("/prompts/by-name/{name}", get(prompts::by_name))
        .at("/prompts/{prompt}", get(prompts::get).put(prompts::update).delete(artifacts::delete))
        .at("/prompts/{prompt}/versions", get(prompts::versions).post(prompts::add_version))
        .at("/prompts/{prompt}/versions/{version}", get(prompts::version))
        .at("/prompts/prompt-versions/{version}", get(prompts::version_by_id).delete(prompts::delete_version))
        .0
        .map(|router| router.layer(DefaultBodyLimit::disable()))
        .door("evidently", state)
}
