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

use ledger::{FactTx, Insert, Memo, Row, Rx, Tx, Value, params};
use types::WorkspaceId;

pub(crate) type Result<T> = std::result::Result<T, ledger::Error>;

pub(crate) trait Reads {
    fn rows(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>>;
    fn workspace(&self) -> WorkspaceId;
    fn memo(&mut self) -> &mut Memo;

    fn row(&mut self, sql: &str, values: &[Value]) -> Result<Option<Row>> {
        Ok(self.rows(sql, values)?.into_iter().next())
    }
}

pub(crate) trait Writes: Reads {
    fn run(&mut self, sql: &str, values: &[Value]) -> Result<u64>;
    /// Rows whose values stand one behind the other; how many changed.
    fn insert(&mut self, into: &Insert<'_>, values: &[Value]) -> Result<u64>;
    /// As `insert`; the rows that its tail returns, in no order.
    fn insert_returning(&mut self, into: &Insert<'_>, values: &[Value]) -> Result<Vec<Row>>;
    /// Keeps other servers off the runs' metrics until this commits. `runs` are sorted.
    fn lock_metrics(&mut self, runs: &[i64]) -> Result<()>;
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
            fn memo(&mut self) -> &mut Memo {
                $type::memo(self)
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
            fn insert_returning(&mut self, into: &Insert<'_>, values: &[Value]) -> Result<Vec<Row>> {
                $type::insert_returning(self, into, values)
            }
            fn lock_metrics(&mut self, runs: &[i64]) -> Result<()> {
                self.lock("run.metrics", runs).map(drop)
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

/// Keys that searches have met, both ways; neither a name nor its id ever changes.
#[derive(Default)]
struct MetKeys {
    ids: HashMap<WorkspaceId, HashMap<String, i64>>,
    names: HashMap<i64, String>,
}

/// More than these are forgotten: each thread that reads has its own.
const MET_KEYS: usize = 5_000;

/// As [`find_keys`], for those who ask for the same ones again and again.
pub(crate) fn met_keys(on: &mut impl Reads, names: &[&str]) -> Result<BTreeMap<String, i64>> {
    let mut met: MetKeys = on.memo().take();
    if met.ids.values().map(HashMap::len).sum::<usize>() > MET_KEYS {
        met.ids.clear();
    }
    let here = met.ids.entry(on.workspace()).or_default();
    let mut found: BTreeMap<String, i64> = names
        .iter()
        .filter_map(|name| here.get_key_value(*name))
        .map(|(name, id)| (name.clone(), *id))
        .collect();
    let unknown: Vec<&str> = names.iter().copied().filter(|name| !found.contains_key(*name)).collect();
    let mut read = find_keys(on, &unknown)?;
    here.extend(read.iter().map(|(name, id)| (name.clone(), *id)));
    on.memo().put(met);
    found.append(&mut read);
    Ok(found)
}

/// Names of keys, by id.
pub(crate) fn key_names(on: &mut impl Reads, ids: &BTreeSet<i64>) -> Result<HashMap<i64, String>> {
    let mut met: MetKeys = on.memo().take();
    let unknown: Vec<i64> = ids.iter().filter(|id| !met.names.contains_key(id)).copied().collect();
    let read = read_names(on, &unknown)?;
    let known = ids.iter().filter_map(|id| Some((*id, met.names.get(id)?.clone())));
    let found: HashMap<i64, String> = known.chain(read.clone()).collect();
    if met.names.len() + read.len() > MET_KEYS {
        met.names.clear();
    }
    met.names.extend(read.into_iter().take(MET_KEYS));
    on.memo().put(met);
    Ok(found)
}

fn read_names(on: &mut impl Reads, ids: &[i64]) -> Result<HashMap<i64, String>> {
    let mut found = HashMap::with_capacity(ids.len());
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
    let into = Insert {
        table: "attribute_key",
        columns: &[("workspace_id", "BIGINT"), ("name", "TEXT")],
        tail: " ON CONFLICT (workspace_id, name) DO NOTHING",
    };
    let values: Vec<Value> = absent.into_iter().flat_map(|name| params![workspace, *name]).collect();
    on.insert(&into, &values)?;
    find_keys(on, names)
}
