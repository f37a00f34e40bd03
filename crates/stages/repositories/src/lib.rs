//! Repositories of objects with branches, commits, tags, merges and gates, over the tree of the ground crate `tree`.
//!
//! Refs and staged changes are rows; the index of a commit is a tree whose nodes are kept in packs; objects are blobs.
//! A commit seals what is staged, builds the tree outside any transaction, and moves the head in one.

mod api;
mod error;
mod imports;
mod links;
mod model;
mod pulls;
mod runs;

pub use api::*;
pub use error::Error;
pub use imports::{Import, ImportPath};
pub use links::Link;
pub use model::{
    Branch, ChangeKind, Commit, Difference, Entry, Metadata, Object, Page, Paging, Physical, Repository,
    Resolved, Tag,
};
pub use pulls::{Pull, PullChange, PullStatus};
pub use runs::{ActionRun, HookRun};
