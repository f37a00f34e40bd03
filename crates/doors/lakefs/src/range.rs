//! `Range` as lakeFS reads it (`pkg/httputil/range.go`): one range, or nothing.

use std::ops::Range;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bad {
    /// Not a range of bytes, or more than one.
    Form,
    /// Begins behind the end.
    Unsatisfiable,
}

/// The bytes that a header asks for of `size`.
pub(crate) fn parse(header: &str, size: u64) -> Result<Range<u64>, Bad> {
    let spec = header.strip_prefix("bytes=").filter(|spec| !spec.contains(',')).ok_or(Bad::Form)?;
    let (from, to) = spec.split_once('-').ok_or(Bad::Form)?;
    let number = |text: &str| text.parse::<u64>().map_err(|_| Bad::Form);
    let range = match (from.trim(), to.trim()) {
        ("", "") => return Err(Bad::Form),
        ("", suffix) => match number(suffix)? {
            0 => return Err(Bad::Unsatisfiable),
            suffix => size.saturating_sub(suffix)..size,
        },
        (from, "") => number(from)?..size,
        (from, to) => {
            let (from, to) = (number(from)?, number(to)?);
            if from > to {
                return Err(Bad::Form);
            }
            from..to.saturating_add(1).min(size)
        }
    };
    if range.start >= size { Err(Bad::Unsatisfiable) } else { Ok(range) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_at_the_end_of_the_object() {
        assert_eq!(parse("bytes=0-3", 10), Ok(0..4));
        assert_eq!(parse("bytes=4-", 10), Ok(4..10));
        assert_eq!(parse("bytes=8-99", 10), Ok(8..10));
        assert_eq!(parse("bytes=-4", 10), Ok(6..10));
        assert_eq!(parse("bytes=-40", 10), Ok(0..10));
        assert_eq!(parse("bytes=0-18446744073709551615", 10), Ok(0..10));
    }

    #[test]
    fn what_cannot_be_answered_is_told_from_what_is_no_range() {
        assert_eq!(parse("bytes=10-", 10), Err(Bad::Unsatisfiable));
        assert_eq!(parse("bytes=-0", 10), Err(Bad::Unsatisfiable));
        assert_eq!(parse("bytes=0-", 0), Err(Bad::Unsatisfiable));
        for form in ["0-3", "bytes=", "bytes=-", "bytes=3-1", "bytes=0-1,3-4", "bytes=a-", "bytes=--1"] {
            assert_eq!(parse(form, 10), Err(Bad::Form), "{form}");
        }
    }
}
