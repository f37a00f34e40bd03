use std::collections::HashMap;
use std::error::Error as StdError;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use regex::RegexBuilder;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{OpenFlags, ToSql};

use super::Insert;
use crate::{Error, Row, Value};

/// Bytes of the database, from its start, that a reader maps: addresses, not memory.
const MAPPED: u64 = 1 << 30;
/// The most memory that one compiled pattern may take.
const PATTERN_BYTES: usize = 1 << 20;

pub(crate) struct Connection {
    inner: rusqlite::Connection,
    known: Statements,
}

/// Statements that were run before, by their text.
#[derive(Default)]
struct Statements(HashMap<String, Known>);

#[derive(Clone)]
struct Known {
    numbered: Arc<str>,
    /// Of its rows; none before it gave any.
    columns: Option<Arc<[String]>>,
}

/// Statements that a connection knows.
const KNOWN: usize = 1024;

impl Statements {
    fn find(&mut self, sql: &str) -> Known {
        if let Some(known) = self.0.get(sql) {
            return known.clone();
        }
        if self.0.len() >= KNOWN {
            self.0.clear();
        }
        let known = Known { numbered: numbered(sql).into(), columns: None };
        self.0.insert(sql.to_owned(), known.clone());
        known
    }

    fn note(&mut self, sql: &str, columns: &Arc<[String]>) {
        if let Some(known) = self.0.get_mut(sql) {
            known.columns = Some(Arc::clone(columns));
        }
    }
}

/// `$n` as SQLite numbers it: `?n`. SQLite takes `$n` for a name, and gives names numbers as they first appear.
fn numbered(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        out.push(if from[1..].starts_with(|c: char| c.is_ascii_digit()) { '?' } else { '$' });
        rest = &from[1..];
    }
    out.push_str(rest);
    out
}

/// Rows of one statement: few sizes, so that each statement stays prepared.
const ROWS: [usize; 4] = [256, 32, 4, 1];

/// The statements that insert the rows, each with its values.
fn insertions<'v>(into: &Insert<'_>, mut values: &'v [Value]) -> Vec<(Arc<str>, &'v [Value])> {
    let (columns, mut found) = (into.columns.len().max(1), Vec::new());
    for rows in ROWS {
        if values.len() < rows * columns {
            continue;
        }
        let mut sql = into.head();
        sql.push_str("VALUES ");
        for row in 0..rows {
            sql.push_str(if row == 0 { "(" } else { ", (" });
            for column in 1..=columns {
                sql.push_str(if column == 1 { "?" } else { ", ?" });
                sql.push_str(&(row * columns + column).to_string());
            }
            sql.push(')');
        }
        sql.push_str(into.tail);
        let sql: Arc<str> = sql.into();
        while values.len() >= rows * columns {
            let (piece, rest) = values.split_at(rows * columns);
            found.push((Arc::clone(&sql), piece));
            values = rest;
        }
    }
    found
}

impl Connection {
    pub fn writer(path: &Path) -> Result<Self, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Self::open(path, flags)?;
        // FULL: a commit that was acknowledged survives a power cut. Cheap, since commits are grouped.
        connection.inner.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
             PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864;",
        )?;
        Ok(connection)
    }

    pub fn reader(path: &Path) -> Result<Self, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Self::open(path, flags)?;
        // A reader's own pages are worth nothing after any commit of the writer: it reads them all again, a system call
        // and a copy each. Mapped pages are the kernel's, which stay right; its own are for what is still in the log.
        connection
            .inner
            .execute_batch(&format!("PRAGMA mmap_size = {MAPPED}; PRAGMA cache_size = -2048;"))?;
        Ok(connection)
    }

    fn open(path: &Path, flags: OpenFlags) -> Result<Self, Error> {
        let connection = rusqlite::Connection::open_with_flags(path, flags)
            .map_err(|e| Error::Open { place: path.display().to_string(), message: e.to_string() })?;
        connection.busy_timeout(Duration::from_secs(10))?;
        connection.set_prepared_statement_cache_capacity(256);
        connection.execute_batch(
            "PRAGMA case_sensitive_like = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8192;",
        )?;
        connection.create_scalar_function(
            "regexp_like",
            2,
            FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC,
            regexp_like,
        )?;
        Ok(Self { inner: connection, known: Statements::default() })
    }

    pub fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, Error> {
        let mut statement = self.inner.prepare_cached(&self.known.find(sql).numbered)?;
        Ok(statement.execute(rusqlite::params_from_iter(params))? as u64)
    }

    pub fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
        let known = self.known.find(sql);
        let mut statement = self.inner.prepare_cached(&known.numbered)?;
        let columns = match known.columns {
            Some(columns) if columns.len() == statement.column_count() => columns,
            _ => {
                let columns = statement.column_names().into_iter().map(str::to_owned).collect();
                self.known.note(sql, &columns);
                columns
            }
        };
        let mut rows = statement.query(rusqlite::params_from_iter(params))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let values = (0..columns.len()).map(|i| row.get_ref(i).map(own)).collect::<Result<_, _>>()?;
            found.push(Row { columns: Arc::clone(&columns), values });
        }
        Ok(found)
    }

    pub fn insert(&mut self, into: &Insert<'_>, values: &[Value]) -> Result<u64, Error> {
        let mut changed = 0;
        for (sql, rows) in insertions(into, values) {
            changed += self.execute(&sql, rows)?;
        }
        Ok(changed)
    }

    pub fn insert_returning(&mut self, into: &Insert<'_>, values: &[Value]) -> Result<Vec<Row>, Error> {
        let mut found = Vec::new();
        for (sql, rows) in insertions(into, values) {
            found.append(&mut self.query(&sql, rows)?);
        }
        Ok(found)
    }

    pub fn batch(&mut self, sql: &str) -> Result<(), Error> {
        Ok(self.inner.execute_batch(sql)?)
    }

    /// Whether a transaction is open: SQLite itself undoes one where it finds no room or cannot read.
    pub fn is_in_transaction(&self) -> bool {
        !self.inner.is_autocommit()
    }

    /// Rows changed since the connection was opened, undone ones among them.
    pub fn changes(&self) -> u64 {
        self.inner.total_changes()
    }
}

/// `regexp_like(text, pattern)` as PostgreSQL 15 has it: whether the pattern is found anywhere in the text. Matching
/// takes time linear in the text, so no pattern can hold up a reader.
fn regexp_like(context: &Context<'_>) -> rusqlite::Result<Option<bool>> {
    let pattern = context.get_or_create_aux(1, |value| -> Result<_, Box<dyn StdError + Send + Sync>> {
        Ok(RegexBuilder::new(value.as_str()?).size_limit(PATTERN_BYTES).build()?)
    })?;
    Ok(context.get_raw(0).as_str_or_null()?.map(|text| pattern.is_match(text)))
}

fn own(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(v) => Value::Int(v),
        ValueRef::Real(v) => Value::Float(v),
        ValueRef::Text(v) => Value::Text(String::from_utf8_lossy(v).into_owned()),
        ValueRef::Blob(v) => Value::Bytes(v.to_vec()),
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Bool(v) => ValueRef::Integer((*v).into()),
            Value::Int(v) => ValueRef::Integer(*v),
            Value::Float(v) => ValueRef::Real(*v),
            Value::Text(v) => ValueRef::Text(v.as_bytes()),
            Value::Bytes(v) => ValueRef::Blob(v),
        }))
    }
}
