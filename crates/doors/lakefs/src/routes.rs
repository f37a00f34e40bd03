use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn_with_state, map_response};
use axum::routing::{MethodRouter, any, get, post, put};
use kit::{Door, Routes};

use crate::{
    State, config, download, events, history, imports, nodes, objects, pulls, refs, repos, rules, session,
    signed, staging, upload, users,
};

/// Where lakeFS's API is: behind the door's own name, and where its clients expect it.
const BASES: [&str; 2] = ["/lakefs/api/v1", "/api/v1"];

struct Table(Routes<State>);

impl Table {
    /// An operation below both bases.
    fn at(self, path: &str, methods: MethodRouter<State>) -> Self {
        let add =
            |routes: Routes<State>, base: &&str| routes.route(&format!("{base}{path}"), methods.clone());
        Self(BASES.iter().fold(self.0, add))
    }

    /// An operation on a repository.
    fn of(self, path: &str, methods: MethodRouter<State>) -> Self {
        self.at(&format!("/repositories/{{repository}}{path}"), methods)
    }
}

/// Every endpoint.
pub fn routes(state: State) -> Door {
    let table = Table(Routes::new());
    let table = refs_and_objects(repositories(people(about(table))));
    let signed = format!("{}{{token}}", signed::PATH);
    let layered = state.clone();
    table
        .0
        .route(&signed, get(signed::get).put(signed::put))
        .route("/lakefs/api/v1/{*rest}", any(session::no_operation))
        .map(|router| {
            router
                .layer(DefaultBodyLimit::disable())
                .layer(from_fn_with_state(layered, session::sign_in))
                .layer(map_response(session::in_envelope))
        })
        .door("lakefs", state)
}

fn about(table: Table) -> Table {
    table
        .at("/healthcheck", get(config::health))
        .at("/config", get(config::get))
        .at("/config/version", get(config::get_version))
        .at("/config/storage", get(config::get_storage))
        .at("/config/garbage-collection", get(config::garbage_collection))
        .at("/usage-report/summary", get(config::usage))
        .at("/statistics", post(events::statistics))
        .at("/setup_lakefs", get(session::setup_state).post(session::setup))
        .at("/setup_comm_prefs", post(session::not_here))
        .at("/user", get(users::current))
        .at("/auth/login", post(session::login))
        .at("/auth/capabilities", get(session::capabilities))
        .at("/auth/external/principal/login", post(session::not_here))
        .at("/auth/external/principals", get(session::not_here))
        .at("/sts/login", post(session::not_here))
        .at("/oidc/callback", get(session::not_here))
}

fn people(table: Table) -> Table {
    table
        .at("/auth/users", get(users::index).post(users::create))
        .at("/auth/users/{userId}", get(users::get).delete(users::delete))
        .at("/auth/users/{userId}/credentials", get(users::keys).post(users::create_key))
        .at("/auth/users/{userId}/credentials/{accessKeyId}", get(users::get_key).delete(users::delete_key))
        .at("/auth/users/{userId}/groups", get(users::groups_of))
        .at("/auth/users/{userId}/policies", get(users::policies))
        .at("/auth/users/{userId}/policies/{policyId}", put(users::policies).delete(users::policies))
        .at("/auth/users/{userId}/external/principals", post(session::not_here).delete(session::not_here))
        .at("/auth/users/{userId}/external/principals/ls", get(session::not_here))
        .at("/auth/groups", get(users::groups).post(users::create_group))
        .at("/auth/groups/{groupId}", get(users::get_group).delete(users::delete_group))
        .at("/auth/groups/{groupId}/acl", get(users::policies).post(users::policies))
        .at("/auth/groups/{groupId}/members", get(users::members))
        .at("/auth/groups/{groupId}/members/{userId}", put(users::join).delete(users::leave))
        .at("/auth/groups/{groupId}/policies", get(users::policies))
        .at("/auth/groups/{groupId}/policies/{policyId}", put(users::policies).delete(users::policies))
        .at("/auth/policies", get(users::policies).post(users::policies))
        .at("/auth/policies/{policyId}", get(users::policies).put(users::policies).delete(users::policies))
}

