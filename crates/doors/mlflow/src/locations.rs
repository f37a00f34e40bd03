//! Where an experiment's runs keep their files, as `handlers.py` `_validate_storage_location_uri` and `utils/uri.py`
//! `resolve_uri_if_local` read it.

use crate::errors::{Code, Failure};
use crate::request::decode;

/// `MLFLOW_ARTIFACT_LOCATION_MAX_LENGTH`, in characters.
const LONGEST: usize = 2_048;
/// Schemes whose URIs may have `;parameters` (`urllib.parse.uses_params`, the part that can name a store).
const WITH_PARAMETERS: [&str; 5] = ["", "ftp", "hdfs", "http", "https"];
/// `mlflow/store/artifact/host_policy.py`: schemes that make a server connect to the host that the URI names.
const HOST_ADDRESSED: [&str; 10] =
    ["ftp", "sftp", "hdfs", "viewfs", "http", "https", "mlflow-artifacts", "r2", "b2", "abfss"];

/// A location that a client gives for an experiment, made absolute if it is a relative local path. `trusted` is where the
/// server keeps files by default. Clients use the location themselves; this server never opens it.
pub(crate) fn checked(location: String, trusted: Option<&str>) -> Result<String, Failure> {
    let (scheme, rest) = split(&location);
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let last = path.rsplit('/').next().unwrap_or(path);
    if location.contains('#') || (WITH_PARAMETERS.contains(&scheme.as_str()) && last.contains(';')) {
        return Err(Failure::invalid("'artifact_location' URL can't include fragments or params."));
    }
    let mut query = query.to_owned();
    for _ in 0..10 {
        query = decode(&query.replace('+', "%2B"));
    }
    if query.contains("..") {
        return Err(Failure::invalid("Invalid query string"));
    }
    check_host(&location, "artifact_location", trusted)?;
    if location.starts_with("runs:") {
        return Err(Failure::invalid(format!(
            "Artifact location cannot be a runs:/ URI. Given: '{location}'"
        )));
    }
    let location = absolute(location)?;
    if location.chars().count() > LONGEST {
        return Err(Failure::invalid(format!(
            "Invalid artifact path length. The length of the artifact path cannot be greater than {LONGEST} characters. \
             To configure this limit, please set the MLFLOW_ARTIFACT_LOCATION_MAX_LENGTH environment variable."
        )));
    }
    Ok(location)
}

/// Refuses addresses of other hosts, as upstream does, whose server would connect to them. `trusted` names the one that
/// the operator configured.
pub(crate) fn check_host(uri: &str, field: &str, trusted: Option<&str>) -> Result<(), Failure> {
    let (scheme, host) = host(uri);
    if !HOST_ADDRESSED.contains(&scheme.as_str()) || (scheme == "mlflow-artifacts" && host.is_empty()) {
        return Ok(());
    }
    if trusted.map(self::host).is_some_and(|own| own == (scheme.clone(), host)) {
        return Ok(());
    }
    Err(Failure::invalid(format!(
        "'{field}' cannot use the '{scheme}' scheme: the '{scheme}' scheme addresses a host other than the tracking \
         server's configured artifact storage, so the server would connect to the host named in the URI. Set the \
         MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES environment variable on the server to allow it."
    )))
}

/// Scheme and authority, in lower case.
fn host(uri: &str) -> (String, String) {
    let (scheme, rest) = split(uri);
    let host = rest.strip_prefix("//").and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or("");
    (scheme, host.to_lowercase())
}

/// Scheme in lower case, empty if there is none, and what follows it.
pub(crate) fn split(location: &str) -> (String, &str) {
    let is_scheme = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    };
    match location.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => (scheme.to_ascii_lowercase(), rest),
        _ => (String::new(), location),
    }
}

/// A path, or a `file:` URI of this machine. Errors: a `file:` URI of another one.
pub(crate) fn is_local(uri: &str) -> Result<bool, Failure> {
    let (scheme, host) = host(uri);
    if scheme != "file" {
        return Ok(scheme.is_empty());
    }
    if host.is_empty() || host == "." || host.starts_with("localhost") || host.starts_with("127.0.0.1") {
        return Ok(true);
    }
    Err(Failure::new(
        Code::InternalError,
        format!(
            "{uri} is not a valid remote uri. For remote access on windows, please consider using a different scheme such \
             as SMB (e.g. smb://<hostname>/<path>)."
        ),
    ))
}

/// The path of a local address, decoded if it is a URI.
pub(crate) fn local_path(uri: &str) -> String {
    let (scheme, rest) = split(uri);
    if scheme.is_empty() {
        return uri.to_owned();
    }
    let path = match rest.strip_prefix("//") {
        Some(host) => host.find('/').map_or("", |at| &host[at..]),
        None => rest,
    };
    decode(&path.replace('+', "%2B"))
}

/// The path without `.`, `..` and doubled slashes, from the root. Links are not followed: nothing is opened.
pub(crate) fn normal(path: &str) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let whole = here.join(path);
    let mut steps: Vec<&str> = Vec::new();
    let whole = whole.to_string_lossy();
    for step in whole.split('/') {
        match step {
            "" | "." => {}
            ".." => {
                steps.pop();
            }
            step => steps.push(step),
        }
    }
    format!("/{}", steps.join("/"))
}

fn absolute(location: String) -> Result<String, Failure> {
    let (scheme, rest) = split(&location);
    if !is_local(&location)? || rest.starts_with('/') {
        return Ok(location);
    }
    // Upstream's rule: relative to where the server was started.
    let Ok(here) = std::env::current_dir() else { return Ok(location) };
    let path = here.join(rest).to_string_lossy().into_owned();
    Ok(if scheme.is_empty() { path } else { format!("file://{path}") })
}
