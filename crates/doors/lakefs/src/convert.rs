//! The stage's words to lakeFS's and back.

use repositories::{
    ActionRun, Branch, ChangeKind, Commit, Difference, Entry, HookRun, Import, NewCommit, Object, Pull,
    PullStatus, Repository, Strategy, Tag,
};
use types::Timestamp;

use crate::errors::Failure;
use crate::{address, wire};

pub(crate) const OBJECT: &str = "object";
pub(crate) const PREFIX: &str = "common_prefix";
const DEFAULT_TYPE: &str = "application/octet-stream";

pub(crate) fn seconds(time: Timestamp) -> i64 {
    time.0.div_euclid(1_000_000)
}

pub(crate) fn of_seconds(seconds: i64) -> Timestamp {
    Timestamp(0).plus_seconds(seconds)
}

pub(crate) fn content_type(object: &Object) -> String {
    object.content_type.clone().filter(|text| !text.is_empty()).unwrap_or_else(|| DEFAULT_TYPE.to_owned())
}

pub(crate) fn etag(object: &Object) -> String {
    format!("\"{}\"", object.etag)
}

pub(crate) fn repository(of: Repository) -> wire::Repository {
    wire::Repository {
        id: of.name,
        creation_date: seconds(of.created_at),
        default_branch: of.default_branch,
        storage_id: String::new(),
        storage_namespace: of.storage_namespace,
        read_only: of.read_only,
    }
}

pub(crate) fn branch(of: Branch) -> wire::Ref {
    wire::Ref { id: of.name, commit_id: of.commit.hex() }
}

pub(crate) fn tag(of: Tag) -> wire::Ref {
    wire::Ref { id: of.name, commit_id: of.commit.hex() }
}

pub(crate) fn commit(of: Commit) -> wire::Commit {
    wire::Commit {
        id: of.id.hex(),
        parents: of.parents.iter().map(types::Digest::hex).collect(),
        committer: of.committer,
        message: of.message,
        creation_date: seconds(of.created_at),
        meta_range_id: of.root.hex(),
        metadata: of.metadata,
        generation: of.generation,
        version: 1,
    }
}

pub(crate) fn new_commit(of: wire::CommitCreation) -> NewCommit {
    NewCommit {
        message: of.message,
        metadata: of.metadata.unwrap_or_default(),
        date: of.date.map(of_seconds),
        committer: None,
        allow_empty: of.allow_empty,
        force: of.force,
    }
}

pub(crate) fn strategy(text: Option<&str>) -> Result<Strategy, Failure> {
    Ok(match text.unwrap_or_default() {
        "" => Strategy::None,
        "dest-wins" => Strategy::DestinationWins,
        "source-wins" => Strategy::SourceWins,
        other => {
            let message = format!(
                "argument strategy: invalid value: validation error: `{other}` is neither dest-wins nor source-wins"
            );
            return Err(Failure::bad(message));
        }
    })
}

/// What the metadata of a merge says that its strategy was (`graveler.go`, `MergeStrategyMetadataKey`).
pub(crate) fn strategy_word(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::None => "default",
        Strategy::DestinationWins => "dest-wins",
        Strategy::SourceWins => "source-wins",
    }
}

pub(crate) fn stats(repository: &Repository, path: String, object: &Object) -> wire::ObjectStats {
    wire::ObjectStats {
        path,
        path_type: OBJECT,
        physical_address: address::of(repository, &object.physical),
        physical_address_expiry: None,
        checksum: object.etag.clone(),
        size_bytes: Some(object.size),
        mtime: seconds(object.modified_at),
        metadata: Some(object.metadata.clone()),
        content_type: Some(content_type(object)),
    }
}

pub(crate) fn entry(repository: &Repository, of: Entry, with_metadata: bool) -> wire::ObjectStats {
    match of {
        Entry::Prefix(path) => wire::ObjectStats { path, path_type: PREFIX, ..Default::default() },
        Entry::Object { path, object } => {
            let mut stats = stats(repository, path, &object);
            stats.metadata = stats.metadata.filter(|metadata| with_metadata && !metadata.is_empty());
            stats
        }
    }
}

/// `gone_size`: whether what was removed says how big it was.
pub(crate) fn difference(of: Difference, gone_size: bool, with_right: bool) -> wire::Diff {
    if of.is_prefix {
        return wire::Diff {
            kind: "prefix_changed",
            path: of.path,
            path_type: PREFIX,
            size_bytes: None,
            right: None,
        };
    }
    let kind = match of.kind {
        ChangeKind::Added => "added",
        ChangeKind::Removed => "removed",
        ChangeKind::Changed => "changed",
        ChangeKind::Conflict => "conflict",
    };
    let left = of.left.as_ref().filter(|_| gone_size);
    let size = of.right.as_ref().or(left).map_or(0, |object| object.size);
    let right = of.right.as_ref().filter(|_| with_right).map(|object| wire::DiffObjectStat {
        checksum: object.etag.clone(),
        mtime: seconds(object.modified_at),
        content_type: content_type(object),
        metadata: object.metadata.clone(),
    });
    wire::Diff { kind, path: of.path, path_type: OBJECT, size_bytes: Some(size), right }
}

pub(crate) fn import(of: Import) -> wire::ImportStatus {
    let commit = of.commit.map(commit);
    wire::ImportStatus {
        // lakeFS means success by it: an import that failed or was cancelled is not completed.
        completed: of.completed && of.error.is_none(),
        update_time: of.updated_at.rfc3339(),
        ingested_objects: of.objects,
        metarange_id: commit.as_ref().map(|commit| commit.meta_range_id.clone()),
        commit,
        error: of.error.map(|message| wire::Error { message }),
    }
}

pub(crate) fn action_run(of: ActionRun) -> wire::ActionRun {
    wire::ActionRun {
        run_id: of.id,
        branch: of.branch,
        start_time: of.started_at.rfc3339(),
        end_time: of.ended_at.map(Timestamp::rfc3339),
        event_type: of.event,
        status: if of.passed { "completed" } else { "failed" },
        commit_id: of.commit,
    }
}

pub(crate) fn hook_run(of: HookRun) -> wire::HookRun {
    wire::HookRun {
        hook_run_id: of.id,
        action: of.action,
        hook_id: of.hook,
        start_time: of.started_at.rfc3339(),
        end_time: of.ended_at.map(Timestamp::rfc3339),
        status: match (of.passed, of.skipped) {
            (_, true) => "skipped",
            (true, _) => "completed",
            (false, _) => "failed",
        },
    }
}

pub(crate) fn pull(of: Pull) -> wire::PullRequest {
    wire::PullRequest {
        id: of.id,
        status: match of.status {
            PullStatus::Open => "open",
            PullStatus::Closed => "closed",
            PullStatus::Merged => "merged",
        },
        title: of.title,
        description: of.description,
        creation_date: of.created_at.rfc3339(),
        author: of.author,
        source_branch: of.source,
        destination_branch: of.destination,
        merged_commit_id: of.merged_commit,
        closed_date: of.closed_at.map(Timestamp::rfc3339),
    }
}
