//! Addresses that carry their own permission for a while: parts of an upload, one whole upload, one download. Where
//! the store signs addresses itself (S3) clients go straight to it; otherwise they come back here.

use std::time::Duration;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header;
use kit::Base;
use serde::{Deserialize, Serialize};
use tracking::artifacts::{self, ArtifactPath};
use types::{Actor, ActorKind, Digest, Permission, Role, WorkspaceId};

use super::download::{self, Wish};
use super::path::safe;
use crate::State;
use crate::call::{Answer, Cx, reply};
use crate::convert::{self, run_uid};
use crate::errors::{Code, Failure};
use crate::request::Fields;
use crate::wire::artifacts as wa;

/// Where such addresses lead; the token follows.
pub(crate) const PATH: &str = "/mlflow-artifacts/signed/";

/// `MLFLOW_PRESIGNED_DOWNLOAD_URL_TTL_SECONDS` and the default of `presigned-upload-url`, in seconds.
const DOWNLOAD_LASTS: i64 = 300;
const UPLOAD_LASTS: i64 = 900;
/// What cloud stores allow, in seconds.
const MOST: i64 = 604_800;

const PART: &str = "part";
const GET: &str = "get";
const PUT: &str = "put";

#[derive(Serialize, Deserialize)]
struct PartClaim {
    upload: String,
    number: u32,
}

/// The bytes, not the path: every range of a download is of one file, even when another takes its place meanwhile.
#[derive(Serialize, Deserialize)]
struct GetClaim {
    name: String,
    digest: Digest,
    size: u64,
}

#[derive(Serialize, Deserialize)]
struct PutClaim {
    workspace: WorkspaceId,
    kind: ActorKind,
    name: String,
    account: Option<i64>,
    path: String,
}

/// Where the client found this server.
pub(crate) fn base(cx: &Cx) -> Result<Base, Failure> {
    Base::of(&cx.headers, &cx.uri)
        .ok_or_else(|| Failure::new(Code::BadRequest, "The request names no host to build addresses with."))
}

fn address(base: &Base, token: &str) -> String {
    base.with(&format!("{PATH}{token}"))
}

fn lasts(seconds: i64) -> Duration {
    Duration::from_secs(seconds.unsigned_abs())
}

/// An address for one part of an upload.
pub(crate) async fn part_url(
    cx: &Cx,
    base: &Base,
    upload: &str,
    number: u32,
    seconds: i64,
) -> Result<String, Failure> {
    if let Some(url) = cx.state.blobs.sign_part(upload, number, lasts(seconds)).await? {
        return Ok(url);
    }
    let until = cx.state.ledger.clock().now().plus_seconds(seconds);
    let claim = PartClaim { upload: upload.to_owned(), number };
    Ok(address(base, &cx.state.vault.sign(PART, until, &claim)?))
}

/// `GET mlflow-artifacts/presigned/<path>`
pub(crate) async fn presigned(cx: Cx, f: Fields) -> Answer {
    let path = safe(&f.required_text("artifact_path")?)?;
    let (url, file_size) = get_url(&cx, path, DOWNLOAD_LASTS).await?;
    reply(&wa::PresignedDownloadUrl { url, headers: serde_json::Map::new(), file_size })
}

async fn get_url(cx: &Cx, path: ArtifactPath, seconds: i64) -> Result<(String, u64), Failure> {
    let (digest, size) = super::file_at(cx, &path).await?;
    if let Some(url) = cx.state.blobs.sign_get(&digest, lasts(seconds)).await? {
        return Ok((url, size));
    }
    let until = cx.state.ledger.clock().now().plus_seconds(seconds);
    let name = path.as_str().rsplit('/').next().unwrap_or_default().to_owned();
    let token = cx.state.vault.sign(GET, until, &GetClaim { name, digest, size })?;
    Ok((address(&base(cx)?, &token), size))
}

/// `POST artifacts/presigned-download-url`. Upstream refuses storage that it serves itself; here it works.
pub(crate) async fn presigned_download_url(cx: Cx, f: Fields) -> Answer {
    let id = f.required_text("run_id")?;
    let path = safe(&f.required_text("path")?)?;
    let seconds = expiration(&f, DOWNLOAD_LASTS)?;
    let run = tracking::run(&cx.state.ledger, &cx.actor, run_uid(&id)?).await?;
    let folder = own(&convert::run_uri(&run), "download")?;
    let (presigned_url, file_size) = get_url(&cx, super::below(&folder, &path)?, seconds).await?;
    reply(&wa::PresignedUrlResponse { presigned_url, file_size: Some(file_size) })
}

