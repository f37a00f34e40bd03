//! Whether a caller who may not do everything may do what a route does. The rules stand in one table beside the
//! routes; a route that is missing there is refused to such callers, so that forgetting one opens nothing.
//! Upstream: `mlflow/server/auth/__init__.py` (validators) and `requirements.py` at 3.17.2.

mod home;
pub(crate) mod table;

use http::Method;
use types::{ANY, Actor, Level, ResourceKind, Role};

pub(crate) use home::Homes;
pub(crate) use table::Rule;

use crate::call::Cx;
use crate::errors::{Code, Failure};
use crate::request::Fields;

pub(crate) fn denied() -> Failure {
    Failure::new(Code::PermissionDenied, "Permission denied.")
}

/// Whether rules on single resources have to be looked at: not for admins, the server itself, and whoever may
/// change everything.
pub(crate) fn is_restrained(actor: &Actor) -> bool {
    match &actor.grants {
        Some(grants) => actor.role != Role::Admin && !grants.everywhere(Level::Manage),
        None => false,
    }
}

/// The path by which the table knows a route: without what stands before the version.
fn known_path(matched: &str) -> &str {
    let path = matched.strip_prefix("/mlflow/").map_or(matched, |_| &matched["/mlflow".len()..]);
    path.strip_prefix("/ajax-api").or_else(|| path.strip_prefix("/api")).unwrap_or(path)
}

/// Refuses the call, or lets it through; lists of experiments lose those that may not be read.
///
/// Errors: `PermissionDenied`; what the look-up of the resource says, such as that it does not exist.
pub(crate) async fn check(
    cx: &Cx,
    method: &Method,
    matched: &str,
    fields: &mut Fields,
) -> Result<(), Failure> {
    if !is_restrained(&cx.actor) {
        return Ok(());
    }
    let rule = table::find(method, known_path(matched)).ok_or_else(denied)?;
    if allowed(cx, rule, fields).await? { Ok(()) } else { Err(denied()) }
}

/// Whether the level on the nearest of `keys` that anything was said about reaches `least`.
fn reaches<'a>(actor: &Actor, least: Level, keys: impl IntoIterator<Item = (ResourceKind, &'a str)>) -> bool {
    actor.level(keys).is_some_and(|level| level >= least)
}

/// Whether a caller may do that much with one resource.
pub(crate) fn may(actor: &Actor, kind: ResourceKind, id: &str, least: Level) -> bool {
    reaches(actor, least, [(kind, id)])
}

/// Whether a registered name may be seen as the kind of thing that it is. The registry finds what may be seen as
/// either kind.
pub(crate) fn sees_model(actor: &Actor, name: &str, prompt: bool) -> bool {
    let kind = if prompt { ResourceKind::Prompt } else { ResourceKind::Model };
    !is_restrained(actor) || may(actor, kind, name, Level::Read)
}

/// The same for its versions. Errors: what the look-up says.
pub(crate) async fn sees_versions(cx: &Cx, name: &str) -> Result<bool, Failure> {
    if !is_restrained(&cx.actor) {
        return Ok(true);
    }
    let kinds = home::model_kind(cx, name).await?;
    Ok(kinds.is_some_and(|(kind, version)| {
        may(&cx.actor, kind, name, Level::Read) && cx.actor.level([(version, ANY)]).is_some()
    }))
}

/// A new thing of a kind may be made unless that very kind is denied.
fn may_create(actor: &Actor, kind: ResourceKind) -> bool {
    actor.creates() && actor.level([(kind, ANY)]).is_some()
}

/// For handlers that read their body in a way of their own. Errors: as [`check`].
pub(crate) async fn require_run(cx: &Cx, run: &str, least: Level) -> Result<(), Failure> {
    if !is_restrained(&cx.actor) {
        return Ok(());
    }
    let experiment = cx.homes.of_run(cx, run).await?;
    require_inside(cx, ResourceKind::Run, &experiment, least)
}

/// The same for a thing of a kind inside an experiment.
pub(crate) fn require_inside(
    cx: &Cx,
    kind: ResourceKind,
    experiment: &str,
    least: Level,
) -> Result<(), Failure> {
    if !is_restrained(&cx.actor) || inside(&cx.actor, kind, experiment, least) {
        Ok(())
    } else {
        Err(denied())
    }
}

fn inside(actor: &Actor, kind: ResourceKind, experiment: &str, least: Level) -> bool {
    may(actor, ResourceKind::Experiment, experiment, Level::Read)
        && reaches(actor, least, [(kind, ANY), (ResourceKind::Experiment, experiment)])
}

