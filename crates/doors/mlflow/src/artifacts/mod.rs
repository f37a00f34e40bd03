//! Files: upstream's artifact proxy (`mlflow-artifacts`), listings, and downloads by run, model or version. Bodies
//! stream both ways; a path is recorded only after all of its bytes are stored.

pub(crate) mod download;
pub(crate) mod multipart;
mod path;
pub(crate) mod signed;

use axum::body::HttpBody as _;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header;
use http_body_util::Limited;
use tracking::artifacts::{self, ArtifactPath};
use types::Digest;

use crate::call::{Answer, Cx, empty, reply};
use crate::convert::{self, own_folder, run_uid};
use crate::errors::{Code, Failure};
use crate::limits;
use crate::request::Fields;
use crate::wire::service as ws;
use download::Wish;
use path::safe;

/// The largest file that the web page's own upload takes, in bytes.
const PAGE_UPLOAD: u64 = 10 << 20;

/// The folder of the server's own store behind a URI; where clients keep files themselves, the server cannot look.
fn served(uri: &str) -> Result<ArtifactPath, Failure> {
    own_folder(uri).ok_or_else(|| {
        Failure::invalid(format!(
            "The artifacts at '{uri}' are not kept by this server. Read them from there with a client."
        ))
    })
}

fn below(folder: &ArtifactPath, path: &ArtifactPath) -> Result<ArtifactPath, Failure> {
    let joined = match (folder.as_str(), path.as_str()) {
        ("", path) => path.to_owned(),
        (folder, "") => folder.to_owned(),
        (folder, path) => format!("{folder}/{path}"),
    };
    Ok(ArtifactPath::parse(&joined)?)
}

/// Entries of a folder; their paths start with `prefix`.
async fn entries(cx: &Cx, folder: ArtifactPath, prefix: &str) -> Result<Vec<ws::FileInfo>, Failure> {
    let found = artifacts::list(&cx.state.ledger, &cx.actor, folder).await?;
    let path = |name: String| if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
    Ok(found
        .into_iter()
        .map(|entry| ws::FileInfo {
            path: path(entry.name),
            is_dir: entry.digest.is_none(),
            file_size: entry.digest.map(|_| entry.bytes),
        })
        .collect())
}

async fn listing(cx: &Cx, uri: String, path: Option<String>) -> Answer {
    let path = safe(&path.unwrap_or_default())?;
    let files = entries(cx, below(&served(&uri)?, &path)?, path.as_str()).await?;
    reply(&ws::ListArtifactsResponse { root_uri: Some(uri), files })
}

pub(crate) async fn list(cx: Cx, f: Fields) -> Answer {
    let run = tracking::run(&cx.state.ledger, &cx.actor, run_uid(&f.run_id()?)?).await?;
    listing(&cx, convert::run_uri(&run), f.text("path")?).await
}

pub(crate) async fn list_logged_model(cx: Cx, f: Fields) -> Answer {
    let id = f.required_text("model_id")?;
    let model = tracking::logged_model(&cx.state.ledger, &cx.actor, id, false).await?;
    listing(&cx, convert::model_uri(&model), f.text("artifact_directory_path")?).await
}

/// `GET mlflow-artifacts/artifacts?path=`: names only.
pub(crate) async fn list_proxied(cx: Cx, f: Fields) -> Answer {
    let folder = safe(&f.text_or_empty("path")?)?;
    reply(&ws::ListArtifactsResponse { root_uri: None, files: entries(&cx, folder, "").await? })
}

pub(crate) async fn delete_proxied(cx: Cx, f: Fields) -> Answer {
    let path = safe(&f.required_text("artifact_path")?)?;
    match artifacts::delete(&cx.state.ledger, &cx.actor, path).await {
        // What is not there is gone, as upstream has it.
        Ok(_) | Err(tracking::Error::ArtifactNotFound(_)) => empty(),
        Err(error) => Err(error.into()),
    }
}

pub(crate) async fn upload_proxied(
    cx: Cx,
    path: Vec<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    let path = path.first().map(|(_, value)| value.as_str()).unwrap_or_default();
    store(&cx, safe(path)?, request).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], "{}").into_response())
}