/// `POST artifacts/presigned-upload-url` for a run or a logged model: one `PUT` to the address stores the file.
pub(crate) async fn presigned_upload_url(cx: Cx, f: Fields) -> Answer {
    let (run, model) = (f.text_or_empty("run_id")?, f.text_or_empty("model_id")?);
    let path = safe(&f.required_text("path")?)?;
    if run.is_empty() == model.is_empty() {
        return Err(Failure::invalid("Exactly one of run_id and model_id must be provided."));
    }
    let seconds = expiration(&f, UPLOAD_LASTS)?;
    let uri = if model.is_empty() {
        convert::run_uri(&tracking::run(&cx.state.ledger, &cx.actor, run_uid(&run)?).await?)
    } else {
        convert::model_uri(&tracking::logged_model(&cx.state.ledger, &cx.actor, model, false).await?)
    };
    let path = super::below(&own(&uri, "upload")?, &path)?;
    let claim = PutClaim {
        workspace: cx.actor.workspace,
        kind: cx.actor.kind,
        name: cx.actor.name.clone(),
        account: cx.actor.account,
        path: path.as_str().to_owned(),
    };
    let until = cx.state.ledger.clock().now().plus_seconds(seconds);
    let presigned_url = address(&base(&cx)?, &cx.state.vault.sign(PUT, until, &claim)?);
    reply(&wa::PresignedUrlResponse { presigned_url, file_size: None })
}

fn expiration(f: &Fields, default: i64) -> Result<i64, Failure> {
    let seconds = f.integer("expiration")?.unwrap_or(default);
    if !(1..=MOST).contains(&seconds) {
        return Err(Failure::invalid(format!(
            "expiration must be between 1 and {MOST} seconds (got {seconds})."
        )));
    }
    Ok(seconds)
}

fn own(uri: &str, what: &str) -> Result<ArtifactPath, Failure> {
    convert::own_folder(uri).ok_or_else(|| {
        let message = format!("Presigned {what} is not supported for the current artifact repository");
        Failure::new(Code::NotImplemented, message)
    })
}

fn refused() -> Failure {
    Failure::new(Code::PermissionDenied, "This address is not valid, or not valid any more.")
}

/// `GET` of a signed address. The token is the permission: nobody has to be signed in.
pub(crate) async fn get(state: State, token: String, request: Request) -> Result<Response, Failure> {
    let now = state.ledger.clock().now();
    let claim: GetClaim = state.vault.read_signed(GET, now, &token).ok_or_else(refused)?;
    let wish = Wish::of(request.method(), request.headers());
    download::send(&state.blobs, &wish, &claim.name, claim.digest, claim.size).await
}

/// `PUT` to a signed address: a part, or a whole file.
pub(crate) async fn put(state: State, token: String, request: Request) -> Result<Response, Failure> {
    let now = state.ledger.clock().now();
    if let Some(part) = state.vault.read_signed::<PartClaim>(PART, now, &token) {
        let stream = request.into_body().into_data_stream();
        let tag = state.blobs.put_part(&part.upload, part.number, stream).await?;
        return Ok([(header::ETAG, format!("\"{tag}\""))].into_response());
    }
    let claim: PutClaim = state.vault.read_signed(PUT, now, &token).ok_or_else(refused)?;
    let path = ArtifactPath::parse(&claim.path)?;
    let actor = Actor {
        workspace: claim.workspace,
        kind: claim.kind,
        name: claim.name,
        role: Role::Editor,
        scopes: Some(vec![Permission::Write]),
        account: claim.account,
        // Whether they may write here was asked when the address was made.
        grants: None,
    };
    let stream = request.into_body().into_data_stream();
    let (digest, bytes) = state.blobs.put_stream(stream, None).await?;
    artifacts::put(&state.ledger, &actor, path, digest, bytes.cast_signed()).await?;
    Ok([(header::ETAG, format!("\"{}\"", digest.hex()))].into_response())
}
