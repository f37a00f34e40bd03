//! Bytes that clients bring to an address themselves: one at a time, in parts, or that are elsewhere already.

use axum::extract::{Path, State as Shared};
use axum::response::IntoResponse;
use http::{HeaderMap, StatusCode, Uri, header};
use repositories::{Completion, Condition, NewUpload, Object, Physical, Repository};
use types::Actor;

use crate::address::{self, Named};
use crate::call::{Answer, Body, Params, Writer, created, may_read, no_content, ok};
use crate::errors::Failure;
use crate::signed::Signer;
use crate::{State, convert, objects, range, upload, wire};

/// `manager.MaxUploadParts`.
const MOST_PARTS: u32 = 10_000;

pub(crate) async fn get_address(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path((name, branch)): Path<(String, String)>,
    params: Params,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let path = params.path()?;
    let repository = state.repositories.repository(&actor, &name).await?;
    let link = state.repositories.create_link(&actor, &name, &branch, &path).await?;
    let mut location = wire::StagingLocation {
        physical_address: Some(address::promised(&repository, &link.id)),
        ..Default::default()
    };
    if params.flag("presign")? {
        let signer = Signer::of(&state, &actor, &headers, &uri)?;
        location.presigned_url = Some(signer.put_link(&name, &link.id)?);
        location.presigned_url_expiry = Some(convert::seconds(signer.until()));
    }
    ok(&location)
}

pub(crate) async fn link(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path((name, branch)): Path<(String, String)>,
    params: Params,
    headers: HeaderMap,
    Body(body): Body<wire::StagingMetadata>,
) -> Answer {
    let path = params.path()?;
    let condition = upload::condition(&headers)?;
    let stage = &state.repositories;
    let repository = stage.repository(&actor, &name).await?;
    let named = body.staging.physical_address.unwrap_or_default();
    let checksum = body.checksum.trim_matches(['"', ' ']).to_owned();
    if checksum.is_empty() {
        return Err(Failure::bad("checksum is required"));
    }
    let modified_at = body.mtime.map_or_else(|| state.ledger.clock().now(), convert::of_seconds);
    let metadata = body.user_metadata.unwrap_or_default();
    let new = match address::named(&repository, &named) {
        Named::Promised(id) => {
            let link = stage.link(&actor, &name, &branch, &path, &id).await?;
            let received =
                link.received.ok_or_else(|| Failure::bad("link address invalid: no bytes were brought"))?;
            if received.size != body.size_bytes {
                return Err(Failure::bad(format!(
                    "{} bytes were brought, not {}",
                    received.size, body.size_bytes
                )));
            }
            upload::object(received, body.content_type, metadata, modified_at)
        }
        Named::Kept => return Err(Failure::bad("link address invalid: it was not promised")),
        Named::Elsewhere(address) => Object {
            physical: Physical::External(address),
            size: body.size_bytes,
            etag: checksum,
            modified_at,
            content_type: body.content_type,
            metadata,
            checksums: Default::default(),
            headers: Default::default(),
        },
    };
    let object = stage.stage(&actor, &name, &branch, &path, new, condition).await?;
    let mut stats = convert::stats(&repository, path, &object);
    stats.physical_address = named;
    ok(&stats)
}

/// Deprecated: an object that is elsewhere already.
pub(crate) async fn stage_object(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path((name, branch)): Path<(String, String)>,
    params: Params,
    Body(body): Body<wire::ObjectStageCreation>,
) -> Answer {
    let path = params.path()?;
    let stage = &state.repositories;
    let repository = stage.repository(&actor, &name).await?;
    let Named::Elsewhere(address) = address::named(&repository, &body.physical_address) else {
        return Err(Failure::bad(
            "link address invalid: an address of this repository is linked, not staged",
        ));
    };
    let new = Object {
        physical: Physical::External(address),
        size: body.size_bytes,
        etag: body.checksum,
        modified_at: body.mtime.map_or_else(|| state.ledger.clock().now(), convert::of_seconds),
        content_type: body.content_type,
        metadata: body.metadata.unwrap_or_default(),
        checksums: Default::default(),
        headers: Default::default(),
    };
    let object = stage.stage(&actor, &name, &branch, &path, new, Condition::default()).await?;
    created(&convert::stats(&repository, path, &object))
}

