//! Uploads in parts (`mlflow-artifacts/mpu/*`): the client gets an address for every part, sends them side by side,
//! and the file appears when it says that all have arrived.

use blobs::{MAX_PARTS, Part};
use serde::{Deserialize, Serialize};
use tracking::artifacts::{self, ArtifactPath};
use types::WorkspaceId;

use super::path::{base_name, safe};
use super::signed;
use crate::call::{Answer, Cx, empty, reply};
use crate::errors::Failure;
use crate::request::Fields;
use crate::wire::artifacts as wa;

/// Seconds that parts may be sent after the upload began, as S3 signs them.
const PART_LASTS: i64 = 3_600;
/// Seconds that an upload may be completed after it began; the store forgets parts after a day.
const UPLOAD_LASTS: i64 = 24 * 3_600;
const UPLOAD: &str = "upload";

/// What an upload id says. It is signed, so that nothing has to be kept until the first part arrives.
#[derive(Serialize, Deserialize)]
struct Upload {
    uid: String,
    workspace: WorkspaceId,
    path: String,
}

/// `POST mlflow-artifacts/mpu/create/<folder>`
pub(crate) async fn create(cx: Cx, f: Fields) -> Answer {
    let path = destination(&f)?;
    let parts = f.integer("num_parts")?.unwrap_or(1);
    let Some(parts) = u32::try_from(parts).ok().filter(|n| *n <= MAX_PARTS) else {
        return Err(Failure::invalid(format!(
            "Invalid value {parts} for parameter 'num_parts' supplied. It must be between 0 and {MAX_PARTS}."
        )));
    };
    let base = signed::base(&cx)?;
    let now = cx.state.ledger.clock().now();
    let uid = types::new_id(now).hex();
    let mut credentials = Vec::with_capacity(parts as usize);
    for number in 1..=parts {
        let url = signed::part_url(&cx, &base, &uid, number, PART_LASTS).await?;
        credentials.push(wa::MultipartUploadCredential { url, part_number: number });
    }
    let upload = Upload { uid, workspace: cx.actor.workspace, path: path.as_str().to_owned() };
    let upload_id = cx.state.vault.sign(UPLOAD, now.plus_seconds(UPLOAD_LASTS), &upload)?;
    reply(&wa::CreateMultipartUploadResponse { upload_id, credentials })
}

/// `POST mlflow-artifacts/mpu/complete/<folder>`
pub(crate) async fn complete(cx: Cx, f: Fields) -> Answer {
    let path = destination(&f)?;
    let given = f.messages("parts")?;
    if given.is_empty() {
        return Err(f.missing("parts"));
    }
    let upload = opened(&cx, &f, &path)?;
    let mut parts: Vec<Part> = Vec::with_capacity(given.len());
    for part in &given {
        let number = part.integer("part_number")?.ok_or_else(|| part.missing("part_number"))?;
        let number = u32::try_from(number).ok().filter(|n| (1..=MAX_PARTS).contains(n));
        let in_order = |n: &u32| parts.last().is_none_or(|last| last.number < *n);
        let number = number.filter(in_order).ok_or_else(|| {
            Failure::invalid(format!("The parts must be numbered from 1 to {MAX_PARTS}, in ascending order."))
        })?;
        parts.push(Part { number, tag: part.text_or_empty("etag")? });
    }
    let (digest, bytes) = cx.state.blobs.join_parts(&upload.uid, parts).await?;
    artifacts::put(&cx.state.ledger, &cx.actor, path, digest, bytes.cast_signed()).await?;
    empty()
}

/// `POST mlflow-artifacts/mpu/abort/<folder>`
pub(crate) async fn abort(cx: Cx, f: Fields) -> Answer {
    let path = destination(&f)?;
    let upload = opened(&cx, &f, &path)?;
    cx.state.blobs.drop_parts(&upload.uid).await?;
    empty()
}

/// The folder of the address and the name of the client's own file.
fn destination(f: &Fields) -> Result<ArtifactPath, Failure> {
    let file = f.required_text("path")?;
    let folder = safe(&f.text_or_empty("artifact_path")?)?;
    let name = safe(base_name(&file))?;
    if name.as_str().is_empty() {
        return Err(Failure::invalid("Invalid path"));
    }
    super::below(&folder, &name)
}

fn opened(cx: &Cx, f: &Fields, path: &ArtifactPath) -> Result<Upload, Failure> {
    let id = f.text_or_empty("upload_id")?;
    let now = cx.state.ledger.clock().now();
    let found: Option<Upload> = cx.state.vault.read_signed(UPLOAD, now, &id);
    found.filter(|upload| upload.workspace == cx.actor.workspace && upload.path == path.as_str()).ok_or_else(
        || {
            Failure::missing(format!(
                "No multipart upload of '{}' has this upload_id: it was never begun, or is over.",
                path.as_str()
            ))
        },
    )
}
