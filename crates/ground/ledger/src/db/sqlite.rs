use std::error::Error as StdError;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use regex::RegexBuilder;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{OpenFlags, ToSql};

use crate::{Error, Row, Value};

/// The most memory that one compiled pattern may take.
const PATTERN_BYTES: usize = 1 << 20;

pub(crate) struct Connection(rusqlite::Connection);

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

impl Connection {
    pub fn writer(path: &Path) -> Result<Self, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Self::open(path, flags)?;
        // FULL: a commit that was acknowledged survives a power cut. Cheap, since commits are grouped.
        connection.0.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
             PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864;",
        )?;
        Ok(connection)
    }

    pub fn reader(path: &Path) -> Result<Self, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Self::open(path, flags)
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
        Ok(Self(connection))
    }

    pub fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, Error> {
        let mut statement = self.0.prepare_cached(&numbered(sql))?;
        Ok(statement.execute(rusqlite::params_from_iter(params))? as u64)
    }

    pub fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
        let mut statement = self.0.prepare_cached(&numbered(sql))?;
        let columns: Arc<[String]> = statement.column_names().into_iter().map(str::to_owned).collect();
        let mut rows = statement.query(rusqlite::params_from_iter(params))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let values = (0..columns.len()).map(|i| row.get_ref(i).map(own)).collect::<Result<_, _>>()?;
            found.push(Row { columns: Arc::clone(&columns), values });
        }
        Ok(found)
    }

    pub fn batch(&mut self, sql: &str) -> Result<(), Error> {
        Ok(self.0.execute_batch(sql)?)
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
