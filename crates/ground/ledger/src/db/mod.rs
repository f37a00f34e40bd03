//! The two databases behind one small surface. Dialect differences live here and nowhere else.

mod postgres;
mod sqlite;

use crate::{Error, Row, Value};

/// Where the metadata lives.
#[derive(Clone, Debug)]
pub enum Place {
    /// A SQLite file; its directory is locked against a second server.
    Sqlite(std::path::PathBuf),
    /// A `postgres://` URL, shared by any number of servers.
    Postgres(String),
}

impl Place {
    /// The address without its password, for messages.
    pub fn display(&self) -> String {
        match self {
            Place::Sqlite(path) => path.display().to_string(),
            Place::Postgres(url) => hide_password(url),
        }
    }
}

fn hide_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    match rest.rsplit_once('@') {
        Some((user, host)) => {
            let user = user.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}@{host}")
        }
        None => url.to_owned(),
    }
}

/// Where rows go.
#[derive(Clone, Copy, Debug)]
pub struct Insert<'a> {
    pub table: &'a str,
    /// Their names, each with its type as migrations write it.
    pub columns: &'a [(&'a str, &'a str)],
    /// What follows the rows, such as ` ON CONFLICT …`; empty, or begins with a space.
    pub tail: &'a str,
}

impl Insert<'_> {
    /// `INSERT INTO table (a, b, …) `
    fn head(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        format!("INSERT INTO {} ({}) ", self.table, names.join(", "))
    }
}

/// A change of rows that are wanted as they are after it.
#[derive(Clone, Copy, Debug)]
pub struct Update<'a> {
    pub table: &'a str,
    /// `a = $1, b = b + $2`: its parameters come first.
    pub set: &'a str,
    /// It holds for the same rows after the change. It names the last parameter.
    pub filter: &'a str,
    pub returning: &'a str,
}

/// One connection. Not shared between threads; every use is blocking.
#[allow(
    clippy::large_enum_variant,
    reason = "a handful of connections exist, each for as long as the server"
)]
pub(crate) enum Connection {
    Sqlite(sqlite::Connection),
    Postgres(postgres::Connection),
}

macro_rules! each {
    ($self:ident, $connection:ident => $body:expr) => {
        match $self {
            Connection::Sqlite($connection) => $body,
            Connection::Postgres($connection) => $body,
        }
    };
}

/// A server that is stopped or cut off in the middle of a change must not hold up the others with its locks. Changes wait
/// for nothing but the database.
const WRITER: &str = "SET idle_in_transaction_session_timeout = '5s'";

/// Locks that one statement takes.
const LOCKS: usize = 64;

impl Connection {
    pub fn writer(place: &Place) -> Result<Self, Error> {
        Ok(match place {
            Place::Sqlite(path) => Self::Sqlite(sqlite::Connection::writer(path)?),
            Place::Postgres(url) => {
                let mut connection = postgres::Connection::open(url)?;
                connection.batch(WRITER)?;
                Self::Postgres(connection)
            }
        })
    }

    pub fn reader(place: &Place) -> Result<Self, Error> {
        Ok(match place {
            Place::Sqlite(path) => Self::Sqlite(sqlite::Connection::reader(path)?),
            Place::Postgres(url) => Self::Postgres(postgres::Connection::open(url)?),
        })
    }

    pub fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, Error> {
        each!(self, c => c.execute(sql, params))
    }

