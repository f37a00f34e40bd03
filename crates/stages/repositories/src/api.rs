//! The operations. (Skeleton: signatures first, bodies move into one file a verb.)

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;
use futures::stream::BoxStream;
use types::{Actor, Digest, Timestamp};

use crate::{
    Branch, Commit, Difference, Entry, Error, Metadata, Object, Page, Paging, Physical, Repository, Resolved,
    Tag,
};

pub type Body = BoxStream<'static, Result<Bytes, Error>>;

/// The stage: its ledger, its objects, the nodes of its trees, and a queue a branch. Cheap to clone.
#[derive(Clone)]
pub struct Repositories(std::sync::Arc<()>);

pub struct NewRepository {
    pub name: String,
    /// Must be new: two repositories never share one.
    pub storage_namespace: String,
    pub default_branch: String,
    pub read_only: bool,
    pub metadata: Metadata,
}

#[derive(Clone, Debug, Default)]
pub struct NewCommit {
    pub message: String,
    pub metadata: Metadata,
    /// Instead of now.
    pub date: Option<Timestamp>,
    /// Instead of the actor's name.
    pub committer: Option<String>,
    pub allow_empty: bool,
    /// Also in a read-only repository.
    pub force: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// Conflicts are an error.
    #[default]
    None,
    SourceWins,
    DestinationWins,
}

#[derive(Clone, Debug, Default)]
pub struct MergeOptions {
    pub message: String,
    pub metadata: Metadata,
    pub strategy: Strategy,
    pub allow_empty: bool,
    pub squash: bool,
    pub force: bool,
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

/// A checksum algorithm that clients may ask to have verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    Md5,
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

/// Bytes that arrived and are durable; nothing points to them yet.
#[derive(Clone, Debug)]
pub struct Received {
    pub physical: Physical,
    pub size: u64,
    pub sha256: Digest,
    pub md5: [u8; 16],
    /// Raw bytes of those asked for.
    pub checksums: BTreeMap<Algorithm, Vec<u8>>,
}

#[derive(Clone, Debug, Default)]
pub struct LogOptions {
    /// Only commits that changed one of these paths (ending in `/`: prefixes).
    pub paths: Vec<String>,
    pub first_parent: bool,
    pub since: Option<Timestamp>,
    pub stop_at: Option<String>,
    /// Exclusive: a commit's hexadecimal id.
    pub after: String,
    pub limit: usize,
}

#[derive(Clone, Debug, Default)]
pub struct DiffOptions {
    pub paging: Paging,
    pub delimiter: String,
}

#[derive(Clone, Debug)]
pub enum Reset {
    Everything,
    Prefix(String),
    Object(String),
}

#[derive(Clone, Debug, Default)]
pub struct Listing {
    pub prefix: String,
    /// Exclusive. A folded prefix as `after` passes over all that it folds.
    pub after: String,
    /// Empty: nothing is folded. Any string.
    pub delimiter: String,
    pub limit: usize,
}

#[derive(Clone, Debug)]
pub struct Upload {
    pub id: String,
    pub repository: String,
    pub branch: String,
    pub path: String,
    pub content_type: Option<String>,
    pub metadata: Metadata,
    pub started_at: Timestamp,
}

#[derive(Clone, Debug)]
pub struct UploadPart {
    pub number: u32,
    pub size: u64,
    /// MD5, hexadecimal.
    pub etag: String,
    pub modified_at: Timestamp,
}

/// `get`'s answer.
pub struct Opened {
    pub object: Object,
    /// The bytes that the body yields.
    pub range: Range<u64>,
    pub body: Body,
}

/// Branches whose name matches the glob `pattern` take none of the actions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protection {
    pub pattern: String,
    pub staging: bool,
    pub commits: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    pub default_days: u32,
    pub branches: BTreeMap<String, u32>,
}

impl Repositories {
    // ---- repositories
    pub async fn create_repository(&self, _actor: &Actor, _new: NewRepository) -> Result<Repository, Error> {
        todo!()
    }
    pub async fn repository(&self, _actor: &Actor, _name: &str) -> Result<Repository, Error> {
        todo!()
    }
    pub async fn repositories(&self, _actor: &Actor, _paging: Paging) -> Result<Page<Repository>, Error> {
        todo!()
    }
    /// `force`: also a read-only one.
    pub async fn delete_repository(&self, _actor: &Actor, _name: &str, _force: bool) -> Result<(), Error> {
        todo!()
    }
    pub async fn set_repository_metadata(
        &self,
        _actor: &Actor,
        _name: &str,
        _set: Metadata,
        _remove: Vec<String>,
    ) -> Result<(), Error> {
        todo!()
    }

