//! Where a model version's files come from: `handlers.py` `_resolve_registered_model_source_lineage`,
//! `_validate_source_run` and `_validate_source_model`, and what the SQL store makes of the source.

use models::CreateVersion;
use tracking::artifacts::ArtifactPath;

use crate::call::Cx;
use crate::convert::{self, own_folder, own_uri, run_uid};
use crate::errors::Failure;
use crate::limits;
use crate::request::decode;

/// Fills in `location`, `folder`, and where the source names them, run and logged model.
///
/// Errors: a source outside of the run or model that the request names, a local path, or one that climbs.
pub(crate) async fn resolve(cx: &Cx, version: &mut CreateVersion) -> Result<(), Failure> {
    let source = version.source.clone();
    version.location = source.clone();
    let (scheme, rest) = source.split_once(':').unwrap_or(("", source.as_str()));
    match scheme {
        "" | "file" => return Err(local(&source)),
        "models" => models_uri(cx, version, rest).await?,
        "runs" => runs_uri(cx, version, rest).await?,
        _ => {
            check_climbing(&source)?;
            if let Some(folder) = own_folder(&source) {
                check_owner(cx, version, &folder).await?;
                version.folder = Some(folder);
            } else if scheme == "mlflow-artifacts" {
                return Err(outside(&source, "run_id"));
            }
        }
    }
    if version.run.is_none()
        && let Some(id) = &version.logged_model
    {
        let model = tracking::logged_model(&cx.state.ledger, &cx.actor, id.clone(), false).await;
        version.run = model.ok().and_then(|m| m.source_run);
    }
    Ok(())
}

fn outside(source: &str, id: &str) -> Failure {
    Failure::invalid(format!(
        "Invalid model version source: '{source}'. The {id} request parameter must identify the resource that contains \
         the source."
    ))
}

fn local(source: &str) -> Failure {
    Failure::invalid(format!(
        "Invalid model version source: '{source}'. To use a local path as a model version source, the run_id request \
         parameter has to be specified and the local path has to be contained within the artifact directory of the run \
         specified by the run_id."
    ))
}

/// Refuses `..` in any encoding.
fn check_climbing(source: &str) -> Result<(), Failure> {
    let mut decoded = source.to_owned();
    for _ in 0..8 {
        let again = decode(&decoded);
        if again == decoded {
            break;
        }
        decoded = again;
    }
    if decoded.contains('\0') || decoded.split(['/', '\\']).any(|part| part == "..") {
        return Err(Failure::invalid(format!(
            "Invalid model version source: '{source}'. If supplying a source as an http, https, local file path, ftp, \
             objectstore, or mlflow-artifacts uri, an absolute path must be provided without relative path references \
             present. Please provide an absolute path."
        )));
    }
    Ok(())
}

/// The folder must lie below the logged model or the run that the request names.
async fn check_owner(cx: &Cx, version: &CreateVersion, folder: &ArtifactPath) -> Result<(), Failure> {
    let (root, id) = match (&version.logged_model, &version.run) {
        (Some(model), _) => {
            let found = tracking::logged_model(&cx.state.ledger, &cx.actor, model.clone(), false).await;
            (found.map(|m| convert::model_uri(&m)), "model_id")
        }
        (None, Some(run)) => {
            let found = match run_uid(run) {
                Ok(uid) => tracking::run(&cx.state.ledger, &cx.actor, uid).await,
                Err(_) => Err(tracking::Error::RunNotFound(run.clone())),
            };
            (found.map(|r| convert::run_uri(&r)), "run_id")
        }
        (None, None) => return Err(outside(&version.source, "run_id")),
    };
    let root = match root {
        Ok(uri) => own_folder(&uri),
        Err(tracking::Error::RunNotFound(_) | tracking::Error::LoggedModelNotFound(_)) => None,
        Err(other) => return Err(other.into()),
    };
    let inside = root.is_some_and(|root| {
        let (root, folder) = (root.as_str(), folder.as_str());
        !root.is_empty() && (folder == root || folder.starts_with(&format!("{root}/")))
    });
    if inside { Ok(()) } else { Err(outside(&version.source, id)) }
}

/// `models:/m-<id>` (a logged model) or `models:/<name>/<version>` and `models:/<name>@<alias>` (a copy).
async fn models_uri(cx: &Cx, version: &mut CreateVersion, rest: &str) -> Result<(), Failure> {
    let source = version.source.clone();
    let Some(name) = rest.strip_prefix('/').filter(|n| !n.starts_with('/') && !n.is_empty()) else {
        return Err(outside(&source, "model_id"));
    };
    if !name.contains(['/', '@']) {
        if version.logged_model.as_deref().is_some_and(|id| id != name) || version.logged_model.is_none() {
            return Err(outside(&source, "model_id"));
        }
        let model = tracking::logged_model(&cx.state.ledger, &cx.actor, name.to_owned(), false).await?;
        version.location = convert::model_uri(&model);
        version.folder = own_folder(&version.location);
        version.run = version.run.take().or(model.source_run);
        return Ok(());
    }
    let found = match name.split_once('@') {
        Some((model, alias)) => {
            models::version_by_alias(&cx.state.ledger, &cx.actor, model.to_owned(), alias.to_owned())
                .await?
                .ok_or_else(|| Failure::invalid(format!("Registered model alias {alias} not found.")))?
        }
        None => {
            let (model, number) = name.rsplit_once('/').unwrap_or((name, ""));
            let number = limits::model_version(number)?;
            models::version(&cx.state.ledger, &cx.actor, model.to_owned(), number).await?
        }
    };
    let differs = |given: &Option<String>, there: &Option<String>| given.is_some() && given != there;
    if differs(&version.run, &found.run_text) || differs(&version.logged_model, &found.logged_model) {
        return Err(Failure::invalid(format!(
            "Invalid model version source: '{source}'. The run_id and model_id request parameters must match the \
             referenced model version."
        )));
    }
    version.source = format!("models:/{}/{}", found.model, found.number);
    version.folder = own_folder(&found.location);
    version.location = found.location;
    version.run = version.run.take().or(found.run_text);
    version.logged_model = version.logged_model.take().or(found.logged_model);
    Ok(())
}

/// `runs:/<run id>/<path>` of the run that the request names.
async fn runs_uri(cx: &Cx, version: &mut CreateVersion, rest: &str) -> Result<(), Failure> {
    let source = version.source.clone();
    check_climbing(&source)?;
    let path =
        rest.strip_prefix('/').filter(|p| !p.starts_with('/')).ok_or_else(|| outside(&source, "run_id"))?;
    let (id, path) = path.split_once('/').unwrap_or((path, ""));
    if version.run.as_deref() != Some(id) {
        return Err(outside(&source, "run_id"));
    }
    if let Ok(uid) = run_uid(id)
        && let Ok(run) = tracking::run(&cx.state.ledger, &cx.actor, uid).await
        && let Some(root) = own_folder(&convert::run_uri(&run))
    {
        let folder = format!("{}/{path}", root.as_str());
        version.folder = ArtifactPath::parse(folder.trim_matches('/')).ok();
        version.location = own_uri(folder.trim_matches('/'));
    }
    Ok(())
}
