//! Where a model version's files come from: `handlers.py` `_resolve_registered_model_source_lineage`,
//! `_validate_source_run` and `_validate_source_model`, and what the SQL store makes of the source.

use models::CreateVersion;

use crate::call::Cx;
use crate::convert::{self, own_folder, run_uid};
use crate::errors::{Code, Failure};
use crate::filters::IS_PROMPT;
use crate::locations::{check_host, is_local, local_path, normal, split};
use crate::request::decode;
use crate::{limits, registered_models};

/// Whose files a source must be among: upstream asks for the logged model first, then for the run.
#[derive(Default)]
struct Owner {
    /// The request's parameter that names the owner; none names nobody.
    named_by: Option<&'static str>,
    /// Where the owner's files lie; none if there is no such owner.
    root: Option<String>,
    source_run: Option<String>,
}

impl Owner {
    fn parameter(&self) -> &'static str {
        self.named_by.unwrap_or("run_id")
    }
}

/// Fills in `location`, `folder`, and where the source names them, run and logged model. `names_run` and `names_model` say
/// whether the request has these parameters, be they empty.
///
/// Errors: a source outside of the run or model that the request names, or one that climbs.
pub(crate) async fn resolve(
    cx: &Cx,
    version: &mut CreateVersion,
    names_run: bool,
    names_model: bool,
) -> Result<(), Failure> {
    let source = version.source.clone();
    version.location.clone_from(&source);
    let (scheme, rest) = split(&source);
    if scheme == "models" && !rest.starts_with("//") {
        if let Some(id) = logged_model_id(&source, rest)? {
            return of_logged_model(cx, version, &id).await;
        }
        return of_version(cx, version, rest, names_run, names_model).await;
    }
    let owner = owner(cx, version).await?;
    if is_local(&source)? {
        check_local(&source, &owner)?;
    } else {
        check_climbing(&source)?;
        check_host(&source, "source", cx.state.artifact_root.as_deref())?;
        match scheme.as_str() {
            "models" => {
                return Err(Failure::invalid(format!(
                    "Invalid model version source: '{source}'. Registered model sources must use the active model \
                     registry."
                )));
            }
            "runs" => {
                let id = rest.strip_prefix('/').filter(|p| !p.starts_with('/')).unwrap_or("");
                let id = id.split('/').next().unwrap_or(id);
                if version.logged_model.is_some() || id.is_empty() || version.run.as_deref() != Some(id) {
                    return Err(outside(&source, owner.parameter()));
                }
            }
            "mlflow-artifacts" if !owner.root.as_ref().is_some_and(|root| lies_within(&source, root)) => {
                return Err(outside(&source, owner.parameter()));
            }
            _ => {}
        }
    }
    version.folder = own_folder(&source);
    version.run = version.run.take().or(owner.source_run);
    Ok(())
}

async fn owner(cx: &Cx, version: &CreateVersion) -> Result<Owner, Failure> {
    if let Some(id) = &version.logged_model {
        // Whatever the source, the version is noted on the model, so there must be one.
        let model = tracking::logged_model(&cx.state.ledger, &cx.actor, id.clone(), false).await?;
        let root = Some(convert::model_uri(&model));
        return Ok(Owner { named_by: Some("model_id"), root, source_run: model.source_run });
    }
    let Some(id) = &version.run else { return Ok(Owner::default()) };
    let owner = Owner { named_by: Some("run_id"), ..Owner::default() };
    let Ok(uid) = run_uid(id) else { return Ok(owner) };
    match tracking::run(&cx.state.ledger, &cx.actor, uid).await {
        Ok(run) => Ok(Owner { root: Some(convert::run_uri(&run)), ..owner }),
        Err(tracking::Error::RunNotFound(_)) => Ok(owner),
        Err(other) => Err(other.into()),
    }
}

fn outside(source: &str, id: &str) -> Failure {
    Failure::invalid(format!(
        "Invalid model version source: '{source}'. The {id} request parameter must identify the resource that contains \
         the source."
    ))
}

/// A local path must lie in the local folder of its owner. Neither is ever opened here.
fn check_local(source: &str, owner: &Owner) -> Result<(), Failure> {
    let path = normal(&local_path(source));
    let root = owner.root.as_ref().filter(|root| is_local(root).unwrap_or(false));
    let root = root.map(|root| normal(&local_path(root)));
    let inside = root.is_some_and(|root| path == root || path.starts_with(&format!("{root}/")));
    if inside {
        return Ok(());
    }
    let id = owner.parameter();
    Err(Failure::invalid(format!(
        "Invalid model version source: '{}'. To use a local path as a model version source, the {id} request parameter \
         has to be specified and the local path has to be contained within the artifact directory of the run specified \
         by the {id}.",
        if owner.named_by.is_none() { source } else { &path }
    )))
}

/// Refuses `.` and `..` in any encoding, and what is not absolute.
fn check_climbing(source: &str) -> Result<(), Failure> {
    let mut decoded = source.to_owned();
    for _ in 0..8 {
        let again = decode(&decoded);
        if again == decoded {
            break;
        }
        decoded = again;
    }
    let (_, rest) = split(&decoded);
    let rest = rest.split(['?', '#']).next().unwrap_or(rest);
    let path = match rest.strip_prefix("//") {
        Some(host) => host.find('/').map_or("", |at| &host[at..]),
        None => rest,
    };
    let steps = |text: &str, bad: &[&str]| text.split(['/', '\\']).any(|step| bad.contains(&step));
    if decoded.contains('\0')
        || !path.starts_with('/')
        || path.chars().all(|c| c == '/')
        || steps(&decoded, &[".."])
        || steps(path, &["."])
    {
        return Err(Failure::invalid(format!(
            "Invalid model version source: '{source}'. If supplying a source as an http, https, local file path, ftp, \
             objectstore, or mlflow-artifacts uri, an absolute path must be provided without relative path references \
             present. Please provide an absolute path."
        )));
    }
    Ok(())
}