    // ---- refs
    /// `branch`, `tag`, a commit's id or its unique prefix (4 digits at least), then `~n`, `^n`, `@` (committed only) or
    /// `$` (staged only).
    pub async fn resolve(
        &self,
        _actor: &Actor,
        _repository: &str,
        _reference: &str,
    ) -> Result<Resolved, Error> {
        todo!()
    }
    pub async fn create_branch(
        &self,
        _actor: &Actor,
        _repository: &str,
        _name: &str,
        _source: &str,
        _hidden: bool,
        _force: bool,
    ) -> Result<Branch, Error> {
        todo!()
    }
    pub async fn branch(&self, _actor: &Actor, _repository: &str, _name: &str) -> Result<Branch, Error> {
        todo!()
    }
    pub async fn branches(
        &self,
        _actor: &Actor,
        _repository: &str,
        _paging: Paging,
        _with_hidden: bool,
    ) -> Result<Page<Branch>, Error> {
        todo!()
    }
    pub async fn delete_branch(
        &self,
        _actor: &Actor,
        _repository: &str,
        _name: &str,
        _force: bool,
    ) -> Result<(), Error> {
        todo!()
    }
    pub async fn create_tag(
        &self,
        _actor: &Actor,
        _repository: &str,
        _name: &str,
        _reference: &str,
        _force: bool,
    ) -> Result<Tag, Error> {
        todo!()
    }
    pub async fn tag(&self, _actor: &Actor, _repository: &str, _name: &str) -> Result<Tag, Error> {
        todo!()
    }
    pub async fn tags(&self, _actor: &Actor, _repository: &str, _paging: Paging) -> Result<Page<Tag>, Error> {
        todo!()
    }
    pub async fn delete_tag(
        &self,
        _actor: &Actor,
        _repository: &str,
        _name: &str,
        _force: bool,
    ) -> Result<(), Error> {
        todo!()
    }

    // ---- commits
    pub async fn commit(
        &self,
        _actor: &Actor,
        _repository: &str,
        _branch: &str,
        _new: NewCommit,
    ) -> Result<Commit, Error> {
        todo!()
    }
    pub async fn get_commit(
        &self,
        _actor: &Actor,
        _repository: &str,
        _reference: &str,
    ) -> Result<Commit, Error> {
        todo!()
    }
    /// Newest first; each after all of its children.
    pub async fn log(
        &self,
        _actor: &Actor,
        _repository: &str,
        _reference: &str,
        _options: LogOptions,
    ) -> Result<Page<Commit>, Error> {
        todo!()
    }
    /// What is staged on a branch against its commit.
    pub async fn uncommitted(
        &self,
        _actor: &Actor,
        _repository: &str,
        _branch: &str,
        _options: DiffOptions,
    ) -> Result<Page<Difference>, Error> {
        todo!()
    }
    /// From `left` to `right`. `from_base` (three dots): from their merge base to `right`, and conflicts are told.
    pub async fn diff(
        &self,
        _actor: &Actor,
        _repository: &str,
        _left: &str,
        _right: &str,
        _from_base: bool,
        _options: DiffOptions,
    ) -> Result<Page<Difference>, Error> {
        todo!()
    }
    /// The best common ancestor, if there is one.
    pub async fn merge_base(
        &self,
        _actor: &Actor,
        _repository: &str,
        _left: &str,
        _right: &str,
    ) -> Result<Option<Digest>, Error> {
        todo!()
    }
    pub async fn merge(
        &self,
        _actor: &Actor,
        _repository: &str,
        _source: &str,
        _destination: &str,
        _options: MergeOptions,
    ) -> Result<Commit, Error> {
        todo!()
    }
    /// Undoes a commit on a branch. `parent` (from 1) says against which parent of a merge; 0: the only one.
    pub async fn revert(
        &self,
        _actor: &Actor,
        _repository: &str,
        _branch: &str,
        _reference: &str,
        _parent: usize,
        _new: NewCommit,
    ) -> Result<Commit, Error> {
        todo!()
    }
    pub async fn cherry_pick(
        &self,
        _actor: &Actor,
        _repository: &str,
        _branch: &str,
        _reference: &str,
        _parent: Option<usize>,
        _new: NewCommit,
    ) -> Result<Commit, Error> {
        todo!()
    }
    /// Drops staged changes.
    pub async fn reset(
        &self,
        _actor: &Actor,
        _repository: &str,
        _branch: &str,
        _what: Reset,
    ) -> Result<(), Error> {
        todo!()
    }
    /// Moves the head to another commit; staged changes must be none (`DirtyBranch`).
    pub async fn hard_reset(
        &self,
        _actor: &Actor,
        _repository: &str,
        _branch: &str,
        _reference: &str,
        _force: bool,
    ) -> Result<(), Error> {
        todo!()
    }

