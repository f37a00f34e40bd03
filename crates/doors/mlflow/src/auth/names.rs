//! Upstream's names of resource types and permissions (`mlflow/server/auth/permissions.py`).

use types::{Level, ResourceKind};

use crate::errors::Failure;

const TYPES: [(&str, ResourceKind); 18] = [
    ("assessment", ResourceKind::Assessment),
    ("experiment", ResourceKind::Experiment),
    ("gateway_endpoint", ResourceKind::GatewayEndpoint),
    ("gateway_model_definition", ResourceKind::GatewayModel),
    ("gateway_secret", ResourceKind::GatewaySecret),
    ("logged_model", ResourceKind::LoggedModel),
    ("mcp_server", ResourceKind::McpServer),
    ("mcp_server_version", ResourceKind::McpServerVersion),
    ("prompt", ResourceKind::Prompt),
    ("prompt_version", ResourceKind::PromptVersion),
    ("registered_model", ResourceKind::Model),
    ("registered_model_version", ResourceKind::ModelVersion),
    ("review_queue", ResourceKind::ReviewQueue),
    ("run", ResourceKind::Run),
    ("scorer", ResourceKind::Scorer),
    ("scorer_version", ResourceKind::ScorerVersion),
    ("trace", ResourceKind::Trace),
    ("workspace", ResourceKind::Workspace),
];

/// In upstream's order. `None` is a denial.
const PERMISSIONS: [(&str, Option<Level>); 6] = [
    ("READ", Some(Level::Read)),
    ("USE", Some(Level::Use)),
    ("EDIT", Some(Level::Edit)),
    ("MANAGE", Some(Level::Manage)),
    ("NO_PERMISSIONS", Some(Level::None)),
    ("DENY", None),
];

/// Kinds that upstream does not have keep their own name.
pub(super) fn type_of(kind: ResourceKind) -> &'static str {
    TYPES.iter().find(|(_, k)| *k == kind).map_or(kind.name(), |(name, _)| name)
}

pub(super) fn permission(level: Option<Level>) -> &'static str {
    PERMISSIONS.iter().find(|(_, l)| *l == level).map_or("", |(name, _)| name)
}

/// As Python shows a tuple of texts.
fn tuple<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let shown: Vec<String> = names.map(|name| format!("'{name}'")).collect();
    format!("({})", shown.join(", "))
}

/// Errors: `InvalidParameterValue`, as `_validate_resource_type`.
pub(super) fn kind(name: &str) -> Result<ResourceKind, Failure> {
    TYPES.iter().find(|(n, _)| *n == name).map(|(_, kind)| *kind).ok_or_else(|| {
        let valid = tuple(TYPES.iter().map(|(n, _)| *n));
        Failure::invalid(format!("Invalid resource type '{name}'. Valid resource types are: {valid}"))
    })
}

/// What may be granted on a kind. Errors: `InvalidParameterValue`, as `_validate_permission_for_resource_type`.
pub(super) fn level(name: &str, kind: ResourceKind) -> Result<Option<Level>, Failure> {
    let found = PERMISSIONS.iter().find(|(n, _)| *n == name).map(|(_, level)| *level).ok_or_else(|| {
        let valid = tuple(PERMISSIONS.iter().map(|(n, _)| *n));
        Failure::invalid(format!("Invalid permission '{name}'. Valid permissions are: {valid}"))
    })?;
    if kind == ResourceKind::Workspace {
        return match found {
            Some(Level::Use | Level::Manage) => Ok(found),
            _ => Err(Failure::invalid(format!(
                "Invalid permission '{name}' for resource_type='workspace'. Workspace-wide grants accept only: \
                 ('MANAGE', 'USE')."
            ))),
        };
    }
    if found == Some(Level::None) {
        return Err(Failure::invalid(format!(
            "Invalid permission '{name}' for resource_type='{}'. Resource-level grants accept only: \
             ('DENY', 'EDIT', 'MANAGE', 'READ', 'USE').",
            type_of(kind)
        )));
    }
    Ok(found)
}

/// Errors: `InvalidParameterValue`, as `_validate_resource_pattern`.
pub(super) fn check_pattern(pattern: &str, kind: ResourceKind) -> Result<(), Failure> {
    if pattern == types::ANY || kind.has_ids() {
        return Ok(());
    }
    Err(Failure::invalid(format!(
        "Invalid resource_pattern '{pattern}' for resource_type='{}'. This resource type supports only wildcard \
         ('*') grants.",
        type_of(kind)
    )))
}
