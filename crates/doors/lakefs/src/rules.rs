//! Rules of a repository: protected branches, and how long commits are kept.

use axum::extract::{Path, State as Shared};
use axum::response::IntoResponse;
use http::{HeaderMap, StatusCode, header};
use repositories::{Protection, Retention};
use types::Digest;

use crate::call::{Answer, Body, Owner, Reader, json, no_content, ok};
use crate::errors::Failure;
use crate::{State, wire};

pub(crate) async fn protections(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(name): Path<String>,
) -> Answer {
    let rules = state.repositories.protections(&actor, &name).await?;
    let etag = [(header::ETAG, version(&rules))];
    let shown: Vec<wire::BranchProtectionRule> =
        rules.into_iter().map(|rule| wire::BranchProtectionRule { pattern: rule.pattern }).collect();
    Ok((etag, json(StatusCode::OK, &shown)).into_response())
}

/// What `If-Match` is compared with, so that two people do not undo each other's rules; empty for no rules.
fn version(rules: &[Protection]) -> String {
    if rules.is_empty() {
        return String::new();
    }
    let mut patterns: Vec<&str> = rules.iter().map(|rule| rule.pattern.as_str()).collect();
    patterns.sort_unstable();
    Digest::of(patterns.join("\n")).short()
}

pub(crate) async fn set_protections(
    Shared(state): Shared<State>,
    Owner(actor): Owner,
    Path(name): Path<String>,
    headers: HeaderMap,
    Body(body): Body<Vec<wire::BranchProtectionRule>>,
) -> Answer {
    if let Some(expected) = headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok()) {
        let now = state.repositories.protections(&actor, &name).await?;
        if expected.trim_matches('"') != version(&now) {
            return Err(Failure::precondition());
        }
    }
    let rule =
        |rule: wire::BranchProtectionRule| Protection { pattern: rule.pattern, staging: true, commits: true };
    let rules = body.into_iter().map(rule).collect();
    state.repositories.set_protections(&actor, &name, rules).await?;
    no_content()
}

pub(crate) async fn retention(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(name): Path<String>,
) -> Answer {
    let rules = state.repositories.retention(&actor, &name).await?;
    let rules = rules.ok_or_else(|| Failure::not_found("not found: the repository has no rules"))?;
    let branch = |(branch_id, retention_days)| wire::GarbageCollectionRule { branch_id, retention_days };
    ok(&wire::GarbageCollectionRules {
        default_retention_days: rules.default_days,
        branches: rules.branches.into_iter().map(branch).collect(),
    })
}

pub(crate) async fn set_retention(
    Shared(state): Shared<State>,
    Owner(actor): Owner,
    Path(name): Path<String>,
    Body(body): Body<wire::GarbageCollectionRules>,
) -> Answer {
    let rules = Retention {
        default_days: body.default_retention_days,
        branches: body.branches.into_iter().map(|rule| (rule.branch_id, rule.retention_days)).collect(),
    };
    state.repositories.set_retention(&actor, &name, Some(rules)).await?;
    no_content()
}

pub(crate) async fn delete_retention(
    Shared(state): Shared<State>,
    Owner(actor): Owner,
    Path(name): Path<String>,
) -> Answer {
    state.repositories.set_retention(&actor, &name, None).await?;
    no_content()
}