/// The UI's upload: `POST upload-artifact?run_uuid=&path=` with the bytes as the body.
pub(crate) async fn upload(cx: Cx, _: Vec<(String, String)>, request: Request) -> Result<Response, Failure> {
    let query = Fields::from_query(request.uri().query().unwrap_or_default());
    let need = |name: &str| -> Result<String, Failure> {
        let none = || Failure::invalid(format!("Request must specify {name}."));
        query.text(name)?.filter(|v| !v.is_empty()).ok_or_else(none)
    };
    let (id, path) = (need("run_uuid")?, need("path")?);
    limits::run_id(&id)?;
    let path = safe(&path)?;
    let too_large = || Failure::invalid("Artifact size is too large. Max size is 10MB.");
    if request.body().size_hint().lower() > PAGE_UPLOAD {
        return Err(too_large());
    }
    if request.body().is_end_stream() {
        return Err(Failure::invalid("Request must specify data."));
    }
    let run = tracking::run(&cx.state.ledger, &cx.actor, run_uid(&id)?).await?;
    let path = below(&served(&convert::run_uri(&run))?, &path)?;
    let limit = usize::try_from(PAGE_UPLOAD).unwrap_or(usize::MAX);
    let request = request.map(|body| axum::body::Body::new(Limited::new(body, limit)));
    match store(&cx, path, request).await {
        Err(failure) if failure.message.contains("length limit exceeded") => Err(too_large()),
        stored => stored.map(|()| [(header::CONTENT_TYPE, "application/json")].into_response()),
    }
}

/// The bytes are stored whole before their path is recorded.
async fn store(cx: &Cx, path: ArtifactPath, request: Request) -> Result<(), Failure> {
    if path.as_str().is_empty() {
        return Err(Failure::invalid("Invalid path"));
    }
    let stream = request.into_body().into_data_stream();
    let (digest, bytes) = cx.state.blobs.put_stream(stream, None).await?;
    artifacts::put(&cx.state.ledger, &cx.actor, path, digest, bytes.cast_signed()).await?;
    Ok(())
}

pub(crate) async fn download_proxied(
    cx: Cx,
    path: Vec<(String, String)>,
    _: Request,
) -> Result<Response, Failure> {
    let path = path.first().map(|(_, value)| value.as_str()).unwrap_or_default();
    send(&cx, safe(path)?).await
}

/// `GET /get-artifact?run_id=&path=`
pub(crate) async fn download_of_run(
    cx: Cx,
    _: Vec<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    let query = Fields::from_query(request.uri().query().unwrap_or_default());
    let path = safe(&query.required_text("path")?)?;
    let run = tracking::run(&cx.state.ledger, &cx.actor, run_uid(&query.run_id()?)?).await?;
    send(&cx, below(&served(&convert::run_uri(&run))?, &path)?).await
}

/// `GET /model-versions/get-artifact?name=&version=&path=`: the bytes that the version is pinned to.
pub(crate) async fn download_of_version(
    cx: Cx,
    _: Vec<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    let query = Fields::from_query(request.uri().query().unwrap_or_default());
    let path = safe(&query.required_text("path")?)?;
    let name = query.required_text("name")?;
    let number = limits::model_version(&query.required_text("version")?)?;
    let version = models::version(&cx.state.ledger, &cx.actor, name, number).await?;
    let files = models::files(&cx.state.ledger, &cx.actor, version.uid).await?;
    let file = files.into_iter().find(|f| f.path == path.as_str());
    let file = file.ok_or_else(|| Failure::missing(format!("No such artifact: '{}'", path.as_str())))?;
    let wish = Wish::of(&cx.method, &cx.headers);
    download::send(&cx.state.blobs, &wish, path.as_str(), file.digest, file.bytes.cast_unsigned()).await
}

/// `GET logged-models/{id}/artifacts/files?artifact_file_path=`
pub(crate) async fn download_of_logged_model(
    cx: Cx,
    path: Vec<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    let query = Fields::from_query(request.uri().query().unwrap_or_default());
    let Some(file) = query.text("artifact_file_path")?.filter(|p| !p.is_empty()) else {
        return Err(Failure::new(
            Code::BadRequest,
            "Request must include the \"artifact_file_path\" query parameter.",
        ));
    };
    let id = path.first().map(|(_, value)| value.clone()).unwrap_or_default();
    let model = tracking::logged_model(&cx.state.ledger, &cx.actor, id, false).await?;
    send(&cx, below(&served(&convert::model_uri(&model))?, &safe(&file)?)?).await
}

/// Digest and size in bytes of the file at `path`.
///
/// Errors: `No such artifact`, or that it is a folder.
async fn file_at(cx: &Cx, path: &ArtifactPath) -> Result<(Digest, u64), Failure> {
    let found = artifacts::find(&cx.state.ledger, &cx.actor, path.clone()).await?;
    let entry = found.ok_or_else(|| Failure::missing(format!("No such artifact: '{}'", path.as_str())))?;
    let digest = entry.digest.ok_or_else(|| {
        Failure::invalid(format!("Artifact path refers to a directory, not a file: '{}'", path.as_str()))
    })?;
    Ok((digest, entry.bytes.cast_unsigned()))
}

async fn send(cx: &Cx, path: ArtifactPath) -> Result<Response, Failure> {
    let wish = Wish::of(&cx.method, &cx.headers);
    let (digest, size) = file_at(cx, &path).await?;
    download::send(&cx.state.blobs, &wish, path.as_str(), digest, size).await
}