    pub fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
        each!(self, c => c.query(sql, params))
    }

    /// Inserts rows, whose values stand one behind the other, with few statements; how many rows changed.
    pub fn insert(&mut self, into: &Insert<'_>, values: &[Value]) -> Result<u64, Error> {
        each!(self, c => c.insert(into, values))
    }

    /// [`Connection::insert`] where the tail returns something: those rows, in no order.
    pub fn insert_returning(&mut self, into: &Insert<'_>, values: &[Value]) -> Result<Vec<Row>, Error> {
        each!(self, c => c.insert_returning(into, values))
    }

    /// Changes rows and gives them as they are then. One statement, or two where `RETURNING` is dearer than a look: SQLite
    /// makes a table of its own for it.
    pub fn update_returning(&mut self, update: &Update<'_>, values: &[Value]) -> Result<Vec<Row>, Error> {
        let Update { table, set, filter, returning } = update;
        let change = format!("UPDATE {table} SET {set} WHERE {filter}");
        match self {
            Self::Sqlite(c) => {
                c.execute(&change, values)?;
                c.query(&format!("SELECT {returning} FROM {table} WHERE {filter}"), values)
            }
            Self::Postgres(c) => c.query(&format!("{change} RETURNING {returning}"), values),
        }
    }

    /// A statement whose parameters are arrays, one for each of `width` columns of rows whose values stand one behind the
    /// other. PostgreSQL's alone: nothing happens elsewhere.
    pub fn execute_arrays(&mut self, sql: &str, width: usize, values: &[Value]) -> Result<u64, Error> {
        match self {
            Self::Sqlite(_) => Ok(0),
            Self::Postgres(c) => c.execute_arrays(sql, width, values),
        }
    }

    /// Several statements without parameters or results.
    pub fn batch(&mut self, sql: &str) -> Result<(), Error> {
        each!(self, c => c.batch(sql))
    }

    /// Begins a transaction that will write. Readers are not blocked by it.
    pub fn begin_write(&mut self) -> Result<(), Error> {
        match self {
            Self::Sqlite(c) => c.batch("BEGIN IMMEDIATE"),
            Self::Postgres(c) => c.batch("BEGIN ISOLATION LEVEL READ COMMITTED"),
        }
    }

    /// Begins a read-only transaction that sees one moment.
    pub fn begin_read(&mut self) -> Result<(), Error> {
        match self {
            Self::Sqlite(c) => c.batch("BEGIN"),
            Self::Postgres(c) => c.batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
        }
    }

    /// Waits until no other server holds one of `keys`, and holds them until the transaction ends. They are taken one
    /// after the other. Whether there can be another server: a SQLite file has one.
    pub fn lock(&mut self, keys: &[i64]) -> Result<bool, Error> {
        let Self::Postgres(c) = self else { return Ok(false) };
        for piece in keys.chunks(LOCKS) {
            // The last key repeated, which is free: few statements serve every number of keys.
            let size = piece.len().next_power_of_two();
            let locks: Vec<String> =
                (1..=size).map(|i| format!("CAST(pg_advisory_xact_lock(${i}) AS TEXT)")).collect();
            let values: Vec<Value> = (0..size).map(|i| Value::Int(piece[i.min(piece.len() - 1)])).collect();
            c.query(&format!("SELECT {}", locks.join(", ")), &values)?;
        }
        Ok(true)
    }

    /// Rows changed since the connection was opened, where that tells whether a change did anything: on PostgreSQL an error
    /// breaks the whole transaction, whatever came before it.
    pub fn changes(&self) -> Option<u64> {
        match self {
            Self::Sqlite(c) => Some(c.changes()),
            Self::Postgres(_) => None,
        }
    }

    /// Whether the transaction that was begun still stands, even if nothing but its end is possible any more.
    pub fn is_in_transaction(&self) -> bool {
        match self {
            Self::Sqlite(c) => c.is_in_transaction(),
            Self::Postgres(_) => true,
        }
    }

    pub fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Whether the connection can be used again after an error.
    pub fn is_alive(&mut self) -> bool {
        match self {
            Self::Sqlite(_) => true,
            Self::Postgres(c) => c.is_alive(),
        }
    }

    /// A migration's text in this database's dialect. What stands between `@sqlite@` and `@end@` is for SQLite alone.
    pub fn dialect(&self, sql: &str) -> String {
        match self {
            Self::Sqlite(_) => sql
                .replace("@id@", "INTEGER PRIMARY KEY AUTOINCREMENT")
                .replace("@keyed@", "WITHOUT ROWID")
                .replace("@sqlite@", "")
                .replace("@end@", ""),
            // Text is compared by its bytes, as on SQLite, whatever the locale of the database.
            Self::Postgres(_) => without_sqlite(sql)
                .replace("@id@", "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY")
                .replace("@keyed@", "")
                .replace(" TEXT", " TEXT COLLATE \"C\""),
        }
    }
}

fn without_sqlite(sql: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(sql.len()), sql);
    while let Some((before, after)) = rest.split_once("@sqlite@") {
        out.push_str(before);
        rest = after.split_once("@end@").map_or("", |(_, rest)| rest);
    }
    out + rest
}
