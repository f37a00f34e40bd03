//! All SQL of this stage.

pub(crate) mod bindings;
pub(crate) mod endpoints;
pub(crate) mod models;
pub(crate) mod secrets;

use ledger::{Error, Row, Rx, Tx, Value};
use types::WorkspaceId;

/// What both kinds of transaction read with.
pub(crate) trait Reads {
    fn rows(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error>;
    fn home(&self) -> WorkspaceId;
}

impl Reads for Tx<'_> {
    fn rows(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error> {
        self.query(sql, values)
    }
    fn home(&self) -> WorkspaceId {
        self.workspace()
    }
}

impl Reads for Rx<'_> {
    fn rows(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error> {
        self.query(sql, values)
    }
    fn home(&self) -> WorkspaceId {
        self.workspace()
    }
}

/// A column of JSON as a typed value; absent is the default.
pub(crate) fn typed<T: serde::de::DeserializeOwned + Default>(row: &Row, column: &str) -> Result<T, Error> {
    let Some(value) = row.get::<Option<serde_json::Value>>(column)? else { return Ok(T::default()) };
    serde_json::from_value(value).map_err(|e| Error::Database { message: format!("column `{column}`: {e}") })
}
