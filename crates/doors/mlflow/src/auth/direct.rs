//! Permissions on one resource, as clients before 3.17 ask for them: `experiments/permissions`, `registered-models/permissions`,
//! `scorers/permissions`, and those of the gateway's secrets, endpoints and model definitions. Upstream: `mlflow/server/auth/__init__.py` at 3.11.1. They are the grants of `users/permissions`.

use ledger::Account;
use serde_json::{Value, json};
use types::{ANY, Grant, Level, ResourceKind};

use super::{account, is_admin, names, require, told};
use crate::call::{Answer, Cx, empty, reply};
use crate::errors::Failure;
use crate::guard::{scorer_id, scorer_name};
use crate::request::Fields;

/// A user and a resource, as a request names them.
struct Asked {
    user: String,
    kind: ResourceKind,
    id: String,
}

const NO_PERMISSIONS: &str = "NO_PERMISSIONS";

impl Asked {
    fn of(f: &Fields, kind: ResourceKind, field: &str) -> Result<Self, Failure> {
        Ok(Self { user: f.required_text("username")?, kind, id: f.required_text(field)? })
    }

    fn experiment(f: &Fields) -> Result<Self, Failure> {
        Self::of(f, ResourceKind::Experiment, "experiment_id")
    }

    fn model(f: &Fields) -> Result<Self, Failure> {
        Self::of(f, ResourceKind::Model, "name")
    }

    fn secret(f: &Fields) -> Result<Self, Failure> {
        Self::of(f, ResourceKind::GatewaySecret, "secret_id")
    }

    fn endpoint(f: &Fields) -> Result<Self, Failure> {
        Self::of(f, ResourceKind::GatewayEndpoint, "endpoint_id")
    }

    fn definition(f: &Fields) -> Result<Self, Failure> {
        Self::of(f, ResourceKind::GatewayModel, "model_definition_id")
    }

    fn scorer(f: &Fields) -> Result<Self, Failure> {
        let id = scorer_id(&f.required_text("experiment_id")?, &f.required_text("scorer_name")?);
        Ok(Self { user: f.required_text("username")?, kind: ResourceKind::Scorer, id })
    }

    /// What upstream calls it in its messages, and how it names what it is about.
    fn words(&self) -> (&'static str, String) {
        let user = &self.user;
        match (self.kind, self.id.split_once('/')) {
            (ResourceKind::Experiment, _) => {
                ("Experiment permission", format!("experiment_id={} and username={user}", self.id))
            }
            (ResourceKind::Scorer, Some((experiment, name))) => (
                "Scorer permission",
                format!("experiment_id={experiment}, scorer_name={}, and username={user}", scorer_name(name)),
            ),
            (ResourceKind::Model, _) => (
                "Registered model permission",
                format!("workspace=default, name={} and username={user}", self.id),
            ),
            (kind, _) => {
                ("Gateway permission", format!("{}={} and username={user}", id_field(kind), self.id))
            }
        }
    }

    fn missing(&self) -> Failure {
        let (what, of) = self.words();
        Failure::missing(format!("{what} with {of} not found"))
    }

    /// Errors: `PermissionDenied` unless the caller manages the resource.
    fn check(&self, cx: &Cx) -> Result<(), Failure> {
        let level = match (self.kind, self.id.split_once('/')) {
            (ResourceKind::Scorer, Some((experiment, _))) => {
                cx.actor.level([(self.kind, self.id.as_str()), (ResourceKind::Experiment, experiment)])
            }
            _ => cx.actor.level([(self.kind, self.id.as_str())]),
        };
        require(is_admin(cx) || (cx.actor.grants.is_some() && level == Some(Level::Manage)))
    }

    async fn find(&self, cx: &Cx) -> Result<(Account, Grant), Failure> {
        let account = account(cx, &self.user).await?;
        let grants = cx.state.ledger.grants_of(cx.actor.workspace, account.id).await?;
        let grant = grants.into_iter().find(|g| g.kind == self.kind && g.pattern == self.id);
        Ok((account, grant.ok_or_else(|| self.missing())?))
    }
}

/// No permission on a resource counts before what holds for all of them, as a denial does in 3.17.
fn level(f: &Fields, kind: ResourceKind) -> Result<Option<Level>, Failure> {
    let name = f.required_text("permission")?;
    if name == NO_PERMISSIONS { Ok(None) } else { names::level(&name, kind) }
}

