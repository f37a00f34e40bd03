//! All SQL of this stage.

pub(crate) mod assessments;
pub(crate) mod metrics;
pub(crate) mod search;
pub(crate) mod spans;
pub(crate) mod traces;

use ledger::{FactTx, Row, Rx, Tx, Value};
use types::WorkspaceId;

pub(crate) type Result<T> = std::result::Result<T, ledger::Error>;

pub(crate) trait Reads {
    fn rows(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>>;
    fn workspace(&self) -> WorkspaceId;

    fn row(&mut self, sql: &str, values: &[Value]) -> Result<Option<Row>> {
        Ok(self.rows(sql, values)?.into_iter().next())
    }
}

pub(crate) trait Writes: Reads {
    fn run(&mut self, sql: &str, values: &[Value]) -> Result<u64>;
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
        }
    )*};
}
writes!(Tx FactTx);

/// How many values one `IN (…)` holds at most; longer lists are asked in pieces.
pub(crate) const PIECE: usize = 1_000;

/// `$first, $first+1, …` for `count` values.
pub(crate) fn placeholders(first: usize, count: usize) -> String {
    let names: Vec<_> = (first..first + count).map(|i| format!("${i}")).collect();
    names.join(", ")
}

/// Inserts many rows, several in a statement: a round trip for each would be what a server waits for. Only four
/// numbers of rows occur, so that few statements are prepared.
pub(crate) fn insert_rows(
    on: &mut impl Writes,
    head: &str,
    rows: Vec<Vec<Value>>,
    tail: &str,
) -> Result<u64> {
    let Some(width) = rows.first().map(Vec::len) else { return Ok(0) };
    let (mut rows, mut changed) = (rows.into_iter(), 0);
    while rows.len() > 0 {
        let count = [64, 16, 4].into_iter().find(|n| *n <= rows.len()).unwrap_or(1);
        let lists: Vec<_> = (0..count).map(|i| format!("({})", placeholders(1 + i * width, width))).collect();
        let values: Vec<Value> = rows.by_ref().take(count).flatten().collect();
        changed += on.run(&format!("{head} VALUES {} {tail}", lists.join(", ")), &values)?;
    }
    Ok(changed)
}
