//! The part of an object that a request asks for.

use std::ops::Range;

use http::StatusCode;

use crate::errors::Failure;

/// `None` if the whole is asked: without a header, and with one that says something else than one range of bytes, as
/// RFC 9110 wants it.
///
/// Errors: `InvalidRange` if it lies behind the end.
pub(crate) fn parse(header: Option<&str>, size: u64) -> Result<Option<Range<u64>>, Failure> {
    let Some((first, last)) = header.and_then(bounds) else { return Ok(None) };
    let range = match (first, last) {
        (Some(first), Some(last)) if first > last => return Ok(None),
        (Some(first), last) => first..last.map_or(size, |last| last.saturating_add(1).min(size)),
        (None, Some(count)) => size.saturating_sub(count)..size,
        (None, None) => return Ok(None),
    };
    if range.is_empty() {
        return Err(unsatisfiable(size));
    }
    Ok(Some(range))
}

pub(crate) fn unsatisfiable(size: u64) -> Failure {
    let message = "the requested range is not satisfiable";
    let mut failure = Failure::new(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange", message)
        .with("ActualObjectSize", &size.to_string());
    failure.size = Some(size);
    failure
}

fn bounds(header: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (first, last) = header.trim().strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| match text.trim() {
        "" => Some(None),
        digits => digits.parse().ok().map(Some),
    };
    Some((number(first)?, number(last)?))
}

/// `bytes=<first>-<last>` of a part that is copied: both ends, within the source. Errors: `InvalidArgument`; `InvalidRange`
/// if it goes on behind the end.
pub(crate) fn parse_of_copy(header: &str, size: u64) -> Result<Range<u64>, Failure> {
    match bounds(header) {
        Some((Some(first), Some(last))) if first <= last && last < size => Ok(first..last + 1),
        Some((Some(first), Some(last))) if first <= last => Err(unsatisfiable(size)),
        _ => Err(Failure::invalid(format!(
            "x-amz-copy-source-range must be bytes=first-last within the source's {size} bytes, not `{header}`"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_at_the_end_and_refused_behind_it() {
        let cases = [
            (None, 10, Some(None)),
            (Some("bytes=0-3"), 10, Some(Some(0..4))),
            (Some("bytes=5-"), 10, Some(Some(5..10))),
            (Some("bytes=5-99"), 10, Some(Some(5..10))),
            (Some("bytes=-3"), 10, Some(Some(7..10))),
            (Some("bytes=-99"), 10, Some(Some(0..10))),
            (Some("bytes=9-9"), 10, Some(Some(9..10))),
            (Some("bytes=10-"), 10, None),
            (Some("bytes=-0"), 10, None),
            (Some("bytes=0-"), 0, None),
            (Some("bytes=-5"), 0, None),
            (Some("bytes=3-1"), 10, Some(None)),
            (Some("bytes=0-1,3-4"), 10, Some(None)),
            (Some("bytes=-"), 10, Some(None)),
            (Some("lines=0-1"), 10, Some(None)),
            (Some("bytes=a-b"), 10, Some(None)),
        ];
        for (header, size, expected) in cases {
            assert_eq!(parse(header, size).ok(), expected, "{header:?} of {size}");
        }
        assert_eq!(parse_of_copy("bytes=0-9", 10).ok(), Some(0..10));
        for bad in ["bytes=5-", "bytes=-5", "0-1", "bytes=3-2"] {
            assert_eq!(parse_of_copy(bad, 10).unwrap_err().code, "InvalidArgument", "{bad}");
        }
        assert_eq!(parse_of_copy("bytes=0-10", 10).unwrap_err().code, "InvalidRange");
    }
}
