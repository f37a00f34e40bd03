//! Words that every floor shares: ids, names, digests, schema and signature, time.
//! No async; the only I/O is [`io`], whose errors name their path.

mod access;
mod actor;
mod clock;
mod digest;
mod error;
mod id;
pub mod io;
mod reader;
mod schema;

pub use access::{ANY, Grant, Grants, Level, ResourceKind, Visible};
pub use actor::{Actor, ActorKind, Permission, Role, WorkspaceId};
pub use clock::{Clock, SystemClock, TestClock, Timestamp};
pub use digest::{Digest, DigestError, Hasher};
pub use error::{Class, Fault, Hint};
pub use id::{Uid, UidError, new_id};
pub use reader::Reader;
pub use schema::{DataType, Field, Schema, Signature};
