//! What an address names: the bucket, in the host or in the path, and the key with its ref.

use wire_aws::decode;

use crate::errors::Failure;

/// Bytes of the longest path within a ref.
const LONGEST: usize = 1_024;

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Service,
    Bucket(String),
    Key { bucket: String, key: String },
}

/// A key taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key<'a> {
    pub reference: &'a str,
    /// Empty for what stands for the ref itself.
    pub path: &'a str,
}

impl Place {
    /// `path` as it is on the wire. `in_host` is the bucket that the host names.
    ///
    /// Errors: `InvalidURI`, `KeyTooLongError`.
    pub fn of(in_host: Option<&str>, path: &str) -> Result<Self, Failure> {
        let bytes =
            decode(path).ok_or_else(|| Failure::invalid_uri("a `%` is not followed by two digits"))?;
        let path = String::from_utf8(bytes).map_err(|_| Failure::invalid_uri("the path is not UTF-8"))?;
        let path = path.strip_prefix('/').unwrap_or(&path);
        let (bucket, key) = match in_host {
            Some(bucket) => (bucket, path),
            None => path.split_once('/').unwrap_or((path, "")),
        };
        match (bucket, key) {
            ("", "") => Ok(Self::Service),
            ("", _) => Err(Failure::invalid_uri("the bucket has no name")),
            (bucket, "") => Ok(Self::Bucket(bucket.to_owned())),
            (bucket, key) => Ok(Self::Key { bucket: bucket.to_owned(), key: key.to_owned() }),
        }
    }
}

impl<'a> Key<'a> {
    /// Errors: `KeyTooLongError`.
    pub fn of(key: &'a str) -> Result<Self, Failure> {
        let (reference, path) = key.split_once('/').unwrap_or((key, ""));
        if path.len() > LONGEST || reference.len() > LONGEST {
            return Err(Failure::key_too_long());
        }
        Ok(Self { reference, path })
    }

    /// Of an object that is written. Errors: `InvalidArgument` if the key has no ref or no path.
    pub fn to_write(key: &'a str) -> Result<Self, Failure> {
        let of = Self::of(key)?;
        if of.reference.is_empty() || of.path.is_empty() {
            return Err(Failure::invalid(format!(
                "the key `{key}` does not name an object: it must be `<branch>/<path>`"
            )));
        }
        Ok(of)
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Whether a host is one of the domains, or a bucket's below one.
pub(crate) fn is_below(host: &str, domains: &[String]) -> bool {
    let name = without_port(host);
    domains.iter().any(|domain| bucket_below(name, domain).is_some())
}

/// The bucket that a host names.
pub(crate) fn bucket_of_host(host: &str, domains: &[String]) -> Option<String> {
    let name = without_port(host);
    let buckets = domains.iter().filter_map(|domain| bucket_below(name, domain));
    buckets.filter(|bucket| !bucket.is_empty()).map(str::to_ascii_lowercase).next()
}

/// Empty for the domain itself.
fn bucket_below<'a>(name: &'a str, domain: &str) -> Option<&'a str> {
    let at = name.len().checked_sub(domain.len())?;
    let (bucket, end) = (name.get(..at)?, name.get(at..)?);
    if !end.eq_ignore_ascii_case(domain) {
        return None;
    }
    if bucket.is_empty() { Some(bucket) } else { bucket.strip_suffix('.') }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(bucket: &str, key: &str) -> Place {
        Place::Key { bucket: bucket.into(), key: key.into() }
    }

    #[test]
    fn addresses_name_buckets_and_keys() {
        let cases = [
            (None, "/", Place::Service),
            (None, "/repo", Place::Bucket("repo".into())),
            (None, "/repo/", Place::Bucket("repo".into())),
            (None, "/repo/main/", key("repo", "main/")),
            (None, "/repo//a", key("repo", "/a")),
            (None, "/repo/main/a%20b+c%2Fd", key("repo", "main/a b+c/d")),
            (None, "/%24extremelyunlikelytoexist%24", Place::Bucket("$extremelyunlikelytoexist$".into())),
            (Some("repo"), "/", Place::Bucket("repo".into())),
            (Some("repo"), "/main/a//b", key("repo", "main/a//b")),
        ];
        for (host, path, place) in cases {
            assert_eq!(Place::of(host, path).unwrap(), place, "{path}");
        }
        for path in ["//a", "/repo/%zz", "/repo/%ff"] {
            assert!(Place::of(None, path).is_err(), "{path}");
        }
    }

    #[test]
    fn keys_have_a_ref_and_a_path() {
        assert_eq!(Key::of("main/a//b").unwrap(), Key { reference: "main", path: "a//b" });
        assert_eq!(Key::of("main").unwrap(), Key { reference: "main", path: "" });
        assert!(Key::of(&format!("main/{}", "x".repeat(1_024))).is_ok());
        assert!(Key::of(&format!("main/{}", "x".repeat(1_025))).is_err());
        for bad in ["main", "main/", "/a"] {
            assert!(Key::to_write(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn hosts_below_the_domain_name_buckets() {
        let domains = ["s3.localhost".to_owned(), "data.example".to_owned()];
        for (host, below, bucket) in [
            ("s3.localhost:5000", true, None),
            ("Repo.S3.localhost:5000", true, Some("repo")),
            ("a.b.data.example", true, Some("a.b")),
            ("xs3.localhost", false, None),
            ("127.0.0.1:5000", false, None),
            ("[::1]:5000", false, None),
        ] {
            assert_eq!(is_below(host, &domains), below, "{host}");
            assert_eq!(bucket_of_host(host, &domains).as_deref(), bucket, "{host}");
        }
    }
}