    // ---- objects
    /// Takes a body into the store. Nothing sees it before [`Repositories::stage`]; the garbage collector leaves it
    /// alone for a day. `algorithms` beside SHA-256 and MD5.
    pub async fn receive(&self, _body: Body, _algorithms: &[Algorithm]) -> Result<Received, Error> {
        todo!()
    }
    /// Makes an object visible at a path of a branch, in one step with the check of the condition.
    pub async fn stage(
        &self,
        _actor: &Actor,
        _repository: &str,
        _branch: &str,
        _path: &str,
        _object: Object,
        _condition: Condition,
    ) -> Result<Object, Error> {
        todo!()
    }
    /// Many at once, all or none.
    pub async fn stage_many(
        &self,
        _actor: &Actor,
        _repository: &str,
        _branch: &str,
        _objects: Vec<(String, Object)>,
    ) -> Result<(), Error> {
        todo!()
    }
    pub async fn stat(
        &self,
        _actor: &Actor,
        _repository: &str,
        _reference: &str,
        _path: &str,
    ) -> Result<Object, Error> {
        todo!()
    }
    /// `range` is within the object's size.
    pub async fn read(&self, _object: &Object, _range: Option<Range<u64>>) -> Result<Opened, Error> {
        todo!()
    }
    /// Answers whether there was one.
    pub async fn delete(
        &self,
        _actor: &Actor,
        _repository: &str,
        _branch: &str,
        _path: &str,
        _condition: Condition,
    ) -> Result<bool, Error> {
        todo!()
    }
    /// Paths that could not be deleted, and why. Missing ones count as deleted.
    pub async fn delete_many(
        &self,
        _actor: &Actor,
        _repository: &str,
        _branch: &str,
        _paths: Vec<String>,
    ) -> Result<Vec<(String, Error)>, Error> {
        todo!()
    }
    pub async fn list(
        &self,
        _actor: &Actor,
        _repository: &str,
        _reference: &str,
        _listing: Listing,
    ) -> Result<Page<Entry>, Error> {
        todo!()
    }

    // ---- multipart uploads
    pub async fn create_upload(
        &self,
        _actor: &Actor,
        _repository: &str,
        _branch: &str,
        _path: &str,
        _content_type: Option<String>,
        _metadata: Metadata,
    ) -> Result<Upload, Error> {
        todo!()
    }
    pub async fn upload(&self, _actor: &Actor, _repository: &str, _id: &str) -> Result<Upload, Error> {
        todo!()
    }
    /// 1 to 10,000; a number that is there already is replaced.
    pub async fn put_part(
        &self,
        _actor: &Actor,
        _repository: &str,
        _id: &str,
        _number: u32,
        _part: Received,
    ) -> Result<UploadPart, Error> {
        todo!()
    }
    pub async fn parts(
        &self,
        _actor: &Actor,
        _repository: &str,
        _id: &str,
        _after: u32,
        _limit: usize,
    ) -> Result<Page<UploadPart>, Error> {
        todo!()
    }
    /// `parts`: numbers and ETags, ascending. The bytes are not copied.
    pub async fn complete_upload(
        &self,
        _actor: &Actor,
        _repository: &str,
        _id: &str,
        _parts: Vec<(u32, String)>,
        _condition: Condition,
    ) -> Result<Object, Error> {
        todo!()
    }
    pub async fn abort_upload(&self, _actor: &Actor, _repository: &str, _id: &str) -> Result<(), Error> {
        todo!()
    }
    pub async fn uploads(
        &self,
        _actor: &Actor,
        _repository: &str,
        _branch: Option<&str>,
        _paging: Paging,
    ) -> Result<Page<Upload>, Error> {
        todo!()
    }

    /// The bytes of a node of the index.
    pub async fn node(&self, _actor: &Actor, _repository: &str, _id: &Digest) -> Result<Bytes, Error> {
        todo!()
    }

    // ---- rules
    pub async fn protections(&self, _actor: &Actor, _repository: &str) -> Result<Vec<Protection>, Error> {
        todo!()
    }
    pub async fn set_protections(
        &self,
        _actor: &Actor,
        _repository: &str,
        _rules: Vec<Protection>,
    ) -> Result<(), Error> {
        todo!()
    }
    pub async fn retention(&self, _actor: &Actor, _repository: &str) -> Result<Option<Retention>, Error> {
        todo!()
    }
    pub async fn set_retention(
        &self,
        _actor: &Actor,
        _repository: &str,
        _rules: Option<Retention>,
    ) -> Result<(), Error> {
        todo!()
    }
}
