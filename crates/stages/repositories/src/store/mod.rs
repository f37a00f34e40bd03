//! All SQL of this stage.

pub(crate) mod commits;
pub(crate) mod gc;
pub(crate) mod imports;
pub(crate) mod layers;
pub(crate) mod links;
pub(crate) mod nodes;
pub(crate) mod pulls;
pub(crate) mod refs;
pub(crate) mod repositories;
pub(crate) mod rules;
pub(crate) mod runs;
pub(crate) mod uploads;

use ledger::{FactTx, Insert, Row, Rx, Tx, Value};
use types::{Timestamp, WorkspaceId};

use crate::{Error, Metadata};

pub(crate) type Result<T> = std::result::Result<T, ledger::Error>;

/// What snapshots and both kinds of transaction can read.
pub(crate) trait Reads {
    fn rows(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>>;
    fn workspace(&self) -> WorkspaceId;

    fn row(&mut self, sql: &str, values: &[Value]) -> Result<Option<Row>> {
        Ok(self.rows(sql, values)?.into_iter().next())
    }
}

pub(crate) trait Writes: Reads {
    fn run(&mut self, sql: &str, values: &[Value]) -> Result<u64>;
    /// Rows whose values stand one behind the other; how many changed.
    fn insert(&mut self, into: &Insert<'_>, values: &[Value]) -> Result<u64>;
    fn time(&self) -> Timestamp;
    /// Keeps other servers from changing a branch until this commits.
    fn hold_branch(&mut self, id: i64) -> Result<()>;
}

macro_rules! reads {
    ($($type:ident)*) => {$(
        impl Reads for $type<'_> {
            fn rows(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>> {
                self.query(sql, values)
            }
            fn workspace(&self) -> WorkspaceId {
                $type::workspace(self)
            }
        }
    )*};
}
reads!(Tx FactTx Rx);

macro_rules! writes {
    ($($type:ident)*) => {$(
        impl Writes for $type<'_> {
            fn run(&mut self, sql: &str, values: &[Value]) -> Result<u64> {
                self.execute(sql, values)
            }
            fn insert(&mut self, into: &Insert<'_>, values: &[Value]) -> Result<u64> {
                $type::insert(self, into, values)
            }
            fn time(&self) -> Timestamp {
                self.now()
            }
            fn hold_branch(&mut self, id: i64) -> Result<()> {
                self.lock("branch", &[id]).map(drop)
            }
        }
    )*};
}
writes!(Tx FactTx);

/// `$first, $first+1, …` for `count` values.
pub(crate) fn placeholders(first: usize, count: usize) -> String {
    let names: Vec<_> = (first..first + count).map(|i| format!("${i}")).collect();
    names.join(", ")
}

pub(crate) fn metadata_text(metadata: &Metadata) -> String {
    serde_json::to_string(metadata).unwrap_or_else(|_| "{}".into())
}

/// A column that holds JSON of a known shape.
pub(crate) fn json<T: serde::de::DeserializeOwned>(row: &Row, column: &'static str) -> Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|e| ledger::Error::WrongType {
        column: column.into(),
        wanted: std::any::type_name::<T>(),
        found: e.to_string(),
    })
}

/// The end of the range of keys that begin with `prefix`: the first key after all of them, if there is one.
pub(crate) fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < 0xFF {
            end.push(last + 1);
            return Some(end);
        }
    }
    None
}

/// Names that begin with `prefix`, after `after`: the lower bound, whether it is excluded, and an upper bound.
pub(crate) fn name_range(prefix: &str, after: &str) -> (String, String) {
    let from = if after > prefix { after } else { prefix };
    // No name holds a character as high as this one.
    (from.to_owned(), format!("{prefix}\u{10FFFF}"))
}

pub(crate) fn absent(what: &str) -> Error {
    Error::Invalid(format!("{what} is gone"))
}
