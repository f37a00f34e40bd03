//! Paths in requests: `mlflow/utils/uri.py` `validate_path_is_safe`, which is stricter here with backslashes.

use tracking::artifacts::ArtifactPath;

use crate::errors::Failure;
use crate::request::decode;

/// The path that a request means: decoded until it stays the same, relative, without `..`, `#` or backslashes, and
/// with control characters escaped, as upstream keeps them.
///
/// Errors: `Invalid path`.
pub(crate) fn safe(path: &str) -> Result<ArtifactPath, Failure> {
    let bad = || Failure::invalid("Invalid path");
    let decoded = settled(path).ok_or_else(bad)?;
    let mut clean = String::with_capacity(decoded.len());
    for c in decoded.chars() {
        match c {
            '\0'..='\x1f' | '\x7f' => clean.push_str(&format!("%{:02x}", u32::from(c))),
            c => clean.push(c),
        }
    }
    if clean.contains(['#', '\\']) {
        return Err(bad());
    }
    let clean = match clean.strip_prefix("file:") {
        Some(rest) => rest,
        None => &clean,
    };
    let drive = clean.as_bytes().get(1) == Some(&b':') && clean.as_bytes().get(2) == Some(&b'/');
    if clean.starts_with('/') || drive || clean.split('/').any(|segment| segment == "..") {
        return Err(bad());
    }
    let kept: Vec<&str> = clean.split('/').filter(|s| !s.is_empty() && *s != ".").collect();
    ArtifactPath::parse(&kept.join("/")).map_err(|_| bad())
}

/// Percent decoding until nothing changes; `None` if it never does (upstream tries ten times).
fn settled(path: &str) -> Option<String> {
    let mut text = path.to_owned();
    for _ in 0..10 {
        // A plus stands for itself in a path.
        let mut again = decode(&text.replace('+', "%2B"));
        // Upstream takes the path apart as a URL in between, which drops an empty query or fragment.
        while again.ends_with(['?', '#']) {
            again.pop();
        }
        if again == text {
            return Some(text);
        }
        text = again;
    }
    None
}

/// The last segment of a path as a client's system writes it.
pub(crate) fn base_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checked against `validate_path_is_safe` and what the local store of MLflow 3.17.2 then makes of it.
    #[test]
    fn paths_are_read_as_upstream_reads_them() {
        let cases = [
            ("x/h.txt", Some("x/h.txt")),
            ("x/a%2520b.txt", Some("x/a b.txt")),
            ("x/a+b", Some("x/a+b")),
            ("x/50%.txt", Some("x/50%.txt")),
            ("x/日 本.md", Some("x/日 本.md")),
            ("x//./y.js/", Some("x/y.js")),
            (".", Some("")),
            ("x/a\0b\n", Some("x/a%00b%0a")),
            ("x/..", None),
            ("x/%2e%2E/y", None),
            ("x/%252e%252e/y", None),
            ("..", None),
            ("/etc/passwd", None),
            ("%2Fetc", None),
            ("file:///etc/passwd", None),
            ("FILE%3A/%2e./x", None),
            ("file:/etc/passwd", None),
            ("file:../x", None),
            ("C:/x", None),
            ("C%3A%5Cx", None),
            ("a\\b", None),
            ("a%23b", None),
            ("..../x", Some("..../x")),
        ];
        for (given, expected) in cases {
            let found = safe(given).ok();
            assert_eq!(found.as_ref().map(ArtifactPath::as_str), expected, "{given:?}");
        }
    }
}
