//! Conditions of requests: those of reads are held against the object, those of writes go to the stage.
//! RFC 9110, section 13.2.2.

use http::{HeaderMap, StatusCode};
use repositories::{Condition, Match, Object};

use crate::errors::Failure;
use crate::reply::seconds;

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

/// The ETags of a header, without quotes.
fn matches(header: &str) -> Match {
    if header == "*" {
        return Match::Any;
    }
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").trim_matches('"').to_owned();
    Match::ETags(header.split(',').map(bare).filter(|tag| !tag.is_empty()).collect())
}

fn fits(header: &str, etag: &str) -> bool {
    match matches(header) {
        Match::Any => true,
        Match::ETags(tags) => tags.iter().any(|tag| tag == etag),
    }
}

/// The second since 1970 that a header names; of one that names none, `None`, as if it were not there.
fn date(header: Option<&str>) -> Option<i64> {
    let time = httpdate::parse_http_date(header?).ok()?;
    i64::try_from(time.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs()).ok()
}

/// Names of the four headers.
struct Names([&'static str; 4]);

const OF_READ: Names = Names(["if-match", "if-unmodified-since", "if-none-match", "if-modified-since"]);
const OF_COPY: Names = Names([
    "x-amz-copy-source-if-match",
    "x-amz-copy-source-if-unmodified-since",
    "x-amz-copy-source-if-none-match",
    "x-amz-copy-source-if-modified-since",
]);

/// Which header does not hold, and whether it is one of those that ask for a newer object.
fn violated(headers: &HeaderMap, object: &Object, names: &Names) -> Option<(&'static str, bool)> {
    let Names([if_match, unmodified, none_match, modified]) = names;
    let at = seconds(object.modified_at);
    match text(headers, if_match) {
        Some(tags) if !fits(tags, &object.etag) => return Some((if_match, false)),
        None if date(text(headers, unmodified)).is_some_and(|date| at > date) => {
            return Some((unmodified, false));
        }
        _ => {}
    }
    match text(headers, none_match) {
        Some(tags) if fits(tags, &object.etag) => Some((none_match, true)),
        None if date(text(headers, modified)).is_some_and(|date| at <= date) => Some((modified, true)),
        _ => None,
    }
}

/// Errors: `PreconditionFailed`; 304 if the client has the object already.
pub(crate) fn check_read(headers: &HeaderMap, object: &Object) -> Result<(), Failure> {
    match violated(headers, object, &OF_READ) {
        None => Ok(()),
        Some((_, true)) => Err(Failure {
            etag: Some(object.etag.clone()),
            ..Failure::new(StatusCode::NOT_MODIFIED, "NotModified", "")
        }),
        Some((name, false)) => Err(Failure::precondition(name)),
    }
}

/// Errors: `PreconditionFailed`.
pub(crate) fn check_source(headers: &HeaderMap, object: &Object) -> Result<(), Failure> {
    match violated(headers, object, &OF_COPY) {
        None => Ok(()),
        Some((name, _)) => Err(Failure::precondition(name)),
    }
}

/// What a write asks of the object that is there.
pub(crate) fn of_write(headers: &HeaderMap) -> Condition {
    Condition {
        none_match: text(headers, "if-none-match").map(matches),
        matches: text(headers, "if-match").map(matches),
    }
}

/// What must hold of an object that is deleted; what is not there may be deleted whatever is asked.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html>
#[derive(Debug, Default)]
pub(crate) struct OfDelete {
    matches: Option<Match>,
    /// Seconds since 1970.
    modified: Option<i64>,
    size: Option<u64>,
}

impl OfDelete {
    pub fn headers(headers: &HeaderMap) -> Result<Self, Failure> {
        let get = |name| text(headers, name);
        Self::of(get("if-match"), get("x-amz-if-match-last-modified-time"), get("x-amz-if-match-size"))
    }

    /// Errors: `InvalidArgument` for a time or size that is none.
    pub fn of(etag: Option<&str>, modified: Option<&str>, size: Option<&str>) -> Result<Self, Failure> {
        let bad = |what: &str| Failure::invalid(format!("the {what} to match is none"));
        let modified = match modified {
            None => None,
            given => Some(date(given).ok_or_else(|| bad("time"))?),
        };
        let size = size.map(|size| size.parse().map_err(|_| bad("size"))).transpose()?;
        Ok(Self { matches: etag.map(matches), modified, size })
    }

    pub fn is_none(&self) -> bool {
        self.matches.is_none() && self.modified.is_none() && self.size.is_none()
    }

    /// Errors: `PreconditionFailed`.
    pub fn check(&self, object: &Object) -> Result<(), Failure> {
        let etags = match &self.matches {
            None | Some(Match::Any) => true,
            Some(Match::ETags(tags)) => tags.contains(&object.etag),
        };
        if !etags {
            return Err(Failure::precondition("If-Match"));
        }
        if self.modified.is_some_and(|at| at != seconds(object.modified_at)) {
            return Err(Failure::precondition("x-amz-if-match-last-modified-time"));
        }
        if self.size.is_some_and(|size| size != object.size) {
            return Err(Failure::precondition("x-amz-if-match-size"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use repositories::Physical;
    use types::{Digest, Timestamp};

    use super::*;

    fn object() -> Object {
        Object {
            physical: Physical::Blob(Digest::of("")),
            size: 0,
            etag: "abc".into(),
            modified_at: Timestamp(1_772_366_400_500_000),
            content_type: None,
            metadata: Default::default(),
            checksums: Default::default(),
            headers: Default::default(),
        }
    }

    #[test]
    fn all_that_a_deletion_asks_for_must_hold() {
        let (then, before) = (Some("Sun, 01 Mar 2026 12:00:00 GMT"), Some("Sun, 01 Mar 2026 11:59:59 GMT"));
        for (etag, modified, size, holds) in [
            (Some("\"abc\""), then, Some("0"), true),
            (Some("*"), None, None, true),
            (Some("abcd"), then, Some("0"), false),
            (Some("abc"), before, None, false),
            (None, None, Some("1"), false),
        ] {
            let asked = OfDelete::of(etag, modified, size).unwrap();
            assert!(!asked.is_none());
            assert_eq!(asked.check(&object()).is_ok(), holds, "{asked:?}");
        }
        assert!(OfDelete::of(None, None, None).unwrap().is_none());
        assert!(OfDelete::of(None, Some("yesterday"), None).is_err());
        assert!(OfDelete::of(None, None, Some("-1")).is_err());
    }

    #[test]
    fn who_has_the_object_already_is_told_its_etag() {
        let headers = HeaderMap::from_iter([(http::header::IF_NONE_MATCH, "\"abc\"".parse().unwrap())]);
        let failure = check_read(&headers, &object()).unwrap_err();
        assert_eq!((failure.status.as_u16(), failure.etag.as_deref()), (304, Some("abc")));
        let response = crate::reply::failed(&failure, "/x", "1", false);
        assert_eq!(response.headers()[http::header::ETAG], "\"abc\"");
    }

    #[test]
    fn the_first_condition_that_does_not_hold_decides() {
        let object = object();
        let (then, before) = ("Sun, 01 Mar 2026 12:00:00 GMT", "Sun, 01 Mar 2026 11:59:59 GMT");
        let cases: [(&[(&str, &str)], u16); 14] = [
            (&[], 200),
            (&[("if-match", "\"abc\"")], 200),
            (&[("if-match", "abc")], 200),
            (&[("if-match", "\"x\", \"abc\"")], 200),
            (&[("if-match", "*")], 200),
            (&[("if-match", "\"x\"")], 412),
            (&[("if-none-match", "\"abc\"")], 304),
            (&[("if-none-match", "W/\"abc\"")], 304),
            (&[("if-none-match", "\"x\"")], 200),
            (&[("if-modified-since", then)], 304),
            (&[("if-modified-since", before)], 200),
            (&[("if-unmodified-since", then)], 200),
            (&[("if-unmodified-since", before)], 412),
            (&[("if-none-match", "\"x\""), ("if-modified-since", then)], 200),
        ];
        for (headers, status) in cases {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(*name, value.parse().unwrap());
            }
            let found = check_read(&map, &object).map_or_else(|f| f.status.as_u16(), |()| 200);
            assert_eq!(found, status, "{headers:?}");
        }
    }
}
