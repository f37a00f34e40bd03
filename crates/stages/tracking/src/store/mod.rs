//! All SQL of this stage. Functions are written against the two traits below, so that a read can stand in a
//! snapshot, in a change of state and in a record of facts alike.

pub(crate) mod artifacts;
pub(crate) mod experiments;
pub(crate) mod inputs;
pub(crate) mod listing;
pub(crate) mod logged_models;
pub(crate) mod metrics;
pub(crate) mod runs;
pub(crate) mod search;
pub(crate) mod views;

use std::collections::BTreeMap;

use ledger::{FactTx, Row, Rx, Tx, Value, params};
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

impl Writes for Tx<'_> {
    fn run(&mut self, sql: &str, values: &[Value]) -> Result<u64> {
        self.execute(sql, values)
    }
}

impl Writes for FactTx<'_> {
    fn run(&mut self, sql: &str, values: &[Value]) -> Result<u64> {
        self.execute(sql, values)
    }
}

/// How many values one `IN (…)` holds at most; longer lists are asked in pieces.
pub(crate) const PIECE: usize = 1_000;

/// `$first, $first+1, …` for `count` values.
pub(crate) fn placeholders(first: usize, count: usize) -> String {
    let names: Vec<_> = (first..first + count).map(|i| format!("${i}")).collect();
    names.join(", ")
}

/// Ids of the keys that exist, by name.
pub(crate) fn find_keys(on: &mut impl Reads, names: &[&str]) -> Result<BTreeMap<String, i64>> {
    let mut found = BTreeMap::new();
    for piece in names.chunks(PIECE) {
        let sql = format!(
            "SELECT id, name FROM attribute_key WHERE workspace_id = $1 AND name IN ({})",
            placeholders(2, piece.len())
        );
        let mut values = vec![Value::from(on.workspace())];
        values.extend(piece.iter().map(|name| Value::from(*name)));
        for row in on.rows(&sql, &values)? {
            found.insert(row.get("name")?, row.get("id")?);
        }
    }
    Ok(found)
}

/// Ids of the keys, made where absent.
pub(crate) fn ensure_keys(on: &mut impl Writes, names: &[&str]) -> Result<BTreeMap<String, i64>> {
    let mut unique = names.to_vec();
    // Sorted, so that two writers that make the same keys wait for each other in one order.
    unique.sort_unstable();
    unique.dedup();
    let mut found = find_keys(on, &unique)?;
    if found.len() == unique.len() {
        return Ok(found);
    }
    let workspace = on.workspace();
    for name in &unique {
        if !found.contains_key(*name) {
            on.run(
                "INSERT INTO attribute_key (workspace_id, name) VALUES ($1, $2) ON CONFLICT (workspace_id, name) DO NOTHING",
                &params![workspace, *name],
            )?;
        }
    }
    found = find_keys(on, &unique)?;
    Ok(found)
}