fn repositories(table: Table) -> Table {
    table
        .at("/repositories", get(repos::index).post(repos::create))
        .of("", get(repos::get).delete(repos::delete))
        .of("/metadata", get(repos::metadata).post(repos::set_metadata).delete(repos::delete_metadata))
        .of(
            "/settings/gc_rules",
            get(rules::retention).put(rules::set_retention).delete(rules::delete_retention),
        )
        .of("/settings/branch_protection", get(rules::protections).put(rules::set_protections))
        .of("/gc/rules", get(rules::retention).post(rules::set_retention).delete(rules::delete_retention))
        .of("/gc/rules/set_allowed", get(objects::allowed))
        .of("/refs/dump", put(repos::elsewhere))
        .of("/refs/restore", put(repos::elsewhere))
        .of("/dump", post(repos::elsewhere).get(repos::elsewhere))
        .of("/restore", post(repos::elsewhere).get(repos::elsewhere))
        .of("/commits", post(repos::elsewhere))
        .of("/gc/prepare_commits", post(repos::elsewhere))
        .of("/gc/prepare_commits/async", post(repos::elsewhere))
        .of("/gc/prepare_commits/status", get(repos::elsewhere))
        .of("/gc/prepare_uncommited", post(repos::elsewhere))
        .of("/branch_protection", get(rules::protections))
        .of("/branch_protection/set_allowed", get(objects::allowed))
        .of("/actions/runs", get(events::runs))
        .of("/actions/runs/{run_id}", get(events::run))
        .of("/actions/runs/{run_id}/hooks", get(events::hooks))
        .of("/actions/runs/{run_id}/hooks/{hook_run_id}/output", get(events::output))
        .of("/metadata/object/{type}/{object_id}", get(nodes::object))
        .of("/metadata/meta_range/{meta_range}", get(nodes::location))
        .of("/metadata/range/{range}", get(nodes::location))
        .of("/pulls", get(pulls::index).post(pulls::create))
        .of("/pulls/{pull_request}", get(pulls::get).patch(pulls::update))
        .of("/pulls/{pull_request}/merge", put(pulls::merge))
}

fn refs_and_objects(table: Table) -> Table {
    table
        .of("/tags", get(refs::tags).post(refs::create_tag))
        .of("/tags/{tag}", get(refs::tag).delete(refs::delete_tag))
        .of("/branches", get(refs::branches).post(refs::create_branch))
        .of("/branches/{branch}", get(refs::branch).delete(refs::delete_branch).put(refs::reset))
        .of("/branches/{branch}/hard_reset", put(refs::hard_reset))
        .of("/branches/{branch}/commits", post(history::commit))
        .of("/branches/{branch}/revert", post(history::revert))
        .of("/branches/{branch}/cherry-pick", post(history::cherry_pick))
        .of("/branches/{branch}/diff", get(history::uncommitted))
        .of("/commits/{commitId}", get(history::get))
        .of("/refs/{ref}/commits", get(history::log))
        .of("/refs/{ref}/diff/{rightRef}", get(history::diff))
        .of("/refs/{ref}/merge/{destinationBranch}", post(history::merge).get(history::merge_base))
        .of("/refs/{ref}/objects", get(download::get).head(download::head))
        .of("/refs/{ref}/objects/stat", get(objects::stat))
        .of("/refs/{ref}/objects/ls", get(objects::index))
        .of("/refs/{ref}/objects/underlyingProperties", get(objects::underlying))
        .of("/refs/{ref}/symlink", post(repos::elsewhere))
        .of(
            "/branches/{branch}/objects",
            post(upload::upload).put(staging::stage_object).delete(objects::delete),
        )
        .of("/branches/{branch}/objects/stage_allowed", get(objects::allowed))
        .of("/branches/{branch}/objects/delete", post(objects::delete_many))
        .of("/branches/{branch}/objects/copy", post(objects::copy))
        .of("/branches/{branch}/objects/stat/user_metadata", put(objects::set_metadata))
        .of("/branches/{branch}/staging/backing", get(staging::get_address).put(staging::link))
        .of("/branches/{branch}/staging/pmpu", post(staging::create_upload))
        .of(
            "/branches/{branch}/staging/pmpu/{uploadId}",
            put(staging::complete_upload).delete(staging::abort_upload),
        )
        .of("/branches/{branch}/staging/pmpu/{uploadId}/parts/{partNumber}", put(staging::upload_part))
        .of(
            "/branches/{branch}/staging/pmpu/{uploadId}/parts/{partNumber}/copy",
            put(staging::upload_part_copy),
        )
        .of("/branches/{branch}/import", get(imports::status).post(imports::start).delete(imports::cancel))
}
