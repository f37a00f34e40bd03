//! Traces: OTLP at `/v1/traces`, the v3 API, and the v2 API of older clients
//! (`mlflow/server/{otel_api,handlers}.py`, `mlflow/store/tracking/sqlalchemy_store.py`).

mod assessments;
mod info;
mod metrics;
mod otel;
mod otlp;
mod query;
mod v2;
mod v3;

use axum::routing::{MethodFilter, MethodRouter};
use types::Permission::{Read, Write};

use crate::State;
use crate::call::{json, raw};

/// The tag that carries a trace's name, and metadata of upstream's that is kept in columns or made up on the way out.
pub(crate) const TRACE_NAME: &str = "mlflow.traceName";
const ARTIFACT_LOCATION: &str = "mlflow.artifactLocation";
const SPANS_LOCATION: &str = "mlflow.trace.spansLocation";
const SOURCE_RUN: &str = "mlflow.sourceRun";
const SIZE_STATS: &str = "mlflow.trace.sizeStats";
const TOKEN_USAGE: &str = "mlflow.trace.tokenUsage";
const COST: &str = "mlflow.trace.cost";
const SESSION: &str = "mlflow.trace.session";
const USER: &str = "mlflow.trace.user";
const FINALIZED: &str = "mlflow.trace.infoFinalized";
const LINKED_PROMPTS: &str = "mlflow.linkedPrompts";

const GET: MethodFilter = MethodFilter::GET;
const POST: MethodFilter = MethodFilter::POST;
const PATCH: MethodFilter = MethodFilter::PATCH;
const DELETE: MethodFilter = MethodFilter::DELETE;

/// OpenTelemetry's own path: no prefix.
pub(crate) fn otlp() -> MethodRouter<State> {
    raw(POST, Write, otlp::export)
}

/// `GET get-trace-artifact` of upstream's web app.
pub(crate) fn artifact() -> MethodRouter<State> {
    raw(GET, Read, v3::artifact)
}

/// Everything below `/api` and `/ajax-api`.
pub(crate) fn routes(add: &mut impl FnMut(&str, MethodRouter<State>)) {
    let mut v3 = |path: &str, route: MethodRouter<State>| add(&format!("/3.0/mlflow/traces{path}"), route);
    v3("", json(POST, Write, v3::start));
    v3("/get", json(GET, Read, v3::get));
    v3("/batchGet", json(GET, Read, v3::batch_get));
    v3("/batchGetInfos", json(POST, Read, v3::batch_get_infos));
    v3("/search", json(POST, Read, v3::search));
    v3("/delete-traces", json(POST, Write, v3::delete));
    v3("/metrics", json(POST, Read, metrics::query));
    v3("/calculate-filter-correlation", json(POST, Read, v3::correlate));
    v3("/{trace_id}", json(GET, Read, v3::get_info));
    v3("/{trace_id}/tags", json(PATCH, Write, v3::set_tag).merge(json(DELETE, Write, v3::delete_tag)));
    v3("/{trace_id}/assessments", json(POST, Write, assessments::create));
    v3(
        "/{trace_id}/assessments/{assessment_id}",
        json(GET, Read, assessments::get).merge(json(PATCH, Write, assessments::update)).merge(json(
            DELETE,
            Write,
            assessments::delete,
        )),
    );
    let mut v2 = |path: &str, route: MethodRouter<State>| add(&format!("/2.0/mlflow/traces{path}"), route);
    v2("", json(POST, Write, v2::start).merge(json(GET, Read, v2::search)));
    v2("/delete-traces", json(POST, Write, v3::delete));
    v2("/link-to-run", json(POST, Write, v3::link_to_run));
    v2("/link-prompts", json(POST, Write, v3::link_prompts));
    v2("/{trace_id}", json(PATCH, Write, v2::end));
    v2("/{trace_id}/info", json(GET, Read, v2::get_info));
    v2("/{trace_id}/tags", json(PATCH, Write, v3::set_tag).merge(json(DELETE, Write, v3::delete_tag)));
}
