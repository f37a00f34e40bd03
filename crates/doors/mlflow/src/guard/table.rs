//! What each route asks for. Paths as the router has them, without `/api` and `/ajax-api`.

use std::collections::HashMap;
use std::sync::LazyLock;

use http::Method;
use types::{Level, ResourceKind};

use ResourceKind::{
    Assessment, Experiment, GatewayEndpoint, GatewayModel, GatewaySecret, LoggedModel, Model, ReviewQueue,
    Run, Trace,
};

/// What a caller must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// To be signed in: the answer holds only what the caller may see, or nothing worth hiding, or the handler
    /// asks for itself.
    Anyone,
    Admin,
    /// A level on everything in the workspace: the answer is not cut to what the caller may see.
    Everywhere(Level),
    /// To make things, of this kind.
    Create(ResourceKind),
    /// A level on experiments.
    Experiment(Of, Level),
    /// A level on things of a kind inside an experiment, which must be readable; without a word on the kind, the
    /// experiment's level counts.
    Inside(ResourceKind, Of, Level),
    /// Nothing; but the experiments that may not be read are struck from this list.
    OnlyReadable(&'static str),
    /// A level on the model or prompt that a field names.
    Model(&'static str, Level),
    /// A level on its versions.
    Version(&'static str, Level),
    /// A level on the resource whose id is in a field.
    Thing(ResourceKind, &'static str, Level),
    /// A level on the scorer that `experiment_id` and `name` say.
    Scorer(Level),
}

/// Where a request says which experiments it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    Field(&'static str),
    List(&'static str),
    Name(&'static str),
    /// `run_id`, or its old name.
    Run,
    Runs(&'static str),
    LoggedModel,
    RunOrLoggedModel,
    /// The experiments of the traces that a field names.
    Traces(&'static str),
    /// `experiment_id` in a message inside messages.
    Nested(&'static [&'static str]),
    /// `locations`, each of which names an experiment.
    Locations,
    /// A path of the artifact store, which begins with the experiment.
    Artifact(&'static str),
}

use Level::{Edit, Manage, Read, Use};
use Of::{Artifact, Field, List, Locations, Name, Nested, Runs, Traces};
use Rule::{Admin, Anyone, Create, Everywhere, Inside, OnlyReadable, Scorer, Thing, Version};

const EXPERIMENT_ID: Of = Field("experiment_id");

const fn on(of: Of, level: Level) -> Rule {
    Rule::Experiment(of, level)
}

const fn run(level: Level) -> Rule {
    Inside(Run, Of::Run, level)
}

const fn logged(level: Level) -> Rule {
    Inside(LoggedModel, Of::LoggedModel, level)
}

const fn model(level: Level) -> Rule {
    Rule::Model("name", level)
}

const fn traced(field: &'static str, level: Level) -> Rule {
    Inside(Trace, Traces(field), level)
}

const fn assessed(level: Level) -> Rule {
    Inside(Assessment, Traces("trace_id"), level)
}

const fn version(level: Level) -> Rule {
    Version("name", level)
}

/// Method, path, rule. `*` is every method.
type Row = (&'static str, &'static str, Rule);

const ROWS: &[&[Row]] = &[TRACKING, REGISTRY, ARTIFACTS, TRACES, GENAI, GATEWAY, HOUSE];

const TRACKING: &[Row] = &[
    ("POST", "/2.0/mlflow/experiments/create", Create(Experiment)),
    ("*", "/2.0/mlflow/experiments/search", Anyone),
    ("GET", "/2.0/mlflow/experiments/get", on(EXPERIMENT_ID, Read)),
    ("GET", "/2.0/mlflow/experiments/get-by-name", on(Name("experiment_name"), Read)),
    ("POST", "/2.0/mlflow/experiments/delete", on(EXPERIMENT_ID, Manage)),
    ("POST", "/2.0/mlflow/experiments/restore", on(EXPERIMENT_ID, Manage)),
    ("POST", "/2.0/mlflow/experiments/update", on(EXPERIMENT_ID, Edit)),
    ("POST", "/2.0/mlflow/experiments/set-experiment-tag", on(EXPERIMENT_ID, Edit)),
    ("POST", "/2.0/mlflow/experiments/delete-experiment-tag", on(EXPERIMENT_ID, Edit)),
    ("POST", "/2.0/mlflow/experiments/search-datasets", on(List("experiment_ids"), Read)),
    ("POST", "/2.0mlflow/experiments/search-datasets", on(List("experiment_ids"), Read)),
    ("POST", "/2.0/mlflow/runs/create", Inside(Run, EXPERIMENT_ID, Edit)),
    ("GET", "/2.0/mlflow/runs/get", run(Read)),
    ("POST", "/2.0/mlflow/runs/update", run(Edit)),
    ("POST", "/2.0/mlflow/runs/delete", run(Manage)),
    ("POST", "/2.0/mlflow/runs/restore", run(Manage)),
    ("POST", "/2.0/mlflow/runs/search", OnlyReadable("experiment_ids")),
    ("POST", "/2.0/mlflow/runs/log-metric", run(Edit)),
    ("POST", "/2.0/mlflow/runs/log-parameter", run(Edit)),
    ("POST", "/2.0/mlflow/runs/set-tag", run(Edit)),
    ("POST", "/2.0/mlflow/runs/delete-tag", run(Edit)),
    // Its body is read in a way of its own; the handler asks.
    ("POST", "/2.0/mlflow/runs/log-batch", Anyone),
    ("POST", "/2.0/mlflow/runs/log-inputs", run(Edit)),
    ("POST", "/2.0/mlflow/runs/outputs", run(Edit)),
    ("POST", "/2.0/mlflow/runs/log-model", run(Edit)),
    ("POST", "/2.0/mlflow/runs/create-promptlab-run", Inside(Run, EXPERIMENT_ID, Edit)),
    ("GET", "/2.0/mlflow/metrics/get-history", run(Read)),
    ("GET", "/2.0/mlflow/metrics/get-history-bulk", Inside(Run, Runs("run_id"), Read)),
    ("GET", "/2.0/mlflow/metrics/get-history-bulk-interval", Inside(Run, Runs("run_ids"), Read)),
    ("GET", "/2.0/mlflow/artifacts/list", run(Read)),
    ("POST", "/2.0/mlflow/upload-artifact", run(Edit)),
    ("POST", "/2.0/mlflow/logged-models", Inside(LoggedModel, EXPERIMENT_ID, Edit)),
    ("POST", "/2.0/mlflow/logged-models/search", OnlyReadable("experiment_ids")),
    ("GET", "/2.0/mlflow/logged-models/{model_id}", logged(Read)),
    ("PATCH", "/2.0/mlflow/logged-models/{model_id}", logged(Edit)),
    ("DELETE", "/2.0/mlflow/logged-models/{model_id}", logged(Manage)),
    ("POST", "/2.0/mlflow/logged-models/{model_id}/params", logged(Edit)),
    ("PATCH", "/2.0/mlflow/logged-models/{model_id}/tags", logged(Edit)),
    ("DELETE", "/2.0/mlflow/logged-models/{model_id}/tags/{tag_key}", logged(Manage)),
    ("GET", "/2.0/mlflow/logged-models/{model_id}/artifacts/directories", logged(Read)),
    ("GET", "/2.0/mlflow/logged-models/{model_id}/artifacts/files", logged(Read)),
];

const REGISTRY: &[Row] = &[
    ("POST", "/2.0/mlflow/registered-models/create", Create(Model)),
    ("GET", "/2.0/mlflow/registered-models/get", model(Read)),
    ("GET", "/2.0/mlflow/registered-models/search", Anyone),
    ("POST", "/2.0/mlflow/registered-models/rename", model(Edit)),
    ("PATCH", "/2.0/mlflow/registered-models/update", model(Edit)),
    ("DELETE", "/2.0/mlflow/registered-models/delete", model(Manage)),
    ("*", "/2.0/mlflow/registered-models/get-latest-versions", version(Read)),
    ("POST", "/2.0/mlflow/registered-models/set-tag", model(Edit)),
    ("DELETE", "/2.0/mlflow/registered-models/delete-tag", model(Edit)),
    ("POST", "/2.0/mlflow/registered-models/alias", version(Edit)),
    ("GET", "/2.0/mlflow/registered-models/alias", version(Read)),
    ("DELETE", "/2.0/mlflow/registered-models/alias", version(Edit)),
    ("POST", "/2.0/mlflow/model-versions/create", version(Edit)),
    ("GET", "/2.0/mlflow/model-versions/get", version(Read)),
    ("GET", "/2.0/mlflow/model-versions/search", Anyone),
    ("PATCH", "/2.0/mlflow/model-versions/update", version(Edit)),
    ("POST", "/2.0/mlflow/model-versions/transition-stage", version(Edit)),
    ("DELETE", "/2.0/mlflow/model-versions/delete", version(Manage)),
    ("GET", "/2.0/mlflow/model-versions/get-download-uri", version(Read)),
    ("POST", "/2.0/mlflow/model-versions/set-tag", version(Edit)),
    ("DELETE", "/2.0/mlflow/model-versions/delete-tag", version(Manage)),
    ("GET", "/model-versions/get-artifact", version(Read)),
];

const PROXIED: Of = Artifact("artifact_path");

const ARTIFACTS: &[Row] = &[
    ("GET", "/get-artifact", run(Read)),
    ("GET", "/2.0/mlflow-artifacts/artifacts", on(Artifact("path"), Read)),
    ("GET", "/2.0/mlflow-artifacts/artifacts/{*artifact_path}", on(PROXIED, Read)),
    ("PUT", "/2.0/mlflow-artifacts/artifacts/{*artifact_path}", on(PROXIED, Edit)),
    ("DELETE", "/2.0/mlflow-artifacts/artifacts/{*artifact_path}", on(PROXIED, Manage)),
    ("POST", "/2.0/mlflow-artifacts/mpu/create/{*artifact_path}", on(PROXIED, Edit)),
    ("POST", "/2.0/mlflow-artifacts/mpu/complete/{*artifact_path}", on(PROXIED, Edit)),
    ("POST", "/2.0/mlflow-artifacts/mpu/abort/{*artifact_path}", on(PROXIED, Edit)),
    ("GET", "/2.0/mlflow-artifacts/presigned/{*artifact_path}", on(PROXIED, Read)),
    ("POST", "/2.0/mlflow/artifacts/presigned-upload-url", on(Of::RunOrLoggedModel, Edit)),
    ("POST", "/2.0/mlflow/artifacts/presigned-download-url", run(Read)),
    // One query can ask for anything.
    // Each of its fields asks as the REST route does.
    ("*", "/graphql", Anyone),
];

const STARTED: Of = Nested(&["trace", "trace_info", "trace_location", "mlflow_experiment"]);

const TRACES: &[Row] = &[
    // The experiment is in a header; the handler asks.
    ("POST", "/v1/traces", Anyone),
    ("POST", "/3.0/mlflow/traces", Inside(Trace, STARTED, Edit)),
    ("GET", "/3.0/mlflow/traces/get", traced("trace_id", Read)),
    ("GET", "/3.0/mlflow/traces/batchGet", traced("trace_ids", Read)),
    ("POST", "/3.0/mlflow/traces/batchGetInfos", traced("trace_ids", Read)),
    ("POST", "/3.0/mlflow/traces/search", Inside(Trace, Locations, Read)),
    ("POST", "/3.0/mlflow/traces/delete-traces", Inside(Trace, EXPERIMENT_ID, Manage)),
    ("POST", "/3.0/mlflow/traces/metrics", Inside(Trace, List("experiment_ids"), Read)),
    ("POST", "/3.0/mlflow/traces/calculate-filter-correlation", Inside(Trace, List("experiment_ids"), Read)),
    ("GET", "/3.0/mlflow/traces/{trace_id}", traced("trace_id", Read)),
    ("PATCH", "/3.0/mlflow/traces/{trace_id}/tags", traced("trace_id", Edit)),
    ("DELETE", "/3.0/mlflow/traces/{trace_id}/tags", traced("trace_id", Edit)),
    ("POST", "/3.0/mlflow/traces/{trace_id}/assessments", assessed(Edit)),
    ("GET", "/3.0/mlflow/traces/{trace_id}/assessments/{assessment_id}", assessed(Read)),
    ("PATCH", "/3.0/mlflow/traces/{trace_id}/assessments/{assessment_id}", assessed(Edit)),
    ("DELETE", "/3.0/mlflow/traces/{trace_id}/assessments/{assessment_id}", assessed(Edit)),
    ("POST", "/2.0/mlflow/traces", Inside(Trace, EXPERIMENT_ID, Edit)),
    ("GET", "/2.0/mlflow/traces", Inside(Trace, List("experiment_ids"), Read)),
    ("POST", "/2.0/mlflow/traces/delete-traces", Inside(Trace, EXPERIMENT_ID, Manage)),
    ("POST", "/2.0/mlflow/traces/link-to-run", traced("trace_ids", Edit)),
    ("POST", "/2.0/mlflow/traces/link-prompts", traced("trace_id", Edit)),
    ("PATCH", "/2.0/mlflow/traces/{trace_id}", traced("trace_id", Edit)),
    ("GET", "/2.0/mlflow/traces/{trace_id}/info", traced("trace_id", Read)),
    ("PATCH", "/2.0/mlflow/traces/{trace_id}/tags", traced("trace_id", Edit)),
    ("DELETE", "/2.0/mlflow/traces/{trace_id}/tags", traced("trace_id", Edit)),
    ("GET", "/2.0/mlflow/get-trace-artifact", traced("request_id", Read)),
    ("GET", "/3.0/mlflow/get-trace-artifact", traced("request_id", Read)),
];

const GENAI: &[Row] = &[
    ("POST", "/3.0/mlflow/datasets/create", on(List("experiment_ids"), Edit)),
    ("*", "/3.0/mlflow/datasets/search", on(List("experiment_ids"), Read)),
    ("POST", "/3.0/mlflow/scorers/register", on(EXPERIMENT_ID, Edit)),
    ("GET", "/3.0/mlflow/scorers/list", on(EXPERIMENT_ID, Read)),
    ("GET", "/3.0/mlflow/scorers/versions", Scorer(Read)),
    ("GET", "/3.0/mlflow/scorers/get", Scorer(Read)),
    ("DELETE", "/3.0/mlflow/scorers/delete", Scorer(Manage)),
    ("PUT", "/3.0/mlflow/scorers/online-config", Scorer(Edit)),
    ("GET", "/3.0/mlflow/scorers/online-configs", Everywhere(Read)),
    ("POST", "/3.0/mlflow/issues", on(EXPERIMENT_ID, Edit)),
    ("POST", "/3.0/mlflow/issues/search", on(EXPERIMENT_ID, Read)),
    ("POST", "/3.0/mlflow/label-schemas/create", on(EXPERIMENT_ID, Manage)),
    ("GET", "/3.0/mlflow/label-schemas/list", on(EXPERIMENT_ID, Read)),
    ("GET", "/3.0/mlflow/label-schemas/get-by-name", on(EXPERIMENT_ID, Read)),
    ("POST", "/3.0/mlflow/review-queues/create", Inside(ReviewQueue, EXPERIMENT_ID, Edit)),
    ("GET", "/3.0/mlflow/review-queues/list", on(EXPERIMENT_ID, Read)),
    ("POST", "/3.0/mlflow/review-queues/get-or-create-user", Inside(ReviewQueue, EXPERIMENT_ID, Edit)),
    ("GET", "/3.0/mlflow/review-queues/get-by-name", on(EXPERIMENT_ID, Read)),
    // These name a thing and not its experiments: they ask for the level on all of the workspace.
    ("GET", "/3.0/mlflow/datasets/{dataset_id}", Everywhere(Read)),
    ("DELETE", "/3.0/mlflow/datasets/{dataset_id}", Everywhere(Manage)),
    ("PATCH", "/3.0/mlflow/datasets/{dataset_id}/tags", Everywhere(Edit)),
    ("DELETE", "/3.0/mlflow/datasets/{dataset_id}/tags/{key}", Everywhere(Edit)),
    ("GET", "/3.0/mlflow/datasets/{dataset_id}/records", Everywhere(Read)),
    ("*", "/3.0/mlflow/datasets/{dataset_id}/records", Everywhere(Edit)),
    ("GET", "/3.0/mlflow/datasets/{dataset_id}/experiment-ids", Everywhere(Read)),
    ("POST", "/3.0/mlflow/datasets/{dataset_id}/add-experiments", Everywhere(Edit)),
    ("POST", "/3.0/mlflow/datasets/{dataset_id}/remove-experiments", Everywhere(Edit)),
    ("GET", "/3.0/mlflow/issues/{issue_id}", Everywhere(Read)),
    ("PATCH", "/3.0/mlflow/issues/{issue_id}", Everywhere(Edit)),
    ("GET", "/3.0/mlflow/label-schemas/get", Everywhere(Read)),
    ("*", "/3.0/mlflow/label-schemas/update", Everywhere(Manage)),
    ("*", "/3.0/mlflow/label-schemas/delete", Everywhere(Manage)),
    ("GET", "/3.0/mlflow/review-queues/get", Everywhere(Read)),
    ("*", "/3.0/mlflow/review-queues/update", Everywhere(Edit)),
    ("*", "/3.0/mlflow/review-queues/delete", Everywhere(Manage)),
    ("*", "/3.0/mlflow/review-queues/items/add", Everywhere(Edit)),
    ("*", "/3.0/mlflow/review-queues/items/remove", Everywhere(Edit)),
    ("GET", "/3.0/mlflow/review-queues/items/list", Everywhere(Read)),
    ("*", "/3.0/mlflow/review-queues/items/set-status", Everywhere(Edit)),
];

const GATEWAY: &[Row] = &[
    ("*", "/2.0/mlflow/gateway-proxy", Everywhere(Read)),
    ("POST", "/3.0/mlflow/gateway/secrets/create", Create(GatewaySecret)),
    ("GET", "/3.0/mlflow/gateway/secrets/get", Thing(GatewaySecret, "secret_id", Read)),
    ("POST", "/3.0/mlflow/gateway/secrets/update", Thing(GatewaySecret, "secret_id", Edit)),
    ("DELETE", "/3.0/mlflow/gateway/secrets/delete", Thing(GatewaySecret, "secret_id", Manage)),
    ("GET", "/3.0/mlflow/gateway/secrets/list", Everywhere(Read)),
    ("GET", "/3.0/mlflow/gateway/secrets/config", Anyone),
    ("GET", "/3.0/mlflow/gateway/supported-providers", Anyone),
    ("GET", "/3.0/mlflow/gateway/supported-models", Anyone),
    ("GET", "/3.0/mlflow/gateway/provider-config", Anyone),
    ("POST", "/3.0/mlflow/gateway/model-definitions/create", Create(GatewayModel)),
    ("GET", "/3.0/mlflow/gateway/model-definitions/get", Thing(GatewayModel, "model_definition_id", Read)),
    ("GET", "/3.0/mlflow/gateway/model-definitions/list", Everywhere(Read)),
    (
        "POST",
        "/3.0/mlflow/gateway/model-definitions/update",
        Thing(GatewayModel, "model_definition_id", Edit),
    ),
    (
        "DELETE",
        "/3.0/mlflow/gateway/model-definitions/delete",
        Thing(GatewayModel, "model_definition_id", Manage),
    ),
    ("POST", "/3.0/mlflow/gateway/endpoints/create", Create(GatewayEndpoint)),
    ("GET", "/3.0/mlflow/gateway/endpoints/get", Thing(GatewayEndpoint, "endpoint_id", Read)),
    ("POST", "/3.0/mlflow/gateway/endpoints/update", Thing(GatewayEndpoint, "endpoint_id", Edit)),
    ("DELETE", "/3.0/mlflow/gateway/endpoints/delete", Thing(GatewayEndpoint, "endpoint_id", Manage)),
    ("GET", "/3.0/mlflow/gateway/endpoints/list", Everywhere(Read)),
    ("POST", "/3.0/mlflow/gateway/endpoints/models/attach", Thing(GatewayEndpoint, "endpoint_id", Edit)),
    ("POST", "/3.0/mlflow/gateway/endpoints/models/detach", Thing(GatewayEndpoint, "endpoint_id", Edit)),
    ("POST", "/3.0/mlflow/gateway/endpoints/set-tag", Thing(GatewayEndpoint, "endpoint_id", Edit)),
    ("DELETE", "/3.0/mlflow/gateway/endpoints/delete-tag", Thing(GatewayEndpoint, "endpoint_id", Edit)),
    ("POST", "/3.0/mlflow/gateway/endpoints/bindings/create", Thing(GatewayEndpoint, "endpoint_id", Use)),
    ("DELETE", "/3.0/mlflow/gateway/endpoints/bindings/delete", Thing(GatewayEndpoint, "endpoint_id", Use)),
    ("GET", "/3.0/mlflow/gateway/endpoints/bindings/list", Thing(GatewayEndpoint, "endpoint_id", Read)),
];

/// Users, roles, workspaces and webhooks; those that say `Anyone` look at the caller themselves.
const HOUSE: &[Row] = &[
    ("*", "/2.0/mlflow/users/create", Anyone),
    ("*", "/2.0/mlflow/users/get", Anyone),
    ("*", "/2.0/mlflow/users/current", Anyone),
    ("*", "/2.0/mlflow/users/list", Anyone),
    ("*", "/2.0/mlflow/users/update-password", Anyone),
    ("*", "/2.0/mlflow/users/update-admin", Anyone),
    ("*", "/2.0/mlflow/users/delete", Anyone),
    ("*", "/2.0/mlflow/experiments/permissions/create", Anyone),
    ("*", "/2.0/mlflow/experiments/permissions/get", Anyone),
    ("*", "/2.0/mlflow/experiments/permissions/update", Anyone),
    ("*", "/2.0/mlflow/experiments/permissions/delete", Anyone),
    ("*", "/2.0/mlflow/registered-models/permissions/create", Anyone),
    ("*", "/2.0/mlflow/registered-models/permissions/get", Anyone),
    ("*", "/2.0/mlflow/registered-models/permissions/update", Anyone),
    ("*", "/2.0/mlflow/registered-models/permissions/delete", Anyone),
    ("*", "/3.0/mlflow/scorers/permissions/create", Anyone),
    ("*", "/3.0/mlflow/scorers/permissions/get", Anyone),
    ("*", "/3.0/mlflow/scorers/permissions/update", Anyone),
    ("*", "/3.0/mlflow/scorers/permissions/delete", Anyone),
    ("*", "/3.0/mlflow/gateway/secrets/permissions/create", Anyone),
    ("*", "/3.0/mlflow/gateway/secrets/permissions/get", Anyone),
    ("*", "/3.0/mlflow/gateway/secrets/permissions/update", Anyone),
    ("*", "/3.0/mlflow/gateway/secrets/permissions/delete", Anyone),
    ("*", "/3.0/mlflow/gateway/endpoints/permissions/create", Anyone),
    ("*", "/3.0/mlflow/gateway/endpoints/permissions/get", Anyone),
    ("*", "/3.0/mlflow/gateway/endpoints/permissions/update", Anyone),
    ("*", "/3.0/mlflow/gateway/endpoints/permissions/delete", Anyone),
    ("*", "/3.0/mlflow/gateway/model-definitions/permissions/create", Anyone),
    ("*", "/3.0/mlflow/gateway/model-definitions/permissions/get", Anyone),
    ("*", "/3.0/mlflow/gateway/model-definitions/permissions/update", Anyone),
    ("*", "/3.0/mlflow/gateway/model-definitions/permissions/delete", Anyone),
    ("*", "/3.0/mlflow/users/current/permissions", Anyone),
    ("*", "/3.0/mlflow/users/permissions/list", Anyone),
    ("*", "/3.0/mlflow/users/permissions/grant", Anyone),
    ("*", "/3.0/mlflow/users/permissions/revoke", Anyone),
    ("*", "/3.0/mlflow/users/permissions/get", Anyone),
    ("*", "/3.0/mlflow/users/roles/list", Anyone),
    ("*", "/3.0/mlflow/roles/create", Anyone),
    ("*", "/3.0/mlflow/roles/get", Anyone),
    ("*", "/3.0/mlflow/roles/list", Anyone),
    ("*", "/3.0/mlflow/roles/update", Anyone),
    ("*", "/3.0/mlflow/roles/delete", Anyone),
    ("*", "/3.0/mlflow/roles/permissions/add", Anyone),
    ("*", "/3.0/mlflow/roles/permissions/remove", Anyone),
    ("*", "/3.0/mlflow/roles/permissions/list", Anyone),
    ("*", "/3.0/mlflow/roles/permissions/update", Anyone),
    ("*", "/3.0/mlflow/roles/assign", Anyone),
    ("*", "/3.0/mlflow/roles/unassign", Anyone),
    ("*", "/3.0/mlflow/roles/users/list", Anyone),
    ("GET", "/3.0/mlflow/workspaces", Anyone),
    ("POST", "/3.0/mlflow/workspaces", Admin),
    ("GET", "/3.0/mlflow/workspaces/{workspace_name}", Anyone),
    ("PATCH", "/3.0/mlflow/workspaces/{workspace_name}", Admin),
    ("DELETE", "/3.0/mlflow/workspaces/{workspace_name}", Admin),
    ("*", "/2.0/mlflow/webhooks", Admin),
    ("*", "/2.0/mlflow/webhooks/{webhook_id}", Admin),
    ("*", "/2.0/mlflow/webhooks/{webhook_id}/test", Admin),
    ("*", "/3.0/mlflow/ui-telemetry", Anyone),
];

static TABLE: LazyLock<HashMap<&'static str, Vec<(&'static str, Rule)>>> = LazyLock::new(|| {
    let mut table: HashMap<_, Vec<_>> = HashMap::new();
    for (method, path, rule) in ROWS.iter().copied().flatten() {
        table.entry(*path).or_default().push((*method, *rule));
    }
    table
});

/// The rule of a route, if it has one.
pub(crate) fn find(method: &Method, path: &str) -> Option<Rule> {
    let rules = TABLE.get(path)?;
    rules.iter().find(|(name, _)| *name == "*" || *name == method.as_str()).map(|(_, rule)| *rule)
}

/// Whether a path has any rule.
#[cfg(test)]
pub(crate) fn has(path: &str) -> bool {
    TABLE.contains_key(path)
}
