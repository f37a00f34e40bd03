//! All SQL of this stage. Reads take either kind of transaction.

pub(crate) mod alarms;
pub(crate) mod commits;
pub(crate) mod marks;
pub(crate) mod policies;
pub(crate) mod projects;
pub(crate) mod retrainings;

use ledger::{Error, FactTx, Row, Rx, Tx, Value};
use serde::de::DeserializeOwned;
use types::WorkspaceId;

pub(crate) type Result<T> = std::result::Result<T, Error>;

pub(crate) trait Reads {
    fn rows(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>>;
    fn workspace(&self) -> WorkspaceId;
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
reads!(Tx Rx FactTx);

/// A column that holds JSON of a known shape.
pub(crate) fn json<T: DeserializeOwned>(row: &Row, column: &str) -> Result<T> {
    let text: String = row.get(column)?;
    parsed(&text, column)
}

/// The same, where it may be null.
pub(crate) fn json_opt<T: DeserializeOwned>(row: &Row, column: &str) -> Result<Option<T>> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| parsed(&text, column)).transpose()
}

fn parsed<T: DeserializeOwned>(text: &str, column: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|e| Error::WrongType {
        column: column.to_owned(),
        wanted: std::any::type_name::<T>(),
        found: e.to_string(),
    })
}

pub(crate) fn text(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::Database { message: format!("cannot write JSON: {e}") })
}
