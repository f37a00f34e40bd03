//! Versioned data: repositories, their refs and commits, objects, and tables in place. Below `/api/v1/data`, since
//! `/api/v1/repositories` speaks lakeFS.

pub mod bulk;
pub mod commits;
pub mod frames;
pub mod history;
pub mod objects;
pub mod refs;
pub mod repositories;
pub mod rules;
pub mod tables;
pub mod touched;
mod view;

use ::repositories::Paging;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post, put};
use kit::Routes;
use serde::Deserialize;

use crate::State;

const ROOT: &str = "/api/v1/data/repositories/{repository}";

/// The routes of versioned data.
pub fn add(routes: Routes<State>) -> Routes<State> {
    let at = |path: &str| format!("{ROOT}{path}");
    // Bodies of objects are streams of any length.
    let any = DefaultBodyLimit::disable;
    routes
        .route("/api/v1/data/repositories", get(repositories::list).post(repositories::create))
        .route(ROOT, get(repositories::get).patch(repositories::change).delete(repositories::delete))
        .route(&at("/branches"), get(refs::branches).post(refs::create_branch))
        .route(&at("/branches/{branch}"), get(refs::branch).delete(refs::delete_branch))
        .route(&at("/tags"), get(refs::tags).post(refs::create_tag))
        .route(&at("/tags/{tag}"), get(refs::tag).delete(refs::delete_tag))
        .route(&at("/branches/{branch}/commits"), post(commits::commit))
        .route(&at("/branches/{branch}/merge"), post(commits::merge))
        .route(&at("/branches/{branch}/revert"), post(commits::revert))
        .route(&at("/branches/{branch}/cherry-pick"), post(commits::cherry_pick))
        .route(&at("/branches/{branch}/reset"), post(commits::reset))
        .route(&at("/branches/{branch}/uncommitted"), get(history::uncommitted))
        .route(&at("/diff"), get(history::diff))
        .route(&at("/refs/{reference}"), get(history::resolve))
        .route(&at("/refs/{reference}/log"), get(history::log))
        .route(&at("/refs/{reference}/touched"), get(touched::get))
        .route(&at("/refs/{reference}/objects"), get(objects::list))
        .route(&at("/refs/{reference}/object"), get(objects::get).head(objects::head))
        .route(&at("/refs/{reference}/stat"), get(objects::stat))
        .route(&at("/refs/{reference}/download"), post(bulk::download))
        .route(&at("/branches/{branch}/object"), put(objects::put).delete(objects::delete).layer(any()))
        .route(&at("/branches/{branch}/delete"), post(objects::delete_many))
        .route(&at("/branches/{branch}/upload"), post(bulk::upload).layer(any()))
        .route(&at("/branches/{branch}/imports"), post(rules::start_import))
        .route(&at("/imports/{id}"), get(rules::import).delete(rules::cancel_import))
        .route(&at("/protections"), get(rules::protections).put(rules::set_protections))
        .route(&at("/retention"), get(rules::retention).put(rules::set_retention))
        .route(&at("/gates"), get(rules::gates))
        .route(&at("/gates/{id}"), get(rules::gate))
        .route(&at("/refs/{reference}/table"), get(tables::schema))
        .route(&at("/refs/{reference}/table/rows"), get(tables::rows))
        .route(&at("/refs/{reference}/table/profile"), get(tables::profile))
        .route("/api/v1/data/gc", post(rules::collect_garbage))
        .route("/api/v1/data/query", post(tables::query))
        .route("/api/v1/data/row-diff", post(tables::diff))
}

/// One page of a listing.
#[derive(Debug, Deserialize)]
pub struct PageQuery {
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    after: String,
    #[serde(default = "hundred")]
    limit: usize,
}

fn hundred() -> usize {
    100
}

/// Items of one page at most.
const MOST: usize = 1_000;

impl PageQuery {
    fn paging(self) -> Paging {
        Paging { prefix: self.prefix, after: self.after, limit: self.limit.clamp(1, MOST) }
    }
}
