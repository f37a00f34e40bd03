//! `uploadObject`: the bytes as they are, or as the part `content` of a form.

use axum::extract::{Path, Request, State as Shared};
use futures::{StreamExt as _, TryStreamExt as _};
use http::{HeaderMap, StatusCode, header};
use repositories::{Body, Condition, Error, Match, Metadata, Object, Received};
use types::Timestamp;

use crate::call::{Answer, Params, Writer, created};
use crate::errors::Failure;
use crate::objects::branch_exists;
use crate::{State, convert, signed};

/// `LakeFSHeaderMetadataPrefix` and `LakeFSHeaderInternalPrefix`, with what they become.
const METADATA: &[(&str, &str)] = &[("x-lakefs-meta-", ""), ("x-lakefs-internal-", "::lakefs::")];

pub(crate) async fn upload(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path((name, branch)): Path<(String, String)>,
    params: Params,
    request: Request,
) -> Answer {
    let path = params.path()?;
    let condition = condition(request.headers())?;
    let stage = &state.repositories;
    let repository = stage.repository(&actor, &name).await?;
    // Asked before the bytes come, and once more with them.
    branch_exists(&state, &actor, &name, &branch).await?;
    if matches!(condition.none_match, Some(Match::Any)) {
        match stage.stat(&actor, &name, &branch, &path).await {
            Ok(_) => return Err(exists()),
            Err(Error::ObjectNotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let metadata = metadata(request.headers());
    let (content_type, bytes) = content(request).await?;
    let received = stage.receive(bytes, &[]).await?;
    let new = object(received, content_type, metadata, state.ledger.clock().now());
    let object = match stage.stage(&actor, &name, &branch, &path, new, condition).await {
        Err(Error::Precondition) => return Err(exists()),
        other => other?,
    };
    created(&convert::stats(&repository, path, &object))
}

fn exists() -> Failure {
    Failure::new(StatusCode::PRECONDITION_FAILED, "path already exists")
}

pub(crate) fn object(
    received: Received,
    content_type: Option<String>,
    metadata: Metadata,
    modified_at: Timestamp,
) -> Object {
    Object {
        etag: received.etag(),
        physical: received.physical,
        size: received.size,
        modified_at,
        content_type,
        metadata,
        checksums: Default::default(),
        headers: Default::default(),
    }
}

/// `If-None-Match: *` as lakeFS knows it; `If-Match`, which lakeFS does not do, means the ETag.
pub(crate) fn condition(headers: &HeaderMap) -> Result<Condition, Failure> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let none_match = match text(header::IF_NONE_MATCH) {
        None => None,
        Some("*") => Some(Match::Any),
        Some(other) => {
            return Err(Failure::not_implemented(&format!("If-None-Match only supports '*', not {other}")));
        }
    };
    let matches = text(header::IF_MATCH).map(|value| match value.trim() {
        "*" => Match::Any,
        tags => Match::ETags(tags.split(',').map(|tag| tag.trim().trim_matches('"').to_owned()).collect()),
    });
    if none_match.is_some() && matches.is_some() {
        return Err(Failure::not_implemented("cannot specify both If-Match and If-None-Match"));
    }
    Ok(Condition { none_match, matches })
}

fn metadata(headers: &HeaderMap) -> Metadata {
    let known = headers.iter().filter_map(|(name, value)| {
        let (prefix, becomes) = METADATA.iter().find(|(prefix, _)| name.as_str().starts_with(prefix))?;
        let key = name.as_str().strip_prefix(prefix)?;
        Some((format!("{becomes}{key}"), String::from_utf8_lossy(value.as_bytes()).into_owned()))
    });
    known.collect()
}

/// The content type and the bytes.
async fn content(request: Request) -> Result<(Option<String>, Body), Failure> {
    let named = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let named = named.map(str::to_owned);
    let form = named.as_deref().filter(|text| text.trim_start().starts_with("multipart/form-data"));
    let Some(form) = form else { return Ok((named, signed::body(request))) };
    let wrong = |error: multer::Error| Failure::bad(format!("multipart upload: {error}"));
    let boundary = multer::parse_boundary(form).map_err(wrong)?;
    let stream = request.into_body().into_data_stream();
    let mut parts = multer::Multipart::new(stream, boundary);
    while let Some(part) = parts.next_field().await.map_err(wrong)? {
        if part.name() == Some("content") {
            let content_type = part.content_type().map(ToString::to_string);
            let bytes = part.map_err(|error| Error::Body(error.to_string())).boxed();
            return Ok((content_type, bytes));
        }
    }
    Err(Failure::bad("multipart upload missing key 'content'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(content_type: &str, body: &'static str) -> Request {
        let builder = http::Request::builder().header(header::CONTENT_TYPE, content_type);
        builder.body(axum::body::Body::from(body)).unwrap()
    }

    async fn bytes_of(body: Body) -> Vec<u8> {
        body.try_fold(Vec::new(), |mut all, chunk| async move {
            all.extend_from_slice(&chunk);
            Ok(all)
        })
        .await
        .unwrap()
    }

    const FORM: &str = "--b\r\ncontent-disposition: form-data; name=\"note\"\r\n\r\nhello\r\n--b\r\n\
        content-disposition: form-data; name=\"content\"; filename=\"a\"\r\ncontent-type: text/csv\r\n\r\na,b\r\n1,2\r\n--b--\r\n";

    #[tokio::test]
    async fn a_form_gives_its_content_and_anything_else_gives_itself() {
        let (kind, body) = content(request("multipart/form-data; boundary=b", FORM)).await.unwrap();
        assert_eq!((kind.as_deref(), bytes_of(body).await), (Some("text/csv"), b"a,b\r\n1,2".to_vec()));
        let (kind, body) = content(request("text/plain", "--b")).await.unwrap();
        assert_eq!((kind.as_deref(), bytes_of(body).await), (Some("text/plain"), b"--b".to_vec()));
        let empty = content(request("multipart/form-data; boundary=b", "--b--\r\n")).await;
        assert_eq!(empty.err().unwrap().message, "multipart upload missing key 'content'");
        assert_eq!(content(request("multipart/form-data", FORM)).await.err().unwrap().status, 400);
    }

    #[test]
    fn conditions_are_read_as_lakefs_does_and_if_match_beside() {
        let of = |pairs: &[(&str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
            }
            condition(&headers).map_err(|failure| failure.status.as_u16())
        };
        assert_eq!(of(&[("if-none-match", "*")]).unwrap().none_match, Some(Match::Any));
        let tags = of(&[("if-match", "\"a\", \"b\"")]).unwrap().matches;
        assert_eq!(tags, Some(Match::ETags(vec!["a".into(), "b".into()])));
        assert_eq!(of(&[("if-none-match", "\"a\"")]), Err(501));
        assert_eq!(of(&[("if-none-match", "*"), ("if-match", "*")]), Err(501));
    }

    #[test]
    fn metadata_comes_in_headers() {
        let mut headers = HeaderMap::new();
        headers.insert("x-lakefs-meta-foo", "bar".parse().unwrap());
        headers.insert("x-lakefs-internal-client-mtime", "7".parse().unwrap());
        headers.insert("x-other", "1".parse().unwrap());
        let metadata = metadata(&headers);
        assert_eq!(metadata.len(), 2);
        assert_eq!((&*metadata["foo"], &*metadata["::lakefs::client-mtime"]), ("bar", "7"));
    }
}
