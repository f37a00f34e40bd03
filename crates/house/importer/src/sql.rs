//! One way to ask SQLite and PostgreSQL. Values are bound as `$1`, `$2` …; rows are read by place.

use std::path::Path;

use postgres::fallible_iterator::FallibleIterator as _;
use postgres::types::{ToSql, Type};
use postgres::{Client, NoTls};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use crate::Error;

pub enum Sql {
    Sqlite(Connection),
    Postgres(Box<Client>),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Null,
    Integer(i64),
    Float(f64),
    Text(String),
}

pub struct Row(Vec<Cell>);

impl Row {
    pub fn text(&self, place: usize) -> Option<String> {
        match self.0.get(place) {
            Some(Cell::Text(text)) => Some(text.clone()),
            Some(Cell::Integer(n)) => Some(n.to_string()),
            Some(Cell::Float(x)) => Some(x.to_string()),
            _ => None,
        }
    }

    pub fn text_or_empty(&self, place: usize) -> String {
        self.text(place).unwrap_or_default()
    }

    pub fn integer(&self, place: usize) -> Option<i64> {
        match self.0.get(place) {
            Some(Cell::Integer(n)) => Some(*n),
            Some(Cell::Float(x)) => Some(*x as i64),
            Some(Cell::Text(text)) => text.parse().ok(),
            _ => None,
        }
    }

    pub fn number(&self, place: usize) -> f64 {
        match self.0.get(place) {
            Some(Cell::Integer(n)) => *n as f64,
            Some(Cell::Float(x)) => *x,
            _ => 0.0,
        }
    }
}

/// A value to bind.
#[derive(Clone, Debug)]
pub enum Bind {
    Integer(i64),
    Text(String),
}

impl From<&str> for Bind {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Bind {
    fn from(n: i64) -> Self {
        Self::Integer(n)
    }
}

fn refused(error: impl std::fmt::Display) -> Error {
    Error::Database { action: "read", reason: error.to_string() }
}

impl Sql {
    /// Read-only.
    pub fn sqlite(path: &Path) -> Result<Self, Error> {
        if !path.exists() {
            return Err(Error::NoDatabase { path: path.to_owned() });
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = Connection::open_with_flags(path, flags);
        let connection = open.map_err(|e| Error::Database { action: "be opened", reason: e.to_string() })?;
        Ok(Self::Sqlite(connection))
    }

    pub fn postgres(url: &str) -> Result<Self, Error> {
        let client = Client::connect(url, NoTls)
            .map_err(|e| Error::Database { action: "be opened", reason: with_cause(&e) })?;
        Ok(Self::Postgres(Box::new(client)))
    }

    pub fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    pub fn rows(&mut self, sql: &str, binds: &[Bind]) -> Result<Vec<Row>, Error> {
        let mut rows = Vec::new();
        self.each(sql, binds, &mut |row| {
            rows.push(row);
            Ok(())
        })?;
        Ok(rows)
    }

    /// Hands on row by row; no more than a few are in memory.
    pub fn each(
        &mut self,
        sql: &str,
        binds: &[Bind],
        f: &mut dyn FnMut(Row) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(&sql.replace('$', "?")).map_err(refused)?;
                let width = statement.column_count();
                let values = binds.iter().map(|bind| match bind {
                    Bind::Integer(n) => rusqlite::types::Value::Integer(*n),
                    Bind::Text(text) => rusqlite::types::Value::Text(text.clone()),
                });
                let mut rows = statement.query(rusqlite::params_from_iter(values)).map_err(refused)?;
                while let Some(row) = rows.next().map_err(refused)? {
                    let cells = (0..width).map(|place| row.get_ref(place).map(from_sqlite));
                    f(Row(cells.collect::<Result<_, _>>().map_err(refused)?))?;
                }
                Ok(())
            }
            Self::Postgres(client) => {
                let statement = client.prepare(sql).map_err(|e| refused(with_cause(&e)))?;
                let values: Vec<Box<dyn ToSql + Sync>> =
                    binds.iter().zip(statement.params()).map(|(bind, wanted)| bound(bind, wanted)).collect();
                let mut rows = client
                    .query_raw(&statement, values.iter().map(|v| &**v as &dyn ToSql))
                    .map_err(|e| refused(with_cause(&e)))?;
                while let Some(row) = rows.next().map_err(|e| refused(with_cause(&e)))? {
                    let cells = (0..row.len()).map(|place| from_postgres(&row, place));
                    f(Row(cells.collect::<Result<_, _>>().map_err(refused)?))?;
                }
                Ok(())
            }
        }
    }
}

/// The error with what the database itself said.
fn with_cause(error: &postgres::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

fn bound(bind: &Bind, wanted: &Type) -> Box<dyn ToSql + Sync> {
    match bind {
        Bind::Integer(n) if *wanted == Type::INT4 => Box::new(i32::try_from(*n).unwrap_or(i32::MAX)),
        Bind::Integer(n) => Box::new(*n),
        Bind::Text(text) => Box::new(text.clone()),
    }
}

fn from_sqlite(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(n) => Cell::Integer(n),
        ValueRef::Real(x) => Cell::Float(x),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            Cell::Text(String::from_utf8_lossy(bytes).into_owned())
        }
    }
}

fn from_postgres(row: &postgres::Row, place: usize) -> Result<Cell, postgres::Error> {
    let kind = row.columns()[place].type_();
    let integer = |n: Option<i64>| n.map_or(Cell::Null, Cell::Integer);
    Ok(match *kind {
        Type::INT2 => integer(row.try_get::<_, Option<i16>>(place)?.map(i64::from)),
        Type::INT4 => integer(row.try_get::<_, Option<i32>>(place)?.map(i64::from)),
        Type::INT8 => integer(row.try_get(place)?),
        Type::BOOL => integer(row.try_get::<_, Option<bool>>(place)?.map(i64::from)),
        Type::FLOAT4 => row.try_get::<_, Option<f32>>(place)?.map_or(Cell::Null, |x| Cell::Float(x.into())),
        Type::FLOAT8 => row.try_get::<_, Option<f64>>(place)?.map_or(Cell::Null, Cell::Float),
        _ => row.try_get::<_, Option<String>>(place)?.map_or(Cell::Null, Cell::Text),
    })
}
