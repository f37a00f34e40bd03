//! All SQL of this stage.

pub(crate) mod counts;
pub(crate) mod import;
pub(crate) mod registry;
pub(crate) mod search;
pub(crate) mod versions;

use ledger::{Row, Rx, Tx, Value};
use types::WorkspaceId;

pub(crate) type Result<T> = std::result::Result<T, ledger::Error>;

/// What a snapshot and a change of state can both do.
pub(crate) trait Reads {
    fn rows(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>>;
    fn workspace(&self) -> WorkspaceId;

    fn row(&mut self, sql: &str, values: &[Value]) -> Result<Option<Row>> {
        Ok(self.rows(sql, values)?.into_iter().next())
    }
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
reads!(Tx Rx);

/// How many values one `IN (…)` holds at most.
pub(crate) const PIECE: usize = 1_000;

/// `$first, $first+1, …` for `count` values.
pub(crate) fn placeholders(first: usize, count: usize) -> String {
    let names: Vec<_> = (first..first + count).map(|i| format!("${i}")).collect();
    names.join(", ")
}
