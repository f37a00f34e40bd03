//! Repositories of objects with branches, commits, tags, merges and gates, over the tree of the ground crate `tree`.
//!
//! Refs and staged changes are rows; the index of a commit is a tree whose nodes are kept in packs; objects are blobs.
//! A commit seals what is staged, builds the tree outside any transaction, and moves the head in one.

mod actions;
mod advance;
mod branches;
mod checksum;
mod codec;
mod commit;
mod complete;
mod contents;
mod diff;
mod error;
mod fail;
mod gate;
mod gc;
mod history;
mod hooks;
mod imports;
mod links;
mod merge;
mod model;
mod names;
mod nodes;
mod objects;
mod open;
mod pulls;
mod read;
mod reads;
mod receive;
mod refs;
mod repository;
mod reset;
mod rules;
mod runs;
mod small;
mod staging;
mod store;
mod tags;
mod touched;
mod uploads;
mod view;

pub use checksum::{Algorithm, ChecksumType};
pub use commit::NewCommit;
pub use complete::{Announced, Completion, NamedPart, etag_of_parts};
pub use contents::{Folder, Folders};
pub use diff::DiffOptions;
pub use error::Error;
pub use fail::{FailPoint, Step};
pub use gate::{Candidate, Gate, GateError, Verdict};
pub use gc::{Collected, GRACE};
pub use history::LogOptions;
pub use hooks::Event;
pub use imports::{Import, ImportPath};
pub use links::Link;
pub use merge::{MergeOptions, Strategy};
pub use model::{
    Branch, ChangeKind, Commit, Condition, Difference, Entry, Match, Metadata, Object, Page, Paging,
    Physical, Repository, Resolved, Tag,
};
pub use names::{LONGEST_PATH, matches};
pub use objects::{LONGEST_PAGE, Listing};
pub use open::{Options, Repositories, WeakRepositories};
pub use pulls::{Pull, PullChange, PullStatus};
pub use read::Opened;
pub use reads::{Readers, Seen};
pub use receive::{Body, LARGE, Received, large_etag};
pub use repository::{FIRST_MESSAGE, NewRepository};
pub use reset::Reset;
pub use rules::{Protection, Retention};
pub use runs::{ActionRun, HookRun};
pub use touched::Touched;
pub use uploads::{MOST_PARTS, NewUpload, SMALLEST_PART, Upload, UploadPart};

pub const COMPONENT: ledger::Component = ledger::Component {
    name: "repositories",
    migrations: &[
        ledger::Migration { version: 1, sql: include_str!("../migrations/0001_repositories.sql") },
        ledger::Migration { version: 2, sql: include_str!("../migrations/0002_nodes.sql") },
        ledger::Migration { version: 3, sql: include_str!("../migrations/0003_gc.sql") },
        ledger::Migration { version: 4, sql: include_str!("../migrations/0004_passes.sql") },
        ledger::Migration { version: 5, sql: include_str!("../migrations/0005_checksums.sql") },
    ],
    // What comes at a high rate or is work in progress. Refs and commits are state.
    facts: &[
        "staging",
        "staged_entry",
        "upload",
        "upload_part",
        "link",
        "candidate",
        "repository_import",
        "tree_node",
        "commit_expiry",
        "condemned_blob",
        "garbage_pass",
    ],
};
