/// Where an experiment's files lie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Location {
    /// In the server's own store.
    #[default]
    Own,
    /// There; clients read and write them themselves.
    At(String),
    /// In a folder of the experiment's number there.
    Below(String),
}

impl Location {
    pub(crate) fn of_experiment(&self, number: i64) -> Option<String> {
        match self {
            Self::Own => None,
            Self::At(location) => Some(location.clone()),
            Self::Below(root) => Some(below(root, &number.to_string())),
        }
    }
}

/// The address `path` steps below `root`: joined to the path of a URI, before its query and fragment, or to a plain path
/// (`mlflow/utils/uri.py: append_to_uri_path`). `path` is relative.
pub(crate) fn below(root: &str, path: &str) -> String {
    let (head, rest) = match root.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => (&root[..=scheme.len()], rest),
        _ => return join(root, path),
    };
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    let (address, tail) = rest.split_at(end);
    let start = match address.strip_prefix("//") {
        Some(host) => 2 + host.find('/').unwrap_or(host.len()),
        None => 0,
    };
    let (host, folder) = address.split_at(start);
    let folder = if folder.is_empty() && !host.is_empty() { "/" } else { folder };
    format!("{head}{host}{}{tail}", join(folder, path))
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

fn join(folder: &str, path: &str) -> String {
    if folder.is_empty() || folder.ends_with('/') {
        return format!("{folder}{path}");
    }
    format!("{folder}/{path}")
}

#[cfg(test)]
mod tests {
    use super::below;

    #[test]
    fn steps_stand_before_query_and_fragment() {
        let cases = [
            ("/tmp/a", "/tmp/a/x/y"),
            ("/tmp/a/", "/tmp/a/x/y"),
            ("a b", "a b/x/y"),
            ("file:/tmp", "file:/tmp/x/y"),
            ("file:rel", "file:rel/x/y"),
            ("s3://bucket", "s3://bucket/x/y"),
            ("s3://bucket/root", "s3://bucket/root/x/y"),
            ("mysql://u:p@host:1/db?driver=d", "mysql://u:p@host:1/db/x/y?driver=d"),
            ("mysql+driver://h/db/sub/#fragment", "mysql+driver://h/db/sub/x/y#fragment"),
            ("mlflow-artifacts:/7", "mlflow-artifacts:/7/x/y"),
        ];
        for (root, expected) in cases {
            assert_eq!(below(root, "x/y"), expected);
        }
    }
}
