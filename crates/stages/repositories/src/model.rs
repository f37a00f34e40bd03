use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use types::{Digest, Timestamp, Uid};

pub type Metadata = BTreeMap<String, String>;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Repository {
    pub uid: Uid,
    pub name: String,
    /// Where the objects are said to be, such as `local://data`; kept for clients, and for imports relative to it.
    pub storage_namespace: String,
    pub default_branch: String,
    pub read_only: bool,
    pub metadata: Metadata,
    pub created_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Branch {
    pub name: String,
    /// The commit it points to.
    pub commit: Digest,
    pub hidden: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tag {
    pub name: String,
    pub commit: Digest,
}

/// `id` is a digest of the repository and of the other fields but `generation`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    pub id: Digest,
    /// The first is the one it was made on.
    pub parents: Vec<Digest>,
    pub committer: String,
    pub message: String,
    /// Whole seconds.
    pub created_at: Timestamp,
    pub metadata: Metadata,
    /// The tree of its objects.
    pub root: Digest,
    /// 1 of the first commit; one more than the highest of its parents.
    pub generation: i64,
}

/// An object at a path, of a commit or staged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    pub physical: Physical,
    pub size: u64,
    /// Without quotes: the MD5 of the content, `<md5 of md5s>-<parts>` of a multipart upload, or [`crate::large_etag`].
    pub etag: String,
    pub modified_at: Timestamp,
    pub content_type: Option<String>,
    /// User metadata, keys in lower case without `x-amz-meta-`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: Metadata,
    /// Base64 by algorithm (`crc32`, `crc32c`, `crc64nvme`, `sha1`, `sha256`), as a client gave and we verified it. Of an
    /// object of parts also `<base64>-<parts>`, of the checksums of the parts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub checksums: BTreeMap<String, String>,
    /// HTTP headers that it is given back with, such as `cache-control`; names in lower case.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: Metadata,
}

impl Object {
    /// Bytes of which nothing else is known.
    pub(crate) fn bare(physical: Physical, size: u64) -> Self {
        Self {
            physical,
            size,
            etag: String::new(),
            modified_at: Timestamp(0),
            content_type: None,
            metadata: Metadata::new(),
            checksums: Metadata::new(),
            headers: Metadata::new(),
        }
    }
}

/// Where an object's bytes are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Physical {
    Blob(Digest),
    /// Of a pack of small objects.
    Slice {
        blob: Digest,
        offset: u64,
    },
    /// One after the other: the parts of a multipart upload, with their sizes.
    Parts(Vec<(Digest, u64)>),
    /// Imported in place (`local:///…`, `file:///…`, `s3://…`): not ours, never swept.
    External(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    Object {
        path: String,
        object: Object,
    },
    /// What a delimiter folded; ends with the delimiter.
    Prefix(String),
}

/// One page, and what to pass as `after` for the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub struct Paging {
    pub prefix: String,
    /// Exclusive.
    pub after: String,
    pub limit: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    Added,
    Removed,
    Changed,
    Conflict,
}

/// One path (or folded prefix) that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub path: String,
    pub kind: ChangeKind,
    pub is_prefix: bool,
    pub left: Option<Object>,
    pub right: Option<Object>,
}

/// Where a ref expression leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    pub commit: Digest,
    pub root: Digest,
    /// The branch whose staged changes are seen on top, if the expression asks for them.
    pub staged: Option<String>,
    /// Whether only staged changes are seen (`branch$`).
    pub only_staged: bool,
}

/// Which state of a path a write asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// `If-None-Match`: `*`, or ETags that the object must not have.
    pub none_match: Option<Match>,
    /// `If-Match`: the object must exist, with one of the ETags.
    pub matches: Option<Match>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    Any,
    ETags(Vec<String>),
}
