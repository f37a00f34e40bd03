//! How versioned data looks in JSON. Commits are named by 64 hexadecimal digits.

use repositories::{Branch, ChangeKind, Commit, Difference, Entry, Object, Page, Physical, Repository, Tag};
use serde_json::{Value, json};

use crate::view::time;

/// `{<name>: […], "next": …}`; `next` is what to pass as `after`.
pub fn page<T>(name: &str, page: &Page<T>, item: impl Fn(&T) -> Value) -> Value {
    let items: Vec<Value> = page.items.iter().map(item).collect();
    json!({ name: items, "next": page.next })
}

pub fn repository(of: &Repository) -> Value {
    json!({
        "id": of.uid,
        "name": of.name,
        "storage_namespace": of.storage_namespace,
        "default_branch": of.default_branch,
        "read_only": of.read_only,
        "metadata": of.metadata,
        "created_at": time(of.created_at),
    })
}

pub fn branch(of: &Branch) -> Value {
    json!({ "name": of.name, "commit": of.commit.hex(), "hidden": of.hidden })
}

pub fn tag(of: &Tag) -> Value {
    json!({ "name": of.name, "commit": of.commit.hex() })
}

pub fn commit(of: &Commit) -> Value {
    json!({
        "id": of.id.hex(),
        "parents": of.parents.iter().map(types::Digest::hex).collect::<Vec<_>>(),
        "committer": of.committer,
        "message": of.message,
        "created_at": time(of.created_at),
        "metadata": of.metadata,
        "root": of.root.hex(),
    })
}

pub fn object(path: &str, of: &Object) -> Value {
    let (kind, address) = match &of.physical {
        Physical::Blob(_) => ("blob", None),
        Physical::Slice { .. } => ("slice", None),
        Physical::Parts(_) => ("parts", None),
        Physical::External(address) => ("external", Some(address)),
    };
    json!({
        "kind": "object",
        "path": path,
        "size": of.size,
        "etag": of.etag,
        "modified_at": time(of.modified_at),
        "content_type": of.content_type,
        "metadata": of.metadata,
        "checksums": of.checksums,
        "stored": kind,
        "address": address,
    })
}

pub fn entry(of: &Entry) -> Value {
    match of {
        Entry::Object { path, object: of } => object(path, of),
        Entry::Prefix(path) => json!({ "kind": "prefix", "path": path }),
    }
}

pub fn difference(of: &Difference) -> Value {
    let side = |of: &Option<Object>| {
        of.as_ref().map(|o| json!({ "size": o.size, "etag": o.etag, "modified_at": time(o.modified_at) }))
    };
    let kind = match of.kind {
        ChangeKind::Added => "added",
        ChangeKind::Removed => "removed",
        ChangeKind::Changed => "changed",
        ChangeKind::Conflict => "conflict",
    };
    json!({
        "path": of.path, "kind": kind, "is_prefix": of.is_prefix, "left": side(&of.left), "right": side(&of.right),
    })
}