pub(crate) async fn create_upload(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path((name, branch)): Path<(String, String)>,
    params: Params,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let path = params.path()?;
    let parts = params.text("parts");
    let parts = if parts.is_empty() { Ok(0) } else { parts.parse::<u32>() };
    let parts = parts.ok().filter(|parts| *parts <= MOST_PARTS);
    let parts = parts.ok_or_else(|| Failure::bad(format!("parts can be between 0 and {MOST_PARTS}")))?;
    let repository = state.repositories.repository(&actor, &name).await?;
    objects::branch_exists(&state, &actor, &name, &branch).await?;
    let stage = &state.repositories;
    let upload = stage.create_upload(&actor, &name, &branch, &path, NewUpload::default()).await?;
    let signer = Signer::of(&state, &actor, &headers, &uri)?;
    let urls = (1..=parts).map(|number| signer.put_part(&name, &upload.id, number));
    let presigned_urls = urls.collect::<Result<Vec<String>, Failure>>()?;
    let physical_address = address::promised(&repository, &upload.id);
    created(&wire::PresignMultipartUpload { upload_id: upload.id, physical_address, presigned_urls })
}

/// The upload that a request names, if its address, branch and path are those that it was made for.
async fn upload_of(
    state: &State,
    actor: &Actor,
    (name, branch, id): (&str, &str, &str),
    path: &str,
    physical_address: &str,
) -> Result<Repository, Failure> {
    let repository = state.repositories.repository(actor, name).await?;
    if address::named(&repository, physical_address) != Named::Promised(id.to_owned()) {
        return Err(Failure::bad("link address invalid: it is not the address of this upload"));
    }
    let upload = state.repositories.upload(actor, name, id).await?;
    if upload.branch != branch || upload.path != path {
        return Err(Failure::bad("link address invalid: the upload is for another branch or path"));
    }
    Ok(repository)
}

pub(crate) async fn complete_upload(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path((name, branch, id)): Path<(String, String, String)>,
    params: Params,
    headers: HeaderMap,
    Body(body): Body<wire::CompletePresignMultipartUpload>,
) -> Answer {
    let path = params.path()?;
    let condition = upload::condition(&headers)?;
    if body.parts.is_empty() {
        return Err(Failure::bad("parts are required"));
    }
    let repository = upload_of(&state, &actor, (&name, &branch, &id), &path, &body.physical_address).await?;
    let stage = &state.repositories;
    let metadata = body.user_metadata.unwrap_or_default();
    stage.describe_upload(&actor, &name, &id, body.content_type, metadata).await?;
    let parts = body.parts.into_iter().map(|part| (part.part_number, part.etag).into()).collect();
    let completion = Completion { parts, condition, ..Completion::default() };
    let object = stage.complete_upload(&actor, &name, &id, completion).await?;
    ok(&convert::stats(&repository, path, &object))
}

pub(crate) async fn abort_upload(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path((name, branch, id)): Path<(String, String, String)>,
    params: Params,
    Body(body): Body<wire::AbortPresignMultipartUpload>,
) -> Answer {
    let path = params.path()?;
    upload_of(&state, &actor, (&name, &branch, &id), &path, &body.physical_address).await?;
    state.repositories.abort_upload(&actor, &name, &id).await?;
    no_content()
}

pub(crate) async fn upload_part(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path((name, branch, id, number)): Path<(String, String, String, u32)>,
    params: Params,
    headers: HeaderMap,
    uri: Uri,
    Body(body): Body<wire::UploadPartFrom>,
) -> Answer {
    let path = params.path()?;
    upload_of(&state, &actor, (&name, &branch, &id), &path, &body.physical_address).await?;
    let signer = Signer::of(&state, &actor, &headers, &uri)?;
    ok(&wire::UploadTo { presigned_url: signer.put_part(&name, &id, part_number(number)?)? })
}

fn part_number(number: u32) -> Result<u32, Failure> {
    if (1..=MOST_PARTS).contains(&number) {
        return Ok(number);
    }
    Err(Failure::bad(format!("part number {number} is not between 1 and {MOST_PARTS}")))
}

pub(crate) async fn upload_part_copy(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path((name, branch, id, number)): Path<(String, String, String, u32)>,
    params: Params,
    Body(body): Body<wire::UploadPartCopyFrom>,
) -> Answer {
    let path = params.path()?;
    upload_of(&state, &actor, (&name, &branch, &id), &path, &body.physical_address).await?;
    let (stage, source) = (&state.repositories, body.copy_source);
    may_read(&actor, &source.repository)?;
    let object = stage.stat(&actor, &source.repository, &source.reference, &source.path).await?;
    let wanted = match source.range {
        None => None,
        Some(text) => Some(range::parse(&text, object.size).map_err(|_| {
            Failure::bad(format!("parse range \"{text}\": no range of {} bytes", object.size))
        })?),
    };
    let opened = stage.read(&object, wanted).await?;
    let received = stage.receive(opened.body, &[]).await?;
    let part = stage.put_part(&actor, &name, &id, part_number(number)?, received).await?;
    Ok((StatusCode::NO_CONTENT, [(header::ETAG, format!("\"{}\"", part.etag))]).into_response())
}
