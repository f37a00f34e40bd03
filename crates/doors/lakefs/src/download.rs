//! `getObject`, `headObject`, and the bytes behind a signed address.

use axum::body::Body;
use axum::extract::{Path, State as Shared};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use repositories::{Object, Seen};
use types::Timestamp;

use crate::call::{Answer, Params, Reader};
use crate::errors::Failure;
use crate::signed::Signer;
use crate::{State, convert, range};

/// What a browser may show in place (`safeContentTypesForInline` of `controller.go`, less what runs scripts).
const INLINE: &[&str] = &[
    "image/jpeg",
    "image/jpg",
    "image/png",
    "image/gif",
    "image/webp",
    "application/pdf",
    "text/plain",
    "text/markdown",
    "text/x-markdown",
    "text/css",
    "application/json",
    "video/mp4",
    "video/webm",
    "audio/mpeg",
    "audio/wav",
    "audio/webm",
];

pub(crate) async fn get(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path((name, reference)): Path<(String, String)>,
    params: Params,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let path = params.path()?;
    let (object, seen) = state.repositories.look(&actor, &name, &reference, &path).await?;
    if unchanged(&headers, &object) {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    }
    // Whoever asks for a signed address will read it, and then is not known.
    note(&state, &actor, &headers, seen).await;
    if params.flag("presign")? {
        let signer = Signer::of(&state, &actor, &headers, &uri)?;
        let location = signer.get(&name, &reference, &path, &object)?;
        return Ok((StatusCode::FOUND, [(header::LOCATION, location)]).into_response());
    }
    send(&state, &headers, &object).await
}

/// So that the data is found from the run that it is read for, if the request names one.
pub(crate) async fn note(state: &State, actor: &types::Actor, headers: &HeaderMap, seen: Seen) {
    if let Some(reader) = kit::reader(headers) {
        state.repositories.note_read(actor, &reader, seen).await;
    }
}

/// lakeFS answers errors of a HEAD without a body.
pub(crate) async fn head(
    Shared(state): Shared<State>,
    caller: Result<Reader, Failure>,
    Path((name, reference)): Path<(String, String)>,
    params: Params,
    headers: HeaderMap,
) -> Response {
    let told = async {
        let Reader(actor) = caller?;
        let object = state.repositories.stat(&actor, &name, &reference, &params.path()?).await?;
        let (status, mut answer, _) = heads(&headers, &object)?;
        answer.remove(header::CONTENT_DISPOSITION);
        Ok::<_, Failure>((status, answer, Body::empty()).into_response())
    };
    told.await.unwrap_or_else(|failure| failure.status.into_response())
}

fn unchanged(headers: &HeaderMap, object: &Object) -> bool {
    headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|value| value.as_bytes() == convert::etag(object).as_bytes())
}

/// The bytes that the request wants of an object.
pub(crate) async fn send(state: &State, headers: &HeaderMap, object: &Object) -> Answer {
    let (status, heads, wanted) = match heads(headers, object) {
        Ok(heads) => heads,
        Err(failure) if failure.status == StatusCode::RANGE_NOT_SATISFIABLE => {
            let size = format!("bytes */{}", object.size);
            return Ok(([(header::CONTENT_RANGE, size)], failure).into_response());
        }
        Err(failure) => return Err(failure),
    };
    let opened = state.repositories.read(object, wanted).await?;
    Ok((status, heads, Body::from_stream(opened.body)).into_response())
}

type Heads = (StatusCode, HeaderMap, Option<std::ops::Range<u64>>);

fn heads(headers: &HeaderMap, object: &Object) -> Result<Heads, Failure> {
    let wanted = match headers.get(header::RANGE) {
        None => None,
        Some(value) => {
            let range = value.to_str().map_err(|_| range::Bad::Form);
            let range = range.and_then(|text| range::parse(text, object.size));
            Some(range.map_err(|_| {
                Failure::new(StatusCode::RANGE_NOT_SATISFIABLE, "Requested Range Not Satisfiable")
            })?)
        }
    };
    let content_type = convert::content_type(object);
    let shown = if INLINE.contains(&content_type.as_str()) { "inline" } else { "attachment" };
    let mut heads = HeaderMap::new();
    let mut set = |name: HeaderName, value: &str| {
        // What a client once said of an object may be no value of a header.
        if let Ok(value) = HeaderValue::from_str(value) {
            heads.insert(name, value);
        }
    };
    set(header::ETAG, &convert::etag(object));
    set(header::LAST_MODIFIED, &http_date(object.modified_at));
    set(header::CONTENT_TYPE, &content_type);
    set(header::CONTENT_DISPOSITION, shown);
    set(header::ACCEPT_RANGES, "bytes");
    set(header::CACHE_CONTROL, "no-store, must-revalidate");
    set(header::EXPIRES, "0");
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    let length = wanted.as_ref().map_or(object.size, |range| range.end - range.start);
    set(header::CONTENT_LENGTH, &length.to_string());
    if let Some(range) = &wanted {
        let text = format!("bytes {}-{}/{}", range.start, range.end - 1, object.size);
        set(header::CONTENT_RANGE, &text);
    }
    let status = if wanted.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    Ok((status, heads, wanted))
}

/// RFC 9110's date, such as `Sun, 06 Nov 1994 08:49:37 GMT`.
fn http_date(time: Timestamp) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let seconds = convert::seconds(time);
    let day = DAYS[usize::try_from(seconds.div_euclid(86_400).rem_euclid(7)).unwrap_or_default()];
    // `2026-11-26T06:36:56…Z`
    let text = time.rfc3339();
    let field = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let month = field(5, 7).parse::<usize>().ok().and_then(|number| MONTHS.get(number.checked_sub(1)?));
    format!("{day}, {} {} {} {} GMT", field(8, 10), month.unwrap_or(&"Jan"), field(0, 4), field(11, 19))
}

#[cfg(test)]
mod tests {
    use repositories::Physical;
    use types::Digest;

    use super::*;

    fn object(size: u64) -> Object {
        Object {
            physical: Physical::Blob(Digest::of("x")),
            size,
            etag: "5d41".into(),
            modified_at: Timestamp(784_111_777_000_000),
            content_type: Some("text/html".into()),
            metadata: Default::default(),
            checksums: Default::default(),
            headers: Default::default(),
        }
    }

    fn said(range: Option<&str>, size: u64) -> Result<(u16, HeaderMap), u16> {
        let mut headers = HeaderMap::new();
        if let Some(range) = range {
            headers.insert(header::RANGE, range.parse().unwrap());
        }
        heads(&headers, &object(size))
            .map(|(status, heads, _)| (status.as_u16(), heads))
            .map_err(|failure| failure.status.as_u16())
    }

    #[test]
    fn a_part_of_an_object_says_which() {
        let (status, heads) = said(Some("bytes=2-"), 5).unwrap();
        assert_eq!((status, &heads[header::CONTENT_RANGE]), (206, &HeaderValue::from_static("bytes 2-4/5")));
        assert_eq!(heads[header::CONTENT_LENGTH], "3");
        assert_eq!(said(Some("bytes=5-"), 5).unwrap_err(), 416);
        assert_eq!(said(None, 0).unwrap().1[header::CONTENT_LENGTH], "0");
    }

    #[test]
    fn a_page_is_never_shown_in_place() {
        let (_, heads) = said(None, 5).unwrap();
        assert_eq!(heads[header::CONTENT_DISPOSITION], "attachment");
        assert_eq!(heads[header::LAST_MODIFIED], "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(heads[header::ETAG], "\"5d41\"");
    }
}
