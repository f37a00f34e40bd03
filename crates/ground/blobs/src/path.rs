use std::fmt;

use crate::Error;

/// The name of a named object: relative segments divided by `/`, each 1–255 bytes, 1024 bytes in all.
/// Any Unicode text except control characters and `\`. It can neither be absolute nor leave its root.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamedPath(String);

impl NamedPath {
    /// Errors: `BadName` with the rule that was broken.
    pub fn parse(path: &str) -> Result<Self, Error> {
        match broken_rule(path) {
            None => Ok(Self(path.to_owned())),
            Some(reason) => Err(Error::BadName { path: path.escape_debug().to_string(), reason }),
        }
    }

    /// A prefix to list below: like a name, but it may be empty (everything) and may end with `/`.
    pub fn parse_prefix(prefix: &str) -> Result<Option<Self>, Error> {
        let trimmed = prefix.strip_suffix('/').unwrap_or(prefix);
        if trimmed.is_empty() && !prefix.starts_with('/') { Ok(None) } else { Self::parse(trimmed).map(Some) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NamedPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn broken_rule(path: &str) -> Option<&'static str> {
    if path.is_empty() {
        return Some("it is empty");
    }
    if path.len() > 1024 {
        return Some("it is longer than 1024 bytes");
    }
    if path.starts_with('/') {
        return Some("it is absolute");
    }
    for segment in path.split('/') {
        match segment {
            "" => return Some("it has an empty segment"),
            "." | ".." => return Some("it has a `.` or `..` segment"),
            s if s.len() > 255 => return Some("a segment is longer than 255 bytes"),
            s if s.contains('\\') => return Some("it contains a backslash"),
            s if s.chars().any(char::is_control) => return Some("it contains a control character"),
            _ => {}
        }
    }
    None
}
