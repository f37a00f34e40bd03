//! How lakeFS names where bytes are: `<storage namespace>/data/…` for what the server keeps, and the address itself for
//! what was imported. Nothing but promised places can be read out of an address again, so that nobody reaches bytes by
//! guessing one.

use repositories::{Physical, Repository};
use types::Digest;

/// What is below the namespace and is the server's.
const DATA: &str = "data/";
/// What is below [`DATA`] and was promised to a client.
const PROMISED: &str = "staged/";

/// An address that a client names in a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// The id of a link or an upload.
    Promised(String),
    /// In the namespace, but nothing that was promised.
    Kept,
    Elsewhere(String),
}

pub(crate) fn of(repository: &Repository, physical: &Physical) -> String {
    let rest = match physical {
        Physical::External(address) => return address.clone(),
        Physical::Blob(digest) => digest.hex(),
        Physical::Slice { blob, offset } => format!("{}-{offset}", blob.hex()),
        Physical::Parts(parts) => {
            let named: String = parts.iter().map(|(digest, size)| format!("{digest}:{size};")).collect();
            format!("parts/{}", Digest::of(named).hex())
        }
    };
    format!("{}{DATA}{rest}", root(repository))
}

/// The address of a place that was promised: the id is a link's or an upload's.
pub(crate) fn promised(repository: &Repository, id: &str) -> String {
    format!("{}{DATA}{PROMISED}{id}", root(repository))
}

/// The address of a node of the index.
pub(crate) fn of_node(repository: &Repository, id: &Digest) -> String {
    format!("{}_lakefs/{}", root(repository), id.hex())
}

pub(crate) fn named(repository: &Repository, address: &str) -> Named {
    let Some(rest) = address.strip_prefix(&root(repository)).and_then(|rest| rest.strip_prefix(DATA)) else {
        return Named::Elsewhere(address.to_owned());
    };
    match rest.strip_prefix(PROMISED) {
        Some(id) => Named::Promised(id.to_owned()),
        None => Named::Kept,
    }
}

fn root(repository: &Repository) -> String {
    format!("{}/", repository.storage_namespace.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use types::{Timestamp, Uid};

    use super::*;

    #[test]
    fn an_address_is_promised_kept_or_elsewhere() {
        let repository = Repository {
            uid: Uid::from_u128(1),
            name: "r".into(),
            storage_namespace: "local://x/".into(),
            default_branch: "main".into(),
            read_only: false,
            metadata: Default::default(),
            created_at: Timestamp(0),
        };
        assert_eq!(named(&repository, &promised(&repository, "7")), Named::Promised("7".into()));
        let kept = of(&repository, &Physical::Blob(Digest::of("a")));
        assert!(kept.starts_with("local://x/data/ca978112"), "{kept}");
        assert_eq!(named(&repository, &kept), Named::Kept);
        assert_eq!(named(&repository, "s3://b/k"), Named::Elsewhere("s3://b/k".into()));
        assert_eq!(of(&repository, &Physical::External("s3://b/k".into())), "s3://b/k");
    }
}
