//! All SQL of this stage.

pub(crate) mod issues;
pub(crate) mod labels;
pub(crate) mod predictions;
pub(crate) mod queues;
pub(crate) mod schemas;

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
