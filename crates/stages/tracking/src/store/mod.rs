//! All SQL of this stage. Functions are written against the two traits below, so that a read can stand in a
//! snapshot, in a change of state and in a record of facts alike.

pub(crate) mod artifacts;
pub(crate) mod experiments;
pub(crate) mod homes;
pub(crate) mod import;
pub(crate) mod inputs;
pub(crate) mod keyset;
pub(crate) mod listing;
pub(crate) mod logged_models;
pub(crate) mod metrics;
pub(crate) mod runs;
pub(crate) mod search;
pub(crate) mod views;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ledger::{FactTx, Memo, Row, Rx, Tx, Value, params};
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
    /// Keeps other servers off the runs' metrics until this commits. `runs` are sorted.
    fn lock_metrics(&mut self, runs: &[i64]) -> Result<()>;
    fn memo(&mut self) -> &mut Memo;
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
    fn lock_metrics(&mut self, runs: &[i64]) -> Result<()> {
        self.lock("run.metrics", runs)
    }
    fn memo(&mut self) -> &mut Memo {
        Self::memo(self)
    }
}

impl Writes for FactTx<'_> {
    fn run(&mut self, sql: &str, values: &[Value]) -> Result<u64> {
        self.execute(sql, values)
    }
    fn lock_metrics(&mut self, runs: &[i64]) -> Result<()> {
        self.lock("run.metrics", runs)
    }
    fn memo(&mut self) -> &mut Memo {
        Self::memo(self)
    }
}

/// How many values one `IN (…)` holds at most; longer lists are asked in pieces.
pub(crate) const PIECE: usize = 1_000;

/// `$first, $first+1, …` for `count` values.
pub(crate) fn placeholders(first: usize, count: usize) -> String {
    let names: Vec<_> = (first..first + count).map(|i| format!("${i}")).collect();
    names.join(", ")
}

pub(crate) fn workspaces(on: &mut impl Reads) -> Result<Vec<WorkspaceId>> {
    let rows = on.rows("SELECT id FROM workspace ORDER BY id", &[])?;
    rows.iter().map(|row| row.get(0)).collect()
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

/// Names of keys, by id.
pub(crate) fn key_names(on: &mut impl Reads, ids: &BTreeSet<i64>) -> Result<HashMap<i64, String>> {
    let mut found = HashMap::with_capacity(ids.len());
    let ids: Vec<i64> = ids.iter().copied().collect();
    for piece in ids.chunks(PIECE) {
        // The plus: by id, not by an index that begins with the workspace.
        let sql = format!(
            "SELECT id, name FROM attribute_key WHERE +workspace_id = $1 AND id IN ({})",
            placeholders(2, piece.len())
        );
        let mut values = vec![Value::from(on.workspace())];
        values.extend(piece.iter().map(|id| Value::from(*id)));
        for row in on.rows(&sql, &values)? {
            found.insert(row.get("id")?, row.get("name")?);
        }
    }
    Ok(found)
}

/// Names of keys whose ids this server has met; ids never change.
#[derive(Default)]
struct KnownKeys(HashMap<i64, HashMap<String, i64>>);

/// More than these are forgotten, so that a client with ever new names does not fill the memory.
const KNOWN_KEYS: usize = 50_000;

/// Ids of the keys, made where absent.
pub(crate) fn ensure_keys<'a>(on: &mut impl Writes, names: &[&'a str]) -> Result<HashMap<&'a str, i64>> {
    let workspace = on.workspace().0;
    let mut known: KnownKeys = on.memo().take();
    let here = known.0.entry(workspace).or_default();
    let mut found = HashMap::with_capacity(names.len().min(1_024));
    let mut unknown = Vec::new();
    let mut last = None;
    for name in names {
        if last == Some(*name) {
            continue;
        }
        last = Some(*name);
        match here.get(*name) {
            Some(id) => {
                found.insert(*name, *id);
            }
            None => unknown.push(*name),
        }
    }
    if !unknown.is_empty() {
        // Sorted, so that two writers that make the same keys wait for each other in one order.
        unknown.sort_unstable();
        unknown.dedup();
        let made = make_keys(on, &unknown)?;
        if here.len() > KNOWN_KEYS {
            here.clear();
        }
        for name in unknown {
            if let Some(id) = made.get(name) {
                found.insert(name, *id);
                here.insert(name.to_owned(), *id);
            }
        }
    }
    on.memo().put(known);
    Ok(found)
}

/// `names` are sorted and each stands there once.
fn make_keys(on: &mut impl Writes, names: &[&str]) -> Result<BTreeMap<String, i64>> {
    let found = find_keys(on, names)?;
    if found.len() == names.len() {
        return Ok(found);
    }
    let workspace = on.workspace();
    let absent: Vec<_> = names.iter().filter(|name| !found.contains_key(**name)).collect();
    insert_rows(
        on,
        "INSERT INTO attribute_key (workspace_id, name) VALUES ",
        2,
        " ON CONFLICT (workspace_id, name) DO NOTHING",
        absent.into_iter().flat_map(|name| params![workspace, *name]).collect(),
    )?;
    find_keys(on, names)
}

/// Inserts rows of `columns` values each, many a statement: `head` ends with `VALUES `, `tail` follows the rows.
/// Few statements are made, so that the databases keep them prepared.
pub(crate) fn insert_rows(
    on: &mut impl Writes,
    head: &str,
    columns: usize,
    tail: &str,
    values: Vec<Value>,
) -> Result<u64> {
    let mut changed = 0;
    let mut rest = values.as_slice();
    for size in [256, 32, 4, 1] {
        while rest.len() >= size * columns {
            let (piece, after) = rest.split_at(size * columns);
            rest = after;
            let mut sql = String::with_capacity(head.len() + tail.len() + size * (columns * 6 + 4));
            sql.push_str(head);
            for row in 0..size {
                sql.push_str(if row == 0 { "(" } else { ", (" });
                sql.push_str(&placeholders(1 + row * columns, columns));
                sql.push(')');
            }
            sql.push_str(tail);
            changed += on.run(&sql, piece)?;
        }
    }
    Ok(changed)
}