async fn allowed(cx: &Cx, rule: Rule, fields: &mut Fields) -> Result<bool, Failure> {
    let actor = &cx.actor;
    Ok(match rule {
        Rule::Anyone => true,
        Rule::Admin => false,
        Rule::Everywhere(least) => actor.grants.as_ref().is_none_or(|grants| grants.everywhere(least)),
        Rule::Create(kind) => may_create(actor, kind),
        Rule::Experiment(of, least) => {
            let homes = home::experiments(cx, of, fields).await?;
            match homes {
                None => reaches(actor, least, []),
                Some(ids) => ids.iter().all(|id| may(actor, ResourceKind::Experiment, id, least)),
            }
        }
        Rule::Inside(kind, of, least) => {
            let homes = home::experiments(cx, of, fields).await?;
            match homes {
                None => reaches(actor, least, [(kind, ANY)]),
                Some(ids) => ids.iter().all(|id| inside(actor, kind, id, least)),
            }
        }
        Rule::OnlyReadable(list) => {
            fields.retain_texts(list, |id| may(actor, ResourceKind::Experiment, id, Level::Read));
            true
        }
        Rule::Model(field, least) => {
            let name = fields.required_text(field)?;
            home::model_kind(cx, &name).await?.is_none_or(|(kind, _)| may(actor, kind, &name, least))
        }
        Rule::Version(field, least) => {
            let name = fields.required_text(field)?;
            home::model_kind(cx, &name).await?.is_none_or(|(kind, version)| {
                may(actor, kind, &name, Level::Read) && reaches(actor, least, [(version, ANY), (kind, &name)])
            })
        }
        Rule::Thing(kind, field, least) => match fields.text(field)? {
            Some(id) => may(actor, kind, &id, least),
            None => reaches(actor, least, [(kind, ANY)]),
        },
        Rule::Scorer(least) => {
            let (experiment, name) = (fields.required_text("experiment_id")?, fields.required_text("name")?);
            let id = scorer_id(&experiment, &name);
            reaches(
                actor,
                least,
                [(ResourceKind::Scorer, id.as_str()), (ResourceKind::Experiment, experiment.as_str())],
            )
        }
    })
}

/// By what a grant names a scorer.
pub(crate) fn scorer_id(experiment: &str, name: &str) -> String {
    let mut id = format!("{experiment}/");
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            id.push(byte as char);
        } else {
            id.push_str(&format!("%{byte:02X}"));
        }
    }
    id
}

/// The name that a scorer's id ends with.
pub(crate) fn scorer_name(ending: &str) -> String {
    let mut name = Vec::with_capacity(ending.len());
    let mut rest = ending.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = (*first == b'%').then(|| tail.get(..2)).flatten();
        match code.and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok()) {
            Some(byte) => {
                name.push(byte);
                rest = &tail[2..];
            }
            None => {
                name.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&name).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answered to anybody, or by a permission in the path.
    const OPEN: [&str; 7] = [
        "/mlflow-artifacts/signed/{token}",
        "/health",
        "/version",
        "/3.0/mlflow/server-info",
        "/2.0/mlflow/{*rest}",
        "/3.0/mlflow/{*rest}",
        "/2.0/mlflow-artifacts/{*rest}",
    ];

    fn webhooks(ledger: &ledger::Ledger, vault: &vault::Vault) -> ::webhooks::Webhooks {
        let client = outbound::Client::new(outbound::Policy::local()).unwrap();
        let composer = std::sync::Arc::new(crate::Composer::new(ledger));
        ::webhooks::Webhooks::new(ledger, vault, client, crate::STYLE, composer)
    }

    #[test]
    fn every_route_has_a_rule() {
        let scratch = ledger::testing::scratch(ledger::testing::Engine::Sqlite).unwrap().unwrap();
        let ledger = scratch.open(&[]).unwrap();
        let home = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let blobs =
            runtime.block_on(blobs::Blobs::open(&blobs::BlobConfig::Local(home.path().into()))).unwrap();
        let vault = vault::Vault::open(home.path(), None).unwrap();
        let door = crate::routes(crate::State {
            webhooks: webhooks(&ledger, &vault),
            plain_webhooks: true,
            repositories: repositories::Repositories::open(ledger.clone(), blobs.clone(), Default::default()),
            ledger,
            blobs,
            vault,
            artifact_root: None,
            workspaces: false,
        });
        let missing: Vec<&str> = door
            .paths
            .iter()
            .map(|path| known_path(path))
            .filter(|path| !OPEN.contains(path) && !table::has(path))
            .collect();
        assert!(missing.is_empty(), "without a rule in guard/table.rs: {missing:#?}");
    }

    #[test]
    fn the_rule_of_a_route_does_not_hang_on_its_prefix() {
        for path in
            ["/api/2.0/mlflow/runs/get", "/ajax-api/2.0/mlflow/runs/get", "/mlflow/api/2.0/mlflow/runs/get"]
        {
            assert_eq!(known_path(path), "/2.0/mlflow/runs/get");
        }
        assert!(table::find(&Method::GET, "/2.0/mlflow/runs/get").is_some());
        assert!(table::find(&Method::DELETE, "/2.0/mlflow/runs/get").is_none());
    }

    #[test]
    fn a_scorer_is_named_as_upstream_names_it() {
        assert_eq!(scorer_id("7", "is it/good"), "7/is%20it%2Fgood");
        assert_eq!(scorer_name("is%20it%2Fgood"), "is it/good");
        assert_eq!(scorer_name("100%"), "100%");
    }
}
