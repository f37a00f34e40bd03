use crate::Error;

/// A data set's name: 1–128 of letters, digits, `-`, `_`, `.`, not starting with `.`.
pub(crate) fn check(name: &str) -> Result<(), Error> {
    let known = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.chars().count() > 128 || name.starts_with('.') || !name.chars().all(known) {
        return Err(Error::BadName { name: name.escape_debug().to_string() });
    }
    Ok(())
}