/// `_is_uri_within_root`: same scheme and host, and a path that begins with all steps of the root's.
fn lies_within(source: &str, root: &str) -> bool {
    let parts = |uri: &str| {
        let (scheme, rest) = split(uri);
        let rest = rest.split(['?', '#']).next().unwrap_or(rest).to_owned();
        let (host, path) = match rest.strip_prefix("//") {
            Some(host) => host.split_once('/').map_or((host, ""), |(host, path)| (host, path)),
            None => ("", rest.as_str()),
        };
        let steps: Vec<String> = path
            .split('/')
            .filter(|step| !step.is_empty())
            .map(|step| decode(&step.replace('+', "%2B")))
            .collect();
        (scheme, host.to_lowercase(), steps)
    };
    let (source, root) = (parts(source), parts(root));
    source.0 == root.0 && source.1 == root.1 && !root.2.is_empty() && source.2.starts_with(&root.2)
}

/// The id in `models:/m-<id>`; none if the address names a version of a registered model.
fn logged_model_id(source: &str, rest: &str) -> Result<Option<String>, Failure> {
    let path = rest.trim_start_matches('/');
    let steps: Vec<&str> = path.split('/').collect();
    let alias = path.rsplit_once('@').map(|(_, alias)| alias);
    if !rest.starts_with('/')
        || steps.len() > 2
        || steps.iter().any(|step| step.trim().is_empty())
        || (steps.len() == 1 && alias.is_some_and(|alias| alias.trim().is_empty()))
    {
        return Err(outside(source, "model_id"));
    }
    Ok((steps.len() == 1 && alias.is_none()).then(|| path.to_owned()))
}

async fn of_logged_model(cx: &Cx, version: &mut CreateVersion, id: &str) -> Result<(), Failure> {
    if version.logged_model.as_deref() != Some(id) {
        return Err(outside(&version.source, "model_id"));
    }
    let model = tracking::logged_model(&cx.state.ledger, &cx.actor, id.to_owned(), false).await;
    let model = model.map_err(Failure::from).map_err(|e| {
        let text = format!(
            "Unable to fetch model from model URI source artifact location '{}'.Error: {}",
            version.source, e.message
        );
        Failure::new(Code::InternalError, text)
    })?;
    version.location = convert::model_uri(&model);
    version.folder = own_folder(&version.location);
    version.run = version.run.take().or(model.source_run);
    Ok(())
}

/// `models:/<name>/<version>`, `…/<stage>`, `…/latest` and `models:/<name>@<alias>`: a copy of that version.
async fn of_version(
    cx: &Cx,
    version: &mut CreateVersion,
    rest: &str,
    names_run: bool,
    names_model: bool,
) -> Result<(), Failure> {
    let source = version.source.clone();
    let path = rest.trim_start_matches('/');
    let (name, which) = match path.split_once('/') {
        Some((name, which)) => (name, Some(which)),
        None => (path.rsplit_once('@').map_or(path, |(name, _)| name), None),
    };
    let model = models::model(&cx.state.ledger, &cx.actor, name.to_owned()).await?;
    if model.tags.get(IS_PROMPT).is_some_and(|v| v.eq_ignore_ascii_case("true")) {
        return Err(Failure::invalid(format!(
            "Invalid model version source: '{source}'. Prompt versions cannot be used as model version sources."
        )));
    }
    let found = match which {
        None => {
            let alias = path.rsplit_once('@').map_or("", |(_, alias)| alias);
            registered_models::by_alias(cx, name.to_owned(), alias.to_owned()).await?
        }
        Some(number) if number.chars().all(|c| c.is_ascii_digit()) => {
            let number = limits::model_version(number)?;
            models::version(&cx.state.ledger, &cx.actor, name.to_owned(), number).await?
        }
        Some(which) => {
            let any = which.eq_ignore_ascii_case("latest");
            if !any {
                crate::model_versions::stage(which)?;
            }
            let fits = |stage: &str| any || stage.eq_ignore_ascii_case(which);
            let newest = model.latest.into_iter().filter(|v| fits(&v.stage)).max_by_key(|v| v.number);
            newest.ok_or_else(|| {
                let of = if any { String::new() } else { format!(" and stage '{which}'") };
                let text = format!("No versions of model with name '{name}'{of} found");
                Failure::new(Code::InternalError, text)
            })?
        }
    };
    let differs = |named: bool, given: &Option<String>, there: &Option<String>| {
        named && given.as_deref().unwrap_or("") != there.as_deref().unwrap_or("")
    };
    if differs(names_run, &version.run, &found.run_text)
        || differs(names_model, &version.logged_model, &found.logged_model)
    {
        return Err(Failure::invalid(format!(
            "Invalid model version source: '{source}'. The run_id and model_id request parameters must match the \
             referenced model version."
        )));
    }
    version.source = format!("models:/{name}/{}", found.number);
    version.folder = own_folder(&found.location);
    version.location = found.location;
    version.run = found.run_text;
    version.logged_model = found.logged_model;
    Ok(())
}