fn id_field(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::Experiment => "experiment_id",
        ResourceKind::GatewaySecret => "secret_id",
        ResourceKind::GatewayEndpoint => "endpoint_id",
        ResourceKind::GatewayModel => "model_definition_id",
        _ => "name",
    }
}

fn shown(account: i64, grant: &Grant) -> Value {
    let permission = grant.level.map_or(NO_PERMISSIONS, |level| names::permission(Some(level)));
    let mut shown = json!({ "user_id": account, "permission": permission });
    match (grant.kind, grant.pattern.split_once('/')) {
        (ResourceKind::Scorer, Some((experiment, name))) => {
            shown["experiment_id"] = json!(experiment);
            shown["scorer_name"] = json!(scorer_name(name));
        }
        (kind, _) => {
            shown[id_field(kind)] = json!(grant.pattern);
            if kind == ResourceKind::Model {
                shown["workspace"] = json!("default");
            }
        }
    }
    shown
}

fn key(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::Experiment => "experiment_permission",
        ResourceKind::Scorer => "scorer_permission",
        ResourceKind::GatewaySecret => "gateway_secret_permission",
        ResourceKind::GatewayEndpoint => "gateway_endpoint_permission",
        ResourceKind::GatewayModel => "gateway_model_definition_permission",
        _ => "registered_model_permission",
    }
}

/// What a user's JSON held before 3.17: one list for each kind.
pub(super) async fn of_user(cx: &Cx, account: &Account) -> Result<[(&'static str, Value); 3], Failure> {
    let grants = cx.state.ledger.grants_of(cx.actor.workspace, account.id).await?;
    let list = |kind| -> Value {
        grants.iter().filter(|g| g.kind == kind && g.pattern != ANY).map(|g| shown(account.id, g)).collect()
    };
    Ok([
        ("experiment_permissions", list(ResourceKind::Experiment)),
        ("registered_model_permissions", list(ResourceKind::Model)),
        ("scorer_permissions", list(ResourceKind::Scorer)),
    ])
}

async fn create(cx: Cx, f: &Fields, asked: Asked) -> Answer {
    asked.check(&cx)?;
    let level = level(f, asked.kind)?;
    let account = account(&cx, &asked.user).await?;
    let rule = Grant { kind: asked.kind, pattern: asked.id.clone(), level };
    let done = cx.state.ledger.grant(&cx.actor, &asked.user, rule.clone(), false).await;
    let exists = || {
        let (what, of) = asked.words();
        format!("{what} ({}) already exists.", of.replace(" and ", ", "))
    };
    done.map_err(|e| told(e, exists, String::new))?;
    reply(&json!({ (key(asked.kind)): shown(account.id, &rule) }))
}

async fn get(cx: Cx, asked: Asked) -> Answer {
    asked.check(&cx)?;
    let (account, grant) = asked.find(&cx).await?;
    reply(&json!({ (key(asked.kind)): shown(account.id, &grant) }))
}

async fn update(cx: Cx, f: &Fields, asked: Asked) -> Answer {
    asked.check(&cx)?;
    let level = level(f, asked.kind)?;
    asked.find(&cx).await?;
    let rule = Grant { kind: asked.kind, pattern: asked.id.clone(), level };
    cx.state.ledger.grant(&cx.actor, &asked.user, rule, true).await?;
    empty()
}

async fn delete(cx: Cx, asked: Asked) -> Answer {
    asked.check(&cx)?;
    asked.find(&cx).await?;
    let done = cx.state.ledger.revoke_grant(&cx.actor, &asked.user, asked.kind, &asked.id).await;
    done.map_err(|e| told(e, String::new, || asked.missing().message))?;
    empty()
}

macro_rules! handlers {
    ($($of:ident)*) => {$(
        pub(super) mod $of {
            use super::{Answer, Asked, Cx, Fields};

            pub async fn create(cx: Cx, f: Fields) -> Answer {
                super::create(cx, &f, Asked::$of(&f)?).await
            }

            pub async fn get(cx: Cx, f: Fields) -> Answer {
                super::get(cx, Asked::$of(&f)?).await
            }

            pub async fn update(cx: Cx, f: Fields) -> Answer {
                super::update(cx, &f, Asked::$of(&f)?).await
            }

            pub async fn delete(cx: Cx, f: Fields) -> Answer {
                super::delete(cx, Asked::$of(&f)?).await
            }
        }
    )*};
}
handlers!(experiment model scorer secret endpoint definition);
